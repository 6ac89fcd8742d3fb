"""Decisions as tables of examples, and what always holds."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import permutations
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care import alert, compose, delivery, hours, law, links, outreach, slots, texts, words
from care.alert import Close, Ignore, Open, Refresh, Reopen, StayOpen
from care.channels import twilio_client
from care.channels.contract import Later
from care.outreach import Drop, Facts, Hold, Policy, Send
from care.settings import CareSettings
from care.store.alerts import NewFinding
from care.store.bookings import Bay, Busy, OpCode, Technician
from care.store.outbox import Due
from care.store.people import Dealer
from record.causes import CAUSES, cause_of
from record.flow import Alert, Slot, Urgency
from record.settings import SettingsError, load
from tests.care.world import MONDAY

DAY = timedelta(days=1)
FINDING = NewFinding(1, 1, "d", "battery_12v", "raised", MONDAY, "soon", 0.8, "weak", None, None)
OPEN = Alert(1, 1, "battery_12v", "open", Urgency.SOON, 0.8, "weak", MONDAY, MONDAY)


def closed(reason: str, ago: timedelta) -> Alert:
    return replace(OPEN, state="closed", closed_at=MONDAY - ago, close_reason=reason)


@pytest.mark.parametrize(
    ("finding", "current", "booked", "expected"),
    [
        (FINDING, None, False, Open()),
        (replace(FINDING, kind="refreshed"), None, False, Open()),
        (replace(FINDING, kind="recovered"), None, False, Ignore("no open alert")),
        (FINDING, OPEN, False, Refresh(worse=False)),
        (replace(FINDING, urgency="stop"), OPEN, True, Refresh(worse=True)),
        (replace(FINDING, at=MONDAY - DAY), OPEN, False, Ignore("older than what the alert says")),
        (replace(FINDING, kind="recovered"), OPEN, False, Close()),
        (replace(FINDING, kind="recovered"), OPEN, True, StayOpen()),
        (FINDING, closed("recovered", 2 * DAY), False, Reopen("came back")),
        (FINDING, closed("recovered", 15 * DAY), False, Open()),
        (FINDING, closed("repaired", 2 * DAY), False, Reopen("came back")),
        (
            replace(FINDING, kind="refreshed"),
            closed("repaired", 2 * DAY),
            False,
            Ignore("the detector has not seen the repair yet"),
        ),
        (
            replace(FINDING, kind="refreshed", urgency="stop"),
            closed("repaired", 2 * DAY),
            False,
            Reopen("came back"),
        ),
        (
            replace(FINDING, kind="refreshed"),
            closed("repaired", 4 * DAY),
            False,
            Reopen("came back"),
        ),
        (FINDING, closed("dismissed", 2 * DAY), False, Ignore("dismissed by a person")),
        (
            replace(FINDING, urgency="stop"),
            closed("dismissed", 2 * DAY),
            False,
            Reopen("worse than what was dismissed"),
        ),
        (FINDING, closed("recovered", -DAY), False, Ignore("older than the alert's end")),
    ],
)
def test_a_finding_and_its_alert(
    finding: NewFinding, current: Alert | None, booked: bool, expected: alert.Step
) -> None:
    got = alert.step(finding, current, booked=booked, others_worry=False, last_service_at=None)
    assert got == expected


def test_an_alert_never_calms_down() -> None:
    calm = replace(FINDING, urgency="service", confidence=0.1, summary="calm")
    assert alert.calmest(calm, OPEN).urgency == "soon"
    assert alert.calmest(calm, OPEN).summary == "weak"


MESSAGE = Due(
    1, 1, 1, None, "service", "alert.soon", "Hi", None, 0, MONDAY - timedelta(hours=1), None, None
)
FACTS = Facts("+13126660000", "America/Chicago", True, None, (), OPEN, True, None, False, False)
NIGHT = datetime(2026, 11, 24, 5, tzinfo=UTC)  # 23:00 in Chicago


@pytest.mark.parametrize(
    ("message", "facts", "now", "expected"),
    [
        (MESSAGE, FACTS, MONDAY, "send"),
        (MESSAGE, replace(FACTS, phone=None), MONDAY, "no number"),
        (MESSAGE, replace(FACTS, stopped_at=MONDAY), MONDAY, "stop"),
        (MESSAGE, replace(FACTS, consent=False), MONDAY, "no consent"),
        (MESSAGE, replace(FACTS, alert=closed("recovered", DAY)), MONDAY, "recovered"),
        (MESSAGE, replace(FACTS, owns_car=False), MONDAY, "sold"),
        (MESSAGE, replace(FACTS, newer=True), MONDAY, "superseded"),
        (MESSAGE, replace(FACTS, sent_at=(MONDAY - timedelta(hours=23),)), MONDAY, "cap"),
        (MESSAGE, replace(FACTS, sent_at=[MONDAY - n * DAY for n in (2, 3, 4)]), MONDAY, "cap"),
        (MESSAGE, replace(FACTS, sent_at=[MONDAY - n * DAY for n in (2, 3, 8)]), MONDAY, "send"),
        (
            replace(MESSAGE, template="alert.stop"),
            replace(FACTS, sent_at=(MONDAY,)),
            MONDAY,
            "send",
        ),
        (
            replace(MESSAGE, template="alert.stop"),
            replace(FACTS, sent_at=(MONDAY,), told=True),
            MONDAY,
            "cap",
        ),
        (MESSAGE, FACTS, NIGHT, "quiet hours"),
        (replace(MESSAGE, template="alert.stop"), FACTS, NIGHT, "quiet hours"),
        (MESSAGE, FACTS, MONDAY + 5 * DAY, "stale"),
        (
            replace(MESSAGE, purpose="reply", template="advisor", answers_at=NIGHT),
            replace(FACTS, consent=False),
            NIGHT + timedelta(minutes=5),
            "send",
        ),
        (
            replace(MESSAGE, purpose="reply", template="advisor", answers_at=MONDAY),
            FACTS,
            NIGHT,
            "quiet hours",
        ),
        (
            replace(MESSAGE, purpose="reply", template="help", answers_at=MONDAY),
            replace(FACTS, stopped_at=MONDAY),
            MONDAY,
            "stop",
        ),
    ],
)
def test_checks_at_the_moment_of_sending(
    message: Due, facts: Facts, now: datetime, expected: str
) -> None:
    verdict = outreach.check(message, facts, now, Policy())
    assert (verdict.code if isinstance(verdict, Hold | Drop) else "send") == expected


zones = st.sampled_from(sorted(available_timezones() - {"localtime", "Factory"}))
moments = st.integers(0, 4 * 366 * 24 * 60).map(
    lambda minutes: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
dst_nights = st.sampled_from(
    [datetime(2026, m, d, tzinfo=UTC) for m, d in ((3, 8), (3, 29), (4, 5), (10, 4), (11, 1))]
).flatmap(lambda d: st.integers(-36 * 60, 36 * 60).map(lambda m: d + timedelta(minutes=m)))


@given(zones, moments | dst_nights, st.sampled_from([(8, 21), (9, 20), (8, 9), (20, 21)]))
def test_nobody_is_written_to_in_quiet_hours(
    zone: str, now: datetime, window: tuple[int, int]
) -> None:
    policy = Policy(time(window[0]), time(window[1]))
    facts = replace(FACTS, time_zone=zone)
    message = replace(MESSAGE, planned_at=now)
    local = now.astimezone(ZoneInfo(zone)).time()
    allowed = policy.earliest <= local < policy.latest
    verdict = outreach.check(message, facts, now, policy)
    assert isinstance(verdict, Send) == allowed
    if isinstance(verdict, Hold):
        assert verdict.until > now
        assert isinstance(outreach.check(message, facts, verdict.until, policy), Send)
        before = verdict.until - timedelta(minutes=1)
        early = outreach.check(message, facts, max(before, now), policy)
        assert isinstance(early, Hold), "held no longer than it must be"


def test_policy_stays_within_the_law() -> None:
    with pytest.raises(ValueError, match="8:00 to 21:00"):
        Policy(time(7), time(20))


@given(moments, st.integers(1, 80), zones)
def test_deadlines_fall_into_opening_hours(now: datetime, work_hours: int, zone: str) -> None:
    dealer = Dealer(1, "D", zone, "+1", time(8), time(17), [1, 2, 3, 4, 5])
    due = hours.add_working_time(now, timedelta(hours=work_hours), dealer)
    local = due.astimezone(ZoneInfo(zone))
    assert due > now
    assert local.isoweekday() <= 5 and time(8) <= local.time() <= time(17)


@pytest.mark.parametrize(
    ("body", "offered", "expected"),
    [
        ("2", 3, words.Choice(2)),
        ("Option 2!", 3, words.Choice(2)),
        ("the second", 3, words.Choice(2)),
        ("The second one, please", 3, words.Choice(2)),
        ("2 please", 3, words.Choice(2)),
        ("ok 3 works for me thanks", 3, words.Choice(3)),
        ("I'll take the first", 3, words.Choice(1)),
        ("one", 3, words.Choice(1)),
        ("yes", 1, words.Says("yes")),
        ("yes", 3, words.Says("yes")),
        ("yes", 0, words.Says("yes")),
        ("4", 3, words.Unclear()),
        ("2", 0, words.Unclear()),
        ("1 or 2", 3, words.Unclear()),
        ("2 days ago it was fine", 3, words.Unclear()),
        ("not 2", 3, words.Unclear()),
        ("call me", 3, words.Call()),
        ("Please call me at 2", 3, words.Call()),
        ("", 3, words.Unclear()),
        ("\u0662", 3, words.Unclear()),
        ("2" * 5000, 3, words.Unclear()),
    ],
)
def test_answers(body: str, offered: int, expected: object) -> None:
    assert words.keyword(body) is None
    assert words.understand(body, offered, date(2026, 11, 23)) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        *((w, "stop") for w in sorted(words.STOP_WORDS)),
        ("STOP", "stop"),
        (" Stop. ", "stop"),
        ("stop please", "stop"),
        ("STOP!!!", "stop"),
        ("please stop texting me", "stop"),
        ("Don't text me again", "stop"),
        ("don’t contact me", "stop"),
        ("take me off your list", "stop"),
        ("no more messages", "stop"),
        ("START", "start"),
        ("unstop", "start"),
        ("Help", "help"),
        ("can I stop by at 3?", None),
        ("please cancel my appointment", None),
        ("the car stopped on the road", None),
        ("end of next week?", None),
    ],
)
def test_keywords(body: str, expected: str | None) -> None:
    assert words.keyword(body) == expected


@given(st.text(max_size=400), st.integers(0, 3))
def test_any_words_are_understood_or_not_but_never_break(body: str, offered: int) -> None:
    words.keyword(body)
    got = words.understand(body, offered, date(2026, 11, 23))
    assert not isinstance(got, words.Choice) or 1 <= got.number <= offered


def test_delivery_in_any_order() -> None:
    told: list[tuple[str, int | None]] = [("queued", None), ("sent", None), ("delivered", None)]
    for order in permutations(told):
        assert delivery.ending(order) == delivery.Ending("delivered", None)
    failed = delivery.ending([("undelivered", 30003), ("sent", None)])
    assert failed == delivery.Ending("undelivered", 30003)


DEALER = Dealer(1, "D", "America/New_York", "+1", time(8), time(17), [1, 2, 3, 4, 5, 6, 7])


@given(
    moments | dst_nights,
    st.lists(
        st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(0, 96), st.integers(1, 12)),
        max_size=30,
    ),
    st.sampled_from([30, 45, 60, 90, 240]),
    st.sampled_from(["America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]),
    st.sampled_from([(time(8), time(17)), (time(0), time(23)), (time(2, 30), time(9))]),
)
def test_slots_are_free_and_in_hours(
    now: datetime,
    taken: list[tuple[int, int, int, int]],
    minutes: int,
    zone: str,
    opening: tuple[time, time],
) -> None:
    half_hour = timedelta(minutes=30)
    busy = [
        Busy(bay, who, now + start * half_hour, now + (start + length) * half_hour)
        for bay, who, start, length in taken
    ]
    dealer = replace(DEALER, time_zone=zone, opens=opening[0], closes=opening[1])
    bays = [Bay(1, "general"), Bay(2, "general"), Bay(3, "ev")]
    people = [
        Technician(1, ["general"], time(8), time(17), [1, 2, 3, 4, 5]),
        Technician(2, ["general"], time(0), time(23, 30), [6, 7]),
        Technician(3, ["high_voltage"], time(0), time(23, 30), [1, 2, 3, 4, 5, 6, 7]),
    ]
    work = slots.work_of([OpCode("X", "X", minutes, "general", "general")])
    shop = slots.Shop(dealer, bays, people, busy)
    found = list(slots.free_slots(shop, work, now, days=5))
    assert found == sorted(found, key=lambda s: s.starts_at)
    for slot in found:
        assert slot.starts_at >= now and slot.bay_id != 3 and slot.technician_id != 3
        assert slot.ends_at - slot.starts_at == timedelta(minutes=minutes)
        begins = slot.starts_at.astimezone(ZoneInfo(zone))
        ends = slot.ends_at.astimezone(ZoneInfo(zone))
        assert begins.date() == ends.date()
        assert opening[0] <= begins.time() and ends.time() <= opening[1]
        assert slots.fits(slot, shop, work)
        for one in busy:
            if one.bay_id == slot.bay_id or one.technician_id == slot.technician_id:
                assert one.ends_at <= slot.starts_at or slot.ends_at <= one.starts_at
    picked = slots.choose(found, ZoneInfo(zone), 3)
    assert len(picked) == min(
        3,
        len(
            {
                (
                    s.starts_at.astimezone(ZoneInfo(zone)).date(),
                    s.starts_at.astimezone(ZoneInfo(zone)).hour >= 12,
                )
                for s in found
            }
        ),
    )


def test_choices_come_before_the_failure_or_there_are_none() -> None:
    bays, people = [Bay(1, "general")], [Technician(1, ["general"], time(8), time(17), [1, 2, 3])]
    work = slots.work_of([OpCode("X", "X", 60, "general", "general")])
    free = list(slots.free_slots(slots.Shop(DEALER, bays, people), work, MONDAY, days=5))
    zone = ZoneInfo(DEALER.time_zone)
    before = MONDAY + timedelta(hours=9)
    assert all(s.ends_at <= before for s in slots.choose(free, zone, 3, before))
    assert slots.choose(free, zone, 3, MONDAY) == [], "a late one is no choice"


def test_texts_never_ask_for_an_opt_out_word() -> None:
    for language, library in texts.LIBRARY.items():
        assert library.keys() == texts.ENGLISH.keys()
        for text in library.values():
            assert texts.is_gsm7(text) or language != "en"
            asked = text.lower().replace("reply stop", "")
            assert not set(words.plain(asked).split()) & (texts.INSTEAD_OF_ENDED - {"end"})
            assert "reply end" not in asked


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (429, 20429, "later"),
        (500, 20500, "unsure"),
        (503, 0, "unsure"),
        (401, 20003, "later"),
        (400, 21606, "later"),
        (400, 21610, "refused"),
        (400, 21211, "refused"),
        (400, 21614, "refused"),
    ],
)
def test_what_an_error_means(status: int, code: int, expected: str) -> None:
    got = twilio_client.answer(status, code, "words")
    if isinstance(got, Later):
        assert ("unsure" if got.unsure else "later") == expected
    else:
        assert expected == "refused" and got.code == code


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(1, 2**32 - 1) | st.none())
def test_links_say_what_they_said(customer: int, vehicle: int, about: int | None) -> None:
    token = links.slot_token(
        "s", customer_id=customer, vehicle_id=vehicle, alert_id=about, now=MONDAY
    )
    assert len(token) == 32
    link = links.read_slot_token("s", token, MONDAY + 13 * DAY)
    assert (link.customer_id, link.vehicle_id, link.alert_id) == (customer, vehicle, about)
    with pytest.raises(links.LinkExpired):
        links.read_slot_token("s", token, MONDAY + 15 * DAY)
    with pytest.raises(links.LinkInvalid):
        links.read_slot_token("other", token, MONDAY)


@given(st.text(max_size=60), st.integers(0, 31))
def test_links_changed_or_made_up_are_refused(made_up: str, at: int) -> None:
    token = links.slot_token("s", customer_id=1, vehicle_id=2, alert_id=3, now=MONDAY)
    other = "A" if token[at] != "A" else "B"
    for bad in (made_up, token[:at] + other + token[at + 1 :], token[:at], token + "AA"):
        with pytest.raises(links.LinkInvalid):
            links.read_slot_token("s", bad, MONDAY)


def test_settings_name_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SECRET_KEY", "PUBLIC_URL", "TWILIO_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABASE_URL", "postgresql://x")
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", "nonsense")
    monkeypatch.setenv("TWILIO_FROM", "555")
    monkeypatch.setenv("CONTACT_FROM", "06:00")
    with pytest.raises(SettingsError) as error:
        load(CareSettings)
    for name in ("SECRET_KEY", "PUBLIC_URL", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"):
        assert name in str(error.value)
    assert "TWILIO_FROM" in str(error.value) and "CONTACT_FROM" in str(error.value)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("SMTP_HOST", "mail.example", "SMTP_HOST needs MAIL_FROM"),
        ("SMTP_PORT", "70000", "SMTP_PORT"),
        ("SMTP_SECURITY", "ssl", "SMTP_SECURITY"),
        ("SMTP_USER", "me", "SMTP_USER needs SMTP_PASSWORD"),
        ("SMTP_CA_FILE", "/no/such/file", "SMTP_CA_FILE: has no certificates"),
        ("SMTP_CA_FILE", __file__, "SMTP_CA_FILE: has no certificates"),
        ("WECOM_CORP_ID", "ww1", "WECOM_CORP_ID needs WECOM_SECRET"),
        ("WECOM_API_URL", "https://", "WECOM_API_URL: must look like"),
        ("WECOM_API_URL", "http://a b", "WECOM_API_URL: must look like"),
        ("TWILIO_API_URL", "http://a:port", "TWILIO_API_URL: must look like"),
        ("TWILIO_WHATSAPP_FROM", "whatsapp:+1312", "TWILIO_WHATSAPP_FROM"),
        ("EMAIL_PER_S", "inf", "EMAIL_PER_S"),
        ("WECOM_PER_S", "nan", "WECOM_PER_S"),
        ("SMS_PER_S", "0", "SMS_PER_S"),
        ("SETTLE_AFTER_S", "inf", "SETTLE_AFTER_S"),
    ],
)
def test_a_channel_that_is_half_set_up_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    good = {
        "DATABASE_URL": "postgresql://x",
        "SECRET_KEY": "0123456789abcdef",
        "PUBLIC_URL": "https://care.example/under",
        "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_AUTH_TOKEN": "t",
        "TWILIO_FROM": "+13125550100",
    }
    for name, fit in good.items():
        monkeypatch.setenv(name, fit)
    assert load(CareSettings).public_url == good["PUBLIC_URL"]
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as error:
        load(CareSettings)
    assert said in str(error.value)


def test_law_knows_no_such_zone() -> None:
    assert law.zone_named("Mars/Olympus") is None
    assert law.zone_named("../etc/passwd") is None


SLOT = Slot(1, 1, MONDAY + 2 * DAY + timedelta(hours=4, minutes=30), MONDAY + 3 * DAY)


WHOLE = sorted(texts.ENGLISH.keys() - {"choices", "one choice", "choice", "last choice"})


@pytest.mark.parametrize("template", WHOLE)
@pytest.mark.parametrize("cause", [*CAUSES, "dtc_p0301"])
def test_a_chinese_text_says_all_in_chinese_and_stays_short(template: str, cause: str) -> None:
    dealer = replace(DEALER, name="湖滨汽车", phone="+861065550199")
    body = texts.text(
        template,
        "zh-CN",
        dealer=dealer.name,
        phone=dealer.phone,
        name="王芳",
        car="Toyota Corolla",
        plain=texts.plain(cause, "zh-CN"),
        campaign="雨季将至",
        instead="上门取车",
        work="更换蓄电池",
        when=compose.when(SLOT.starts_at, ZoneInfo(dealer.time_zone), "zh-CN"),
        choices=compose.choices([SLOT] * 3, dealer, "zh-CN"),
    ).replace("{link}", "https://lakeside.example/b/" + "x" * 32)
    bare = body.replace("Toyota Corolla", "").replace("STOP", "").replace("lakeside.example", "")
    assert not re.search("[a-z]{2,}", bare.replace("https", "").replace("x" * 32, "")), body
    assert texts.segments(body) <= 3, len(body)


@pytest.mark.parametrize("template", WHOLE)
@pytest.mark.parametrize("cause", [*CAUSES, "dtc_p0301", "dtc_p0626", "dtc_p1234"])
@pytest.mark.parametrize("name", [" Christopher", ""])
def test_a_text_is_short(template: str, cause: str, name: str) -> None:
    dealer = replace(DEALER, name="Lakeside Motors", phone="+13125550199")
    body = texts.text(
        template,
        "en",
        dealer=dealer.name,
        phone=dealer.phone,
        name=name,
        car="Toyota Corolla",
        plain=cause_of(cause).plain,
        campaign="the cold season is coming",
        work="Cooling system diagnosis",
        when=compose.when(SLOT.starts_at, ZoneInfo(dealer.time_zone)),
        choices=compose.choices([SLOT] * 3, dealer, "en"),
        instead=texts.text("way mobile", "en"),
    ).replace("{link}", "https://lakeside.example/b/" + "x" * 32)
    assert texts.is_gsm7(body) and "  " not in body and " ," not in body
    segments = 3 if "alert.stop" in (template, f"alert.{cause_of(cause).urgency.value}") else 2
    assert len(body) <= segments * 153, len(body)
