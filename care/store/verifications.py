"""Repairs that are watched, and what the car said since."""

# ruff: noqa: S608  only this module's own text and catalogued column names are joined in

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb


@dataclass(frozen=True, slots=True)
class Verification:
    """A repair that is watched."""

    repair_order_id: int
    vehicle_id: int
    alert_id: int
    causes: list[str]
    began_at: datetime
    until_at: datetime
    extended: bool
    comeback_alert_id: int | None  # the alert that says that the symptom is back


@dataclass(frozen=True, slots=True)
class Driven:
    """What a car did in a window: local days on which it was driven, usable frames, distance."""

    days: int
    frames: int
    distance_m: int | None


@dataclass(frozen=True, slots=True)
class Looked:
    """What the detector looked at when it raised the alert."""

    feature: str
    signals: list[str]


def insert(
    conn: Connection,
    *,
    repair_order_id: int,
    vehicle_id: int,
    alert_id: int,
    reopened: int,
    causes: list[str],
    began_at: datetime,
    until_at: datetime,
) -> None:
    """Watch a repair."""
    conn.execute(
        """
        INSERT INTO verification (repair_order_id, vehicle_id, alert_id, reopened, causes,
            began_at, until_at, state)
        VALUES (%s, %s, %s, %s, %s, %s, %s, 'watching')
        """,
        (repair_order_id, vehicle_id, alert_id, reopened, causes, began_at, until_at),
    )


_RESTED = "(v.failed_at IS NULL OR v.failed_at < clock_timestamp() - interval '5 min')"


def came_back(conn: Connection, verified_since: datetime) -> list[Verification]:
    """Watched repairs, and lately verified ones, whose symptom showed again in time; locked.

    The repaired alert was reopened since, or one of its kin was opened. What `care.alert` takes for
    an echo of the old fault does neither.
    """
    with conn.cursor(row_factory=class_row(Verification)) as cur:
        return cur.execute(
            """
            SELECT v.repair_order_id, v.vehicle_id, v.alert_id, v.causes, v.began_at, v.until_at,
                   v.extended, a.id AS comeback_alert_id
            FROM verification v
            CROSS JOIN LATERAL (
                SELECT id FROM alert
                WHERE vehicle_id = v.vehicle_id AND cause = ANY(v.causes)
                  AND ((id = v.alert_id AND reopened > v.reopened)
                       OR (id <> v.alert_id AND opened_at > v.began_at
                           AND opened_at <= v.until_at))
                ORDER BY id = v.alert_id DESC, id LIMIT 1) a
            WHERE (v.state = 'watching' OR (v.state = 'verified' AND v.until_at > %s)) AND """
            + _RESTED
            + " ORDER BY v.repair_order_id LIMIT 20 FOR UPDATE OF v SKIP LOCKED",
            (verified_since,),
        ).fetchall()


def over(conn: Connection, now: datetime) -> list[Verification]:
    """Watched repairs whose time is over, all that their cars said being taken up; locked."""
    with conn.cursor(row_factory=class_row(Verification)) as cur:
        return cur.execute(
            """
            SELECT v.repair_order_id, v.vehicle_id, v.alert_id, v.causes, v.began_at, v.until_at,
                   v.extended, v.comeback_alert_id
            FROM verification v
            WHERE v.state = 'watching' AND v.until_at <= %s
              AND NOT EXISTS (SELECT FROM finding f
                              WHERE f.handled_at IS NULL AND f.vehicle_id = v.vehicle_id)
              AND """
            + _RESTED
            + " ORDER BY v.until_at, v.repair_order_id LIMIT 20 FOR UPDATE OF v SKIP LOCKED",
            (now,),
        ).fetchall()


def decide(
    conn: Connection,
    repair_order_id: int,
    state: str,
    at: datetime,
    evidence: dict[str, Any],
    comeback_alert_id: int | None = None,
) -> None:
    """How it ended."""
    conn.execute(
        """
        UPDATE verification SET state = %s, decided_at = %s, evidence = %s,
            comeback_alert_id = %s, failed_at = NULL
        WHERE repair_order_id = %s
        """,
        (state, at, Jsonb(evidence), comeback_alert_id, repair_order_id),
    )


def extend(
    conn: Connection, repair_order_id: int, until: datetime, evidence: dict[str, Any]
) -> None:
    """Watch it once more."""
    conn.execute(
        """
        UPDATE verification SET extended = true, until_at = %s, evidence = %s, failed_at = NULL
        WHERE repair_order_id = %s
        """,
        (until, Jsonb(evidence), repair_order_id),
    )


def failed(conn: Connection, repair_order_id: int) -> None:
    """Leave it alone for a while by the wall clock."""
    conn.execute(
        "UPDATE verification SET failed_at = clock_timestamp() WHERE repair_order_id = %s",
        (repair_order_id,),
    )


def evidence_of(conn: Connection, alert_id: int) -> Looked:
    """What the alert's newest finding with evidence was about."""
    row = conn.execute(
        """
        SELECT f.evidence FROM alert_finding a JOIN finding f ON f.id = a.finding_id
        WHERE a.alert_id = %s AND f.kind <> 'recovered' ORDER BY f.at DESC, f.id DESC LIMIT 1
        """,
        (alert_id,),
    ).fetchone()
    doc = row[0] if row else {}
    signals = doc.get("signals") or []
    return Looked(str(doc.get("feature") or ""), [str(name) for name in signals])


def zone_of(conn: Connection, repair_order_id: int) -> str:
    """The time zone of the workshop."""
    row = conn.execute(
        """
        SELECT d.time_zone FROM repair_order r JOIN booking b ON b.id = r.booking_id
        JOIN dealer d ON d.id = b.dealer_id WHERE r.id = %s
        """,
        (repair_order_id,),
    ).fetchone()
    assert row is not None
    return str(row[0])


def driven(
    conn: Connection,
    vehicle_id: int,
    since: datetime,
    until: datetime,
    signals: Sequence[str],
    zone: str,
) -> Driven:
    """What a car did in a window; only frames that hold one of the signals count, if there are any.

    Parameters
    ----------
    signals : sequence of str
        Catalogued column names.
    """
    useful = sql.SQL("num_nonnulls({}) > 0").format(
        sql.SQL(", ").join(map(sql.Identifier, signals))
    )
    with conn.cursor(row_factory=class_row(Driven)) as cur:
        row = cur.execute(
            sql.SQL(
                """
                SELECT count(DISTINCT (ts AT TIME ZONE {zone})::date) FILTER (
                           WHERE speed_kmh > 5 OR engine_running OR engine_speed_rpm > 300)::int
                           AS days,
                       count(*)::int AS frames,
                       max(odometer_m) - min(odometer_m) AS distance_m
                FROM telemetry
                WHERE vehicle_id = {vehicle} AND ts > {since} AND ts <= {until} AND {useful}
                """
            ).format(
                zone=sql.Literal(zone),
                vehicle=sql.Literal(vehicle_id),
                since=sql.Literal(since),
                until=sql.Literal(until),
                useful=useful if signals else sql.SQL("true"),
            )
        ).fetchone()
    assert row is not None
    return row
