"""A gateway loses only what it says, dates no two frames alike, and minds not how time is cut."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.columns import Columns, frames
from simulators.uplink import AGAIN_MS, Line, Uplink
from simulators.vehicle import Vehicle
from simulators.wire import Frame, epoch_ms

START = datetime(2026, 1, 5, tzinfo=UTC)
START_MS = epoch_ms(START)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
VIN = "1RWLN1F4XMN000042"

PLAIN = Uplink(delay_s=0.0)
ROUGH = Uplink(
    delay_s=300.0,
    skew_s=-90.0,
    sync_days=1.0,
    duplicates=0.2,
    drop_outs=0.1,
    offline=((START + 30 * HOUR, START + 60 * HOUR),),
)


def measured(seconds: Sequence[float]) -> Columns:
    """Frames that number themselves."""
    ts_ms = np.array([START_MS + round(1000 * second) for second in seconds], np.int64)
    return Columns(ts_ms, {"Vehicle.TraveledDistance": np.arange(len(ts_ms))}, ("P0128",))


def every_ten_seconds(hours: float) -> Columns:
    return measured(range(0, round(3600 * hours), 10))


def numbers(uploaded: Sequence[Frame]) -> list[int]:
    return [int(frame.signals["Vehicle.TraveledDistance"]) for frame in uploaded]


def cut(whole: Columns, until: datetime, done: int) -> tuple[Columns, int]:
    """What was measured since, before a time."""
    end = int(np.searchsorted(whole.ts_ms, epoch_ms(until)))
    return whole.where(slice(done, end)), end


# -- what comes out --------------------------------------------------------------------------------


def test_a_good_line_gives_what_it_gets() -> None:
    whole = every_ten_seconds(2)
    line = Line(PLAIN, VIN)
    assert line.take([whole], START + 3 * HOUR) == frames([whole])
    assert line.flush() == []
    assert (line.measured, line.uploaded, line.distinct, line.lost) == (720, 720, 720, 0)


def test_nothing_is_uploaded_before_it_is_ready() -> None:
    line = Line(Uplink(delay_s=60.0), VIN)
    whole = every_ten_seconds(1)
    early = line.take([whole], START + timedelta(seconds=100))
    assert numbers(early) == [0, 1, 2, 3]  # those of 0 to 30 s: at 40 s a frame is ready at 100 s
    assert numbers(line.take([], START + timedelta(seconds=101))) == [4]
    assert line.measured == 360 and line.uploaded == 5
    assert numbers(line.flush()) == list(range(5, 360))


def test_under_ground_it_keeps_all_and_tells_it_afterwards_oldest_first() -> None:
    down, up = START + 10 * HOUR, START + 10 * HOUR + 7 * DAY
    line = Line(Uplink(delay_s=0.0, offline=((down, up),)), VIN)
    whole = measured(range(0, 9 * 86_400, 600))
    before = line.take([whole], up - timedelta(seconds=1))
    assert len(before) == 60 and before[-1].at < down
    assert line.take([], up) == []
    after = line.take([], up + timedelta(seconds=1))
    assert after[0].at == down and after[-1].at <= up
    assert numbers(before + after + line.flush()) == list(range(9 * 144))
    assert line.lost == 0


def test_what_is_lost_is_lost_in_bursts_and_counted() -> None:
    line = Line(Uplink(delay_s=0.0, drop_outs=0.1), VIN)
    whole = every_ten_seconds(24 * 30)
    given_out = numbers(line.take([whole], START + 31 * DAY))
    assert 0.05 < line.lost / line.measured < 0.16
    assert line.uploaded == line.distinct == len(given_out) == line.measured - line.lost
    holes = [b - a - 1 for a, b in itertools.pairwise(given_out) if b - a > 1]
    assert all(hole % 360 == 0 for hole in holes)  # whole hours, not frames here and there


def test_duplicates_are_the_same_frames_again_and_later() -> None:
    line = Line(Uplink(delay_s=0.0, duplicates=0.1), VIN)
    whole = every_ten_seconds(24)
    first = line.take([whole], START + DAY)
    all_of_them = first + line.flush()
    counted = Counter(frame.ts_ms for frame in all_of_them)
    assert set(counted.values()) == {1, 2} and set(counted) == set(whole.ts_ms.tolist())
    twice = [ts_ms for ts_ms, count in counted.items() if count == 2]
    assert 0.07 < len(twice) / len(whole) < 0.13
    assert line.distinct == len(whole) and line.uploaded == len(whole) + len(twice)
    where: dict[int, list[int]] = {}
    for place, frame in enumerate(all_of_them):
        where.setdefault(frame.ts_ms, []).append(place)
    for one, two in (where[ts_ms] for ts_ms in twice):
        assert all_of_them[one] == all_of_them[two]
    inner = [where[ts_ms] for ts_ms in twice if ts_ms < START_MS + 20 * 3_600_000]
    assert min(two - one for one, two in inner) >= AGAIN_MS // 10_000


def test_nothing_is_told_from_under_ground_neither_again() -> None:
    down, up = START + 12 * HOUR, START + 36 * HOUR
    line = Line(Uplink(delay_s=0.0, duplicates=0.5, offline=((down, up),)), VIN)
    before = line.take([every_ten_seconds(24)], down)
    assert line.uploaded > line.distinct  # some of the first hours came again
    for hour in range(12, 37):
        assert line.take([], START + hour * HOUR) == []
    assert len(before) + len(line.flush()) == line.uploaded and line.lost == 0


def test_one_tunnel_after_another_in_whatever_order_they_are_listed() -> None:
    first = (START + 1 * HOUR, START + 3 * HOUR)
    second = (START + 3 * HOUR, START + 6 * HOUR)
    for windows in ((first, second), (second, first)):
        line = Line(Uplink(delay_s=0.0, offline=windows), VIN)
        assert len(line.take([every_ten_seconds(2)], START + 6 * HOUR)) == 360
        assert len(line.take([], START + 7 * HOUR)) == 360


@pytest.mark.parametrize("skew_s", [-240.0, 45.0])
def test_a_rough_clock_drifts_and_is_set_again(skew_s: float) -> None:
    line = Line(Uplink(delay_s=0.0, skew_s=skew_s, sync_days=7.0), VIN)
    whole = measured(range(0, 30 * 86_400, 1800))
    dated = line.take([whole], START + 31 * DAY)
    off_s = [(frame.ts_ms - ts_ms) / 1000 for frame, ts_ms in zip(dated, whole.ts_ms, strict=True)]
    assert min(off_s) >= min(0.0, skew_s) and max(off_s) <= max(0.0, skew_s)
    assert max(map(abs, off_s)) > 0.95 * abs(skew_s) and min(map(abs, off_s)) < 0.05 * abs(skew_s)
    jumps = [b - a for a, b in itertools.pairwise(off_s) if abs(b - a) > abs(skew_s) / 2]
    assert len(jumps) == 4 and all(jump * skew_s < 0 for jump in jumps)  # set right once a week


def test_a_clock_set_back_dates_no_two_frames_alike() -> None:
    line = Line(Uplink(delay_s=0.0, skew_s=600.0, sync_days=1.0), VIN)
    whole = measured(range(0, 10 * 86_400, 10))
    times = [frame.ts_ms for frame in line.take([whole], START + 11 * DAY)]
    assert all(a < b for a, b in itertools.pairwise(times))
    assert any(b - a == 1 for a, b in itertools.pairwise(times))  # it was needed
    assert len(times) == len(whole)


def test_only_the_time_of_a_frame_is_changed() -> None:
    whole = every_ten_seconds(72)
    true = frames([whole])
    for frame in Line(ROUGH, VIN).take([whole], START + 9 * DAY):
        [number] = numbers([frame])
        assert frame.signals == true[number].signals and frame.dtcs == ("P0128",)


# -- the same whoever asks -------------------------------------------------------------------------


def test_the_seed_and_the_car_decide() -> None:
    whole = every_ten_seconds(72)

    def told(vin: str, seed: int) -> list[Frame]:
        return Line(ROUGH, vin, seed).take([whole], START + 9 * DAY)

    assert told(VIN, 1) == told(VIN, 1)
    assert told(VIN, 1) != told(VIN, 2) and told(VIN, 1) != told(VIN[:-1] + "3", 1)


hours = st.floats(0, 120).map(lambda hour: START + timedelta(seconds=round(3600 * hour)))
ways = st.builds(
    Uplink,
    delay_s=st.sampled_from([0.0, 60.0, 600.0, 9_000.0]),
    skew_s=st.sampled_from([0.0, 45.0, -240.0, 4_000.0]),
    sync_days=st.sampled_from([0.3, 7.0]),
    duplicates=st.sampled_from([0.0, 0.3]),
    drop_outs=st.sampled_from([0.0, 0.2]),
    offline=st.sampled_from([(), ((START + 20 * HOUR, START + 50 * HOUR),)]),
)


@settings(max_examples=80, deadline=None)
@given(
    up=ways,
    stops=st.lists(hours, max_size=25),
    gaps=st.lists(st.sampled_from([1, 10, 300, 14_400]), min_size=1, max_size=60),
    seed=st.integers(0, 5),
)
def test_however_time_is_cut_the_same_frames_come_in_the_same_order(
    up: Uplink, stops: list[datetime], gaps: list[int], seed: int
) -> None:
    whole = measured(list(itertools.accumulate(gaps)))
    at_once, sliced = Line(up, VIN, seed), Line(up, VIN, seed)
    expected = at_once.take([whole], START + 200 * DAY)
    told: list[Frame] = []
    done = 0
    for stop in sorted(stops):
        part, done = cut(whole, stop, done)
        told += sliced.take([part] if len(part) else [], stop)
    told += sliced.take([whole.where(slice(done, None))], START + 200 * DAY)
    assert told == expected
    assert sliced.flush() == at_once.flush() == []
    for name in ("measured", "lost", "uploaded", "distinct"):
        assert getattr(sliced, name) == getattr(at_once, name)


@settings(max_examples=60, deadline=None)
@given(up=ways, gaps=st.lists(st.integers(1, 5_000), min_size=1, max_size=80))
def test_nothing_else_is_lost_and_no_time_is_there_twice(up: Uplink, gaps: list[int]) -> None:
    whole = measured(list(itertools.accumulate(gaps)))
    line = Line(up, VIN)
    told = line.take([whole], START + DAY) + line.flush()
    assert line.measured == len(whole)
    assert line.measured == line.distinct + line.lost and line.uploaded == len(told)
    by_time: dict[int, int] = {}
    for frame in told:
        [number] = numbers([frame])
        assert by_time.setdefault(frame.ts_ms, number) == number
    assert len(by_time) == line.distinct
    first_seen = list(dict.fromkeys(frame.ts_ms for frame in told))
    assert first_seen == sorted(first_seen)


@settings(max_examples=40, deadline=None)
@given(
    up=ways,
    stop=hours,
    gaps=st.lists(st.integers(60, 9_000), min_size=1, max_size=60),
)
def test_no_frame_is_there_before_it_was_measured_and_collected(
    up: Uplink, stop: datetime, gaps: list[int]
) -> None:
    whole = measured(list(itertools.accumulate(gaps)))
    told = numbers(Line(up, VIN).take([whole], stop))
    ready_ms = whole.ts_ms[told] + round(1000 * up.delay_s)
    assert (ready_ms < epoch_ms(stop)).all()


def test_a_real_car_arrives_whole_in_steps_of_an_hour() -> None:
    car, twin = (Vehicle(VIN, start=START, seed=4) for _ in range(2))
    hourly, at_once = Line(ROUGH, VIN, 4), Line(ROUGH, VIN, 4)
    told: list[Frame] = []
    for number in range(1, 5 * 24 + 1):
        until = START + number * HOUR
        told += hourly.take(car.columns(until), until)
    told += hourly.flush()
    whole = twin.columns(START + 5 * DAY)
    assert told == at_once.take(whole, START + 5 * DAY) + at_once.flush()
    assert hourly.measured == sum(map(len, whole)) > 1000
    assert hourly.lost and hourly.uploaded > hourly.distinct


def test_ways_can_not_be_changed() -> None:
    way: Any = replace(PLAIN, skew_s=3.0)
    with pytest.raises(FrozenInstanceError):
        way.skew_s = 4.0
