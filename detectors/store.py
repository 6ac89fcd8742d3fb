"""What the detectors read and write: the hand-off log, saved states, findings, shard locks."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from detectors import DETECTORS
from detectors.contract import time_of
from record.clock import read_scale, wall
from record.flow import RELAPSE, Finding, Frame, Stage, Vehicle

LOCK = 0x_DE_7E_C7
"""First key of the advisory locks on shards; the second is the shard."""

PRESENCE = LOCK + 1
"""First key of the lock that each worker holds while it lives; the second is its process."""

_EPOCH = time_of(0)


def ms_of(ts: datetime) -> int:
    """The reverse of `time_of`."""
    return (ts - _EPOCH) // timedelta(milliseconds=1)


# --- who works on what ---------------------------------------------------------------------------


def enter(conn: psycopg.Connection) -> None:
    """Take part: others count us until our connection ends.

    If our machine vanishes without a word, the server finds out within about 20 s and gives our
    shards to others; its default is two hours.
    """
    conn.execute("SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5")
    conn.execute("SET tcp_keepalives_count = 2; SET idle_in_transaction_session_timeout = '60s'")
    conn.execute("SELECT pg_advisory_lock(%s, pg_backend_pid())", [PRESENCE])
    conn.execute("LISTEN frames")


def workers(conn: psycopg.Connection) -> int:
    """How many workers live now, ourselves included."""
    row = conn.execute(
        """
        SELECT count(*) FROM pg_locks
        WHERE locktype = 'advisory' AND classid = %s AND objsubid = 2 AND granted
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        """,
        [PRESENCE],
    ).fetchone()
    assert row is not None
    return int(row[0])


def try_lock(conn: psycopg.Connection, shard: int) -> bool:
    """Take a shard for this session, unless another has it."""
    row = conn.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK, shard]).fetchone()
    assert row is not None
    return bool(row[0])


def unlock(conn: psycopg.Connection, shard: int) -> None:
    """Let another worker have the shard."""
    conn.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK, shard])


# --- frames --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Batch:
    """One row of the hand-off log."""

    id: int
    shard: int
    frames: bytes
    age_s: float


def read_batches(
    conn: psycopg.Connection, shards: Sequence[int], done: Sequence[int], limit: int
) -> list[Batch]:
    """The oldest batches of `shards` but for those `done`.

    Never by "id > last": ids are handed out before commit, so a smaller one may appear later.
    """
    with conn.cursor(row_factory=class_row(Batch)) as cur:
        return cur.execute(
            """
            SELECT id, shard, frames, extract(epoch FROM clock_timestamp() - stored_at)::float8
                AS age_s
            FROM frame_log
            WHERE shard = ANY(%b::smallint[]) AND id <> ALL(%b::bigint[])
            ORDER BY id LIMIT %s
            """,
            [list(shards), list(done), limit],
            binary=True,
        ).fetchall()


def history(
    conn: psycopg.Connection, vehicle_id: int, signals: Sequence[str], since: datetime, to: datetime
) -> Iterator[Frame]:
    """A vehicle's stored frames from `since` to `to`, both included, in order of time."""
    query = sql.SQL(
        """
        SELECT ts, dtcs, {} FROM telemetry
        WHERE vehicle_id = %s AND ts BETWEEN %s AND %s ORDER BY ts
        """
    ).format(sql.SQL(", ").join(map(sql.Identifier, signals)))
    with conn.cursor(name="history", row_factory=dict_row) as cur:
        cur.itersize = 5000
        for row in cur.execute(query, [vehicle_id, since, to]):
            ts, dtcs = row.pop("ts"), row.pop("dtcs")
            present = {name: value for name, value in row.items() if value is not None}
            yield Frame(vehicle_id, ms_of(ts), present, tuple(dtcs or ()))


# --- vehicles and their states -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Saved:
    """A vehicle with the states of its bank, where there are any."""

    vehicle: Vehicle
    updated_at: datetime
    judged_ts: datetime | None
    versions: str | None
    state: bytes | None


_PROFILE = """
    v.id, v.vin, v.make, v.model, v.model_year, v.powertrain, v.service_interval_m,
    v.service_interval_days, v.service_interval_hours, v.last_service_at,
    v.last_service_odometer_m, v.last_service_engine_hours, v.service_items, v.updated_at
"""


