"""Vehicles, their alerts and findings."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import psycopg
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class VehicleRow:
    """One line of the vehicles list."""

    id: int
    vin: str
    plate: str | None
    make: str
    model: str
    model_year: int | None
    powertrain: str
    owner_id: int | None
    owner_name: str | None
    open_alerts: int
    worst: str | None  # the most urgent open alert's urgency
    judged_at: datetime | None
    online: bool | None


@dataclass(frozen=True, slots=True)
class VehicleCard:
    """What the vehicle page says at its top."""

    id: int
    vin: str
    plate: str | None
    make: str
    model: str
    model_year: int | None
    powertrain: str
    service_interval_m: int | None
    service_interval_days: int | None
    last_service_at: datetime | None
    last_service_odometer_m: int | None
    warranty_until: date | None
    owner_id: int | None
    owner_name: str | None
    owner_phone: str | None
    online: bool | None
    online_changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class LastFrame:
    """What the car said last."""

    ts: datetime
    odometer_m: int | None
    battery_voltage_v: float | None
    coolant_temp_c: float | None
    fuel_level_pct: float | None
    soc_displayed_pct: float | None
    mil_on: bool | None
    dtcs: list[str] | None


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One alert, open or closed, and what the workshop said."""

    id: int
    vehicle_id: int
    cause: str
    state: str
    urgency: str
    confidence: float
    summary: str
    opened_at: datetime
    refreshed_at: datetime
    expect_from: datetime | None
    expect_to: datetime | None
    closed_at: datetime | None
    close_reason: str | None
    reopened: int
    outcome: str | None


@dataclass(frozen=True, slots=True)
class FindingRow:
    """One thing that one detector said."""

    id: int
    vehicle_id: int
    detector: str
    cause: str
    kind: str
    at: datetime
    urgency: str
    confidence: float
    summary: str
    evidence: dict[str, Any]
    expect_from: datetime | None
    expect_to: datetime | None
    alert_id: int | None


_ROWS = """
    WITH {chosen}
    SELECT v.id, v.vin, v.plate, v.make, v.model, v.model_year, v.powertrain,
           o.id AS owner_id, o.name AS owner_name, a.open_alerts, a.worst,
           d.judged_ts AS judged_at, s.online
    FROM v
    LEFT JOIN LATERAL (
        SELECT c.id, c.name FROM ownership w JOIN customer c ON c.id = w.customer_id
        WHERE w.vehicle_id = v.id AND w.during @> %(now)s AND c.dealer_id = v.dealer_id
    ) o ON true
    CROSS JOIN LATERAL (
        SELECT count(*) AS open_alerts,
               (array_agg(urgency ORDER BY array_position(
                   '{stop,soon,service,info}', urgency)))[1] AS worst
        FROM alert WHERE vehicle_id = v.id AND state = 'open'
    ) a
    LEFT JOIN detector_state d ON d.vehicle_id = v.id
    LEFT JOIN vehicle_status s ON s.vehicle_id = v.id
    ORDER BY v.make, v.model, v.id
"""
"""What a line of the list shows of the cars in ``v``, which `{chosen}` names."""


_PAGE = _ROWS.replace(
    "{chosen}",
    """
    v AS MATERIALIZED (
        SELECT * FROM vehicle
        WHERE dealer_id = %(dealer_id)s
          AND (make, model, id) > (%(make)s, %(model)s, %(vehicle_id)s)
        ORDER BY make, model, id LIMIT %(limit)s
    )
    """,
)

_SEARCH = _ROWS.replace(
    "{chosen}",
    """
    who AS MATERIALIZED (
        SELECT id FROM customer
        WHERE dealer_id = %(dealer_id)s
          AND (name ILIKE %(like)s OR (%(digits)s <> '%%' AND phone LIKE %(digits)s))
        LIMIT 200
    ), hit AS MATERIALIZED (
        (SELECT id FROM vehicle WHERE dealer_id = %(dealer_id)s
           AND %(code)s <> ''
           AND (vin LIKE %(code)s OR translate(upper(plate), ' -.', '') LIKE %(code)s)
         LIMIT 200)
        UNION
        (SELECT w.vehicle_id FROM ownership w JOIN who ON who.id = w.customer_id
         WHERE w.during @> %(now)s LIMIT 200)
    ), v AS MATERIALIZED (
        SELECT vehicle.* FROM hit JOIN vehicle USING (id)
        WHERE dealer_id = %(dealer_id)s ORDER BY make, model, id LIMIT %(limit)s
    )
    """,
)


