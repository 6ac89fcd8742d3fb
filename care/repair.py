"""What the workshop did, and what that says about the alert that brought the car in."""

from datetime import datetime

from psycopg import Connection

from care import alert, outreach
from care.errors import CareError
from care.store import alerts, bookings, people, repairs
from record.flow import Outcome, RepairOrder

SERVICE = "SERVICE"
"""The op-code that resets the maintenance counters."""

FINDINGS = {"confirmed": "repaired", "no_fault_found": "no_fault_found"}
"""What the technician found, and how that closes the alert."""


def start(conn: Connection, repair_order_id: int, actor: str, now: datetime) -> RepairOrder:
    """Work begins. Safe to repeat.

    Raises
    ------
    CareError
        If there is no such repair order, or it is closed.
    """
    order = _get(conn, repair_order_id)
    if order.state == "in_progress":
        return order
    if order.state == "closed":
        raise CareError("This repair order is closed already.")
    people.audit(conn, now, actor, "work started", f"repair_order:{order.id}")
    return repairs.start(conn, repair_order_id)


def close(
    conn: Connection,
    repair_order_id: int,
    *,
    cause: str,
    correction: str,
    finding: str,
    actor: str,
    now: datetime,
) -> Outcome | None:
    """Work is done: labels and closes the alert, writes the service book, thanks the customer.

    Parameters
    ----------
    cause, correction : str
        In the technician's words.
    finding : str
        ``confirmed`` or ``no_fault_found``: was the alert right?

    Returns
    -------
    Outcome or None
        None where no alert brought the car in.

    Raises
    ------
    CareError
        If something is missing, or the repair order is closed.
    """
    if finding not in FINDINGS:
        raise CareError("Say whether the fault was confirmed or no fault was found.")
    if not correction.strip():
        raise CareError("Say what was done.")
    order = _get(conn, repair_order_id)
    if order.state == "closed":
        raise CareError("This repair order is closed already.")
    booking = bookings.get(conn, order.booking_id)
    assert booking is not None
    bookings.lock_dealer(conn, booking.dealer_id)
    repairs.close(conn, order.id, cause.strip(), correction.strip(), finding, now)
    bookings.set_state(conn, booking.id, "done")
    also = bookings.also_of(conn, booking.id)
    if SERVICE in (booking.op_code, *(one.op_code for one in also)):
        repairs.serviced(conn, order.vehicle_id, repairs.counters(conn, order.vehicle_id, now), now)
        due = alerts.newest(conn, order.vehicle_id, "service_due")
        if due is not None and due.state == "open" and due.id != booking.alert_id:
            alert.end(conn, due.id, "repaired", actor, now, now)
    outcome = None
    if booking.alert_id is not None:
        outcome = repairs.insert_outcome(conn, booking.alert_id, order.id, finding, now)
        spoken_of = alerts.get(conn, booking.alert_id, lock=True)
        if spoken_of is not None and spoken_of.state == "open":
            alert.end(conn, spoken_of.id, FINDINGS[finding], actor, now, now)
    for one in also:  # the finding speaks of what brought the car in, not of these
        if one.alert_id is not None:
            alert.booking_lost(conn, one.alert_id, "It was looked at on a visit: note why", now)
    outreach.plan(
        conn,
        customer_id=booking.customer_id,
        template="thanks",
        purpose="service",
        dedupe_key=f"repair:{order.id}:thanks",
        alert_id=booking.alert_id,
        booking_id=booking.id,
        now=now,
    )
    people.audit(
        conn, now, actor, "repair order closed", f"repair_order:{order.id}", finding=finding
    )
    return outcome


def _get(conn: Connection, repair_order_id: int) -> RepairOrder:
    order = repairs.get(conn, repair_order_id)
    if order is None:
        raise CareError(f"There is no repair order {repair_order_id}.")
    return order
