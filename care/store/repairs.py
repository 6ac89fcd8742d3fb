"""Repair orders with their steps and notes, outcomes, and the vehicle's service book."""

# ruff: noqa: S608  only this module's own column lists are joined in

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from care.errors import CareError
from record.flow import Outcome, RepairOrder, Task, Vehicle
from record.maintenance import Done, entry

REPAIR_COLUMNS = """
    id, booking_id, vehicle_id, state, opened_at, concern, cause, correction, finding, closed_at
"""


@dataclass(frozen=True, slots=True)
class Counters:
    """What the car's counters showed last."""

    odometer_m: int | None
    engine_hours_h: float | None


def insert(
    conn: Connection,
    booking_id: int,
    vehicle_id: int,
    concern: str,
    odometer_m: int | None,
    at: datetime,
    actor: str = "care",
) -> RepairOrder:
    """Open a repair order. One for a repair that did not hold says which."""
    with conn.cursor(row_factory=class_row(RepairOrder)) as cur:
        row = cur.execute(
            """
            INSERT INTO repair_order (booking_id, vehicle_id, state, opened_at, concern, odometer_m,
                comeback_of)
            VALUES (%(booking)s, %(vehicle)s, 'open', %(at)s, %(concern)s, %(odometer)s,
                (SELECT v.repair_order_id FROM verification v
                 JOIN booking b ON b.id = %(booking)s
                 WHERE v.vehicle_id = %(vehicle)s AND v.state = 'came_back'
                   AND b.alert_id IN (v.alert_id, v.comeback_alert_id)
                 ORDER BY v.began_at DESC LIMIT 1))
            RETURNING """
            + REPAIR_COLUMNS,
            {
                "booking": booking_id,
                "vehicle": vehicle_id,
                "at": at,
                "concern": concern,
                "odometer": odometer_m,
            },
        ).fetchone()
    assert row is not None
    add_step(conn, row.id, "open", actor, "", at)
    return row


def get(conn: Connection, repair_order_id: int) -> RepairOrder | None:
    """The repair order; locked."""
    with conn.cursor(row_factory=class_row(RepairOrder)) as cur:
        return cur.execute(
            "SELECT " + REPAIR_COLUMNS + " FROM repair_order WHERE id = %s FOR UPDATE",
            (repair_order_id,),
        ).fetchone()


def of_booking(conn: Connection, booking_id: int) -> RepairOrder | None:
    """The repair order of a booking."""
    with conn.cursor(row_factory=class_row(RepairOrder)) as cur:
        return cur.execute(
            "SELECT " + REPAIR_COLUMNS + " FROM repair_order WHERE booking_id = %s", (booking_id,)
        ).fetchone()


def add_step(
    conn: Connection, repair_order_id: int, state: str, actor: str, note: str, at: datetime
) -> None:
    """Add to what a repair went through."""
    conn.execute(
        """
        INSERT INTO repair_step (repair_order_id, state, at, actor, note)
        VALUES (%s, %s, %s, %s, %s)
        """,
        (repair_order_id, state, at, actor, note),
    )


def set_state(
    conn: Connection, repair_order_id: int, state: str, actor: str, note: str, at: datetime
) -> RepairOrder:
    """Move a repair order on, but to its end."""
    with conn.cursor(row_factory=class_row(RepairOrder)) as cur:
        row = cur.execute(
            "UPDATE repair_order SET state = %s WHERE id = %s RETURNING " + REPAIR_COLUMNS,
            (state, repair_order_id),
        ).fetchone()
    assert row is not None
    add_step(conn, repair_order_id, state, actor, note, at)
    return row


def close(
    conn: Connection,
    repair_order_id: int,
    *,
    cause: str,
    correction: str,
    finding: str,
    actual_cause: str | None,
    invoice: tuple[int, str] | None,
    actor: str,
    at: datetime,
) -> RepairOrder:
    """Work is done.

    Parameters
    ----------
    invoice : tuple of int and str, or None
        Minor units and their currency.
    """
    with conn.cursor(row_factory=class_row(RepairOrder)) as cur:
        row = cur.execute(
            """
            UPDATE repair_order
            SET state = 'closed', closed_at = %s, cause = %s, correction = %s, finding = %s,
                actual_cause = %s, invoice_minor = %s, invoice_currency = %s
            WHERE id = %s RETURNING """
            + REPAIR_COLUMNS,
            (
                at,
                cause,
                correction,
                finding,
                actual_cause,
                *(invoice or (None, None)),
                repair_order_id,
            ),
        ).fetchone()
    assert row is not None
    add_step(conn, repair_order_id, "closed", actor, "", at)
    return row