def load(conn: psycopg.Connection, vehicle_ids: Sequence[int]) -> list[Saved]:
    """Vehicles by key, with their saved states; an unknown key is left out."""
    with conn.cursor(row_factory=dict_row) as cur:
        rows = cur.execute(
            f"""
            SELECT {_PROFILE}, s.judged_ts, s.versions, s.state
            FROM vehicle v LEFT JOIN detector_state s ON s.vehicle_id = v.id
            WHERE v.id = ANY(%s)
            """,  # noqa: S608  # a constant
            [list(vehicle_ids)],
            binary=True,
        ).fetchall()
    return [_saved(row) for row in rows]


def changed_profiles(conn: psycopg.Connection, known: dict[int, datetime]) -> list[Saved]:
    """Those of the vehicles whose row is another than the one we know, by `updated_at`."""
    with conn.cursor(row_factory=dict_row) as cur:
        rows = cur.execute(
            f"""
            SELECT {_PROFILE}, NULL AS judged_ts, NULL AS versions, NULL AS state
            FROM unnest(%s::int[], %s::timestamptz[]) AS k (id, updated_at)
            JOIN vehicle v ON v.id = k.id AND v.updated_at <> k.updated_at
            """,  # noqa: S608
            [list(known), list(known.values())],
        ).fetchall()
    return [_saved(row) for row in rows]


def _saved(row: dict[str, Any]) -> Saved:
    about = {name: row.pop(name) for name in ("updated_at", "judged_ts", "versions", "state")}
    return Saved(Vehicle(**row), **about)


# --- what a backtest asks ------------------------------------------------------------------------


def all_vehicles(conn: psycopg.Connection) -> list[Vehicle]:
    """Every vehicle that has sent anything, by key."""
    with conn.cursor(row_factory=dict_row) as cur:
        rows = cur.execute(
            f"""
            SELECT {_PROFILE}, NULL AS judged_ts, NULL AS versions, NULL AS state
            FROM vehicle v WHERE EXISTS (SELECT FROM telemetry t WHERE t.vehicle_id = v.id)
            ORDER BY v.id
            """  # noqa: S608
        ).fetchall()
    return [_saved(row).vehicle for row in rows]


@dataclass(frozen=True, slots=True)
class Label:
    """What a workshop, or who called the customer, found behind an alert."""

    vehicle_id: int
    cause: str
    at: datetime
    confirmed: bool
    root: bool


def labels(conn: psycopg.Connection) -> list[Label]:
    """All answers that say whether an alert was right.

    Another part than the one named was still a fault; a fault that could not be reproduced, that
    the customer did not want looked at, or that somebody had repaired before, says nothing.
    """
    with conn.cursor(row_factory=class_row(Label)) as cur:
        return cur.execute(
            """
            SELECT a.vehicle_id, a.cause, o.at,
                o.label <> 'no_fault_found' AS confirmed, o.label = 'confirmed' AS root
            FROM outcome o JOIN alert a ON a.id = o.alert_id
            WHERE o.label IN ('confirmed', 'confirmed_other', 'no_fault_found')
            UNION ALL
            SELECT a.vehicle_id, a.cause, d.at, d.label = 'confirmed', d.label = 'confirmed'
            FROM dismissal_label d JOIN alert a ON a.id = d.alert_id WHERE d.label IS NOT NULL
            ORDER BY 3, 1, 2
            """
        ).fetchall()


def span(conn: psycopg.Connection) -> tuple[datetime, datetime] | None:
    """First and last moment that telemetry is stored of; None if there is none."""
    row = conn.execute("SELECT min(ts), max(ts) FROM telemetry").fetchone()
    return None if row is None or row[0] is None else (row[0], row[1])


def advisors(conn: psycopg.Connection) -> int:
    """How many advisors are at work."""
    row = conn.execute("SELECT count(*) FROM staff WHERE role = 'advisor' AND active").fetchone()
    assert row is not None
    return int(row[0])


# --- what came of it -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tally:
    """What is known of the cases of one version of a detector, and of one cause or one month.

    Parameters
    ----------
    cause, month : str and date, or None
        None stands for all.
    told, silent : int
        Alerts that it spoke of, and cases of which nobody was told.
    confirmed, other, wrong : int
        By what was found: the cause as named, another one, no fault.
    lead : timedelta or None
        Usual time from its first word to the repair, of the right ones: the geometric mean, which
        lies near the median where a few take very long.
    """

    detector: str
    version: int
    cause: str | None
    month: date | None
    told: int
    silent: int
    confirmed: int
    other: int
    wrong: int
    lead: timedelta | None

    @property
    def right(self) -> int:
        """There was a fault."""
        return self.confirmed + self.other


