"""Odometers don't run backwards; but clusters are replaced, and glitches pass."""

from ingest.odometer import INSISTS_FRAMES, TOLERANCE_M, Odometer, follow

START = Odometer(0, 50_000_000)


def test_forwards_is_fine() -> None:
    assert follow(START, 1, 50_000_100) == (Odometer(1, 50_000_100), None)


def test_a_small_step_back_is_another_source() -> None:
    known, refused = follow(START, 1, 50_000_000 - TOLERANCE_M)
    assert (known, refused) == (Odometer(1, 50_000_000), None)


def test_small_steps_back_do_not_add_up() -> None:
    known, refused = START, None
    for i in range(1, 10):
        known, refused = follow(known, i, known.reading_m - TOLERANCE_M // 2 * i)
    assert refused is not None


def test_a_large_step_back_is_refused_in_words() -> None:
    known, refused = follow(START, 1, 20_000)
    assert refused == "The odometer went backwards, from 50,000 km to 20 km."
    assert known.reading_m == 50_000_000


def test_a_late_frame_may_be_lower() -> None:
    assert follow(START, -1, 0) == (START, None)


def test_a_replaced_cluster_is_believed_in_the_end() -> None:
    known, refusals = START, 0
    for i in range(1, 100):
        known, refused = follow(known, i * 30_000, 20_000 + i * 400)
        if refused is None:
            break
        refusals += 1
    assert refusals == INSISTS_FRAMES
    assert known.reading_m == 20_000 + (INSISTS_FRAMES + 1) * 400


def test_one_high_glitch_does_not_shut_a_car_out_for_ever() -> None:
    known, _ = follow(START, 1, 2_000_000_000)
    accepted = 0
    for i in range(2, 100):
        known, refused = follow(known, i * 30_000, 50_000_000 + i * 400)
        accepted += refused is None
    assert accepted > 60


def test_scattered_low_readings_are_never_believed() -> None:
    known = START
    for i in range(1, 200):
        known, refused = follow(known, i * 30_000, (i * 7_919_000) % 40_000_000)
        assert refused
