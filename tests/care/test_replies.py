"""What customers write back, in English and Chinese, and STOP in each language that we write."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from care import elsewhere, engine, texts, webhooks, words
from care.store import people
from care.wish import read
from tests.care.world import MONDAY, World, build, find, inbound, one, row, send

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("BAJA", "stop"),
        ("parar por favor", "stop"),
        ("Arrêt", "stop"),
        ("arrêt s'il vous plaît", "stop"),
        ("Stopp bitte", "stop"),
        ("Abmelden!", "stop"),
        ("keine SMS mehr", "stop"),
        ("退订", "stop"),
        ("请不要再给我发短信", "stop"),
        ("ＳＴＯＰ", "stop"),
        ("ayuda", "help"),
        ("帮助", "help"),
        ("开始", "start"),
        ("can I stop by at 3", None),
        ("车停在路上了", None),
        ("不要再发动车吗", None),
        ("我没有退订", None),
        ("取消我的预约", None),
    ],
)
def test_stop_start_and_help_in_every_language(body: str, expected: str | None) -> None:
    assert words.keyword(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("I sold that car last month", words.Says("sold")),
        ("sold it last month", words.Says("sold")),
        ("我已经把车卖了", words.Says("sold")),
        ("I haven't sold it", words.Unclear()),
        ("sold it? no", words.Unclear()),
        ("If I sold the car, what then", words.Unclear()),
        ("you sold me this car", words.Unclear()),
        ("车没卖", words.Unclear()),
        ("Wrong number, I have no such car", words.Says("wrong number")),
        ("打错了", words.Says("wrong number")),
        ("is this the wrong number?", words.Unclear()),
        ("already fixed", words.Says("done elsewhere")),
        ("it is not already fixed", words.Unclear()),
        ("已经修好了", words.Says("done elsewhere")),
        ("Who is this?", words.Says("who")),
        ("I can't make it", words.Says("cannot come")),
        ("can we reschedule", words.Says("reschedule")),
        ("改时间", words.Says("reschedule")),
        ("谢谢", words.Says("thanks")),
        ("第二个", words.Choice(2)),
        ("选３", words.Choice(3)),
        ("3号", words.Unclear()),
        ("不要第二个", words.Unclear()),
        ("给我打个电话", words.Call()),
        ("How long will that take, and what will it cost?", words.Unclear()),
        ("The second one please", words.Choice(2)),
    ],
)
def test_an_answer(body: str, expected: object) -> None:
    assert words.keyword(body) is None
    assert words.understand(body, 3, TODAY) == expected


@given(st.sampled_from(["sold it", "stopp", "第二个", "option 2", "who is this"]), st.booleans())
def test_case_width_and_full_stops_change_nothing(body: str, wide: bool) -> None:
    loud = body.upper() + " !! "
    if wide:
        loud = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in loud)
    assert words.keyword(loud) == words.keyword(body)
    assert words.understand(loud, 3, TODAY) == words.understand(body, 3, TODAY)


@pytest.fixture
def world(db: psycopg.Connection) -> World:
    return build(db)


def told_and_answers(db: psycopg.Connection, world: World, body: str) -> str:
    """A customer has an offer, and answers it; what that meant."""
    find(db, world.vehicle_id, MONDAY)
    engine.turn(db, lambda: MONDAY)
    send(db, MONDAY)
    webhooks.inbound(db, inbound(1, world.phone, body), MONDAY)
    engine.turn(db, lambda: MONDAY)
    return str(row(db, "SELECT meaning FROM reply")[0])


def test_a_wrong_number_gets_nothing_more(db: psycopg.Connection, world: World) -> None:
    assert told_and_answers(db, world, "Wrong number, I have no such car") == "wrong number"
    assert people.stopped(db, world.phone) is not None
    assert one(db, "SELECT count(*) FROM task WHERE title ~ 'somebody else'") == 1


def test_a_sold_car_is_no_longer_theirs(db: psycopg.Connection, world: World) -> None:
    assert told_and_answers(db, world, "I sold that car last month") == "sold"
    assert people.owner(db, world.vehicle_id, MONDAY) is None
    assert one(db, "SELECT count(*) FROM outreach WHERE state = 'planned'") == 0
    assert one(db, "SELECT count(*) FROM audit WHERE action = 'car sold'") == 1
    assert one(db, "SELECT count(*) FROM task WHERE title ~ 'has sold the car$'") == 1


def test_all_that_waits_about_a_sold_car_ends(db: psycopg.Connection, world: World) -> None:
    """Another fault of the same car, its task, and a visit: none of it is the seller's any more."""
    talk = Talk(db, world)
    talk.says("1")
    find(db, world.vehicle_id, talk.now, cause="dtc_p0301", detector="dtc_raised")
    db.execute(
        """INSERT INTO outreach (customer_id, booking_id, channel, purpose, template, dedupe_key,
               body, state, planned_at, not_before)
           SELECT %s, id, 'sms', 'service', 'reminder', 'x', 'See you', 'planned', %s, %s
           FROM booking""",
        (world.customer_id, talk.now, talk.now + timedelta(days=30)),
    )
    engine.turn(db, lambda: talk.now)
    assert one(db, "SELECT count(*) FROM task WHERE state = 'open' AND alert_id IS NOT NULL") > 0
    assert talk.says("I sold the car") == "sold"
    assert one(db, "SELECT count(*) FROM outreach WHERE state = 'planned'") == 0
    assert row(db, "SELECT state, reason FROM outreach WHERE dedupe_key = 'x'") == (
        "dropped",
        "The customer no longer owns the car.",
    )
    done = db.execute("SELECT state, done_reason FROM task WHERE alert_id IS NOT NULL ORDER BY id")
    assert done.fetchall() == [
        ("done", "customer booked"),
        ("done", "Grace0 Hopper has sold the car."),
    ]
    (todo,) = row(db, "SELECT next_action FROM task WHERE state = 'open'")
    assert "who has the car now" in todo and "Cancel its visit" in todo
    assert one(db, "SELECT count(*) FROM ownership WHERE upper(during) IS NULL") == 0