def tallies(conn: psycopg.Connection, detector: str) -> list[Tally]:
    """A detector's record: by version; by version and cause; by month in UTC (version 0)."""
    with conn.cursor(row_factory=class_row(Tally)) as cur:
        return cur.execute(
            f"""
            SELECT detector, coalesce(version, 0) AS version, cause, month, {_COUNTED}
            FROM detector_tally WHERE detector = %s
            GROUP BY detector, GROUPING SETS ((version), (version, cause), (month))
            HAVING sum(cases) > 0 ORDER BY month DESC, sum(cases) DESC
            """,  # noqa: S608
            [detector],
        ).fetchall()


def standings(conn: psycopg.Connection) -> list[Tally]:
    """The records of all detectors, by version."""
    with conn.cursor(row_factory=class_row(Tally)) as cur:
        return cur.execute(
            f"""
            SELECT detector, version, NULL AS cause, NULL AS month, {_COUNTED}
            FROM detector_tally GROUP BY detector, version HAVING sum(cases) > 0
            ORDER BY detector, version DESC
            """  # noqa: S608
        ).fetchall()


_COUNTED = """
    coalesce(sum(cases) FILTER (WHERE told), 0) AS told,
    coalesce(sum(cases) FILTER (WHERE NOT told), 0) AS silent,
    coalesce(sum(cases) FILTER (WHERE label = 'confirmed'), 0) AS confirmed,
    coalesce(sum(cases) FILTER (WHERE label = 'confirmed_other'), 0) AS other,
    coalesce(sum(cases) FILTER (WHERE label = 'no_fault_found'), 0) AS wrong,
    interval '1 hour' * exp(sum(log_lead) / nullif(
        sum(cases) FILTER (WHERE label IN ('confirmed', 'confirmed_other')), 0)) AS lead
"""


# --- where a detector stands ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StageRow:
    """A detector was moved."""

    stage: Stage
    by: str
    by_name: str | None  # of the member of staff
    at: datetime
    why: str
    evidence: dict[str, Any]


def lock_stages(conn: psycopg.Connection) -> None:
    """Nobody else moves a detector until the end of this transaction."""
    conn.execute("LOCK TABLE detector_stage IN SHARE ROW EXCLUSIVE MODE")


def stages(conn: psycopg.Connection, names: Sequence[str]) -> dict[str, Stage]:
    """Where detectors stand.

    One that has no row yet stands where it will begin: where none has one, as in a new
    installation, it says so itself (`Detector.begins`); one that came later, in shadow.
    """
    rows = conn.execute(
        "SELECT DISTINCT ON (detector) detector, stage FROM detector_stage"
        " ORDER BY detector, id DESC"
    ).fetchall()
    found = {name: Stage(stage) for name, stage in rows}
    first = {} if found else {kind.name: kind.begins for kind in DETECTORS}
    other = Stage.SHADOW if found else Stage.IN_FORCE
    return {name: found.get(name, first.get(name, other)) for name in names}


def begin_stages(conn: psycopg.Connection, names: Sequence[str]) -> dict[str, Stage]:
    """Let detectors that are new here begin; where all stand."""
    with conn.transaction():
        lock_stages(conn)
        at = read_scale(conn).at(wall())
        known = {name for (name,) in conn.execute("SELECT DISTINCT detector FROM detector_stage")}
        standing = stages(conn, names)
        for name in names:
            if name not in known:
                why = "New here" if known else "There from the beginning"
                add_stage(conn, name, standing[name], "detectors", at, why, {})
    return standing


def add_stage(
    conn: psycopg.Connection,
    name: str,
    stage: Stage,
    by: str,
    at: datetime,
    why: str,
    evidence: Mapping[str, Any],
) -> None:
    """Move a detector."""
    conn.execute(
        "INSERT INTO detector_stage (detector, stage, by, at, why, evidence)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        [name, stage.value, by, at, why, Jsonb(evidence)],
    )


def stage_history(conn: psycopg.Connection, name: str, limit: int) -> list[StageRow]:
    """How a detector was moved, newest first."""
    with conn.cursor(row_factory=dict_row) as cur:
        rows = cur.execute(
            """
            SELECT d.stage, d.by, s.name AS by_name, d.at, d.why, d.evidence
            FROM detector_stage d LEFT JOIN staff s ON d.by = 'staff:' || s.id
            WHERE d.detector = %s ORDER BY d.id DESC LIMIT %s
            """,
            [name, limit],
        ).fetchall()
    return [StageRow(**row | {"stage": Stage(row["stage"])}) for row in rows]


