"""The scorer, on worlds so small that every number is known by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.world import score
from simulators.world.causes import KIN
from simulators.world.score import Alert, Booking, Fault, Innocent, Rows, Text, Visit

START = datetime(2026, 1, 5, 5, tzinfo=UTC)  # midnight in New York
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
END = START + 90 * DAY
EMPTY = Rows(7, START, END, ("two cars",), vehicles=10, customers=5)
PHONE = "+16175550101"


def fault(vin: str = "A", kind: str = "weak_battery", day: float = 10, **more: object) -> Fault:
    made = Fault(
        vin, kind, START + day * DAY, START + (day + 20) * DAY, START + (day + 30) * DAY, None,
        None, None,
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


def alert(vin: str = "A", cause: str = "battery_12v", day: float = 15, number: int = 1) -> Alert:
    return Alert(number, vin, cause, START + day * DAY, None, 0, None, None)


def text(at: datetime, body: str = "Hello", outreach: int = 1, automatic: bool = False) -> Text:
    return Text(PHONE, at, body, automatic, outreach, "alert.soon", "America/New_York")


def kind_of(card: score.Scorecard, kind: str) -> score.ByKind:
    return next(one for one in card.kinds if one.kind == kind)


def test_a_fault_that_is_found_in_time() -> None:
    card = score.judge(replace(EMPTY, faults=[fault()], alerts=[alert()]))
    assert (card.precision, card.recall, card.right) == (1.0, 1.0, 1.0)
    one = kind_of(card, "weak_battery")
    assert (one.cars, one.gradable, one.found, one.right, one.false) == (1, 1, 1, 1, 0)
    assert (one.lead_days, one.before_noticed_days, one.after_onset_days) == (25, 15, 5)
    assert card.per_1000_days == 0


def test_near_is_found_and_not_named_right() -> None:
    card = score.judge(replace(EMPTY, faults=[fault(kind="parasitic_drain")], alerts=[alert()]))
    assert (card.precision, card.recall, card.right) == (1.0, 1.0, 0.0)


@pytest.mark.parametrize(
    ("told", "misled"),
    [
        (alert(day=5), "nothing"),  # before the onset
        (alert(cause="coolant_overheat"), "another fault was there"),
        (alert(vin="B"), "jump_start"),
        (alert(vin="C"), "nothing"),
    ],
)
def test_a_false_alert_and_what_misled(told: Alert, misled: str) -> None:
    jump = Innocent("B", "jump_start", START + 14 * DAY, START + 16 * DAY)
    card = score.judge(replace(EMPTY, faults=[fault()], innocents=[jump], alerts=[told]))
    assert card.false_by == {misled: 1} and card.recall == 0.0 and card.precision == 0.0
    assert card.per_1000_days == pytest.approx(1000 / 900)
    assert card.exposed_days == {"jump_start": 2.0}
    words = score.markdown(card)
    row = "| jump start | 1 | 2 | 500.00 |" if misled == "jump_start" else "| jump start | 0 | 2 |"
    assert row in words


def test_after_a_repair_there_are_two_days_of_grace() -> None:
    mended = fault(ended_at=START + 20 * DAY, ended_by="repaired")
    rows = replace(EMPTY, faults=[mended])
    assert score.judge(replace(rows, alerts=[alert(day=21)])).false_alerts == 0
    late = score.judge(replace(rows, alerts=[alert(day=23)]))
    assert late.false_by == {"after a repair": 1}


def test_what_began_too_late_is_not_counted_as_missed() -> None:
    card = score.judge(replace(EMPTY, faults=[fault(day=85)]))
    assert kind_of(card, "weak_battery").gradable == 0 and card.recall is None
    assert score.judge(replace(EMPTY, faults=[fault(day=40)])).recall == 0.0


def test_a_failure_window_that_holds_and_one_that_does_not() -> None:
    for first, last, holds in ((35, 45, 1), (50, 60, 0)):
        told = replace(alert(), expect_from=START + first * DAY, expect_to=START + last * DAY)
        card = score.judge(replace(EMPTY, faults=[fault()], alerts=[told]))
        assert (card.windows, card.windows_hold) == (1, holds)


def test_maintenance_due() -> None:
    told = replace(
        alert(cause="service_due"), expect_from=START + 20 * DAY, expect_to=START + 26 * DAY
    )
    card = score.judge(replace(EMPTY, alerts=[told], dues=[("A", START + 24 * DAY)]))
    assert (card.dues.due, card.dues.found, card.dues.inside, card.dues.error_days) == (1, 1, 1, 1)
    assert card.precision is None, "a service is no fault"
    assert score.judge(replace(EMPTY, alerts=[told])).dues.false == 1


@pytest.mark.parametrize(
    ("due", "first", "last", "expected"),
    [
        (24, 20, 26, (1, 1, 0, 0)),
        (27, 20, 26, (0, 1, 0, 0)),
        (26.5, 26, 26, (0, 0, 1, 1)),
        (28, 26, 26, (0, 0, 0, 1)),
        (14.5, 14, 20, (0, 0, 0, 0)),  # the alert is of day 15: that is no forecast
    ],
)
def test_a_date_from_the_calendar_is_no_forecast(
    due: float, first: float, last: float, expected: tuple[int, ...]
) -> None:
    told = replace(
        alert(cause="service_due"), expect_from=START + first * DAY, expect_to=START + last * DAY
    )
    card = score.judge(replace(EMPTY, alerts=[told], dues=[("A", START + due * DAY)]))
    dues = card.dues
    assert (dues.inside, dues.with_window, dues.on_the_day, dues.dated) == expected
    assert "by the calendar" in score.markdown(card)


def test_a_text_at_night_counts_unless_it_answers() -> None:
    night = START + 3 * DAY + 3 * HOUR  # three in the morning in New York
    rows = replace(EMPTY, texts=[text(night)])
    assert score.judge(rows).promises.at_night == 1
    assert score.judge(replace(rows, texts=[text(night + 8 * HOUR)])).promises.at_night == 0
    asked = replace(rows, said=[(PHONE, night - timedelta(minutes=2), "question")])
    assert score.judge(asked).promises.at_night == 0
    long_ago = replace(rows, said=[(PHONE, night - 5 * HOUR, "question")])
    assert score.judge(long_ago).promises.at_night == 1


def test_the_same_words_twice_count_and_next_month_they_do_not() -> None:
    noon = START + 12 * HOUR
    twice = [text(noon), text(noon + HOUR, outreach=2)]
    assert score.judge(replace(EMPTY, texts=twice)).promises.twice == 1
    one_message_twice = [text(noon), text(noon + 3 * DAY, "Other words", outreach=1)]
    assert score.judge(replace(EMPTY, texts=one_message_twice)).promises.twice == 1
    later = [text(noon), text(noon + 30 * DAY, outreach=2)]
    assert score.judge(replace(EMPTY, texts=later)).promises.twice == 0


def test_nothing_after_a_stop_but_its_confirmation() -> None:
    noon = START + 12 * HOUR
    rows = replace(EMPTY, said=[(PHONE, noon, "stop")])
    confirmed = replace(rows, texts=[text(noon, "You are unsubscribed", automatic=True)])
    assert score.broken(score.judge(confirmed)) == []
    spoken = score.judge(replace(rows, texts=[text(noon + DAY)]))
    assert score.broken(spoken) == ["1 texts after a STOP"]


def test_a_frame_that_nobody_has_is_lost() -> None:
    whole = replace(EMPTY, measured=10, uploaded=11, distinct=10, stored=9, quarantined=1)
    assert score.judge(whole).promises.frames_lost == 0
    assert score.judge(replace(whole, stored=8)).promises.frames_lost == 1


def test_care_from_contact_to_verified() -> None:
    at = START + 12 * HOUR
    rows = replace(
        EMPTY,
        faults=[fault(ended_at=at + 3 * DAY, ended_by="repaired"), fault("B", failed_at=at)],
        texts=[text(at)],
        said=[(PHONE, at + HOUR, "first")],
        bookings=[
            Booking("A", 1, "battery_12v", "done", at, at + 3 * DAY),
            Booking("C", 2, "service_due", "no_show", at, at + 4 * DAY),
            Booking("D", 3, "service_due", "cancelled", at, at + 4 * DAY),
        ],
        visits=[Visit("A", at + 3 * DAY, "battery_12v", "weak_battery", "fixed")],
        silences=[("Outside contact hours", 3)],
    )
    care = score.judge(rows).care
    assert (care.contacted, care.answered, care.booked, care.came, care.no_shows) == (1, 1, 2, 1, 1)
    assert (care.fixed, care.verified, care.before_failure, care.broke_down) == (1, 1, 1, 1)
    assert care.silences == {"Outside contact hours": 3} and care.texts_per_customer == 0.2
    again = replace(rows, alerts=[alert(day=10)])
    assert score.judge(again).care.verified == 0, "it came back within a fortnight"


def test_words_and_numbers_agree() -> None:
    card = score.judge(replace(EMPTY, faults=[fault()], alerts=[alert(), alert("B", number=2)]))
    words = score.markdown(card)
    assert "| precision | ≥ 0.95 | 0.50 | not reached | 1 of 2 |" in words
    assert "| weak battery | 1 | 1 | 1 | 1 | 1 | 25.0 | 15.0 | 5.0 |" in words
    made = json.dumps(card.json(), sort_keys=True)
    assert json.loads(made)["precision"] == 0.5 and made == json.dumps(card.json(), sort_keys=True)


moments = st.floats(0, 89)
vins = st.sampled_from("ABC")


@given(
    st.lists(st.tuples(vins, st.sampled_from(tuple(KIN)), moments), max_size=8),
    st.lists(
        st.tuples(vins, st.sampled_from(("battery_12v", "coolant_overheat", "dtc_p0301")), moments),
        max_size=12,
    ),
)
def test_counts_add_up(
    broke: list[tuple[str, str, float]], told: list[tuple[str, str, float]]
) -> None:
    rows = replace(
        EMPTY,
        faults=[fault(vin, kind, day) for vin, kind, day in broke],
        alerts=[alert(vin, cause, day, n) for n, (vin, cause, day) in enumerate(told)],
    )
    card = score.judge(rows)
    assert card.true_alerts + card.false_alerts == len(told)
    assert sum(card.false_by.values()) == card.false_alerts
    assert sum(one.cars for one in card.kinds) == len(set(broke)) or len(broke) > len(set(broke))
    for one in card.kinds:
        assert one.right <= one.found <= one.gradable <= one.cars
    for share in (card.precision, card.recall, card.right):
        assert share is None or 0 <= share <= 1
    assert score.markdown(card)
