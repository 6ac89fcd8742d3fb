"""How a gateway brings a car's frames to the broker: when, in which lots, and what it spoils.

A `Line` takes what the car measured and gives what is uploaded, in that order: it collects frames,
keeps them while the car is under ground, repeats some, loses some, and dates them by a clock that
may be off. Whatever stretches it is asked for, the same frames come out in the same order.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from simulators.columns import Columns, frames
from simulators.wire import Frame, epoch_ms

DAY_MS = 86_400_000

AGAIN_MS = 2 * 3_600_000
"""A gateway that doubts whether a frame arrived sends it again after so long."""


@dataclass(frozen=True, slots=True)
class Uplink:
    """A gateway's ways.

    Parameters
    ----------
    delay_s
        How long it collects before it uploads: what waits goes into few messages.
    skew_s
        How much its clock is ahead (negative: behind) right before it is set again.
    sync_days
        Days between two settings of its clock; the error grows evenly between them.
    duplicates
        Share of the frames that it sends twice, the second time two hours later.
    drop_outs
        Share of the hours in which it loses a burst of frames.
    offline
        Stretches in which it has no network; frames come afterwards.
    firmware
        What it tells when it comes online; empty where it tells nothing.
    """

    delay_s: float = 60.0
    skew_s: float = 0.0
    sync_days: float = 7.0
    duplicates: float = 0.0
    drop_outs: float = 0.0
    offline: tuple[tuple[datetime, datetime], ...] = ()
    firmware: str = ""


class Line:
    """One car's way to the broker.

    Attributes
    ----------
    measured, lost, uploaded, distinct
        Frames: taken from the car, lost for good, handed out, and handed out but for repetitions.
    """

    def __init__(self, uplink: Uplink, vin: str, seed: int = 0) -> None:
        self.uplink = uplink
        self._seed = f"{seed}:{vin}"
        self._chance = random.Random(f"{self._seed}:line")
        self._waiting: deque[tuple[int, Frame]] = deque()  # ready at
        self._again: deque[tuple[int, Frame]] = deque()
        self._offline = sorted((epoch_ms(a), epoch_ms(b)) for a, b in uplink.offline)
        self._last_ms = -1
        self._ready_ms = -1
        self.measured = self.lost = self.uploaded = self.distinct = 0

    def take(self, stretches: Sequence[Columns], until: datetime) -> list[Frame]:
        """Take what the car measured; give what is uploaded before `until` (aware UTC)."""
        for frame in frames(stretches):
            self._accept(frame)
        return self._give(epoch_ms(until))

    def flush(self) -> list[Frame]:
        """Give all that is left: the gateway has found a network."""
        return self._give(None)

    def _accept(self, frame: Frame) -> None:
        up, true_ms = self.uplink, frame.ts_ms
        self.measured += 1
        if up.drop_outs:
            hour = true_ms // 3_600_000
            if random.Random(f"{self._seed}:{hour}").random() < up.drop_outs:
                self.lost += 1
                return
        dated_ms = true_ms
        if up.skew_s:
            since_sync = true_ms / DAY_MS / up.sync_days % 1.0
            dated_ms += round(1000 * up.skew_s * since_sync)
        dated_ms = max(dated_ms, self._last_ms + 1)  # a clock set back never dates two frames alike
        self._last_ms = dated_ms
        ready_ms = true_ms + round(1000 * up.delay_s)
        ready_ms = self._online(ready_ms)
        ready_ms = max(ready_ms, self._ready_ms)  # in order, whatever happens
        self._ready_ms = ready_ms
        sent = frame._replace(ts_ms=dated_ms)
        self._waiting.append((ready_ms, sent))
        if up.duplicates and self._chance.random() < up.duplicates:
            self._again.append((self._online(ready_ms + AGAIN_MS), sent))

    def _online(self, ms: int) -> int:
        """The first moment from `ms` on that has a network."""
        for begins, ends in self._offline:  # in order of time
            if begins <= ms < ends:
                ms = ends
        return ms

    def _give(self, until_ms: int | None) -> list[Frame]:
        given: list[tuple[int, Frame]] = []
        for queue in (self._waiting, self._again):
            while queue and (until_ms is None or queue[0][0] < until_ms):
                given.append(queue.popleft())
                self.distinct += queue is self._waiting
        self.uploaded += len(given)
        if self._again or self.uplink.duplicates:
            given.sort(key=lambda one: one[0])
        return [frame for _, frame in given]