def tell_anew(conn: psycopg.Connection, name: str, now: datetime) -> int:
    """Hand to care what a detector found lately and still sees: nobody was told. How many.

    Not where somebody has looked at the car since.
    """
    count = conn.execute(
        """
        UPDATE finding SET handled_at = NULL WHERE id IN (
            SELECT id FROM (
                SELECT DISTINCT ON (vehicle_id, cause) id, vehicle_id, cause, kind, at
                FROM finding WHERE detector = %(name)s AND at > %(since)s
                ORDER BY vehicle_id, cause, at DESC, id DESC) AS newest
            WHERE kind <> 'recovered' AND NOT EXISTS (
                SELECT FROM detector_case c
                WHERE c.vehicle_id = newest.vehicle_id AND c.detector = %(name)s
                  AND c.cause = newest.cause AND c.answered_at >= newest.at))
        """,
        {"name": name, "since": now - RELAPSE},
    ).rowcount
    conn.execute("NOTIFY findings")
    return count


@dataclass(frozen=True, slots=True)
class Backtest:
    """A stored trial."""

    id: int
    detector: str
    versions: str
    source: str
    since: datetime
    until: datetime
    at: datetime
    report: dict[str, Any]


def add_backtest(
    conn: psycopg.Connection,
    *,
    detector: str,
    versions: str,
    source: str,
    since: datetime,
    until: datetime,
    at: datetime,
    report: Mapping[str, Any],
) -> int:
    """Keep a trial; its key."""
    row = conn.execute(
        """
        INSERT INTO backtest (detector, versions, source, since, until, at, report)
        VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id
        """,
        [detector, versions, source, since, until, at, Jsonb(report)],
    ).fetchone()
    assert row is not None
    return int(row[0])


def backtests(conn: psycopg.Connection, detector: str, limit: int) -> list[Backtest]:
    """The newest trials of a detector, or of all together."""
    with conn.cursor(row_factory=class_row(Backtest)) as cur:
        return cur.execute(
            """
            SELECT id, detector, versions, source, since, until, at, report FROM backtest
            WHERE detector = %s ORDER BY id DESC LIMIT %s
            """,
            [detector, limit],
        ).fetchall()


# --- a checkpoint --------------------------------------------------------------------------------


def save_states(
    conn: psycopg.Connection, versions: str, states: Sequence[tuple[int, datetime, bytes]]
) -> None:
    """Write the changed states over the old ones."""
    ids, times, blobs = zip(*states, strict=True) if states else ((), (), ())
    conn.execute(
        """
        INSERT INTO detector_state (vehicle_id, judged_ts, versions, state)
        SELECT id, judged_ts, %s, state
        FROM unnest(%b::int[], %b::timestamptz[], %b::bytea[]) AS t (id, judged_ts, state)
        ON CONFLICT (vehicle_id) DO UPDATE
        SET judged_ts = excluded.judged_ts, versions = excluded.versions,
            state = excluded.state, saved_at = now()
        """,
        [versions, list(ids), list(times), list(blobs)],
    )


def add_findings(
    conn: psycopg.Connection, findings: Iterable[Finding], versions: Mapping[str, int]
) -> int:
    """Add findings and wake care; one that is there already, by its natural key, stays as it is.

    Parameters
    ----------
    versions : mapping of str to int
        Of the detectors that found them.
    """
    rows = [_row(finding) | {"version": versions[finding.detector]} for finding in findings]
    with conn.cursor() as cur:
        cur.executemany(
            """
            INSERT INTO finding (vehicle_id, detector, version, cause, kind, at, urgency,
                confidence, summary, evidence, expect_from, expect_to)
            VALUES (%(vehicle_id)s, %(detector)s, %(version)s, %(cause)s, %(kind)s, %(at)s,
                %(urgency)s, %(confidence)s, %(summary)s, %(evidence)s, %(expect_from)s,
                %(expect_to)s)
            ON CONFLICT DO NOTHING
            """,
            rows,
        )
        added = max(cur.rowcount, 0)
    if added:
        conn.execute("NOTIFY findings")
    return added


def _row(finding: Finding) -> dict[str, Any]:
    row = {name: getattr(finding, name) for name in Finding.__slots__}
    row |= {"kind": finding.kind.value, "urgency": finding.urgency.value}
    row["evidence"] = json.dumps(asdict(finding.evidence), default=datetime.isoformat)
    return row


def delete_batches(conn: psycopg.Connection, ids: Sequence[int]) -> int:
    """Remove exactly the batches that were judged; returns how many were still there."""
    return conn.execute("DELETE FROM frame_log WHERE id = ANY(%b::bigint[])", [list(ids)]).rowcount
