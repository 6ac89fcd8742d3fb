"""What a workshop has: place and hours, bays, technicians, loaner cars, runs; and the catalogue.

Nothing is deleted: what is gone gets no visit any more, and keeps those that it has. The catalogue
of works and parts is everybody's; all else is one dealer's.
"""

import re
from collections.abc import Collection
from datetime import datetime, time
from zoneinfo import available_timezones

import holidays
import phonenumbers
from psycopg import Connection, errors

from care.errors import CareError
from care.store import people
from care.store import workshop as store

BAYS = ("general", "quick", "ev")
"""Kinds of bay: for anything, for quick service, for high voltage."""

WEEKDAYS = range(1, 8)
CODE = re.compile(r"^[A-Z0-9][A-Z0-9-]{0,29}$")


def set_place(
    conn: Connection,
    dealer_id: int,
    *,
    name: str,
    phone: str,
    time_zone: str,
    country: str,
    subdivision: str,
    address: str,
    opens: time,
    closes: time,
    weekdays: Collection[int],
    walk_in_percent: int,
    actor: str,
    now: datetime,
) -> None:
    """Where a dealer is, and when it works.

    Raises
    ------
    CareError
        If something of it can't be: a time zone or part of a country that there isn't, a number
        that nobody can call, a day that ends before it begins.
    """
    if time_zone not in available_timezones():
        raise CareError(f"There is no time zone {time_zone}; write it like America/Chicago.")
    parts = holidays.list_supported_countries().get(country)
    if parts is None:
        raise CareError(f"There is no country {country}; write two letters, such as US or CN.")
    if subdivision and subdivision not in parts:
        known = ", ".join(parts) or "none"
        raise CareError(f"{country} has no part {subdivision}; there are: {known}.")
    try:
        number = phonenumbers.parse(phone, country)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_possible_number(number):
        raise CareError(f"{phone} is no telephone number that customers could call.")
    _span(opens, closes)
    about = {
        "name": _words(name, "a name"),
        "phone": phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164),
        "time_zone": time_zone,
        "country": country,
        "subdivision": subdivision or None,
        "address": _plain(address),
        "opens": opens,
        "closes": closes,
        "open_weekdays": _days(weekdays),
        "walk_in_share": walk_in_percent / 100,
    }
    _once(conn, lambda: store.set_place(conn, dealer_id, **about), name)
    people.audit(conn, now, actor, "workshop changed", f"dealer:{dealer_id}")


def add_bay(
    conn: Connection, dealer_id: int, name: str, kind: str, actor: str, now: datetime
) -> None:
    """A bay.

    Raises
    ------
    CareError
        If there is one of that name, or no such kind.
    """
    if kind not in BAYS:
        raise CareError(f"There is no kind of bay {kind}.")
    _once(conn, lambda: store.add_bay(conn, dealer_id, _words(name, "a name"), kind), name)
    people.audit(conn, now, actor, "bay added", f"dealer:{dealer_id}", name=name)


def add_technician(
    conn: Connection,
    dealer_id: int,
    *,
    name: str,
    skills: str,
    starts: time,
    ends: time,
    weekdays: Collection[int],
    efficiency_percent: int,
    actor: str,
    now: datetime,
) -> None:
    """A technician.

    Parameters
    ----------
    skills : str
        Words with commas between, as the works ask for them: ``general, electrical``.
    efficiency_percent : int
        100 works as the catalogue says, 120 needs a sixth less time.

    Raises
    ------
    CareError
        If a name or skill is missing, or the shift ends before it begins.
    """
    known = [word for part in skills.split(",") if (word := _plain(part).lower())]
    if not known:
        raise CareError("Name at least one skill, such as general.")
    _span(starts, ends)
    store.add_technician(
        conn,
        dealer_id,
        name=_words(name, "a name"),
        skills=known,
        starts=starts,
        ends=ends,
        weekdays=_days(weekdays),
        efficiency=100 / efficiency_percent,
    )
    people.audit(conn, now, actor, "technician added", f"dealer:{dealer_id}", name=name)


def add_loaner(
    conn: Connection, dealer_id: int, name: str, plate: str, actor: str, now: datetime
) -> None:
    """A loaner car.

    Raises
    ------
    CareError
        If there is one of that name.
    """
    add = lambda: store.add_loaner(conn, dealer_id, _words(name, "a name"), _plain(plate) or None)  # noqa: E731
    _once(conn, add, name)
    people.audit(conn, now, actor, "loaner added", f"dealer:{dealer_id}", name=name)


