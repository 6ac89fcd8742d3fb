"""Care at work: what wakes it, and what it does in a turn.

APScheduler wakes the code by wall time, LISTEN wakes it at once; what is due is a question for the
database, asked at ``clock.now()``. Two threads do the work:

- the **desk** takes up findings and answers, in the order in which they came, and lets holds
  expire. One desk works at a time among all care processes: it holds a session-level advisory lock
  *on the very connection that does its work*, so who loses the lock can't commit.
- the **sender** empties the outbox; every process has one.

A row that fails is set back and logged; the others go on.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any, TypeVar

from apscheduler.schedulers.background import BackgroundScheduler
from prometheus_client import Counter, Gauge
from psycopg import Connection

from care import (
    alert,
    booking,
    crew,
    incident,
    journey,
    knowledge,
    learn,
    repair,
    reply,
    task,
    verification,
)
from care.channels.registry import channels
from care.channels.wecom import Wecom
from care.sender import Letterhead, Sender
from care.settings import CareSettings
from care.store import alerts, bookings, cases, journeys, outbox, tasks
from record import db
from record.clock import Clock, read_scale

log = logging.getLogger(__name__)

DESK_LOCK = 0x63617265  # "care"

BATCH = 20
"""Findings in one transaction: few, so that the first alert of a storm is seen at once."""

TICK_S = 1.0
"""Notifications may be lost: look this often anyway."""

HEALTHY_S = 30.0
"""A thread that hasn't come round for so long hangs."""

FINDINGS = Counter("care_findings_total", "Findings taken up, by what they did", ["step"])
REPLIES = Counter("care_replies_total", "Replies taken up, by meaning", ["meaning"])
FAILURES = Counter("care_failures_total", "Rows that could not be handled", ["kind"])
WAITING = Gauge("care_waiting", "Rows that wait", ["kind"])

T = TypeVar("T")


class Stopped(Exception):  # noqa: N818  not an error: we were asked to end
    """Raised out of a wait when it is time to go."""


@contextmanager
def set_back_if_it_fails(
    conn: Connection, kind: str, row_id: int, **about: object
) -> Iterator[None]:
    """Do the work on one row in a savepoint; a row that fails waits, and the others go on."""
    try:
        with conn.transaction():
            yield
            outbox.clear_setback(conn, kind, row_id)
    except db.BAD_MOMENT:
        raise
    except Exception as error:
        FAILURES.labels(kind).inc()
        tries = outbox.set_back(conn, kind, row_id, None, repr(error))
        fields = {"kind": kind, "row": row_id, "tries": tries}
        log.exception("row failed, will try again", extra=fields | about)


def take_up_findings(conn: Connection, clock: Callable[[], datetime]) -> int:
    """Take up a batch of findings; commits. Returns how many."""
    findings = alerts.waiting_findings(conn, BATCH)
    now = clock()  # not before: nothing is taken up earlier than it came
    for finding in findings:
        with set_back_if_it_fails(conn, "finding", finding.id, vehicle=finding.vehicle_id):
            step, _ = alert.take_up(conn, finding, now)
            alerts.finding_handled(conn, finding.id, now)
            FINDINGS.labels(type(step).__name__.lower()).inc()
    conn.commit()
    return len(findings)


def take_up_reply(conn: Connection, clock: Callable[[], datetime]) -> int:
    """Take up one reply; commits, for it may hold the dealer's bookings. Returns how many."""
    replies = outbox.waiting_replies(conn, 1)
    now = clock()
    for answer in replies:
        with set_back_if_it_fails(conn, "reply", answer.id, customer=answer.customer_id):
            REPLIES.labels(reply.take_up(conn, answer, now)).inc()
    conn.commit()
    return len(replies)


