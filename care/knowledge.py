"""What we know how to answer, and which of it fits what a customer wrote.

English is found by PostgreSQL's own dictionary. It has none for Chinese: there, characters are
indexed in pairs, the usual way where words have no spaces between them (CJK bigrams).
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from psycopg import Connection

from care import compose
from care.errors import CareError
from care.store import alerts, bookings, people
from care.store import knowledge as store
from care.store.knowledge import Article
from care.store.people import Customer, Dealer
from care.texts import short
from record import strict_yaml
from record.causes import cause_of

SHIPPED = Path(__file__).parent / "knowledge.yaml"

FIELDS = frozenset({"dealer", "phone", "hours", "name", "car", "work", "minutes", "link"})
"""What an answer may ask to be filled in; ``{link}`` is filled in at the moment of sending."""

FEW = 3
"""Suggestions at once."""

_WORDS = 40
"""Words, or pairs, of a message that are looked for."""

_CJK = re.compile(r"[\u3400-\u9fff]+")
_DAYS = {"en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), "zh": tuple("一二三四五六日")}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An answer that may fit, its fields filled in."""

    article: Article
    body: str


def pairs(text: str) -> list[str]:
    """Chinese characters two by two; a lone one as it is.

    Examples
    --------
    >>> pairs("多少钱？好")
    ['多少', '少钱', '好']
    """
    found = []
    for run in _CJK.findall(unicodedata.normalize("NFKC", text)):
        found += [run[n : n + 2] for n in range(len(run) - 1)] or [run]
    return found


def ship(conn: Connection, now: datetime) -> int:
    """Bring the shipped articles into the database; returns how many are new, or have changed."""
    said, _ = strict_yaml.read(SHIPPED.read_text("utf-8"))
    assert isinstance(said, dict)
    return sum(
        _put(conn, None, name, language, one["question"], one["answer"], "shipped", now)
        for name, languages in said.items()
        for language, one in languages.items()
    )


def write(
    conn: Connection,
    *,
    dealer_id: int,
    name: str,
    language: str,
    question: str,
    answer: str,
    actor: str,
    now: datetime,
) -> None:
    """A dealer's own version of an article, in force from now on.

    Raises
    ------
    CareError
        If something is missing, too long, or the answer asks for a field that there is not.
    """
    name, question, answer = (" ".join(part.split()) for part in (name, question, answer))
    name = re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")[:60]
    if not name:
        raise CareError("Give the article a short name in plain letters, such as: winter tires.")
    if language not in _DAYS:
        raise CareError("Articles are in English or Chinese.")
    if not question or not answer:
        raise CareError("An article needs the questions that it answers, and the answer.")
    if len(question) > 500 or len(answer) > 1000:
        raise CareError("500 characters of questions and 1,000 of answer are the most.")
    if "\x00" in question + answer:
        raise CareError("These words can't be stored.")
    check_fields(answer)
    _put(conn, dealer_id, name, language, question, answer, actor, now)
    people.audit(conn, now, actor, "article written", f"article:{name}:{language}")


def check_fields(answer: str) -> None:
    """Refuse fields that nobody can fill in.

    Raises
    ------
    CareError

    Examples
    --------
    >>> check_fields("We are open {hours}.")
    >>> check_fields("It costs {price}.")
    Traceback (most recent call last):
    care.errors.CareError: There is no {price}; there are {car}, {dealer}, {hours}, {link}, ...
    """
    bare = re.sub(r"\{(\w+)\}", lambda m: "" if m[1] in FIELDS else m[0], answer)
    wrong = re.search(r"\{[^}]*\}?|\}", bare)
    if wrong is not None:
        there = ", ".join(f"{{{field}}}" for field in sorted(FIELDS))
        raise CareError(f"There is no {wrong[0]}; there are {there}.")


