"""The thread that stores: gathers messages into batches, commits each, then lets them be acked."""

import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import psycopg
from psycopg import errors

from ingest import metrics, store
from ingest.decode import refuse
from ingest.intake import Intake, Prepared
from ingest.store import Batch, Stored
from record import clock, db
from record.flow import Message

log = logging.getLogger(__name__)

BATCH_MESSAGES = 5_000
BATCH_BYTES = 4_000_000
BATCH_S = 0.1
"""A batch is closed when it is full, or so long after its first message."""

IDLE_S = 0.5

T = TypeVar("T")


class Arrival(NamedTuple):
    """A message, and what its acknowledgement needs.

    Parameters
    ----------
    message : Message
    mid : int
        Packet identifier, valid within one connection.
    qos : int
    connection : int
        Counts connections: an identifier of an earlier one now means another message, or none.
    arrived_s : float
        Monotonic seconds.
    """

    message: Message
    mid: int
    qos: int
    connection: int
    arrived_s: float


class Settled(NamedTuple):
    """What is safe now: to be acknowledged, and to be told to its senders."""

    arrivals: list[Arrival]
    receipts: dict[str, list[int]]


class _Ready(NamedTuple):
    """A batch that can be stored."""

    arrivals: list[Arrival]
    prepared: Prepared


class TurnOver(Exception):  # noqa: N818  # not an error
    """The connection was lost, or doesn't get on and we should end; the rest comes again."""


class Writer(threading.Thread):
    """Stores what is put into its inbox, in order, until told to end or the connection is lost.

    What isn't stored by then is forgotten: it was not acknowledged, so it comes again.

    Parameters
    ----------
    conn : psycopg.Connection
        In autocommit mode. It holds the lock of `ingest.turn`, so it is never replaced here.
    look_up : psycopg.Connection
        Another one, for questions while a batch is being stored.
    settle : callable
        Told what was committed; called in this thread.
    on_end : callable
        Called when the thread ends, for whatever reason.
    """

    def __init__(
        self,
        conn: psycopg.Connection,
        look_up: psycopg.Connection,
        settle: Callable[[Settled], None],
        on_end: Callable[[], None],
    ) -> None:
        super().__init__(name="writer")
        self.inbox: queue.SimpleQueue[Arrival | None] = queue.SimpleQueue()
        self.scale = clock.REAL
        self.failure: BaseException | None = None
        self.last_commit_s: float | None = None
        self.waiting_since_s: float | None = None
        self._settle = settle
        self._on_end = on_end
        self._conn = conn
        self._look_up = look_up
        self._intake = Intake()
        self._put_bytes = 0  # written by the one thread that puts,
        self._taken_bytes = 0  # and by ours
        self._ending = False
        self._give_up_s = float("inf")

    # -- called by other threads ---------------------------------------------------------------

    def put(self, arrival: Arrival) -> None:
        """Take one more message; never waits."""
        self._put_bytes += len(arrival.message.payload)
        self.inbox.put(arrival)

    def finish(self, within_s: float) -> None:
        """Store what is in the inbox, then end; give up if the database hangs for so long."""
        self._give_up_s = time.monotonic() + within_s
        self.inbox.put(None)

    # -- the thread ----------------------------------------------------------------------------

    def run(self) -> None:
        try:
            self._work()
        except TurnOver as over:
            log.warning("not all is stored, the broker keeps the rest", extra={"why": str(over)})
        except BaseException as error:
            self.failure = error
            log.exception("writer failed, nothing unsaved was acknowledged")
        finally:
            self._on_end()

    def _work(self) -> None:
        """Store one batch after the other, while the next is being prepared.

        Storing waits for the database most of the time, which works on a core of its own.
        """
        story = clock.Clock(lambda: self._patiently(self._conn, clock.read_scale, "clock"))
        self.scale = story.scale
        self._story = clock.Clock(lambda: self._patiently(self._look_up, clock.read_scale, "clock"))
        with ThreadPoolExecutor(1, "prepare") as ahead:
            following = ahead.submit(self._prepare)
            while (ready := following.result()) is not None:
                following = ahead.submit(self._prepare)
                self.scale = story.scale  # and by asking, know whether the connection still lives
                if ready.arrivals:
                    self._store(ready)

    def _prepare(self) -> _Ready | None:
        """The next batch, empty if nothing came for a while; None at the end."""
        if self._ending:
            return None
        arrivals = self._gather()
        messages = [arrival.message for arrival in arrivals]
        now = self._story.now()
        return _Ready(
            arrivals,
            self._patiently(
                self._look_up,
                lambda conn: self._intake.prepare(conn, messages, now),
                "preparing a batch",
            ),
        )

    def _gather(self) -> list[Arrival]:
        """The next messages: at least one, unless nothing comes for a while."""
        try:
            arrival = self.inbox.get(timeout=IDLE_S)
        except queue.Empty:
            return []
        # Sleep while a batch comes together: to be woken by each message would cost both threads
        # more than the message itself.
        close_s = time.monotonic() + BATCH_S
        while not self._batch_waits() and time.monotonic() < close_s:
            time.sleep(BATCH_S / 20)
        arrivals: list[Arrival] = []
        size = 0
        while arrival is not None:
            arrivals.append(arrival)
            size += len(arrival.message.payload)
            self._taken_bytes += len(arrival.message.payload)
            if len(arrivals) == BATCH_MESSAGES or size >= BATCH_BYTES or self.inbox.empty():
                return arrivals
            arrival = self.inbox.get()
        self._ending = True
        return arrivals

    def _batch_waits(self) -> bool:
        waiting_bytes = self._put_bytes - self._taken_bytes
        return self.inbox.qsize() >= BATCH_MESSAGES or waiting_bytes >= BATCH_BYTES

    def _store(self, ready: _Ready) -> None:
        start_s = time.monotonic()
        arrivals, prepared = ready
        stored = self._patiently(
            self._conn, lambda conn: store_all(conn, prepared.batch), "storing a batch"
        )
        self._settle(Settled(arrivals, prepared.receipts))
        self.last_commit_s = end_s = time.monotonic()
        metrics.batch_seconds.observe(end_s - start_s)
        metrics.lag_seconds.observe(end_s - arrivals[0].arrived_s)
        count([arrival.message for arrival in arrivals], prepared, stored)

    def _patiently(
        self, conn: psycopg.Connection, work: Callable[[psycopg.Connection], T], what: str
    ) -> T:
        def attempt() -> T:
            try:
                return work(conn)
            except errors.ReadOnlySqlTransaction:
                conn.close()  # another server is the primary now; it is found by connecting anew
                raise

        done = db.patiently(attempt, what, lambda pause_s: self._sleep(conn, pause_s))
        self.waiting_since_s = None
        return done

    def _sleep(self, conn: psycopg.Connection, pause_s: float) -> None:
        if conn.closed or self._conn.closed:
            raise TurnOver("the database connection was lost")
        metrics.retries.inc()
        self.waiting_since_s = self.waiting_since_s or time.monotonic()
        end_s = time.monotonic() + pause_s
        while (now_s := time.monotonic()) < end_s:
            if now_s > self._give_up_s:
                raise TurnOver("told to stop while the database hangs")
            time.sleep(min(0.1, end_s - now_s))