def add_run(
    conn: Connection,
    dealer_id: int,
    *,
    driver: str,
    radius_km: float,
    weekdays: Collection[int],
    fetches: tuple[time, time],
    returns: tuple[time, time],
    seats: int,
    actor: str,
    now: datetime,
) -> None:
    """A driver who fetches cars, and brings them back.

    Raises
    ------
    CareError
        If the times are out of order.
    """
    _span(*fetches)
    _span(*returns)
    if fetches[1] > returns[0]:
        raise CareError("Cars are brought back after they were fetched.")
    store.add_run(
        conn,
        dealer_id,
        driver=_words(driver, "a driver"),
        radius_km=radius_km,
        weekdays=_days(weekdays),
        fetches=fetches,
        returns=returns,
        seats=seats,
    )
    people.audit(conn, now, actor, "run added", f"dealer:{dealer_id}", driver=driver)


def set_active(
    conn: Connection, dealer_id: int, kind: str, key: int, active: bool, actor: str, now: datetime
) -> None:
    """Take a bay, technician, loaner or run out of use, or back into it.

    Raises
    ------
    CareError
        If the dealer has no such thing.
    """
    if kind not in store.THINGS or not store.set_active(conn, dealer_id, kind, key, active):
        raise CareError("There is no such thing at your dealer.")
    what = f"{kind} {'in use' if active else 'out of use'}"
    people.audit(conn, now, actor, what, f"{kind}:{key}")


def put_work(
    conn: Connection,
    *,
    code: str,
    title: str,
    minutes: int,
    bay_kind: str,
    skill: str,
    usual_value: float | None,
    mobile: bool,
    part_no: str,
    actor: str,
    now: datetime,
) -> None:
    """A work of the catalogue, new or changed; visits that are booked keep their length.

    Raises
    ------
    CareError
        If the code is none, the bay no kind, or the part not in the catalogue.
    """
    code = code.strip().upper()
    if not CODE.match(code):
        raise CareError("A code is letters, digits and hyphens, such as BATT-TEST.")
    if bay_kind not in BAYS:
        raise CareError(f"There is no kind of bay {bay_kind}.")
    store.put_work(
        conn,
        code=code,
        title=_words(title, "a title"),
        minutes=minutes,
        bay_kind=bay_kind,
        skill=_words(skill, "a skill").lower(),
        usual_value=usual_value or None,
        mobile=mobile,
    )
    if part_no:
        try:
            with conn.transaction():
                store.need_part(conn, code, part_no)
        except errors.ForeignKeyViolation:
            raise CareError(f"There is no part {part_no} in the catalogue.") from None
    people.audit(conn, now, actor, "work changed", f"op_code:{code}")


def put_part(
    conn: Connection, part_no: str, title: str, price: float | None, actor: str, now: datetime
) -> None:
    """A part of the catalogue, new or changed.

    Raises
    ------
    CareError
        If its number is none.
    """
    part_no = part_no.strip().upper()
    if not CODE.match(part_no):
        raise CareError("A part number is letters, digits and hyphens, such as BATT-70.")
    cents = None if price is None else round(price * 100)
    store.put_part(conn, part_no, _words(title, "a title"), cents)
    people.audit(conn, now, actor, "part changed", f"part:{part_no}")


def money(text: str) -> float | None:
    """An amount as somebody types it; None where there is none.

    Raises
    ------
    CareError
        If it is none, or less than nothing.

    Examples
    --------
    >>> money(" 129.90 "), money("")
    (129.9, None)
    """
    plain = text.strip().replace(",", ".")
    if not plain:
        return None
    if not re.fullmatch(r"\d{1,7}(\.\d{1,2})?", plain):
        raise CareError(f"{text} is no amount; write it like 129.90.")
    return float(plain)


def _plain(text: str) -> str:
    return " ".join(text.replace("\x00", "").split())


def _words(text: str, what: str) -> str:
    plain = _plain(text)
    if not plain:
        raise CareError(f"It needs {what}.")
    return plain


def _days(weekdays: Collection[int]) -> list[int]:
    days = sorted(set(weekdays) & set(WEEKDAYS))
    if not days:
        raise CareError("Choose at least one day of the week.")
    return days


def _span(first: time, last: time) -> None:
    if not first < last:
        raise CareError(f"{first:%H:%M} is not before {last:%H:%M}.")


def _once(conn: Connection, add: object, name: str) -> None:
    assert callable(add)
    try:
        with conn.transaction():
            add()
    except errors.UniqueViolation:
        raise CareError(f"There is a {_plain(name)} already.") from None
