"""A worker: holds its share of the shards, judges their frames, and commits what came of it.

The promise is *same frames in, same findings out*, whatever the batches, the number of workers, or
who is killed when. It rests on three things. A session's advisory locks make one worker the only
one on a shard. A checkpoint writes states and findings and removes the frames that led to them in
one transaction. And a worker that loses its connection, and so its locks, forgets all it knew.
"""

import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec
import psycopg

from detectors import DETECTORS, drive, metrics, saved, store
from detectors.bank import Bank
from detectors.contract import Detector, time_of
from record.flow import SHARDS, Finding, FindingKind, Frame, Vehicle

log = logging.getLogger(__name__)

SHARE_S = 1.0
"""How often workers are counted and shares made equal."""

REPLAY = timedelta(days=60)
"""How much history a new version of a detector learns from."""

_decode = msgspec.msgpack.Decoder(list[Frame]).decode


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a worker takes on.

    Parameters
    ----------
    checkpoint_s : float
        Longest time from judging a frame to saving what came of it; a raised finding is saved at
        once.
    batches : int
        Rows of the hand-off log read at once.
    pending_frames : int
        Judged frames not yet saved; more of them are saved earlier.
    vehicles : int
        Banks kept in memory, those judged last; the others are read again when needed.
    """

    checkpoint_s: float = 2.0
    batches: int = 100
    pending_frames: int = 100_000
    vehicles: int = 50_000


@dataclass(slots=True)
class Known:
    """A vehicle in memory: its bank, and which version of its row the bank knows."""

    bank: Bank
    updated_at: datetime


@dataclass(slots=True)
class Shard:
    """What is in memory of one shard. Frames, states and findings of a vehicle share its shard."""

    known: dict[int, Known] = field(default_factory=dict)
    changed: set[int] = field(default_factory=set)
    done: list[int] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    urgent: bool = False


class Worker:
    """One worker on one connection. It ends with the connection, and so does all that it knows.

    Parameters
    ----------
    conn : psycopg.Connection
        In autocommit mode, used by nobody else.
    limits : Limits
    kinds : sequence of detector types
        The bank to run.
    """

    def __init__(
        self,
        conn: psycopg.Connection,
        limits: Limits = Limits(),  # frozen
        kinds: Sequence[type[Detector[Any]]] = DETECTORS,
    ) -> None:
        self.conn = conn
        self.limits = limits
        self.kinds = kinds
        self.versions = saved.versions(kinds)
        self.shards: dict[int, Shard] = {}
        self.pending_frames = 0
        self._share_at = 0.0
        self._saved_at = time.monotonic()
        self.beat_at = time.monotonic()
        store.enter(conn)
        self.stages = store.begin_stages(conn, [kind.name for kind in kinds])

    def run(self, stopping: Callable[[], bool]) -> None:
        """Work until asked to stop; then save, and let go of the shards.

        Raises
        ------
        psycopg.Error
            If the connection is lost or a checkpoint fails: this worker is of no further use.
        """
        while not stopping():
            if not self.step():
                self._wait()
        self.checkpoint()
        for shard in list(self.shards):
            self._release(shard)

    def step(self) -> bool:
        """One round; False when there was nothing to judge."""
        self.beat_at = now = time.monotonic()
        if now - self._share_at >= SHARE_S:
            self.share()
        batches = [(batch, self._decoded(batch)) for batch in self._read()]
        self._refresh_profiles(batches)
        for batch, frames in batches:
            self._judge(batch, frames)
        due = time.monotonic() - self._saved_at >= self.limits.checkpoint_s
        if due or self.pending_frames >= self.limits.pending_frames:
            self.checkpoint()
        elif urgent := [n for n, shard in self.shards.items() if shard.urgent]:
            self.checkpoint(urgent)
        return bool(batches)

    def share(self) -> None:
        """Hold a fair share of the shards: as many as all could hold if all held as many.

        Also looks where each detector stands now.
        """
        self._share_at = time.monotonic()
        for _ in self.conn.notifies(timeout=0):
            pass  # a worker that is always busy never waits, and would hoard them
        self.stages = store.stages(self.conn, [kind.name for kind in self.kinds])
        fair = -(-SHARDS // store.workers(self.conn))
        if extra := sorted(self.shards)[fair:]:
            self.checkpoint(extra)
            for shard in extra:
                self._release(shard)
        wanted = [n for n in range(SHARDS) if n not in self.shards]
        random.shuffle(wanted)  # so that newcomers don't all ask for the same
        for shard in wanted:
            if len(self.shards) >= fair:
                break
            if store.try_lock(self.conn, shard):
                self.shards[shard] = Shard()
        metrics.SHARDS_HELD.set(len(self.shards))

    def checkpoint(self, shards: Sequence[int] | None = None) -> None:
        """Save all that came of the frames judged in `shards`, in one transaction.

        Raises
        ------
        psycopg.Error
            If it can't be committed; what is in memory is then worth nothing.
        """
        everything = shards is None
        mine = [self.shards[n] for n in (self.shards if shards is None else shards)]
        done = [id for shard in mine for id in shard.done]
        if done:
            with metrics.CHECKPOINT.time(), self.conn.transaction():
                self._save(mine, done)
            for shard in mine:
                for finding in shard.findings:
                    metrics.FINDINGS.labels(finding.detector, finding.kind.value).inc()
            for shard in mine:
                shard.changed, shard.done, shard.findings = set(), [], []
                shard.urgent = False
        if everything:
            self.pending_frames = 0
            self._saved_at = time.monotonic()
            self._forget_some()

    def _save(self, mine: Sequence[Shard], done: Sequence[int]) -> None:
        states = [
            (id, time_of(known.bank.judged_ms), known.bank.save())
            for shard in mine
            for id in shard.changed
            for known in (shard.known[id],)
        ]
        states.sort()  # one order of row locks for all
        store.save_states(self.conn, self.versions, states)
        findings = (f for shard in mine for f in shard.findings)
        store.add_findings(self.conn, findings, {kind.name: kind.version for kind in self.kinds})
        if store.delete_batches(self.conn, done) != len(done):
            raise psycopg.OperationalError("batches vanished that this worker has judged")

    def _read(self) -> list[store.Batch]:
        if not self.shards:
            return []
        done = [id for shard in self.shards.values() for id in shard.done]
        batches = store.read_batches(self.conn, list(self.shards), done, self.limits.batches)
        metrics.LAG.set(max((b.age_s for b in batches), default=0.0))
        return batches

    def _decoded(self, batch: store.Batch) -> list[Frame]:
        try:
            return _decode(batch.frames)
        except msgspec.MsgspecError:
            log.exception("batch not understood, left out", extra={"batch": batch.id})
            metrics.UNREADABLE.inc()
            return []

    def _judge(self, batch: store.Batch, frames: Sequence[Frame]) -> None:
        shard = self.shards[batch.shard]
        self._load(shard, {f.vehicle_id for f in frames} - shard.known.keys())
        late = unknown = 0
        for frame in frames:
            known = shard.known.get(frame.vehicle_id)
            if known is None:
                unknown += 1
                continue
            bank = known.bank
            if frame.ts_ms <= bank.judged_ms:
                late += 1
                continue
            aside = len(bank.set_aside)
            findings = bank.judge(frame, self.stages)
            shard.changed.add(frame.vehicle_id)
            if findings:
                shard.findings += findings
                shard.urgent |= any(f.kind == FindingKind.RAISED for f in findings)
            for name in bank.set_aside[aside:]:
                metrics.SET_ASIDE.labels(name).inc()
        shard.done.append(batch.id)
        self.pending_frames += len(frames)
        metrics.FRAMES.inc(len(frames) - late - unknown)
        metrics.LATE.inc(late)
        metrics.UNKNOWN.inc(unknown)

    def _load(self, shard: Shard, vehicle_ids: set[int]) -> None:
        """Bring vehicles into memory, by their states or, for another version's, by history."""
        if not vehicle_ids:
            return
        for row in store.load(self.conn, sorted(vehicle_ids)):
            if row.state is None or row.judged_ts is None:
                bank = Bank(row.vehicle, kinds=self.kinds)
            elif (resumed := self._resumed(row)) is not None:
                bank = resumed
            else:
                bank, findings = self._replay(row.vehicle, row.judged_ts)
                shard.findings += findings
                shard.changed.add(row.vehicle.id)
            shard.known[row.vehicle.id] = Known(bank, row.updated_at)

    def _resumed(self, row: store.Saved) -> Bank | None:
        """The bank as it was saved; None if another version saved it, or it can't be read."""
        assert row.judged_ts is not None
        if row.versions != self.versions:
            return None
        try:
            return Bank(row.vehicle, row.state, store.ms_of(row.judged_ts), self.kinds)
        except msgspec.MsgspecError:
            log.exception(
                "state not understood, history is judged again", extra={"vin": row.vehicle.vin}
            )
            return None

    def _replay(self, vehicle: Vehicle, judged_ts: datetime) -> tuple[Bank, list[Finding]]:
        """Judge a vehicle's recent history afresh, up to where it was judged already.

        Only what is still open at its end is a finding: what came and went is no news.
        """
        log.info("history is judged again", extra={"vin": vehicle.vin, "to": judged_ts})
        bank = Bank(vehicle, kinds=self.kinds)
        signals = sorted({*drive.SIGNALS, *(name for kind in self.kinds for name in kind.signals)})
        open_now: dict[tuple[str, str], list[Finding]] = {}
        since = judged_ts - REPLAY
        with self.conn.transaction():
            for frame in store.history(self.conn, vehicle.id, signals, since, judged_ts):
                for finding in bank.judge(frame, self.stages):
                    if finding.kind == FindingKind.RECOVERED:
                        open_now.pop((finding.detector, finding.cause), None)
                    else:
                        open_now.setdefault((finding.detector, finding.cause), []).append(finding)
        bank.judged_ms = store.ms_of(judged_ts)
        metrics.REPLAYED.inc()
        return bank, [finding for findings in open_now.values() for finding in findings]

    def _refresh_profiles(self, batches: Sequence[tuple[store.Batch, list[Frame]]]) -> None:
        """A service was recorded, an interval changed: the frames after it are judged by that."""
        known: dict[int, Known] = {}
        for batch, frames in batches:
            in_memory = self.shards[batch.shard].known
            for id in {frame.vehicle_id for frame in frames} & in_memory.keys():
                known[id] = in_memory[id]
        if not known:
            return
        times = {id: one.updated_at for id, one in known.items()}
        for row in store.changed_profiles(self.conn, times):
            known[row.vehicle.id].bank.know(row.vehicle)
            known[row.vehicle.id].updated_at = row.updated_at

    def _forget_some(self) -> None:
        """Keep memory bounded. All is saved now, so what is forgotten can be read again."""
        count = sum(len(shard.known) for shard in self.shards.values())
        metrics.VEHICLES.set(count)
        for shard in self.shards.values():
            if count <= self.limits.vehicles:
                break
            count -= len(shard.known)
            shard.known.clear()

    def _release(self, shard: int) -> None:
        del self.shards[shard]
        store.unlock(self.conn, shard)

    def _wait(self) -> None:
        """Until there are frames or something is due; not for long, since notices may be lost."""
        due = self.limits.checkpoint_s - (time.monotonic() - self._saved_at)
        timeout = min(max(due, 0.05), SHARE_S)
        for _ in self.conn.notifies(timeout=timeout, stop_after=1):
            pass
