"""How pages put things to people: times in their zone, distances, states and reasons in words."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers

from care.money import money
from care.repair_states import TITLES
from record.causes import cause_of
from record.signals import BY_NAME

SILENT_AFTER = timedelta(days=7)
"""A car that said nothing for a week is *unknown*: a fault could have come and gone unseen."""

CHANNEL = {
    "sms": "SMS",
    "whatsapp": "WhatsApp",
    "email": "e-mail",
    "wecom": "WeCom",
    "voice": "phone",
}
HAPPENED = {
    "sent": "Message",
    "reply": "Answer",
    "booking": "Booking",
    "repair": "Repair order",
    "task": "To do",
    "audit": "Record",
}

URGENCY = {
    "stop": "Stop driving",
    "soon": "Soon",
    "service": "At service",
    "info": "For information",
}
KIND = {"call": "Call", "watch": "Watched", "reply": "Reply", "handle": "Handle"}
DONE = ("Called, will book", "Called, no interest", "Left a message", "Answered by text")
"""Ways to settle a task that are offered while typing."""
CALL = {
    "booked": "Reached, booked",
    "declined": "Reached, declined",
    "not_reached": "Not reached",
    "wrong_number": "Wrong number",
    "sold": "Car is sold",
}
HANDOVER = {
    "waiting": "Waits to be accepted",
    "accepted": "Accepted",
    "returned": "Came back",
    "over": "Over",
}
OUTREACH = {
    "planned": "Waiting to be sent",
    "sending": "Sending",
    "sent": "Sent",
    "delivered": "Delivered",
    "undelivered": "Not delivered",
    "failed": "Failed",
    "dropped": "Not sent",
    "received": "Received",
}
BOOKING = {
    "held": "Held",
    "booked": "Booked",
    "arrived": "In the workshop",
    "done": "Done",
    "cancelled": "Cancelled",
    "no_show": "Didn't come",
    "expired": "Lapsed",
}
REPAIR = TITLES
REPAIR_TONE = {"closed": "good", "ready": "good", "open": "service", "diagnosing": "service"}
"""The colour of a repair's state; what isn't named is under way."""
WATCH = {
    "watching": "Watching",
    "verified": "Verified",
    "came_back": "Came back",
    "no_data": "No proof",
}
WATCH_TONE = {"watching": "service", "verified": "good", "came_back": "stop", "no_data": "unknown"}
CLOSED = {
    "recovered": "Recovered by itself",
    "repaired": "Repaired",
    "no_fault_found": "No fault found",
    "dismissed": "Dismissed",
}
FINDING = {"raised": "Raised", "refreshed": "Seen again", "recovered": "Recovered"}
BAY = {"general": "", "quick": "Quick service", "ev": "High voltage"}
SOURCE = {"slot page": "Customer, by the link", "reply": "Customer, by text"}
MEANING = {"unclear": "for a person to answer"}
STAGE_MEANS = {
    "shadow": "What it finds is kept and measured. Nobody is told.",
    "probation": "What it finds goes to an advisor. No text to a customer goes out by itself.",
    "in_force": "What it finds becomes an alert, and customers are told.",
    "set_aside": "It goes on learning. Nothing that it finds is kept or told.",
}
STAGE_TONE = {"shadow": "unknown", "probation": "soon", "in_force": "good", "set_aside": "stop"}
LANGUAGE = {"en": "English", "de": "German", "es": "Spanish", "fr": "French", "zh": "Chinese"}
ROLE = {
    "advisor": "Service advisor",
    "technician": "Technician",
    "insurance": "Insurance adviser",
    "manager": "Manager",
    "admin": "Administrator",
}


def cause_title(cause: str) -> str:
    """A root cause for the advisor."""
    return cause_of(cause).title


def detector_title(name: str) -> str:
    """A detector's name for people.

    Examples
    --------
    >>> detector_title("low_voltage"), detector_title("dtc_raised")
    ('Low voltage', 'DTC raised')
    """
    words = " ".join(w.upper() if w in ("dtc", "dpf") else w for w in name.split("_"))
    return words[:1].upper() + words[1:]


def car(make: str | None, model: str | None, year: int | None = None) -> str:
    """Make and model as one says them.

    Examples
    --------
    >>> car("SEAT", "Leon", 2018), car("", "", None)
    ('SEAT Leon 2018', 'Unnamed model')
    """
    words = [w for w in (make, model, str(year) if year else "") if w]
    return " ".join(words) if make or model else "Unnamed model"


@dataclass(frozen=True, slots=True)
class Place:
    """Whose clock and calendar a time is written by.

    Parameters
    ----------
    zone : str
        IANA time zone.
    country : str
        ISO 3166 code; decides between ``Dec 3, 2:05 pm`` and ``3 Dec, 14:05``.
    """

    zone: str
    country: str = ""

    @property
    def twelve_hours(self) -> bool:
        """Whether clocks say 2:05 pm."""
        return self.country in TWELVE_HOURS

    @property
    def month_first(self) -> bool:
        """Whether a date is Dec 3 and not 3 Dec."""
        return self.country == "US"

    def local(self, at: datetime) -> datetime:
        """The time as clocks here say it."""
        return at.astimezone(ZoneInfo(self.zone))


TWELVE_HOURS = frozenset({"US", "CA", "AU", "NZ", "IN", "PH"})

UTC_PLACE = Place("UTC")


def moment(at: datetime, place: Place) -> str:
    """Day and time.

    Examples
    --------
    >>> at = datetime.fromisoformat("2026-12-03T20:05:00+00:00")
    >>> moment(at, Place("America/Chicago", "US")), moment(at, Place("Europe/Berlin", "DE"))
    ('Thu, Dec 3, 2:05 pm', 'Thu 3 Dec, 21:05')
    """
    comma = "," if place.month_first else ""
    return f"{place.local(at):%a}{comma} {day(at, place)}, {clock(at, place)}"


def moment_long(at: datetime, place: Place) -> str:
    """Day with year, time and zone, for a tooltip."""
    return f"{day_long(at, place)}, {clock(at, place)} {place.local(at):%Z}"


def day(at: datetime | date, place: Place = UTC_PLACE) -> str:
    """``3 Dec``, or ``Dec 3``."""
    local = place.local(at) if isinstance(at, datetime) else at
    return f"{local:%b} {local.day}" if place.month_first else f"{local.day} {local:%b}"


def day_year(at: datetime | date, place: Place = UTC_PLACE) -> str:
    """``3 Dec 2026``, or ``Dec 3, 2026``."""
    local = place.local(at) if isinstance(at, datetime) else at
    return f"{day(local, place)}{',' if place.month_first else ''} {local.year}"


def day_long(at: datetime | date, place: Place = UTC_PLACE) -> str:
    """``Thursday 3 December 2026``, or ``Thursday, December 3, 2026``."""
    local = place.local(at) if isinstance(at, datetime) else at
    if place.month_first:
        return f"{local:%A, %B} {local.day}, {local.year}"
    return f"{local:%A} {local.day} {local:%B %Y}"


def clock(at: datetime, place: Place) -> str:
    """``14:05``, or ``2:05 pm``."""
    local = place.local(at)
    if not place.twelve_hours:
        return f"{local:%H:%M}"
    return f"{local.hour % 12 or 12}:{local:%M} {'am' if local.hour < 12 else 'pm'}"


def hour(full: int, place: Place) -> str:
    """A full hour on a grid: ``14:00``, or ``2 pm``."""
    if not place.twelve_hours:
        return f"{full:02d}:00"
    return f"{full % 12 or 12} {'am' if full % 24 < 12 else 'pm'}"


def local_date(at: datetime, place: Place) -> str:
    """``2026-12-03``, for addresses."""
    return place.local(at).date().isoformat()


def phone(number: str | None, country: str = "") -> str:
    """A phone number as people write it: short within the country, with its prefix elsewhere.

    Examples
    --------
    >>> phone("+13125550100", "US"), phone("+13125550100", "DE"), phone("what", "US")
    ('(312) 555-0100', '+1 312-555-0100', 'what')
    """
    try:
        parsed = phonenumbers.parse(number or "")
    except phonenumbers.NumberParseException:
        return number or ""
    here = phonenumbers.country_code_for_region(country) == parsed.country_code
    style = phonenumbers.PhoneNumberFormat
    return str(phonenumbers.format_number(parsed, style.NATIONAL if here else style.INTERNATIONAL))


def length(span: timedelta) -> str:
    """A stretch of time in its largest sensible unit.

    Examples
    --------
    >>> [length(timedelta(minutes=m)) for m in (0.5, 59, 90, 60 * 47, 60 * 24 * 20)]
    ['1 min', '59 min', '1 h', '47 h', '20 days']
    >>> length(timedelta(days=400))
    '13 months'
    """
    minutes = abs(span).total_seconds() / 60
    if minutes < 60:
        return f"{max(int(minutes), 1)} min"
    if minutes < 48 * 60:
        return f"{int(minutes / 60)} h"
    days = int(minutes / 1440)
    return f"{days} days" if days < 90 else f"{int(days / 30.44)} months"


def ago(at: datetime, now: datetime) -> str:
    """``3 h ago``, ``in 2 days``, ``just now``."""
    if abs(now - at) < timedelta(minutes=1):
        return "just now"
    return f"{length(now - at)} ago" if at < now else f"in {length(at - now)}"


def due(deadline: datetime, now: datetime) -> str:
    """How long a task may wait: ``due in 3 h``, ``2 days late``."""
    if deadline < now:
        return f"{length(now - deadline)} late"
    return f"due in {length(deadline - now)}"


def window(first: datetime | None, last: datetime | None, place: Place) -> str:
    """A predicted interval as dates.

    Examples
    --------
    >>> from datetime import UTC
    >>> a, b = datetime(2026, 12, 3, tzinfo=UTC), datetime(2026, 12, 19, tzinfo=UTC)
    >>> here = Place("UTC")
    >>> window(a, b, here), window(a, None, here), window(None, b, Place("UTC", "US"))
    ('3 to 19 Dec', 'from 3 Dec', 'by Dec 19')
    """
    if first and last:
        a, b = place.local(first), place.local(last)
        if a.date() == b.date():
            return day(b, place)
        if (a.year, a.month) != (b.year, b.month):
            return f"{day(a, place)} to {day(b, place)}"
        return f"{day(a, place)} to {b.day}" if place.month_first else f"{a.day} to {day(b, place)}"
    if first:
        return f"from {day(first, place)}"
    return f"by {day(last, place)}" if last else ""


def in_days(first: datetime | None, last: datetime | None, now: datetime) -> str:
    """The same interval counted from now: ``in 4 to 20 days``, ``since 3 days``."""
    days = [(t - now).days for t in (first, last) if t]
    if not days:
        return ""
    if days[-1] < 0:
        return f"{-days[-1]} days ago" if days[-1] < -1 else "yesterday"
    if days[0] <= 0:
        return f"within {max(days[-1], 1)} days" if days[-1] > 1 else "any day now"
    if days[0] == days[-1]:
        return f"in {days[0]} days" if days[0] > 1 else "tomorrow"
    return f"in {days[0]} to {days[-1]} days"


def km(metres: int | float | None) -> str:
    """Metres as kilometres with a thin space between thousands.

    Examples
    --------
    >>> km(15_023_400)
    '15\u202f023 km'
    """
    return "" if metres is None else f"{metres / 1000:,.0f} km".replace(",", "\u202f")


def times(factor: float) -> str:
    """A factor of a product.

    Examples
    --------
    >>> times(60.0), times(1.15)
    ('× 60', '× 1.15')
    """
    return f"× {factor:g}"


def percent(share: float | None) -> str:
    """0.873 as ``87 %``, unbreakable."""
    return "" if share is None else f"{share * 100:.0f}\u00a0%"


def number(value: float | None) -> str:
    """A measured value with sensible digits.

    Examples
    --------
    >>> [number(v) for v in (7.8731, 118.25, 42150, 0.0421)]
    ['7.87', '118', '42\u202f150', '0.042']
    """
    if value is None:
        return ""
    size = abs(value)
    digits = 0 if size >= 100 else 2 if size >= 1 else 3
    text = f"{value:,.{digits}f}".replace(",", "\u202f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def evidence(doc: dict[str, Any]) -> str:
    """A finding's evidence as one sentence.

    Examples
    --------
    >>> evidence({"feature": "lowest voltage while cranking", "value": 7.9, "expected": 9.6,
    ...           "unit": "V"})
    'Lowest voltage while cranking was 7.9 V; 9.6 V was expected.'
    """
    feature = str(doc.get("feature") or "")
    if not feature:
        return ""
    words = feature[0].upper() + feature[1:]
    unit = f"\u00a0{doc['unit']}" if doc.get("unit") else ""
    value, expected = doc.get("value"), doc.get("expected")
    if isinstance(value, (int, float)):
        words += f" was {number(value)}{unit}"
        if isinstance(expected, (int, float)):
            words += f"; {number(expected)}{unit} was expected"
    return (words + ".").replace("\u00a0", " ")


def signal_title(name: str) -> str:
    """A signal's column name as words.

    Examples
    --------
    >>> signal_title("battery_voltage_v"), signal_title("coolant_temp_c")
    ('Battery voltage', 'Coolant temperature')
    """
    signal = BY_NAME.get(name)
    words = name.split("_")
    if signal is not None and signal.unit and len(words) > 1:
        tail = {"100km": 2, "h": 1}.get(words[-1], 1)
        if name.endswith(("_l_h", "_g_s")):
            tail = 2
        words = words[:-tail]
    text = " ".join({"temp": "temperature"}.get(w, w) for w in words)
    return text[:1].upper() + text[1:]


def action(name: str) -> str:
    """An audit action as words: ``task.claim`` as ``task claim``."""
    return name.replace(".", " ").replace("_", " ")


def condition(worst: str | None, heard_at: datetime | None, now: datetime) -> str:
    """What we may say of a car as a whole; a silent one is never well.

    Returns
    -------
    str
        ``stop``, ``soon``, ``service`` or ``info`` by its worst open alert, else ``unknown`` when
        silent, else ``quiet``: heard, and nothing was found.
    """
    if worst:
        return worst
    if heard_at is None or now - heard_at > SILENT_AFTER:
        return "unknown"
    return "quiet"


CONDITION = {**URGENCY, "unknown": "Unknown", "quiet": "Nothing found"}

FILTERS = {
    "action": action,
    "ago": ago,
    "car": car,
    "cause_title": cause_title,
    "clock": clock,
    "day": day,
    "detector_title": detector_title,
    "day_long": day_long,
    "day_year": day_year,
    "due": due,
    "evidence": evidence,
    "hour": hour,
    "in_days": in_days,
    "km": km,
    "length_of": length,
    "local_date": local_date,
    "moment": moment,
    "money": money,
    "moment_long": moment_long,
    "number": number,
    "percent": percent,
    "phone": phone,
    "signal_title": signal_title,
    "times": times,
    "window": window,
}
"""What templates call these."""
