"""Each row of docs/replies.md is true."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from care import reply, words
from care.store.outbox import NewReply, Offered
from care.store.people import Customer
from record.flow import Booking, Slot

TABLE = Path(__file__).parents[2] / "docs" / "replies.md"
CHICAGO = ZoneInfo("America/Chicago")
NOW = datetime(2026, 11, 23, 10, tzinfo=CHICAGO)
ADA = Customer(7, 1, None, "Ada", "+13125551200", "en", "America/Chicago")


def slot(day: int, hour: int) -> Slot:
    at = datetime(2026, 11, day, hour, tzinfo=CHICAGO).astimezone(UTC)
    return Slot(1, 1, at, at + timedelta(hours=1))


THREE = {1: slot(24, 9), 2: slot(25, 14), 3: slot(27, 11)}
VISIT = slot(25, 14)
BOOKED = Booking(9, 1, 7, 1, 1, 1, VISIT.starts_at, VISIT.ends_at, "DIAG", "booked", 5)
OFFERS = {"nothing": None, "visit": None, "one": Offered(1, 5, NOW, {1: THREE[1]})}
OFFERS |= {"three": Offered(1, 5, NOW, THREE), "due": Offered(1, 5, NOW, THREE)}
OFFERS |= {"estimate": Offered(1, 5, NOW, {1: THREE[1]})}
OFFERS |= {"moving": Offered(1, 5, NOW, THREE, 9)}


def outcome(body: str, context: str) -> tuple[str, str]:
    """What a text means after what was said before, and what follows, as the table has it."""
    keyword = words.keyword(body)
    if keyword is not None:
        return keyword, {
            "stop": "no more texts",
            "start": "texts again",
            "help": "says who we are",
        }[keyword]
    got = NewReply(1, 7, "+13125551200", body, NOW, None)
    booked = BOOKED if context in ("visit", "moving") else None
    meaning, deed = reply.decide(
        got,
        ADA,
        OFFERS[context],
        True,
        booked if context == "moving" else None,
        CHICAGO,
        due=context == "due",
        coming=booked,
        asked_since=context == "estimate",
    )
    return meaning, follows(deed)


def follows(deed: reply.Deed) -> str:
    match deed:
        case reply.Book():
            return "booked"
        case reply.Move():
            return "moved"
        case reply.Seek(wished) | reply.Shift(_, wished, ""):
            return "offers times then" if wished else "offers times"
        case reply.Shift():
            return "offers times; a person"
        case reply.Done(_):
            return "into the service book"
        case reply.Sold():
            return "no longer theirs; a person"
        case reply.WrongNumber():
            return "no more texts; a person"
        case reply.Ask():
            return "a person"
        case reply.Nothing():
            return "nothing"


def rows() -> list[tuple[str, str, str, str]]:
    found = re.findall(r"^\| “(.*)” \| (\w+) \| (.*?) \| (.*?) \|$", TABLE.read_text(), re.M)
    return [(row[0], row[1], row[2], row[3]) for row in found]


def test_the_table_is_long_enough() -> None:
    told = rows()
    assert len(told) == len({row[:2] for row in told}) >= 150
    assert len(told) == sum(line.startswith("| “") for line in TABLE.read_text().splitlines())
    chinese = [row for row in told if re.search(r"[\u4e00-\u9fff]", row[0])]
    persons = [row for row in told if row[3] == "a person"]
    assert len(chinese) >= 40 and len(persons) >= 40
    assert {row[1] for row in told} == set(OFFERS)


@pytest.mark.parametrize(("body", "context", "meaning", "what"), rows())
def test_a_row(body: str, context: str, meaning: str, what: str) -> None:
    assert outcome(body, context) == (meaning, what)
