"""When a drive begins and ends, and how long the car had rested."""

from typing import Any

import pytest

from detectors import saved
from detectors.drive import AMBIENT_MS, GAP_MS, JUMP_K, SAME_MS, Drive
from detectors.reading import HOUR_MS
from record.flow import Frame
from tests.detectors.cars import healthy

T0 = 1_767_600_000_000


def life(*moments: tuple[float, dict[str, Any]]) -> list[Drive]:
    """What a drive knew after each of these frames, at seconds since `T0`."""
    drive, seen = Drive(), []
    for s, signals in moments:
        drive.see(Frame(1, T0 + round(s * 1000), signals))
        [copy] = saved.load(saved.save([drive]), [Drive])
        assert copy == drive
        seen.append(copy)
    return seen


def test_a_drive_with_its_rest_before_it() -> None:
    parked, start, on, off = life(
        (0, {"ignition": "OFF"}),
        (7200, {"ignition": "START", "engine_speed_rpm": 200.0}),
        (7202, {"ignition": "ON", "engine_speed_rpm": 900.0}),
        (7300, {"ignition": "OFF"}),
    )
    assert (parked.since_ms, parked.begins, parked.ends) == (0, False, False)
    assert start.begins and start.rested_ms == 2 * HOUR_MS and not start.engine_since_ms
    assert not on.begins and on.step_ms == 2000 and on.engine_since_ms == T0 + 7_202_000
    assert off.ends and off.since_ms == off.engine_since_ms == off.step_ms == 0


def test_a_silence_ends_one_drive_and_begins_the_next() -> None:
    *_, before, after = life(
        (0, {"speed_kmh": 50.0}), (10, {"speed_kmh": 50.0}), (4000, {"speed_kmh": 40.0})
    )
    assert before.step_ms == 10_000
    assert after.begins and after.ends and after.step_ms == 0
    assert after.rested_ms == 0, "it was moving all the time, only nobody told us"


def test_a_silence_before_an_engine_start_was_a_rest() -> None:
    *_, after = life((0, {"ignition": "ON"}), (9 * 3600, {"ignition": "START"}))
    assert after.rested_ms == 9 * HOUR_MS


def test_frames_that_do_not_tell_change_nothing_but_by_silence() -> None:
    on, still, lost = life(
        (0, {"ignition": "ON"}),
        (60, {"coolant_temp_c": 80.0}),
        (60 + GAP_MS / 1000 + 1, {"coolant_temp_c": 80.0}),
    )
    assert on.since_ms and still.since_ms and not still.ends
    assert lost.ends and not lost.since_ms


def test_a_hybrid_drives_on_while_its_engine_stands() -> None:
    *_, stands, again = life(
        (0, {"ignition": "ON", "engine_speed_rpm": 0.0, "speed_kmh": 20.0}),
        (10, {"ignition": "ON", "engine_speed_rpm": 1500.0, "speed_kmh": 40.0}),
        (20, {"ignition": "ON", "engine_speed_rpm": 0.0, "speed_kmh": 30.0}),
        (30, {"ignition": "ON", "engine_speed_rpm": 1400.0, "speed_kmh": 40.0}),
    )
    assert stands.since_ms == again.since_ms == T0
    assert not stands.engine_since_ms and again.engine_since_ms == T0 + 30_000


def test_an_engine_that_waits_at_a_light_or_fails_to_start_ends_no_drive() -> None:
    drives, light, failed, started, off, parked = life(
        (0, {"engine_speed_rpm": 1500.0, "speed_kmh": 40.0}),
        (40, {"engine_speed_rpm": 0.0, "speed_kmh": 0.0}),
        (9 * 3600, {"engine_speed_rpm": 200.0, "ignition": "START"}),
        (9 * 3600 + 9, {"engine_speed_rpm": 900.0}),
        (9 * 3600 + 60, {"engine_speed_rpm": 0.0, "speed_kmh": 0.0}),
        (9 * 3600 + 70 + GAP_MS / 1000, {"engine_speed_rpm": 0.0, "speed_kmh": 0.0}),
    )
    assert drives.since_ms == light.since_ms == T0 and not light.engine_since_ms
    assert failed.begins and failed.since_ms == started.since_ms == off.since_ms
    assert started.rested_ms == 9 * HOUR_MS and started.engine_since_ms
    assert parked.ends and parked.parked_ms == T0 + (9 * 3600 + 9) * 1000


@pytest.mark.parametrize("wrong", [float("nan"), 900.0, "cold", None, True])
def test_the_outside_is_what_a_sensor_can_say(wrong: Any) -> None:
    warm, same, old = life(
        (0, {"ambient_temp_c": 21.0}),
        (60, {"ambient_temp_c": wrong}),
        (61 + AMBIENT_MS / 1000, {"ignition": "OFF"}),
    )
    assert warm.ambient_c == same.ambient_c == 21.0
    assert old.ambient_c is None


def air(*told: tuple[float, float]) -> list[float | None]:
    """What is believed of these outside temperatures, at hours since `T0`."""
    return [d.ambient_c for d in life(*((3600 * h, {"ambient_temp_c": c}) for h, c in told))]


def test_an_outside_temperature_that_stands_still_is_not_believed_until_it_moves() -> None:
    same_h = SAME_MS / HOUR_MS
    hours = (0, 1, 2, same_h, 1 + same_h, 40, 41, 42)
    told = (4.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.5, 6.0)
    believed = [4.0, 5.0, 5.0, 5.0, None, None, 5.5, 6.0]
    assert air(*zip(hours, told, strict=True)) == believed


def test_one_that_jumps_is_believed_when_it_moves_again() -> None:
    far = 4.0 + JUMP_K
    assert air((0, 4.0), (1, far + 0.5), (2, far + 0.5), (3, far)) == [4.0, None, None, far]
    assert air((0, 4.0), (1, far)) == [4.0, far], "weather"


def test_one_that_never_moved_misleads_nobody() -> None:
    assert air((0, 20.0), (30, 20.0), (300, 20.0)) == [20.0] * 3


def test_a_winter_of_drives_adds_up() -> None:
    drive, drives, driven_ms = Drive(), 0, 0
    for frame in healthy():
        drive.see(frame)
        drives += drive.begins
        driven_ms += drive.step_ms
        assert drive.begins <= (drive.since_ms == frame.ts_ms)
    assert 150 < drives < 400
    assert 0.25 * HOUR_MS < driven_ms / drives < HOUR_MS
