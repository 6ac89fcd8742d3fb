"""The estimate: lines that a customer approves one by one, and the work that may then be done.

A version that was sent is never changed: a new one takes its place, and asks anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection

from care import outreach, repair_texts, task
from care.errors import CareError
from care.money import MOST_MINOR, half_up, money
from care.store import bookings, estimates, people, repairs
from care.store.estimates import Estimate, Line
from record.flow import RepairOrder

BEGUN = frozenset({"in_progress", "quality_check", "ready", "closed"})
"""States in which an answer no longer changes what is done; a new estimate asks anew."""

MOST_LINES = 30
MOST_HUNDREDTHS = 100_000
"""A thousand hours, or pieces."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A line before it has a row.

    Parameters
    ----------
    kind : str
        ``labour`` or ``part``.
    title : str
    hundredths : int
        Of an hour, or of a piece: 150 are an hour and a half.
    unit_minor : int or None
        Price of an hour or a piece; None for labour at the dealer's rate.
    """

    kind: str
    title: str
    hundredths: int
    unit_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Sums:
    """What lines cost together, in minor units."""

    labour: int
    parts: int
    tax: int

    @property
    def total(self) -> int:
        """With tax."""
        return self.labour + self.parts + self.tax


def amount(line: Line) -> int:
    """What a line costs before tax.

    Examples
    --------
    >>> amount(Line(1, "labour", "Diagnosis", 150, 14_000))
    21000
    """
    return half_up(line.hundredths * line.unit_minor, 100)


def sums(lines: Sequence[Line], labour_tax_bp: int, parts_tax_bp: int) -> Sums:
    """What lines cost; the tax is rounded once for each kind.

    Examples
    --------
    >>> sums([Line(1, "labour", "a", 100, 10_000), Line(2, "part", "b", 200, 1_999)], 0, 825)
    Sums(labour=10000, parts=3998, tax=330)
    """
    labour = sum(amount(one) for one in lines if one.kind == "labour")
    parts = sum(amount(one) for one in lines if one.kind == "part")
    tax = half_up(labour * labour_tax_bp, 10_000) + half_up(parts * parts_tax_bp, 10_000)
    return Sums(labour, parts, tax)


def total_of(estimate: Estimate) -> Sums:
    """What all lines of an estimate cost."""
    return sums(estimate.lines, estimate.labour_tax_bp, estimate.parts_tax_bp)


def approved_of(estimate: Estimate) -> Sums:
    """What the approved lines of an estimate cost."""
    lines = [one for one in estimate.lines if one.approved]
    return sums(lines, estimate.labour_tax_bp, estimate.parts_tax_bp)


def why_not_work(estimate: Estimate | None) -> str | None:
    """Why work may not begin; None where it may."""
    if estimate is None:
        return None
    if estimate.sent_at is None:
        return f"Estimate {estimate.version} has not been sent to the customer."
    if any(one.approved is None for one in estimate.lines):
        return f"The customer has not answered estimate {estimate.version} yet."
    if not any(one.approved for one in estimate.lines):
        return f"The customer declined estimate {estimate.version}."
    return None


def why_not_invoice(estimate: Estimate | None, invoice_minor: int) -> str | None:
    """Why an invoice may not be so high; None where it may."""
    if estimate is None:
        return None
    allowed = approved_of(estimate).total
    if invoice_minor <= allowed:
        return None
    return (
        f"The invoice of {money(invoice_minor, estimate.currency)} exceeds the "
        f"{money(allowed, estimate.currency)} that the customer approved. "
        "Send a new estimate first."
    )


def _checked(wanted: Sequence[Wanted], labour_minor: int) -> list[Line]:
    """The lines, with the dealer's rate filled in.

    Raises
    ------
    CareError
        If a line makes no sense.
    """
    if not wanted:
        raise CareError("An estimate needs at least one line.")
    if len(wanted) > MOST_LINES:
        raise CareError(f"An estimate has {MOST_LINES} lines at most.")
    lines = []
    for number, one in enumerate(wanted, start=1):
        title = " ".join(one.title.replace("\x00", "").split())
        unit = labour_minor if one.unit_minor is None and one.kind == "labour" else one.unit_minor
        if one.kind not in ("labour", "part"):
            raise CareError(f"Line {number}: it is labour or a part.")
        if not title or len(title) > 120:
            raise CareError(f"Line {number}: say in at most 120 characters what it is.")
        if not 0 < one.hundredths <= MOST_HUNDREDTHS:
            raise CareError(f"Line {number}: the quantity must be above 0 and at most 1000.")
        if unit is None or not 0 <= unit <= MOST_MINOR:
            raise CareError(f"Line {number}: the price must be there, and not negative or huge.")
        lines.append(Line(number, one.kind, title, one.hundredths, unit))
    if sum(amount(one) for one in lines) > MOST_MINOR:
        raise CareError("This estimate is higher than any repair: look at the prices again.")
    return lines


def write(
    conn: Connection, repair_order_id: int, wanted: Sequence[Wanted], actor: str, now: datetime
) -> Estimate:
    """Write an estimate: the draft anew, or the next version where the last was sent.

    Raises
    ------
    CareError
        If a line makes no sense, or the repair order is closed.
    """
    order = _open_order(conn, repair_order_id)
    booking = bookings.get(conn, order.booking_id)
    assert booking is not None
    prices = estimates.prices(conn, booking.dealer_id)
    lines = _checked(wanted, prices.labour_minor)
    before = estimates.newest(conn, order.id)
    if before is not None and before.sent_at is None:
        estimates.delete(conn, before.id)
        version = before.version
    else:
        version = before.version + 1 if before else 1
    if version > 99:
        raise CareError("This repair order has 99 estimates: talk to the customer.")
    made = estimates.insert(conn, order.id, version, prices, lines, actor, now)
    people.audit(conn, now, actor, "estimate written", f"repair_order:{order.id}", version=version)
    return made


def send(conn: Connection, repair_order_id: int, actor: str, now: datetime) -> Estimate:
    """Send the newest estimate to the customer, by text with the link. Safe to repeat.

    Raises
    ------
    CareError
        If there is none, or the repair order is closed.
    """
    order = _open_order(conn, repair_order_id)
    estimate = estimates.newest(conn, order.id)
    if estimate is None:
        raise CareError("There is no estimate yet.")
    if estimate.sent_at is not None:
        return estimate
    if order.state in ("quality_check", "ready"):
        raise CareError("First take the car back to “in progress”.")
    if order.state != "waiting_approval":
        repairs.set_state(conn, order.id, "waiting_approval", actor, "", now)
    estimates.set_sent(conn, estimate.id, now)
    booking = bookings.get(conn, order.booking_id)
    assert booking is not None
    outreach.plan(
        conn,
        customer_id=booking.customer_id,
        template="estimate",
        purpose="reply",
        dedupe_key=f"repair:{order.id}:estimate{estimate.version}",
        booking_id=booking.id,
        body=repair_texts.draft(
            conn,
            "estimate",
            booking,
            total=(total_of(estimate).total, estimate.currency),
        ),
        now=now,
    )
    people.audit(
        conn,
        now,
        actor,
        "estimate sent",
        f"repair_order:{order.id}",
        version=estimate.version,
    )
    sent = estimates.newest(conn, order.id)
    assert sent is not None
    return sent


def answer(
    conn: Connection,
    repair_order_id: int,
    version: int,
    approved: Mapping[int, bool],
    *,
    actor: str,
    wordings: Mapping[int, str],
    address: str,
    now: datetime,
) -> Estimate:
    """Keep what the customer said of lines of an estimate. Saying the same again changes nothing.

    Parameters
    ----------
    version : int
        The one that the customer looked at.
    approved : mapping of int to bool
        By line.
    actor : str
        ``customer:7``, or ``staff:3`` who was told.
    wordings : mapping of int to str
        What the customer agreed to, by line, as shown.
    address : str
        Where the answer came from, or how it was told.

    Raises
    ------
    CareError
        If the estimate is not the newest, was not sent, or the work is over.
    """
    order = _open_order(conn, repair_order_id)
    estimate = estimates.newest(conn, order.id)
    if estimate is None or estimate.sent_at is None or estimate.version != version:
        raise CareError("The estimate has changed since. Please look at it again.")
    if order.state in BEGUN:
        raise CareError("The work has begun. Please call us.")
    by_line = {one.line: one for one in estimate.lines}
    if not approved or not set(approved) <= set(by_line):
        raise CareError("Say of each line whether it is approved.")
    for line, yes in approved.items():
        if by_line[line].approved is not yes:
            estimates.add_answer(
                conn, estimate.id, line, yes, actor, wordings[line][:1000], address[:100], now
            )
    people.audit(
        conn,
        now,
        actor,
        "estimate answered",
        f"repair_order:{order.id}",
        version=version,
        approved=[line for line, yes in approved.items() if yes],
    )
    after = estimates.newest(conn, order.id)
    assert after is not None
    if actor.startswith("customer:"):
        _tell_advisor(conn, order, after, now)
    return after


def _tell_advisor(conn: Connection, order: RepairOrder, estimate: Estimate, now: datetime) -> None:
    """The workshop waits for this answer: it goes to the customer's advisor."""
    booking = bookings.get(conn, order.booking_id)
    assert booking is not None
    customer = people.customer(conn, booking.customer_id)
    assert customer is not None
    said = [f"{one.title}: {'yes' if one.approved else 'no'}" for one in estimate.lines]
    task.ask_person(
        conn,
        customer,
        f"{customer.name} answered the estimate",
        f"Repair order {order.id}. {'; '.join(said)}."[:500],
        now,
    )


def _open_order(conn: Connection, repair_order_id: int) -> RepairOrder:
    order = repairs.get(conn, repair_order_id)
    if order is None:
        raise CareError(f"There is no repair order {repair_order_id}.")
    if order.state == "closed":
        raise CareError("This repair order is closed already.")
    return order