def test_yes_answers_the_last_question(db: psycopg.Connection, world: World) -> None:
    """An estimate came after an offer of one time: a yes is no yes to that time."""
    talk = Talk(db, world)
    db.execute("DELETE FROM offer WHERE choice > 1")
    db.execute(
        """INSERT INTO outreach (customer_id, channel, purpose, template, dedupe_key, body, state,
               planned_at, not_before, sending_at, sent_at, to_phone, provider_sid)
           VALUES (%s, 'sms', 'service', 'estimate', 'e', 'Approve', 'delivered', %s, %s,
               clock_timestamp(), %s, %s, 'SMe')""",
        (world.customer_id, talk.now, talk.now, talk.now, world.phone),
    )
    assert talk.says("yes") == "yes"
    assert one(db, "SELECT count(*) FROM booking") == 0
    assert one(db, "SELECT count(*) FROM task WHERE state = 'open' AND kind = 'reply'") == 1
    db.execute("UPDATE outreach SET template = 'help' WHERE dedupe_key = 'e'")
    assert talk.says("yes") == "choice 1"
    assert one(db, "SELECT count(*) FROM booking") == 1


def test_tomorrow_is_the_customers_counted_from_the_text(
    db: psycopg.Connection, world: World
) -> None:
    """Sent on Monday 23:30 in Chicago, Tuesday in New York; read on Tuesday by both."""
    talk = Talk(db, world)
    db.execute("UPDATE customer SET time_zone = 'America/New_York'")
    late = datetime(2026, 11, 23, 23, 30, tzinfo=CHICAGO)
    webhooks.inbound(db, inbound(1, world.phone, "tomorrow after 3"), late)
    talk.now = late + timedelta(hours=9)
    engine.turn(db, lambda: talk.now)
    assert row(db, "SELECT meaning FROM reply") == ("wish: 2026-11-25 15:00-24:00",)
    db.execute("UPDATE customer SET time_zone = 'America/Chicago'")
    webhooks.inbound(db, inbound(2, world.phone, "tomorrow after 3"), late)
    engine.turn(db, lambda: talk.now)
    assert row(db, "SELECT meaning FROM reply WHERE body ~ 'tom' ORDER BY id DESC LIMIT 1") == (
        "wish: 2026-11-24 15:00-24:00",
    )