def advance_journeys(conn: Connection, clock: Callable[[], datetime]) -> int:
    """Take the steps that are due on a batch of journeys; commits. Returns how many."""
    now = clock()
    due = journeys.due(conn, now, journey.BATCH)
    for one in due:
        with set_back_if_it_fails(conn, "enrolment", one.id, customer=one.customer_id):
            journey.advance(conn, one, now)
    begun = journey.scan(conn, now)
    conn.commit()
    return len(due) + begun


def see_to_late_tasks(conn: Connection, now: datetime) -> int:
    """Escalate what is past its deadline; commits. Returns how many."""
    late = tasks.overdue(conn, now, task.BATCH)
    for one in late:
        with set_back_if_it_fails(conn, "task", one.id, dealer=one.dealer_id):
            task.escalate(conn, one, now)
    conn.commit()
    return len(late)


def rank_tasks(conn: Connection, now: datetime) -> int:
    """Once a day, rank open tasks anew, some in a turn; commits. Returns how many."""
    old = tasks.unranked(conn, now.date(), task.BATCH)
    for one in old:
        with set_back_if_it_fails(conn, "task", one.id, dealer=one.dealer_id):
            task.rank(conn, one, now)
    conn.commit()
    return len(old)


def turn(conn: Connection, clock: Callable[[], datetime]) -> int:
    """One round of the desk; commits. Returns how many rows it took up."""
    handled = take_up_reply(conn, clock) + take_up_findings(conn, clock)
    handled += advance_journeys(conn, clock)
    now = clock()
    bookings.expire(conn, now)
    verification.verify(conn, now)
    repair.ask_again(conn, now)
    booking.give_up_late(conn, now)
    incident.release_late(conn, now)
    incident.compare(conn, now)
    learn.reward(conn, now)
    cases.fold(conn)
    conn.commit()
    task.wake_due(conn, now)
    conn.commit()
    rank_tasks(conn, now)
    see_to_late_tasks(conn, now)
    return handled


