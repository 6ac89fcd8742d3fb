"""The law as code: hours, free days and counts by place, and the table of ``docs/law.md``."""

import ast
import re
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import geocoder

from care import area_codes, law, law_states, outreach, texts
from care.law import Place
from care.law_states import FEDERAL, STATES
from care.outreach import Drop, Hold, Policy, Send
from tests.care.test_decisions import FACTS, MESSAGE
from tests.care.world import MONDAY

ROOT = Path(__file__).parents[2]
HOUR = timedelta(hours=1)
WIDE = Policy(law.EARLIEST, law.LATEST)

ZONES = {
    "US-AL": "America/Chicago", "US-CT": "America/New_York", "US-FL": "America/New_York",
    "US-KY": "America/Kentucky/Louisville", "US-LA": "America/Chicago",
    "US-MA": "America/New_York", "US-MD": "America/New_York", "US-ME": "America/New_York",
    "US-MI": "America/Detroit", "US-MN": "America/Chicago", "US-MS": "America/Chicago",
    "US-NM": "America/Denver", "US-NV": "America/Los_Angeles", "US-OK": "America/Chicago",
    "US-OR": "America/Los_Angeles", "US-PA": "America/New_York", "US-RI": "America/New_York",
    "US-SD": "America/Chicago", "US-TX": "America/Chicago", "US-UT": "America/Denver",
    "US-WA": "America/Los_Angeles", "US-WY": "America/Denver",
}  # fmt: skip
FEDERAL_ZONES = {
    "US-AK": "America/Anchorage", "US-AZ": "America/Phoenix", "US-CA": "America/Los_Angeles",
    "US-HI": "Pacific/Honolulu", "US-IN": "America/Indiana/Indianapolis", "US-NY":
    "America/New_York", "US-ID": "America/Boise", "US-ND": "America/North_Dakota/Center",
    "US-DC": "America/New_York", "US-GU": "Pacific/Guam",
}  # fmt: skip


def forbidden(place: Place, moment: datetime) -> bool:
    """Whether a place forbids a moment, said in other words than the code's."""
    local = moment.astimezone(place.zone)
    rule, hour = place.rule, local.hour + local.minute / 60
    if rule.region in ("US-AL", "US-LA", "US-MS", "US-PA", "US-RI", "US-UT") and (
        local.isoweekday() == 7 or law_states.is_holiday(local.date())
    ):
        return True
    if rule.region in ("US-SD", "US-ME") and local.isoweekday() == 7:
        return True
    if rule.region == "US-ME":
        return local.isoweekday() > 5 or not 9 <= hour < 17
    if rule.region == "US-RI":
        early, late = (10, 17) if local.isoweekday() == 6 else (9, 18)
        return not early <= hour < late
    if rule.region == "US-TX" and local.isoweekday() == 7:
        return not 12 <= hour < 21
    begins = {"US-KY": 10} | dict.fromkeys(
        ("US-CT", "US-MI", "US-MN", "US-NM", "US-NV", "US-SD", "US-TX"), 9
    )
    ends_at_21 = ("US-KY", "US-MI", "US-MN", "US-NM", "US-PA", "US-SD", "US-TX", "US-UT", "US")
    return not begins.get(rule.region, 8) <= hour < (21 if rule.region in ends_at_21 else 20)


@pytest.mark.parametrize("region", sorted({*STATES, *FEDERAL_ZONES}))
def test_no_forbidden_hour_in_a_whole_year(region: str) -> None:
    """Every half hour of 2026, both changes of the clocks among them."""
    zone = ZONES.get(region) or FEDERAL_ZONES[region]
    where = law.places(zone, region, "+13125550100")
    assert [p.rule.region for p in where] == [region if region in STATES else "US"]
    moment, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    facts = replace(FACTS, where=where)
    allowed = 0
    while moment < end:
        verdict = outreach.check(replace(MESSAGE, planned_at=moment), facts, moment, WIDE)
        assert isinstance(verdict, Hold) == forbidden(where[0], moment), moment
        if isinstance(verdict, Hold):
            assert not forbidden(where[0], verdict.until)
            moment = min(verdict.until, moment + 3 * HOUR)
            continue
        allowed += 1
        moment += HOUR / 2
    assert allowed > 365 * 5, "and yet there is time to write"