def test_a_doubt_about_a_sale_ends_nothing(db: psycopg.Connection, world: World) -> None:
    assert told_and_answers(db, world, "I haven't sold it") == "unclear"
    assert people.owner(db, world.vehicle_id, MONDAY) is not None


# --- what follows, on real rows ------------------------------------------------------------------

CHICAGO = ZoneInfo("America/Chicago")


class Talk:
    """A customer who has an offer, and goes on talking."""

    def __init__(self, db: psycopg.Connection, world: World, **finding: Any) -> None:
        self.db, self.world, self.now, self.n = db, world, MONDAY, 0
        self.finding = find(db, world.vehicle_id, MONDAY, **finding)
        engine.turn(db, lambda: self.now)
        send(db, self.now, 100)

    def says(self, body: str) -> str:
        """Answer, a minute later; returns what it meant. What is planned then goes out."""
        self.n += 1
        self.now += timedelta(minutes=1)
        webhooks.inbound(self.db, inbound(self.n, self.world.phone, body), self.now)
        engine.turn(self.db, lambda: self.now)
        while send(self.db, self.now, 1000 * self.n + self.now.minute) is not None:
            self.now += timedelta(seconds=1)
        return str(row(self.db, "SELECT meaning FROM reply ORDER BY id DESC LIMIT 1")[0])

    def last(self, template: str) -> tuple[str, list[datetime]]:
        """The newest message of a template, and the times that it offers in Chicago."""
        id, body = row(
            self.db,
            "SELECT id, body FROM outreach WHERE template = %s ORDER BY id DESC LIMIT 1",
            template,
        )
        slots = self.db.execute(
            "SELECT lower(during) FROM offer WHERE outreach_id = %s ORDER BY choice", (id,)
        ).fetchall()
        return str(body), [one[0].astimezone(CHICAGO) for one in slots]


def test_times_in_words_are_answered_with_times_that_suit(
    db: psycopg.Connection, world: World
) -> None:
    talk = Talk(db, world)
    assert talk.says("Friday afternoon").startswith("wish: 2026-11-27 12:00")
    body, times = talk.last("wished")
    assert body.startswith("Lakeside: Gladly Grace0. Reply 1 for Fri Nov 27, ")
    assert len(times) == 3
    assert all(at.date() == date(2026, 11, 27) and at.hour >= 12 for at in times)
    assert talk.says("2") == "choice 2"
    assert row(db, "SELECT lower(during), state FROM booking") == (times[1], "booked")


def test_where_nothing_is_free_then_the_text_says_so(db: psycopg.Connection, world: World) -> None:
    talk = Talk(db, world)
    talk.says("Sunday morning")
    body, times = talk.last("wished")
    assert "we have no time for you then" in body and len(times) == 3
    assert all(at.isoweekday() < 7 for at in times)


def test_no_wish_is_met_after_the_failure(db: psycopg.Connection, world: World) -> None:
    talk = Talk(db, world, expect=timedelta(days=2))
    assert talk.says("next week").startswith("wish: 2026-11-30")
    body, times = talk.last("wished")
    assert "we have no time for you then" in body
    assert times and all(at < MONDAY + timedelta(days=2) for at in times)


def test_yes_to_three_asks_which(db: psycopg.Connection, world: World) -> None:
    talk = Talk(db, world)
    assert talk.says("yes please") == "yes"
    assert talk.last("wished")[0].startswith("Lakeside: Gladly Grace0. Reply 1 for")
    assert one(db, "SELECT count(*) FROM booking") == 0


def test_none_of_them_brings_later_ones(db: psycopg.Connection, world: World) -> None:
    talk = Talk(db, world)
    (first,) = row(db, "SELECT max(lower(during)) FROM offer")
    assert talk.says("none of them") == "other times"
    _, times = talk.last("wished")
    assert len(times) == 3 and min(times) > first