class Engine:
    """Runs until `stop`.

    Parameters
    ----------
    settings : CareSettings
    """

    def __init__(self, settings: CareSettings) -> None:
        self._settings = settings
        self._channels = channels(settings)
        self._stop = threading.Event()
        self._wake_desk = threading.Event()
        self._wake_sender = threading.Event()
        self._pulse = {"desk": time.monotonic(), "sender": time.monotonic()}
        self._serving = False
        self._failed: list[BaseException] = []

    def stop(self) -> None:
        """End after the step that is under way."""
        self._stop.set()
        self._wake()

    def health(self) -> dict[str, Any]:
        """How the room is."""
        ages = {who: round(time.monotonic() - at, 1) for who, at in self._pulse.items()}
        ok = not self._failed and all(age < HEALTHY_S for age in ages.values())
        desk = "serving" if self._serving else "standing by"
        return {"ok": ok, "desk": desk, "channels": list(self._channels)} | {
            f"{who}_age_s": age for who, age in ages.items()
        }

    def run(self) -> None:
        """Work until `stop`; returns when both threads have ended.

        Raises
        ------
        BaseException
            What a thread died of, so that a supervisor restarts the process.
        """
        scheduler = BackgroundScheduler(timezone="UTC")
        scheduler.add_job(self._wake, "interval", seconds=TICK_S, coalesce=True, max_instances=1)
        scheduler.add_job(self._measure, "interval", seconds=5, coalesce=True, max_instances=1)
        self._pool = db.pool(self._settings.database_url, "care", size=4)
        try:
            clock = self._patiently(lambda: Clock(self._read_scale), "read the clock")
        except Stopped:
            self._pool.close()
            return
        self._now = clock.now
        scheduler.start()
        threads = [
            threading.Thread(target=self._guarded, args=(work,), name=name)
            for name, work in (
                ("desk", self._desk),
                ("sender", self._sender),
                ("listener", self._listener),
            )
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        scheduler.shutdown(wait=False)
        self._pool.close()
        if self._failed:
            raise self._failed[0]

    def _read_scale(self) -> Any:
        with self._pool.connection(timeout=5) as conn:
            return read_scale(conn)

    def _measure(self) -> None:
        with suppress(*db.BAD_MOMENT), self._pool.connection(timeout=1) as conn:
            for kind, count in outbox.waiting(conn):
                WAITING.labels(kind).set(count)

    def _wake(self) -> None:
        self._wake_desk.set()
        self._wake_sender.set()

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Stopped:
            pass
        except BaseException as error:
            log.exception("thread died", extra={"thread": threading.current_thread().name})
            self._failed.append(error)
            self.stop()

    def _sleep(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise Stopped

    def _patiently(self, work: Callable[[], T], what: str) -> T:
        return db.patiently(work, what, self._sleep)

    def _transact(self, work: Callable[[Connection], T]) -> T:
        def once() -> T:
            with self._pool.connection(timeout=5) as conn:
                return work(conn)

        return self._patiently(once, "care transaction")

    def _desk(self) -> None:
        """Serve whenever the lock is ours; begin anew with each connection that breaks."""
        while not self._stop.is_set():
            self._patiently(self._desk_until_stop, "care desk")

    def _desk_until_stop(self) -> None:
        self._serving = False
        with db.connect(self._settings.database_url, "care desk") as conn:
            # if our machine vanishes without a word, the server finds out, and another has the desk
            conn.execute("SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5")
            conn.execute("SET tcp_keepalives_count = 2")
            conn.execute("SET idle_in_transaction_session_timeout = '60s'")
            conn.commit()
            while not self._stop.is_set():
                self._pulse["desk"] = time.monotonic()
                if not self._serving:
                    row = conn.execute("SELECT pg_try_advisory_lock(%s)", (DESK_LOCK,)).fetchone()
                    conn.commit()
                    self._serving = bool(row and row[0])
                    if self._serving:
                        journey.install(conn, self._now())
                        knowledge.ship(conn, self._now())
                        conn.commit()
                        log.info("desk is ours")
                if self._serving and turn(conn, self._now):
                    continue
                self._wake_desk.wait(TICK_S * 2)
                self._wake_desk.clear()

    def _sender(self) -> None:
        settings = self._settings
        sender = Sender(
            self._transact,
            self._channels,
            self._now,
            settings.policy,
            Letterhead(settings.secret_key, settings.public_url),
            settings.settle_after_s,
            per_s=settings.per_s,
        )
        while not self._stop.is_set():
            self._pulse["sender"] = time.monotonic()
            if self._one(sender):
                continue
            self._wake_sender.wait(TICK_S * 2)
            self._wake_sender.clear()

    def _one(self, sender: Sender) -> bool:
        """One message settled or sent; an unforeseen failure pauses the sender for a second."""
        try:
            return (
                sender.settle_next() or sender.send_next() or sender.ask_next() or self._tell_crew()
            )
        except Stopped:
            raise
        except db.BAD_MOMENT as error:
            log.warning("sender pauses", extra={"why": error})
        except Exception:
            FAILURES.labels("outreach").inc()
            log.exception("sending failed, the message will be settled")
        self._sleep(1)
        return False

    def _tell_crew(self) -> bool:
        chats = self._channels.get("wecom")
        return isinstance(chats, Wecom) and crew.tell_next(self._transact, chats, self._now())

    def _listener(self) -> None:
        while not self._stop.is_set():
            self._patiently(self._listen, "care listener")

    def _listen(self) -> None:
        with db.connect(self._settings.database_url, "care listener", autocommit=True) as conn:
            conn.execute("LISTEN findings")
            conn.execute("LISTEN outbox")
            conn.execute("LISTEN clock")
            self._wake()
            while not self._stop.is_set():
                for told in conn.notifies(timeout=1.0, stop_after=1):
                    if told.channel == "findings":
                        self._wake_desk.set()
                    else:
                        self._wake()