places = st.builds(
    Place,
    st.sampled_from(sorted({*ZONES.values(), *FEDERAL_ZONES.values()})).map(ZoneInfo),
    st.sampled_from([FEDERAL, *STATES.values()]),
)
moments = st.integers(0, 366 * 24 * 60).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


@given(st.lists(places, min_size=1, max_size=3), moments, st.booleans())
def test_the_strictest_wins(where: list[Place], now: datetime, free_days: bool) -> None:
    found = law.next_lawful(now, where, time(9), time(20), free_days)
    alone = [law.next_lawful(now, [place], time(9), time(20), free_days) for place in where]
    assert all(one is not None for one in alone)
    if found is None:
        return
    assert found >= max(one for one in alone if one is not None)
    assert all(law.next_lawful(found, [p], time(9), time(20), free_days) == found for p in where)
    if free_days:
        assert not any(forbidden(place, found) for place in where)


def test_hours_that_never_meet_are_said_so() -> None:
    guam, maine = ZoneInfo("Pacific/Guam"), ZoneInfo("America/New_York")
    apart = (Place(guam), Place(maine, STATES["US-ME"]))
    assert law.next_lawful(MONDAY, apart, time(9), time(20)) is None
    verdict = outreach.check(MESSAGE, replace(FACTS, where=apart), MONDAY, Policy())
    assert isinstance(verdict, Drop) and verdict.code == "no hour"


@pytest.mark.parametrize(
    ("zone", "region", "phone", "expected"),
    [
        ("America/New_York", "US-FL", "+13125550100", [("America/New_York", "US-FL")]),
        ("America/New_York", "US-NY", "+13055550100", [("America/New_York", "US")]),
        ("America/New_York", None, "+13055550100", [("America/New_York", "US-FL")]),
        (
            "America/Los_Angeles",
            None,
            "+13055550100",
            [("America/Los_Angeles", "US"), ("America/New_York", "US-FL")],
        ),
        ("Europe/Berlin", None, "+13055550100", [("Europe/Berlin", "US")]),
        ("America/Chicago", None, "+18005550100", [("America/Chicago", "US")]),
        ("Asia/Shanghai", None, "+8613912345678", [("Asia/Shanghai", "US")]),
        ("America/Chicago", None, None, [("America/Chicago", "US")]),
        ("Mars/Olympus", "US-FL", None, []),
    ],
)
def test_where_somebody_may_be(
    zone: str, region: str | None, phone: str | None, expected: list[tuple[str, str]]
) -> None:
    found = law.places(zone, region, phone)
    assert [(str(place.zone), place.rule.region) for place in found] == expected


def test_a_free_day_holds_all_but_a_warning() -> None:
    sunday = datetime(2026, 11, 22, 17, tzinfo=UTC)  # 10 in Denver
    facts = replace(FACTS, where=law.places("America/Denver", "US-UT", None))
    message = replace(MESSAGE, planned_at=sunday)
    held = outreach.check(message, facts, sunday, Policy())
    assert isinstance(held, Hold) and held.until == datetime(2026, 11, 23, 16, tzinfo=UTC)
    warning = replace(message, template="alert.stop")
    assert isinstance(outreach.check(warning, facts, sunday, Policy()), Send)
    night = sunday - 10 * HOUR
    assert isinstance(outreach.check(warning, facts, night, Policy()), Hold)


@pytest.mark.parametrize(("region", "expected"), [("US-FL", Hold), ("US-NY", Send)])
def test_a_state_counts_messages(region: str, expected: type) -> None:
    """Three within a day in Florida, though the dealer would allow five."""
    facts = replace(
        FACTS,
        where=law.places("America/New_York", region, None),
        sent_at=[MONDAY - n * HOUR for n in (1, 2, 3)],
    )
    verdict = outreach.check(MESSAGE, facts, MONDAY, Policy(per_day=5, per_week=20))
    assert isinstance(verdict, expected)