def store_all(conn: psycopg.Connection, batch: Batch) -> Stored:
    """Store a batch, whatever is in it.

    Rows that the database refuses for what they are, not for when they came, are found by halving
    the batch again and again; each part is a transaction of its own. What is left is put into
    quarantine.

    Raises
    ------
    psycopg.Error
        For all other reasons: try the same batch again.
    """
    try:
        return store.write(conn, batch)
    except store.BAD_DATA as error:
        if len(batch) > 1:
            stored = Stored()
            for part in _split(batch):
                done = store_all(conn, part)
                stored.frames += done.frames
                stored.duplicates += done.duplicates
                stored.rejects += done.rejects
            return stored
        log.warning("database refuses one item", extra={"why": str(error).partition("\n")[0]})
        if batch.readings:
            reason = f"The database can't keep the frame: {str(error).partition(chr(10))[0]}"
            reject = refuse(batch.readings[0], "refused_by_database", reason)
            return store_all(conn, Batch([], [reject], [], batch.received_at))
        if batch.rejects:
            raise
        return Stored()  # the status of a vehicle that was deleted this very moment


def _split(batch: Batch) -> list[Batch]:
    """Two smaller batches, in the same order."""
    readings, rejects, statuses = batch.readings, batch.rejects, batch.statuses
    if readings and (rejects or statuses):
        return [
            Batch(readings, [], [], batch.received_at),
            Batch([], rejects, statuses, batch.received_at),
        ]
    r, q, s = (len(items) // 2 for items in (readings, rejects, statuses))
    if rejects and statuses:
        q, s = len(rejects), 0
    return [
        Batch(readings[:r], rejects[:q], statuses[:s], batch.received_at),
        Batch(readings[r:], rejects[q:], statuses[s:], batch.received_at),
    ]


def count(messages: Sequence[Message], prepared: Prepared, stored: Stored) -> None:
    """Tell Prometheus, and the log where something was refused."""
    metrics.messages.inc(len(messages))
    metrics.message_bytes.inc(sum(len(message.payload) for message in messages))
    metrics.frames.inc(stored.frames)
    metrics.batch_frames.observe(stored.frames)
    metrics.duplicates.inc(stored.duplicates + prepared.duplicates)
    readings = prepared.batch.readings
    metrics.rejected_signals.inc(sum(len(r.rejected) for r in readings if r.rejected))
    metrics.unknown_signals.inc(sum(len(r.other) for r in readings if r.other))
    for code, number in Counter(reject.code for reject in stored.rejects).items():
        metrics.quarantined.labels(code).inc(number)
        log.warning("put into quarantine", extra={"code": code, "count": number})