def test_a_visit_moves_by_words(db: psycopg.Connection, world: World) -> None:
    talk = Talk(db, world)
    talk.says("1")
    assert talk.says("can we reschedule to Friday afternoon?").startswith("wish: 2026-11-27")
    body, times = talk.last("move")
    assert "Instead of" in body and all(at.date() == date(2026, 11, 27) for at in times)
    assert talk.says("the second one") == "choice 2 (moved)"
    assert row(db, "SELECT lower(during), sequence FROM booking") == (times[1], 1)


def test_a_visit_that_moves_by_words_needs_no_alert(db: psycopg.Connection, world: World) -> None:
    talk = Talk(db, world)
    talk.says("1")
    db.execute("UPDATE booking SET alert_id = NULL")
    assert talk.says("I can't make it") == "cannot come"
    assert one(db, "SELECT count(*) FROM task WHERE title ~ 'can''t come'") == 1
    assert talk.says("2") == "choice 2 (moved)"


def test_a_service_done_elsewhere_is_in_the_service_book(
    db: psycopg.Connection, world: World
) -> None:
    db.execute("UPDATE vehicle SET last_service_at = '2025-01-01Z', last_service_odometer_m = 1000")
    db.execute(
        "INSERT INTO telemetry (vehicle_id, ts, odometer_m) VALUES (%s, %s, 31000000)",
        (world.vehicle_id, MONDAY),
    )
    talk = Talk(db, world, cause="service_due", urgency="service", detector="service_due")
    db.execute(
        "INSERT INTO telemetry (vehicle_id, ts, odometer_m) VALUES (%s, %s, 30700000)",
        (world.vehicle_id, MONDAY - timedelta(days=8)),
    )
    assert talk.says("Had it serviced at another shop last week") == "done elsewhere: 2026-11-16"
    at, odometer = row(db, "SELECT last_service_at, last_service_odometer_m FROM vehicle")
    assert at == datetime(2026, 11, 16, 12, tzinfo=CHICAGO)
    assert odometer == 30_700_000, "what the car itself showed on that day"
    (told,) = row(db, "SELECT detail FROM audit WHERE action = 'service done elsewhere'")
    assert told == {"on": "2026-11-16", "odometer_m": 30_700_000, "told": False}
    assert row(db, "SELECT state, close_reason FROM alert") == ("closed", "dismissed")
    assert row(db, "SELECT reason, label FROM dismissal_label") == (
        "repaired_elsewhere",
        "confirmed",
    )
    assert "noted that your Toyota Corolla has had its service" in talk.last("noted")[0]
    assert one(db, "SELECT count(*) FROM task WHERE state = 'open'") == 0


def due_and_told(db: psycopg.Connection, world: World) -> Talk:
    """A service is due at 31,000 km; the last one was at 15,000."""
    db.execute(
        "UPDATE vehicle SET last_service_at = '2025-11-01Z', last_service_odometer_m = 15000000"
    )
    for vehicle_id in world.vehicles:
        db.execute(
            "INSERT INTO telemetry (vehicle_id, ts, odometer_m) VALUES (%s, %s, 31000000)",
            (vehicle_id, MONDAY),
        )
    return Talk(db, world, cause="service_due", urgency="service", detector="service_due")


def test_the_reported_odometer_goes_into_the_book(db: psycopg.Connection, world: World) -> None:
    talk = due_and_told(db, world)
    assert talk.says("Already done on Friday at 30,500 km") == "done elsewhere: 2026-11-20 30500 km"
    assert row(db, "SELECT last_service_odometer_m, last_service_at FROM vehicle") == (
        30_500_000,
        datetime(2026, 11, 20, 12, tzinfo=CHICAGO),
    )


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("already done at 99,000 km", "has come 31000 km"),
        ("already done at 14,000 km", "a service at 15000 km"),
        ("already done 20 months ago", "a service of 2025-11-01"),
    ],
)
def test_what_cannot_be_is_not_written(
    db: psycopg.Connection, world: World, body: str, why: str
) -> None:
    talk = due_and_told(db, world)
    assert talk.says(body).endswith("(a person must look)")
    assert row(db, "SELECT last_service_odometer_m FROM vehicle") == (15_000_000,)
    assert row(db, "SELECT state FROM alert") == ("open",)
    assert why in str(row(db, "SELECT next_action FROM task WHERE kind = 'reply'")[0])


