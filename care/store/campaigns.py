"""Campaigns and the cars that they chose."""

from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb


def chosen(
    conn: Connection, dealer_id: int, conditions: dict[str, Any], now: datetime
) -> list[tuple[int, int]]:
    """Cars of a dealer's customers that fit `care.campaign.Conditions`, each with its owner."""
    return conn.execute(
        """
        SELECT v.id, w.customer_id
        FROM vehicle v JOIN ownership w ON w.vehicle_id = v.id AND w.during @> %(now)s
        JOIN customer c ON c.id = w.customer_id
        WHERE c.dealer_id = %(dealer)s
          AND (%(make)s = '' OR lower(v.make) = lower(%(make)s))
          AND (%(model)s = '' OR lower(v.model) = lower(%(model)s))
          AND (%(year_from)s::integer IS NULL OR v.model_year >= %(year_from)s)
          AND (%(year_to)s::integer IS NULL OR v.model_year <= %(year_to)s)
          AND (%(powertrain)s = '' OR v.powertrain = %(powertrain)s)
          AND ((%(km_from)s::integer IS NULL AND %(km_to)s::integer IS NULL) OR (
            SELECT odometer_m FROM telemetry t
            WHERE t.vehicle_id = v.id AND t.odometer_m IS NOT NULL
              AND t.ts <= %(now)s AND t.ts > %(now)s - interval '90 days'
            ORDER BY t.ts DESC LIMIT 1
          ) BETWEEN coalesce(%(km_from)s, 0) * 1000.0 AND coalesce(%(km_to)s, 3000000) * 1000.0)
        ORDER BY v.id
        """,
        {**conditions, "dealer": dealer_id, "now": now},
    ).fetchall()


def insert(
    conn: Connection,
    *,
    dealer_id: int,
    kind: str,
    title: str,
    conditions: dict[str, Any],
    hold_out: float,
    actor: str,
    at: datetime,
) -> int:
    """Keep a campaign."""
    row = conn.execute(
        """
        INSERT INTO campaign (dealer_id, journey, title, conditions, hold_out, made_by, made_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id
        """,
        (dealer_id, kind, title, Jsonb(conditions), hold_out, actor, at),
    ).fetchone()
    assert row is not None
    return int(row[0])


def add_car(
    conn: Connection, campaign_id: int, vehicle_id: int, customer_id: int, held_out: bool
) -> None:
    """A car that a campaign chose."""
    conn.execute(
        "INSERT INTO campaign_car VALUES (%s, %s, %s, %s)",
        (campaign_id, vehicle_id, customer_id, held_out),
    )
