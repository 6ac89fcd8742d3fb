"""Appointments as iCalendar files (RFC 5545, RFC 5546): for a customer one, for a workshop all.

Small enough to write by hand: all times are UTC, nothing recurs (docs/decisions/0061).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Event:
    """One appointment.

    Parameters
    ----------
    sequence : int
        Raised with each change; a calendar takes the highest.
    cancelled : bool
        It will not take place.
    """

    uid: str
    starts_at: datetime
    ends_at: datetime
    summary: str
    place: str
    sequence: int = 0
    cancelled: bool = False
    description: str = ""


def invitation(event: Event, *, organizer: str, attendee: str, now: datetime) -> str:
    """A file that puts the appointment into a customer's calendar, moves it, or removes it.

    Parameters
    ----------
    organizer : str
        The dealer's phone number, E.164.
    attendee : str
        A name for the customer that says nothing to others.

    Examples
    --------
    >>> at = datetime(2026, 12, 3, 8, 30, tzinfo=UTC)
    >>> text = invitation(Event("b1@x", at, at, "Battery, test", "North", 2),
    ...                   organizer="+13125550100", attendee="customer-7", now=at)
    >>> [line for line in text.split("\\r\\n") if line.startswith(("SUM", "DTSTART", "SEQ", "MET"))]
    ['METHOD:REQUEST', 'DTSTART:20261203T083000Z', 'SEQUENCE:2', 'SUMMARY:Battery\\\\, test']
    """
    people = (
        f"ORGANIZER:tel:{organizer}",
        f"ATTENDEE;PARTSTAT=ACCEPTED:urn:x-roadworthy:{attendee}",
    )
    alarm = (
        "BEGIN:VALARM",
        "ACTION:DISPLAY",
        "TRIGGER:-PT2H",
        f"DESCRIPTION:{_escaped(event.summary)}",
        "END:VALARM",
    )
    more = people if event.cancelled else people + alarm
    method = "CANCEL" if event.cancelled else "REQUEST"
    return _calendar((f"METHOD:{method}",), _lines(event, now, more))


def feed(name: str, events: Iterable[Event], now: datetime) -> str:
    """A calendar to subscribe to."""
    head = (
        "METHOD:PUBLISH",
        f"X-WR-CALNAME:{_escaped(name)}",
        "REFRESH-INTERVAL;VALUE=DURATION:PT15M",
    )
    return _calendar(head, (line for event in events for line in _lines(event, now)))


def _calendar(head: Iterable[str], body: Iterable[str]) -> str:
    lines = ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Roadworthy//Booking//EN")
    return "".join(_folded(line) + "\r\n" for line in (*lines, *head, *body, "END:VCALENDAR"))


def _lines(event: Event, now: datetime, more: Iterable[str] = ()) -> Iterator[str]:
    yield from (
        "BEGIN:VEVENT",
        f"UID:{event.uid}",
        f"DTSTAMP:{_utc(now)}",
        f"DTSTART:{_utc(event.starts_at)}",
        f"DTEND:{_utc(event.ends_at)}",
        f"SEQUENCE:{event.sequence}",
        f"STATUS:{'CANCELLED' if event.cancelled else 'CONFIRMED'}",
        f"SUMMARY:{_escaped(event.summary)}",
        f"LOCATION:{_escaped(event.place)}",
    )
    if event.description:
        yield f"DESCRIPTION:{_escaped(event.description)}"
    yield from more
    yield "END:VEVENT"


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _escaped(text: str) -> str:
    for char in "\\;,":
        text = text.replace(char, "\\" + char)
    return text.replace("\r", "").replace("\n", "\\n")


def _folded(line: str) -> str:
    """Lines end after 75 octets; a folded one goes on after a blank."""
    parts, part = [], ""
    for char in line:
        if len((part + char).encode()) > 74:
            parts.append(part)
            part = ""
        part += char
    return "\r\n ".join([*parts, part])