def page(
    conn: psycopg.Connection,
    *,
    dealer_id: int,
    now: datetime,
    after: tuple[str, str, int] | None = None,
    limit: int = 50,
) -> list[VehicleRow]:
    """A dealer's cars by make and model, from the one after `after` on."""
    make, model, vehicle_id = after or ("", "", 0)
    with conn.cursor(row_factory=class_row(VehicleRow)) as cur:
        return cur.execute(
            _PAGE,
            {
                "dealer_id": dealer_id,
                "make": make,
                "model": model,
                "vehicle_id": vehicle_id,
                "limit": limit,
                "now": now,
            },
        ).fetchall()


def search(
    conn: psycopg.Connection, *, dealer_id: int, part: str, now: datetime, limit: int = 50
) -> list[VehicleRow]:
    """A dealer's cars whose VIN or plate holds `part`, or whose owner's name or phone does.

    Parameters
    ----------
    conn : psycopg.Connection
    dealer_id : int
    part : str
        As typed; at least two characters.
    now : datetime
        Whose owner counts.
    limit : int
    """
    with conn.cursor(row_factory=class_row(VehicleRow)) as cur:
        return cur.execute(
            _SEARCH,
            {"dealer_id": dealer_id, "now": now, "limit": limit, **patterns(part)},
        ).fetchall()


def patterns(part: str) -> dict[str, str]:
    """LIKE patterns for what somebody typed: as it is, as a plate or VIN, as a phone number.

    Examples
    --------
    >>> patterns("ab-1_2")
    {'like': '%ab-1\\\\_2%', 'code': '%AB1\\\\_2%', 'digits': '%'}
    >>> patterns("+1 500 555")["digits"]
    '%1500555%'

    Two letters are part of too many plates to be looked for.

    >>> patterns("ab")["code"]
    ''
    """

    def escaped(text: str) -> str:
        return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")

    words = part.strip()
    code = words.upper().translate(str.maketrans("", "", " -."))
    digits = "".join(c for c in words if c in "0123456789")
    phone = digits if set(words) <= set("+0123456789 ()-./") and len(digits) >= 3 else ""
    return {
        "like": f"%{escaped(words)}%",
        "code": f"%{escaped(code)}%" if len(code) > 2 else "",
        "digits": f"%{phone}%" if phone else "%",
    }


def card(
    conn: psycopg.Connection, dealer_id: int, vehicle_id: int, now: datetime
) -> VehicleCard | None:
    """One car with its owner of today."""
    with conn.cursor(row_factory=class_row(VehicleCard)) as cur:
        return cur.execute(
            """
            SELECT v.id, v.vin, v.plate, v.make, v.model, v.model_year, v.powertrain,
                   v.service_interval_m, v.service_interval_days, v.last_service_at,
                   v.last_service_odometer_m, v.warranty_until, c.id AS owner_id,
                   c.name AS owner_name, c.phone AS owner_phone, s.online,
                   s.changed_at AS online_changed_at
            FROM vehicle v
            LEFT JOIN ownership w ON w.vehicle_id = v.id AND w.during @> %(now)s
            LEFT JOIN customer c ON c.id = w.customer_id AND c.dealer_id = v.dealer_id
            LEFT JOIN vehicle_status s ON s.vehicle_id = v.id
            WHERE v.id = %(vehicle_id)s AND v.dealer_id = %(dealer_id)s
            """,
            {"now": now, "vehicle_id": vehicle_id, "dealer_id": dealer_id},
        ).fetchone()


def last_frame(
    conn: psycopg.Connection, vehicle_id: int, since: datetime, until: datetime
) -> LastFrame | None:
    """The newest frame in a stretch of time; give a short one, chunks outside are not opened."""
    with conn.cursor(row_factory=class_row(LastFrame)) as cur:
        return cur.execute(
            """
            SELECT ts, odometer_m, battery_voltage_v, coolant_temp_c, fuel_level_pct,
                   soc_displayed_pct, mil_on, dtcs
            FROM telemetry WHERE vehicle_id = %s AND ts BETWEEN %s AND %s
            ORDER BY ts DESC LIMIT 1
            """,
            (vehicle_id, since, until),
        ).fetchone()