def insert_outcome(
    conn: Connection, alert_id: int, repair_order_id: int, label: str, at: datetime
) -> Outcome:
    """Keep the workshop's answer to an alert."""
    with conn.cursor(row_factory=class_row(Outcome)) as cur:
        row = cur.execute(
            """
            INSERT INTO outcome (alert_id, repair_order_id, label, at) VALUES (%s, %s, %s, %s)
            RETURNING alert_id, repair_order_id, label, at
            """,
            (alert_id, repair_order_id, label, at),
        ).fetchone()
    assert row is not None
    return row


def counters(conn: Connection, vehicle_id: int, at: datetime) -> Counters:
    """The newest odometer and engine hours up to `at`, looking back 90 days for each."""
    with conn.cursor(row_factory=class_row(Counters)) as cur:
        row = cur.execute(
            """
            SELECT
                (SELECT odometer_m FROM telemetry
                 WHERE vehicle_id = %(vehicle)s AND odometer_m IS NOT NULL
                   AND ts <= %(at)s AND ts > %(at)s - interval '90 days'
                 ORDER BY ts DESC LIMIT 1) AS odometer_m,
                (SELECT engine_hours_h FROM telemetry
                 WHERE vehicle_id = %(vehicle)s AND engine_hours_h IS NOT NULL
                   AND ts <= %(at)s AND ts > %(at)s - interval '90 days'
                 ORDER BY ts DESC LIMIT 1) AS engine_hours_h
            """,
            {"vehicle": vehicle_id, "at": at},
        ).fetchone()
    assert row is not None
    return row


def car(conn: Connection, vehicle_id: int) -> Vehicle:
    """The vehicle with its schedule and its service book."""
    with conn.cursor(row_factory=class_row(Vehicle)) as cur:
        row = cur.execute(
            """
            SELECT id, vin, make, model, model_year, powertrain, service_interval_m,
                service_interval_days, service_interval_hours, last_service_at,
                last_service_odometer_m, last_service_engine_hours, service_items
            FROM vehicle WHERE id = %s
            """,
            (vehicle_id,),
        ).fetchone()
    assert row is not None
    return row


def serviced(
    conn: Connection,
    vehicle_id: int,
    counters: Counters,
    at: datetime,
    items: Sequence[str] = (),
) -> None:
    """Write the service book. A counter that the car doesn't report keeps what it was.

    Parameters
    ----------
    conn, vehicle_id, counters, at
    items
        Of `record.maintenance`, that were done with the service.
    """
    done = Done(at, counters.odometer_m, counters.engine_hours_h)
    conn.execute(
        """
        UPDATE vehicle SET last_service_at = %(at)s,
            last_service_odometer_m = coalesce(%(odometer)s, last_service_odometer_m),
            last_service_engine_hours = coalesce(%(hours)s, last_service_engine_hours),
            service_items = service_items || %(items)s,
            updated_at = clock_timestamp()
        WHERE id = %(vehicle)s
        """,
        {
            "vehicle": vehicle_id,
            "at": at,
            "odometer": counters.odometer_m,
            "hours": counters.engine_hours_h,
            "items": Jsonb({item: entry(done) for item in items}),
        },
    )


def check_report(
    conn: Connection, vehicle_id: int, odometer_m: int | None, at: datetime, now: datetime
) -> None:
    """Refuse what a customer reports of a service that can't be so.

    Raises
    ------
    CareError
        If the book has a later service, or one at more kilometres, or the car hasn't come so far
        by its own counter (1 % and 100 km aside: people round).
    """
    row = conn.execute(
        "SELECT last_service_at, last_service_odometer_m FROM vehicle WHERE id = %s", (vehicle_id,)
    ).fetchone()
    last_at, last_m = row if row else (None, None)
    if last_at is not None and at <= last_at:
        raise CareError(f"The service book has a service of {last_at:%Y-%m-%d}.")
    if odometer_m is None:
        return
    if last_m is not None and odometer_m <= last_m:
        raise CareError(f"The service book has a service at {last_m // 1000} km.")
    shown = counters(conn, vehicle_id, now).odometer_m
    if shown is not None and odometer_m > shown * 1.01 + 100_000:
        raise CareError(f"The car has come {shown // 1000} km.")


def add_note(
    conn: Connection,
    repair_order_id: int,
    *,
    body: str,
    for_customer: bool,
    actor: str,
    at: datetime,
) -> int:
    """Keep a note; returns its id."""
    row = conn.execute(
        """
        INSERT INTO repair_note (repair_order_id, at, actor, body, for_customer)
        VALUES (%s, %s, %s, %s, %s) RETURNING id
        """,
        (repair_order_id, at, actor, body, for_customer),
    ).fetchone()
    assert row is not None
    return int(row[0])


def add_photo(conn: Connection, note_id: int, jpeg: bytes, width: int, height: int) -> None:
    """Keep a note's picture."""
    conn.execute(
        "INSERT INTO repair_photo (note_id, jpeg, width, height) VALUES (%s, %s, %s, %s)",
        (note_id, jpeg, width, height),
    )