def test_with_two_cars_due_we_ask_which(db: psycopg.Connection) -> None:
    world = build(db, customers=2)
    db.execute("UPDATE vehicle SET model = 'Yaris' WHERE id = %s", (world.vehicles[1],))
    db.execute("UPDATE ownership SET customer_id = %s", (world.customer_id,))
    talk = due_and_told(db, world)
    other: dict[str, Any] = {
        "cause": "service_due",
        "urgency": "service",
        "detector": "service_due",
    }
    find(db, world.vehicles[1], talk.now, **other)
    talk.now += timedelta(days=2)
    engine.turn(db, lambda: talk.now)
    send(db, talk.now, 500)
    assert one(db, "SELECT count(*) FROM outreach WHERE state = 'sent'") == 2
    assert talk.says("already done yesterday").endswith("(which car?)")
    assert 'Reply "Toyota Corolla already done" or "Toyota Yaris already' in talk.last("which")[0]
    assert one(db, "SELECT count(*) FROM alert WHERE state = 'open'") == 2
    assert talk.says("Toyota Corolla already done yesterday") == "done elsewhere: 2026-11-24"
    served = "SELECT model FROM vehicle WHERE last_service_at > '2026-11-01Z'"
    assert db.execute(served).fetchall() == [("Corolla",)]
    assert talk.says("my Yaris is already done too").startswith("done elsewhere")
    assert one(db, "SELECT count(*) FROM alert WHERE state = 'open'") == 0


def test_cars_of_the_same_name_are_told_apart_by_a_person(db: psycopg.Connection) -> None:
    world = build(db, customers=2)
    db.execute("UPDATE ownership SET customer_id = %s", (world.customer_id,))
    talk = due_and_told(db, world)
    other: dict[str, Any] = {
        "cause": "service_due",
        "urgency": "service",
        "detector": "service_due",
    }
    find(db, world.vehicles[1], talk.now, **other)
    talk.now += timedelta(days=2)
    engine.turn(db, lambda: talk.now)
    send(db, talk.now, 500)
    assert talk.says("already done").endswith("(which car?)")
    assert row(db, "SELECT next_action FROM task WHERE kind = 'reply'") == (
        "Ask which car: “already done”",
    )


def test_a_small_fault_is_no_service(db: psycopg.Connection, world: World) -> None:
    """A trouble code that can wait has a service's urgency; its repair isn't in the book."""
    talk = Talk(db, world, cause="dtc_p0442", urgency="service", detector="dtc_raised")
    assert talk.says("already fixed") == "done elsewhere"
    assert row(db, "SELECT last_service_at FROM vehicle") == (None,)
    assert row(db, "SELECT state FROM alert") == ("open",)


@pytest.mark.parametrize(
    ("body", "day", "odometer_m"),
    [
        ("done", (11, 23), None),
        ("yesterday", (11, 22), None),
        ("2 weeks ago", (11, 9), None),
        ("a month ago", (10, 24), None),
        ("last Tuesday", (11, 17), None),
        ("on Monday", (11, 16), None),
        ("on Nov 3rd at 28.5k miles", (11, 3), 45_866_304),
        ("3 November, 45 000 km", (11, 3), 45_000_000),
        ("in October", (10, 15), None),
        ("on the 30th", (10, 30), None),
        ("two days ago, 31,250km", (11, 21), 31_250_000),
        ("昨天", (11, 22), None),
        ("三天前", (11, 20), None),
        ("两个月前，4.5万公里", (9, 24), 45_000_000),
        ("11月3号", (11, 3), None),
    ],
)
def test_when_it_was_done(body: str, day: tuple[int, int], odometer_m: int | None) -> None:
    assert elsewhere.read(body, TODAY) == elsewhere.Report(date(2026, *day), odometer_m)


