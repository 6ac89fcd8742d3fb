"""What really was, where no other room can read it: a schema of its own, owned by the superuser.

The product's migrations know nothing of it and no room has a right to it; permissions of the
database keep it from them, not good manners. Who writes here connects as its owner.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import psycopg

from simulators.faults import Fault
from simulators.models import MODELS
from simulators.world.plan import World

SCHEMA = """
CREATE SCHEMA IF NOT EXISTS truth;
REVOKE ALL ON SCHEMA truth FROM PUBLIC;

CREATE TABLE IF NOT EXISTS truth.run (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    seed bigint NOT NULL, start timestamptz NOT NULL, until timestamptz NOT NULL,
    now timestamptz NOT NULL, notes text[] NOT NULL
);
CREATE TABLE IF NOT EXISTS truth.vehicle (
    vin text PRIMARY KEY, vehicle_id integer NOT NULL, model text NOT NULL,
    powertrain text NOT NULL, phone text NOT NULL, time_zone text NOT NULL,
    measured bigint NOT NULL DEFAULT 0, uploaded bigint NOT NULL DEFAULT 0,
    distinct_frames bigint NOT NULL DEFAULT 0, lost bigint NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS truth.fault (
    vin text NOT NULL, kind text NOT NULL, onset timestamptz NOT NULL,
    noticed_at timestamptz, fails_at timestamptz, failed_at timestamptz,
    ended_at timestamptz, ended_by text CHECK (ended_by IN ('repaired', 'broke down')),
    PRIMARY KEY (vin, kind, onset)
);
CREATE TABLE IF NOT EXISTS truth.innocent (
    vin text NOT NULL, kind text NOT NULL, start timestamptz NOT NULL, until timestamptz,
    PRIMARY KEY (vin, kind, start)
);
CREATE TABLE IF NOT EXISTS truth.due (
    vin text NOT NULL, at timestamptz NOT NULL, PRIMARY KEY (vin, at)
);
CREATE TABLE IF NOT EXISTS truth.serviced (
    vin text NOT NULL, at timestamptz NOT NULL, by text NOT NULL, PRIMARY KEY (vin, at)
);
CREATE TABLE IF NOT EXISTS truth.visit (
    vin text NOT NULL, at timestamptz NOT NULL, cause text, kind text, verdict text NOT NULL,
    PRIMARY KEY (vin, at)
);
CREATE TABLE IF NOT EXISTS truth.text (
    sid text PRIMARY KEY, phone text NOT NULL, at timestamptz NOT NULL, body text NOT NULL,
    automatic boolean NOT NULL
);
CREATE TABLE IF NOT EXISTS truth.said (
    phone text NOT NULL, at timestamptz NOT NULL, what text NOT NULL, PRIMARY KEY (phone, at, what)
);
CREATE TABLE IF NOT EXISTS truth.call (
    customer_id integer NOT NULL, at timestamptz NOT NULL, what text NOT NULL
);
REVOKE ALL ON ALL TABLES IN SCHEMA truth FROM PUBLIC;
"""

TABLES = (
    "run", "vehicle", "fault", "innocent", "due", "serviced", "visit", "text", "said",
    "call",
)  # fmt: skip


def create(url: str) -> None:
    """Make the schema, as the superuser whose `url` it is; again is harmless."""
    with psycopg.connect(url) as conn:
        conn.execute(SCHEMA)


class Truth:
    """Writes down what really happens.

    Parameters
    ----------
    conn
        In autocommit mode, as the schema's owner.
    """

    def __init__(self, conn: psycopg.Connection) -> None:
        self._conn = conn

    def begin(self, world: World, vehicles: Mapping[str, int]) -> None:
        """A new world: forget the last one, write down what will be in this one.

        Parameters
        ----------
        vehicles
            The product's keys by VIN.
        """
        with self._conn.transaction():
            for table in TABLES:
                self._conn.execute(f"DELETE FROM truth.{table}")  # noqa: S608  our own names
            self._conn.execute(
                "INSERT INTO truth.run (seed, start, until, now, notes) "
                "VALUES (%s, %s, %s, %s, %s)",
                (world.seed, world.start, world.end, world.start, list(world.notes)),
            )
            for car in world.cars:
                owner = world.people[car.owner]
                self.vehicle(car.vin, vehicles[car.vin], car.model, owner.phone, owner.time_zone)
                for fault in car.faults:
                    self.fault(car.vin, fault)
                for one in car.innocents:
                    self.innocent(car.vin, one.kind, one.start, one.end)
                for spell in world.dealers[owner.dealer].climate.spells:
                    kind = "cold_snap" if spell.warmer_k < 0 else "heat_wave"
                    self.innocent(car.vin, kind, spell.start, spell.end)

    def vehicle(self, vin: str, vehicle_id: int, model: str, phone: str, time_zone: str) -> None:
        """A car of this world; one that is known already is taken up again."""
        self._conn.execute(
            """
            INSERT INTO truth.vehicle (vin, vehicle_id, model, powertrain, phone, time_zone)
            VALUES (%s, %s, %s, %s, %s, %s)
            ON CONFLICT (vin) DO UPDATE SET vehicle_id = excluded.vehicle_id
            """,
            (vin, vehicle_id, model, MODELS[model].powertrain, phone, time_zone),
        )

    def innocent(self, vin: str, kind: str, start: datetime, until: datetime | None) -> None:
        """What only looks like a fault."""
        self._conn.execute(
            "INSERT INTO truth.innocent VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (vin, kind, start, until),
        )

    def fault(self, vin: str, fault: Fault) -> None:
        """One fault of a car."""
        self._conn.execute(
            """
            INSERT INTO truth.fault (vin, kind, onset, noticed_at, fails_at)
            VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
            """,
            (vin, fault.name, fault.onset, fault.noticed_at, fault.fails_at),
        )

    def failed(self, vin: str, kind: str, at: datetime) -> None:
        """The car really broke down with it."""
        self._conn.execute(
            "UPDATE truth.fault SET failed_at = %s "
            "WHERE vin = %s AND kind = %s AND failed_at IS NULL AND ended_at IS NULL",
            (at, vin, kind),
        )

    def ended(self, vin: str, kind: str, at: datetime, by: str) -> None:
        """It is gone: ``repaired``, or mended after the car ``broke down``."""
        self._conn.execute(
            "UPDATE truth.fault SET ended_at = %s, ended_by = %s "
            "WHERE vin = %s AND kind = %s AND ended_at IS NULL",
            (at, by, vin, kind),
        )

    def due(self, vin: str, at: datetime) -> None:
        """The service plan ran out."""
        self._conn.execute(
            "INSERT INTO truth.due VALUES (%s, %s) ON CONFLICT DO NOTHING", (vin, at)
        )

    def serviced(self, vin: str, at: datetime, by: str) -> None:
        """A service was done, by the ``dealer`` or ``elsewhere``."""
        self._conn.execute(
            "INSERT INTO truth.serviced VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", (vin, at, by)
        )

    def visited(
        self, vin: str, at: datetime, cause: str | None, kind: str | None, verdict: str
    ) -> None:
        """What came of a visit to the workshop."""
        self._conn.execute(
            "INSERT INTO truth.visit VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (vin, at, cause, kind, verdict),
        )

    def text(self, sid: str, phone: str, at: datetime, body: str, automatic: bool) -> None:
        """What arrived on a telephone; `automatic` is Twilio's own answer to a STOP."""
        self._conn.execute(
            "INSERT INTO truth.text VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (sid, phone, at, body, automatic),
        )

    def said(self, phone: str, at: datetime, what: str) -> None:
        """What a customer did."""
        self._conn.execute(
            "INSERT INTO truth.said VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", (phone, at, what)
        )

    def called(self, customer_id: int, at: datetime, what: str) -> None:
        """What an advisor did about a task, and what came of it."""
        self._conn.execute("INSERT INTO truth.call VALUES (%s, %s, %s)", (customer_id, at, what))

    def uplink(self, vin: str, measured: int, uploaded: int, distinct: int, lost: int) -> None:
        """How many frames a car measured, its gateway uploaded (distinct ones), and lost."""
        self._conn.execute(
            "UPDATE truth.vehicle SET measured = %s, uploaded = %s, distinct_frames = %s, "
            "lost = %s WHERE vin = %s",
            (measured, uploaded, distinct, lost, vin),
        )

    def now(self, at: datetime) -> None:
        """How far the world has come."""
        self._conn.execute("UPDATE truth.run SET now = %s", (at,))