def test_area_codes_are_as_phonenumbers_has_them() -> None:
    names = {"New York": "NY", "Florida": "FL", "Washington State": "WA", "Texas": "TX"}
    seen = 0
    for code in range(200, 1000):
        told = geocoder.description_for_number(phonenumbers.parse(f"+1{code}5550100"), "en")
        state = names.get(told) or (told[-2:] if re.search(r", [A-Z]{2}$", told) else None)
        if state and f"US-{state}" in {f"US-{one}" for one in area_codes.STATE_OF.values()}:
            assert area_codes.STATE_OF[str(code)] == state, (code, told)
            seen += 1
    assert seen > 60 and len(area_codes.STATE_OF) > 340


@given(moments)
def test_an_answer_is_due_within_a_month(received: datetime) -> None:
    due = law.answer_due(received)
    assert timedelta(days=28) <= due - received <= timedelta(days=31)
    assert due.day == received.day or (due + timedelta(days=1)).day == 1


def test_every_text_that_speaks_first_says_how_to_refuse() -> None:
    """STOP in any language; in Chinese besides a word that the law there knows."""
    closers = ("choices", "one choice", "no choices", "opt out", "help")
    alone = ("recall", "seasonal", "win_back", "birthday")
    for language, library in texts.LIBRARY.items():
        words = law.REFUSAL_WORDS.get(language, ())
        for template in closers + alone:
            assert "STOP" in library[template]
            assert not words or any(word in library[template] for word in words), template


def test_holidays_of_a_known_year() -> None:
    year = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
    assert [f"{d:%m-%d}" for d in year if law_states.is_holiday(d)] == [
        "01-01", "01-19", "02-16", "05-25", "06-19", "07-03", "07-04", "09-07", "10-12", "11-11",
        "11-26", "12-25",
    ]  # fmt: skip


def table() -> list[list[str]]:
    lines = (ROOT / "docs" / "law.md").read_text("utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "|" in line]
    return [row for row in rows if len(row) == 4 and row[0] not in ("Rule", "---")]


def named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def has(path: str) -> bool:
    """Whether there is such a name: ``care.law.EARLIEST``, ``tests/x.py::test_y``."""
    if "::" in path:
        file, _, name = path.partition("::")
        return any(
            isinstance(node, ast.FunctionDef) and node.name == name
            for node in ast.parse((ROOT / file).read_text("utf-8")).body
        )
    if "/" in path:
        return (ROOT / path).exists()
    module, _, name = path.rpartition(".")
    source = (ROOT / module.replace(".", "/")).with_suffix(".py")
    if not source.exists():
        source = ROOT / module.replace(".", "/") / "__init__.py"
    if not source.exists():
        return False
    found: set[str] = set()
    for node in ast.parse(source.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {one.id for one in targets if isinstance(one, ast.Name)}
    return name in found


def test_the_document_names_what_is_there() -> None:
    rows = table()
    assert len(rows) >= 14
    for rule, source, code, test in rows:
        assert source, rule
        assert named(code) and named(test), f"no code or no test: {rule}"
        for path in named(code) + named(test):
            assert has(path), f"{rule}: there is no {path}"
        assert all("::" in path for path in named(test)), rule


def test_the_document_names_every_rule() -> None:
    document = (ROOT / "docs" / "law.md").read_text("utf-8")
    constants = {
        node.targets[0].id
        for node in ast.parse((ROOT / "care" / "law.py").read_text("utf-8")).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    rules = {name for name in constants if not name.startswith("_")}
    assert rules >= {"EARLIEST", "LATEST", "ANSWER_WITHIN"}
    for name in rules:
        assert f"`care.law.{name}`" in document, name
    for region, rule in STATES.items():
        assert f"| {region} |" in document and rule.source in document, region
    assert "not legal advice" in document.lower()
