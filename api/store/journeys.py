"""Journeys, their versions, who is on them, and campaigns: what pages show."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class JourneyRow:
    """A journey in force, and how it goes at one dealer."""

    name: str
    version: int
    source: str
    made_by: str
    made_at: datetime
    active: int
    done: int
    stopped: int
    sent: int
    not_sent: int
    answered: int


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a journey."""

    version: int
    source: str
    active: bool
    made_by: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """A campaign and what came of it."""

    id: int
    kind: str
    title: str
    conditions: dict[str, Any]
    hold_out: float
    made_at: datetime
    cars: int
    held_out: int
    sent: int
    not_sent: int
    booked: int
    booked_held_out: int


def rows(conn: psycopg.Connection, dealer_id: int, name: str | None = None) -> list[JourneyRow]:
    """The journeys in force; of all their versions, what became of this dealer's customers."""
    with conn.cursor(row_factory=class_row(JourneyRow)) as cur:
        return cur.execute(
            """
            SELECT j.name, j.version, j.source, j.made_by, j.made_at, n.*, m.*
            FROM journey j
            CROSS JOIN LATERAL (
                SELECT count(*) FILTER (WHERE e.state = 'active') AS active,
                       count(*) FILTER (WHERE e.state = 'done') AS done,
                       count(*) FILTER (WHERE e.state = 'stopped') AS stopped
                FROM enrolment e JOIN journey v ON v.id = e.journey_id
                JOIN customer c ON c.id = e.customer_id
                WHERE v.name = j.name AND c.dealer_id = %(dealer)s) n
            CROSS JOIN LATERAL (
                SELECT count(*) FILTER (WHERE o.state IN ('sent', 'delivered')) AS sent,
                       count(*) FILTER (WHERE o.state IN ('dropped', 'failed', 'undelivered'))
                           AS not_sent,
                       count(DISTINCT r.customer_id) AS answered
                FROM enrolment e JOIN journey v ON v.id = e.journey_id
                JOIN customer c ON c.id = e.customer_id
                JOIN outreach o ON o.enrolment_id = e.id
                LEFT JOIN reply r ON r.customer_id = e.customer_id
                    AND r.received_at BETWEEN o.sent_at AND o.sent_at + interval '7 days'
                WHERE v.name = j.name AND c.dealer_id = %(dealer)s) m
            WHERE j.active AND (%(name)s::text IS NULL OR j.name = %(name)s) ORDER BY j.name
            """,
            {"dealer": dealer_id, "name": name},
        ).fetchall()


def versions(conn: psycopg.Connection, name: str) -> list[Version]:
    """All versions, newest first."""
    with conn.cursor(row_factory=class_row(Version)) as cur:
        return cur.execute(
            "SELECT version, source, active, made_by, made_at FROM journey WHERE name = %s "
            "ORDER BY version DESC LIMIT 50",
            (name,),
        ).fetchall()


def at_steps(conn: psycopg.Connection, dealer_id: int, name: str) -> dict[int, int]:
    """How many are before each step."""
    found = conn.execute(
        """
        SELECT e.step, count(*) FROM enrolment e JOIN journey j ON j.id = e.journey_id
        JOIN customer c ON c.id = e.customer_id
        WHERE j.name = %s AND e.state = 'active' AND c.dealer_id = %s GROUP BY 1
        """,
        (name, dealer_id),
    ).fetchall()
    return dict(found)


def reasons(conn: psycopg.Connection, dealer_id: int, name: str) -> list[tuple[str, int]]:
    """Why it stopped, most frequent first."""
    return conn.execute(
        """
        SELECT e.reason, count(*) FROM enrolment e JOIN journey j ON j.id = e.journey_id
        JOIN customer c ON c.id = e.customer_id
        WHERE j.name = %s AND e.state = 'stopped' AND c.dealer_id = %s
        GROUP BY 1 ORDER BY 2 DESC, 1
        """,
        (name, dealer_id),
    ).fetchall()


def campaigns(conn: psycopg.Connection, dealer_id: int) -> list[CampaignRow]:
    """A dealer's campaigns, newest first; bookings are those of the chosen cars since."""
    with conn.cursor(row_factory=class_row(CampaignRow)) as cur:
        return cur.execute(
            """
            SELECT a.id, a.journey AS kind, a.title, a.conditions, a.hold_out, a.made_at, n.*, m.*
            FROM campaign a
            CROSS JOIN LATERAL (
                SELECT count(*) AS cars, count(*) FILTER (WHERE g.held_out) AS held_out,
                       count(*) FILTER (WHERE b.id IS NOT NULL AND NOT g.held_out) AS booked,
                       count(*) FILTER (WHERE b.id IS NOT NULL AND g.held_out) AS booked_held_out
                FROM campaign_car g
                LEFT JOIN LATERAL (
                    SELECT id FROM booking WHERE vehicle_id = g.vehicle_id
                      AND created_at >= a.made_at
                      AND state IN ('booked', 'arrived', 'done') LIMIT 1) b ON true
                WHERE g.campaign_id = a.id) n
            CROSS JOIN LATERAL (
                SELECT count(*) FILTER (WHERE o.state IN ('sent', 'delivered')) AS sent,
                       count(*) FILTER (WHERE o.state IN ('dropped', 'failed', 'undelivered'))
                           AS not_sent
                FROM enrolment e JOIN outreach o ON o.enrolment_id = e.id
                WHERE e.campaign_id = a.id) m
            WHERE a.dealer_id = %s ORDER BY a.made_at DESC, a.id DESC LIMIT 100
            """,
            (dealer_id,),
        ).fetchall()