def take_out(conn: Connection, dealer_id: int, article_id: int, actor: str, now: datetime) -> None:
    """End a dealer's own article; a shipped one of the same name is in force again.

    Raises
    ------
    CareError
        If it isn't the dealer's, or not in force.
    """
    if not store.take_out(conn, dealer_id, article_id):
        raise CareError("Only an article of your own dealer that is in force can be taken out.")
    people.audit(conn, now, actor, "article taken out", f"article:{article_id}")


def suggest(conn: Connection, customer: Customer, said: str, now: datetime) -> list[Suggestion]:
    """The few answers that fit a message best, in the language in which it was written."""
    found = search(conn, customer.dealer_id, said)
    return [Suggestion(one, fill(conn, one, customer, now)) for one in found]


def search(conn: Connection, dealer_id: int, said: str) -> list[Article]:
    """The few articles that fit a message best."""
    language = "zh" if _CJK.search(said) else "en"
    words = pairs(said) if language == "zh" else re.findall(r"[^\W_]{2,}", said.casefold())
    if not words:
        return []
    wanted = " or ".join(f'"{word}"' for word in dict.fromkeys(words[:_WORDS]))
    return store.search(conn, dealer_id, language, wanted, FEW)


def fill(conn: Connection, article: Article, customer: Customer, now: datetime) -> str:
    """The answer with what is true of this customer; ``{link}`` stays."""
    dealer = people.dealer(conn, customer.dealer_id)
    assert dealer is not None
    open_alert = alerts.worst_of_customer(conn, customer.id, now)
    vehicle_id = open_alert.vehicle_id if open_alert else people.any_car(conn, customer.id, now)
    car = people.car(conn, vehicle_id) if vehicle_id is not None else None
    code = cause_of(open_alert.cause).op_code if open_alert else "DIAG"
    op = bookings.op_code(conn, code)
    facts = {
        "dealer": dealer.name,
        "phone": dealer.phone,
        "hours": hours(dealer, article.language),
        "name": customer.name.split()[0] if customer.name.strip() else "",
        "car": compose.car_name(car),
        "work": op.title if op else "",
        "minutes": str(op.minutes) if op else "",
        "link": "{link}",
    }
    return re.sub(r"\{(\w+)\}", lambda m: facts.get(m[1], m[0]), article.answer)


def hours(dealer: Dealer, language: str) -> str:
    """Opening hours in a few words.

    Examples
    --------
    >>> from datetime import time
    >>> lakeside = Dealer(1, "L", "UTC", "+1", time(8), time(17, 30), [1, 2, 3, 4, 5, 7])
    >>> hours(lakeside, "en"), hours(lakeside, "zh")
    ('Mon to Fri, Sun 8:00 to 17:30', '周一至周五、周日8:00至17:30')
    """
    days = _DAYS[short(language)]
    chinese = days is _DAYS["zh"]
    to, comma, week, blank = ("至", "、", "周", "") if chinese else (" to ", ", ", "", " ")
    spans = comma.join(
        f"{week}{days[first - 1]}" + (f"{to}{week}{days[last - 1]}" if last > first else "")
        for first, last in _runs(dealer.open_weekdays)
    )
    return f"{spans}{blank}{dealer.opens:%-H:%M}{to}{dealer.closes:%-H:%M}"


def _runs(weekdays: list[int]) -> Iterator[tuple[int, int]]:
    """First and last of each unbroken run."""
    first = last = None
    for day in sorted(weekdays):
        if first is None or last is None:
            first = last = day
        elif day == last + 1:
            last = day
        else:
            yield first, last
            first = last = day
    if first is not None and last is not None:
        yield first, last


def _put(
    conn: Connection,
    dealer_id: int | None,
    name: str,
    language: str,
    question: str,
    answer: str,
    by: str,
    now: datetime,
) -> bool:
    terms = " ".join(pairs(question) * 2 + pairs(answer)) if language == "zh" else ""
    return store.put(
        conn,
        dealer_id=dealer_id,
        name=name,
        language=language,
        question=question,
        answer=answer,
        terms=terms,
        by=by,
        at=now,
    )