def judged_at(conn: psycopg.Connection, vehicle_id: int) -> datetime | None:
    """Up to which frame the detectors have judged the car."""
    row = conn.execute(
        "SELECT judged_ts FROM detector_state WHERE vehicle_id = %s", (vehicle_id,)
    ).fetchone()
    return row[0] if row else None


_ALERT = """
    SELECT a.id, a.vehicle_id, a.cause, a.state, a.urgency, a.confidence, a.summary, a.opened_at,
           a.refreshed_at, a.expect_from, a.expect_to, a.closed_at, a.close_reason, a.reopened,
           o.label AS outcome
    FROM alert a
    JOIN vehicle v ON v.id = a.vehicle_id
    LEFT JOIN outcome o ON o.alert_id = a.id
"""


def alert(conn: psycopg.Connection, dealer_id: int, alert_id: int) -> AlertRow | None:
    """One alert."""
    with conn.cursor(row_factory=class_row(AlertRow)) as cur:
        return cur.execute(
            _ALERT + "WHERE a.id = %s AND v.dealer_id = %s", (alert_id, dealer_id)
        ).fetchone()


def alerts_of(
    conn: psycopg.Connection, dealer_id: int, vehicle_id: int, limit: int = 30
) -> list[AlertRow]:
    """A car's alerts: the open ones by urgency, then the closed ones, newest first."""
    with conn.cursor(row_factory=class_row(AlertRow)) as cur:
        return cur.execute(
            _ALERT
            + """
            WHERE a.vehicle_id = %s AND v.dealer_id = %s
            ORDER BY a.state = 'closed', CASE WHEN a.state = 'open' THEN
                array_position('{stop,soon,service,info}', a.urgency) END,
                a.opened_at DESC, a.id DESC
            LIMIT %s
            """,
            (vehicle_id, dealer_id, limit),
        ).fetchall()


def open_alerts(
    conn: psycopg.Connection,
    dealer_id: int,
    after: tuple[datetime, int] | None = None,
    limit: int = 50,
) -> list[AlertRow]:
    """A dealer's open alerts, newest first."""
    opened_at, alert_id = after or (None, None)
    with conn.cursor(row_factory=class_row(AlertRow)) as cur:
        return cur.execute(
            _ALERT
            + """
            WHERE a.state = 'open' AND v.dealer_id = %(dealer_id)s
              AND (%(opened_at)s::timestamptz IS NULL
                   OR (a.opened_at, a.id) < (%(opened_at)s, %(alert_id)s))
            ORDER BY a.opened_at DESC, a.id DESC LIMIT %(limit)s
            """,
            {
                "dealer_id": dealer_id,
                "opened_at": opened_at,
                "alert_id": alert_id,
                "limit": limit,
            },
        ).fetchall()


def findings(
    conn: psycopg.Connection,
    dealer_id: int,
    vehicle_id: int,
    cause: str | None = None,
    before: datetime | None = None,
    limit: int = 40,
) -> list[FindingRow]:
    """A car's findings, newest first."""
    with conn.cursor(row_factory=class_row(FindingRow)) as cur:
        return cur.execute(
            """
            SELECT f.id, f.vehicle_id, f.detector, f.cause, f.kind, f.at, f.urgency, f.confidence,
                   f.summary, f.evidence, f.expect_from, f.expect_to,
                   (SELECT min(alert_id) FROM alert_finding WHERE finding_id = f.id) AS alert_id
            FROM finding f JOIN vehicle v ON v.id = f.vehicle_id
            WHERE f.vehicle_id = %(vehicle_id)s AND v.dealer_id = %(dealer_id)s
              AND (%(cause)s::text IS NULL OR f.cause = %(cause)s)
              AND (%(before)s::timestamptz IS NULL OR f.at < %(before)s)
            ORDER BY f.at DESC, f.id DESC LIMIT %(limit)s
            """,
            {
                "vehicle_id": vehicle_id,
                "dealer_id": dealer_id,
                "cause": cause,
                "before": before,
                "limit": limit,
            },
        ).fetchall()