def count_photos(conn: Connection, repair_order_id: int) -> int:
    """How many pictures a repair order has."""
    row = conn.execute(
        """
        SELECT count(*) FROM repair_photo p JOIN repair_note n ON n.id = p.note_id
        WHERE n.repair_order_id = %s
        """,
        (repair_order_id,),
    ).fetchone()
    return int(row[0]) if row else 0


def show_note(conn: Connection, repair_order_id: int, note_id: int, for_customer: bool) -> bool:
    """Let the customer see a note, or not. False if the order has no such note."""
    done = conn.execute(
        "UPDATE repair_note SET for_customer = %s WHERE id = %s AND repair_order_id = %s",
        (for_customer, note_id, repair_order_id),
    ).rowcount
    return done == 1


def forget(conn: Connection, customer_id: int) -> None:
    """What erasing a person removes here: notes, photos, words of ratings, addresses of answers.

    What was done to the car stays, as tax law and its next owner want it.
    """
    who = {"id": customer_id}
    orders = "SELECT r.id FROM repair_order r JOIN booking b ON b.id = r.booking_id "
    mine = "(" + orders + "WHERE b.customer_id = %(id)s)"
    conn.execute("DELETE FROM repair_note WHERE repair_order_id IN " + mine, who)
    conn.execute("UPDATE repair_step SET note = '' WHERE repair_order_id IN " + mine, who)
    conn.execute("UPDATE rating SET words = '' WHERE customer_id = %(id)s", who)
    conn.execute(
        "UPDATE estimate_answer SET address = '' WHERE estimate_id IN "
        "(SELECT id FROM estimate WHERE repair_order_id IN " + mine + ")",
        who,
    )


def add_task(
    conn: Connection,
    *,
    dealer_id: int,
    customer_id: int,
    owner_id: int | None,
    kind: str,
    title: str,
    next_action: str,
    priority: float,
    deadline: datetime,
    at: datetime,
) -> Task:
    """A task about a repair that no alert speaks of."""
    with conn.cursor(row_factory=class_row(Task)) as cur:
        row = cur.execute(
            """
            INSERT INTO task (dealer_id, customer_id, owner_id, kind, title, next_action, priority,
                state, created_at, deadline)
            VALUES (%s, %s, %s, %s, %s, %s, %s, 'open', %s, %s)
            RETURNING id, dealer_id, kind, title, priority, state, created_at, deadline,
                next_action, alert_id, customer_id, owner_id
            """,
            (
                dealer_id,
                customer_id,
                owner_id,
                kind,
                title,
                next_action,
                priority,
                at,
                deadline,
            ),
        ).fetchone()
    assert row is not None
    return row


def manager_of(conn: Connection, dealer_id: int) -> int | None:
    """A dealer's manager; None where there is none, and the task is anybody's."""
    row = conn.execute(
        """
        SELECT id FROM staff WHERE dealer_id = %s AND role = 'manager' AND active
        ORDER BY id LIMIT 1
        """,
        (dealer_id,),
    ).fetchone()
    return row[0] if row else None


def add_declined(conn: Connection, repair_order_id: int, titles: str, due_at: datetime) -> None:
    """Remember work that a customer declined."""
    conn.execute(
        """
        INSERT INTO declined_work (repair_order_id, titles, due_at) VALUES (%s, %s, %s)
        ON CONFLICT DO NOTHING
        """,
        (repair_order_id, titles, due_at),
    )


@dataclass(frozen=True, slots=True)
class Declined:
    """Work that a customer declined, and whom to ask again."""

    id: int
    repair_order_id: int
    titles: str
    closed_at: datetime
    vehicle_id: int
    customer_id: int


def declined_due(conn: Connection, now: datetime, limit: int = 20) -> list[Declined]:
    """Declined work whose time has come, of customers who have the car still; locked."""
    with conn.cursor(row_factory=class_row(Declined)) as cur:
        return cur.execute(
            """
            SELECT d.id, d.repair_order_id, d.titles, r.closed_at, r.vehicle_id, b.customer_id
            FROM declined_work d
            JOIN repair_order r ON r.id = d.repair_order_id
            JOIN booking b ON b.id = r.booking_id
            WHERE d.told_at IS NULL AND d.due_at <= %s
            ORDER BY d.due_at, d.id LIMIT %s FOR UPDATE OF d SKIP LOCKED
            """,
            (now, limit),
        ).fetchall()


def declined_told(conn: Connection, declined_id: int, at: datetime) -> None:
    """The advisor has the note."""
    conn.execute("UPDATE declined_work SET told_at = %s WHERE id = %s", (at, declined_id))


def declined_later(conn: Connection, declined_id: int, due_at: datetime) -> None:
    """Try again then."""
    conn.execute("UPDATE declined_work SET due_at = %s WHERE id = %s", (due_at, declined_id))