@pytest.mark.parametrize(
    "body",
    [
        "last year",
        "3000 km ago",
        "yesterday or last week",
        "in March 2024",
        "11/3",
        "on the 32nd",
        "1000 km, no, 2000 km",
        "a while ago",
        "at 45,000",
        "去年",
        "Feb 30",
    ],
)
def test_a_day_that_is_not_plain_goes_to_a_person(body: str) -> None:
    assert elsewhere.read(body, TODAY) is None


@given(st.text(max_size=300))
def test_any_report_is_past_or_none(body: str) -> None:
    report = elsewhere.read(body, TODAY)
    assert report is None or report.day <= TODAY


def test_a_fault_fixed_elsewhere_is_not_believed_by_itself(
    db: psycopg.Connection, world: World
) -> None:
    talk = Talk(db, world)
    assert talk.says("already fixed") == "done elsewhere"
    assert row(db, "SELECT state FROM alert") == ("open",)
    assert one(db, "SELECT count(*) FROM task WHERE title ~ 'done already'") == 1


def test_start_brings_texts_back(db: psycopg.Connection, world: World) -> None:
    talk = Talk(db, world)
    assert talk.says("STOP") == "stop"
    assert people.stopped(db, world.phone) is not None
    assert talk.says("START") == "start"
    assert people.stopped(db, world.phone) is None
    assert row(db, "SELECT granted, source FROM consent ORDER BY id DESC LIMIT 1") == (
        True,
        "reply START",
    )


def test_start_opens_only_the_channel_it_came_by(db: psycopg.Connection, world: World) -> None:
    talk = Talk(db, world)
    talk.says("stop")
    assert talk.says("empezar") == "start"
    assert people.stopped(db, world.phone) is None
    assert people.stopped(db, f"whatsapp:{world.phone}") is not None
    granted = "SELECT channel, wording FROM consent WHERE source = 'reply START'"
    assert db.execute(granted).fetchall() == [("sms", webhooks.WORDING)]


def test_a_yes_that_twilio_takes_for_start(db: psycopg.Connection, world: World) -> None:
    """YES is one of Twilio's words for START; from a number that isn't stopped it answers us."""
    talk = Talk(db, world)
    form = inbound(1, world.phone, "Yes") | {"OptOutType": "START"}
    webhooks.inbound(db, form, talk.now)
    engine.turn(db, lambda: talk.now)
    assert row(db, "SELECT meaning FROM reply") == ("yes",)
    talk.n = 1
    talk.says("stop")
    webhooks.inbound(db, form | {"MessageSid": f"SM{9:032x}"}, talk.now)
    assert people.stopped(db, world.phone) is None


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("HELP", "writes to you about the health of your car"),
        ("Ayuda", "le escribe sobre el estado de su coche"),
        ("aide", "vous écrit au sujet"),
        ("Hilfe!", "schreibt Ihnen zum Zustand"),
        ("帮助", "我们就您车辆的健康状况"),
    ],
)
def test_help_answers_in_the_language_it_was_asked_in(
    db: psycopg.Connection, world: World, word: str, says: str
) -> None:
    talk = Talk(db, world)
    assert talk.says(word) == "help"
    body, _ = talk.last("help")
    assert says in body and "STOP" in body and "+13125550199" in body and "Lakeside" in body
    assert texts.segments(body) == 1 or "帮助" in word
    assert row(db, "SELECT state FROM outreach WHERE template = 'help'") == ("sent",)


@given(st.text(max_size=300))
def test_any_words_are_a_time_or_none_but_never_break(body: str) -> None:
    for wish in read(body, TODAY) or ():
        assert wish.days and wish.since < wish.until
        assert all(day >= TODAY for day in wish.days)
        assert all(a < b for a, b in wish.spans(CHICAGO))


_DAYS = st.sampled_from(["today", "tomorrow", "Friday", "next week", "the 5th", "Nov 30", "周五"])
_HOURS = st.sampled_from(["at 3", "after 10:30", "morning", "2-4pm", "noon", "at 99", "下午"])


@given(st.lists(_DAYS | _HOURS | st.sampled_from(["or", "please", "?"]), max_size=6))
def test_any_order_of_days_and_hours_is_fine(words: list[str]) -> None:
    for wish in read(" ".join(words), TODAY) or ():
        assert wish.days and wish.since < wish.until
