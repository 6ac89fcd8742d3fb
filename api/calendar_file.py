"""One appointment as an iCalendar file (RFC 5545), small enough to write by hand."""

from datetime import UTC, datetime


def appointment(
    *, uid: str, starts_at: datetime, ends_at: datetime, summary: str, place: str, now: datetime
) -> str:
    """The file's text.

    Examples
    --------
    >>> at = datetime(2026, 12, 3, 8, 30, tzinfo=UTC)
    >>> text = appointment(uid="b1@x", starts_at=at, ends_at=at, summary="Battery, test",
    ...                    place="North", now=at)
    >>> [line for line in text.split("\\r\\n") if line.startswith(("SUMMARY", "DTSTART"))]
    ['DTSTART:20261203T083000Z', 'SUMMARY:Battery\\\\, test']
    """

    def utc(at: datetime) -> str:
        return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"

    lines = (
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Roadworthy//Booking//EN",
        "METHOD:PUBLISH",
        "BEGIN:VEVENT",
        f"UID:{uid}",
        f"DTSTAMP:{utc(now)}",
        f"DTSTART:{utc(starts_at)}",
        f"DTEND:{utc(ends_at)}",
        f"SUMMARY:{_escaped(summary)}",
        f"LOCATION:{_escaped(place)}",
        "BEGIN:VALARM",
        "ACTION:DISPLAY",
        "TRIGGER:-PT2H",
        f"DESCRIPTION:{_escaped(summary)}",
        "END:VALARM",
        "END:VEVENT",
        "END:VCALENDAR",
    )
    return "".join(_folded(line) + "\r\n" for line in lines)


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
