"""The SQL of ingest: one transaction for each batch, harmless when it happens twice."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import msgspec
import psycopg
from psycopg import errors, sql
from psycopg.rows import class_row

from ingest.decode import Reading, Status
from ingest.odometer import Odometer
from record.flow import SHARDS, Frame, Reject
from record.signals import BY_NAME

BAD_DATA = (
    psycopg.DataError,  # a value that its column can't hold
    psycopg.IntegrityError,
    errors.ProgramLimitExceeded,  # psycopg counts it among the operational ones
    UnicodeEncodeError,
    OverflowError,
)
"""Errors that come again however often the same rows are tried."""

_FIXED = ("vehicle_id", "ts", "received_at", "seq", "dtcs", "other", "rejected")
_FIXED_TYPES = ("int4", "timestamptz", "timestamptz", "int8", "text[]", "jsonb", "jsonb")

_LATEST_FRAMES = 200
"""How far back the odometer is looked for; a car that tells it does so in each frame or trip."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_Insert: TypeAlias = Callable[[psycopg.Cursor, Sequence[Reading]], Sequence[Reading]]
"""How rows get into the table; returns those that were new."""

_encoder = msgspec.msgpack.Encoder()


@dataclass(slots=True)
class Batch:
    """What one transaction stores.

    Parameters
    ----------
    readings : list of Reading
        No two of the same vehicle and time.
    rejects : list of Reject
    statuses : list of Status
    received_at : datetime
        Of its last message.
    """

    readings: list[Reading]
    rejects: list[Reject]
    statuses: list[Status]
    received_at: datetime

    def __len__(self) -> int:
        return len(self.readings) + len(self.rejects) + len(self.statuses)


@dataclass(slots=True)
class Stored:
    """What became of a batch.

    Parameters
    ----------
    frames : int
        Stored now, and handed to the detectors.
    duplicates : int
        Had been stored before.
    rejects : list of Reject
        In quarantine, with what the database refused.
    """

    frames: int = 0
    duplicates: int = 0
    rejects: list[Reject] = field(default_factory=list)


def end_soon_without_us(conn: psycopg.Connection) -> None:
    """Let the server end this session, and with it our lock, when we vanish without a word.

    It then finds out within about 20 s; its default is two hours.
    """
    conn.execute("SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5")
    conn.execute("SET tcp_keepalives_count = 2; SET idle_in_transaction_session_timeout = '60s'")


def try_lock(conn: psycopg.Connection, client_id: str) -> bool:
    """Become the one process that stores under this name, unless another is."""
    row = conn.execute(
        "SELECT pg_try_advisory_lock(hashtextextended('ingest ' || %s, 0))", (client_id,)
    ).fetchone()
    assert row is not None
    return bool(row[0])


def vehicle_ids(conn: psycopg.Connection, vins: Collection[str]) -> dict[str, int]:
    """Our keys of those of `vins` that are registered."""
    rows = conn.execute("SELECT vin, id FROM vehicle WHERE vin = ANY(%s)", (list(vins),))
    return dict(rows.fetchall())


def odometers(conn: psycopg.Connection, ids: Collection[int]) -> dict[int, Odometer]:
    """The newest odometer reading of each vehicle that told one lately."""
    rows = conn.execute(
        """
        SELECT v.id, floor(extract(epoch FROM told.ts) * 1000)::bigint, told.odometer_m
        FROM unnest(%s::integer[]) AS v (id)
        CROSS JOIN LATERAL (
            SELECT latest.ts, latest.odometer_m
            FROM (
                SELECT ts, odometer_m FROM telemetry
                WHERE vehicle_id = v.id ORDER BY ts DESC LIMIT %s
            ) AS latest
            WHERE latest.odometer_m IS NOT NULL ORDER BY latest.ts DESC LIMIT 1
        ) AS told
        """,
        (list(ids), _LATEST_FRAMES),
    )
    return {vehicle_id: Odometer(ts_ms, reading_m) for vehicle_id, ts_ms, reading_m in rows}


def write(conn: psycopg.Connection, batch: Batch) -> Stored:
    """Store a batch and commit it.

    Raises
    ------
    psycopg.Error
        Nothing of the batch is stored then, unless the connection broke during the commit; the
        same batch can be written again in either case.
    """
    try:
        return _write(conn, batch, _copy)
    except errors.UniqueViolation:
        return _write(conn, batch, _stage)  # some frames came before


def _write(conn: psycopg.Connection, batch: Batch, insert: _Insert) -> Stored:
    with conn.transaction(), conn.cursor() as cur:
        new = insert(cur, batch.readings) if batch.readings else []
        if new:
            _hand_off(cur, new)
        if batch.rejects:
            _quarantine(cur, batch.rejects, batch.received_at)
        if batch.statuses:
            _set_statuses(cur, batch.statuses)
    return Stored(len(new), len(batch.readings) - len(new), batch.rejects)


def _copy(cur: psycopg.Cursor, readings: Sequence[Reading]) -> Sequence[Reading]:
    """Binary COPY straight into the table: it refuses all if one frame is there already."""
    _copy_into(cur, "telemetry", readings)
    return readings


def _stage(cur: psycopg.Cursor, readings: Sequence[Reading]) -> Sequence[Reading]:
    """Through a temporary table, since COPY knows no ON CONFLICT; returns the new ones."""
    cur.execute(
        "CREATE TEMPORARY TABLE IF NOT EXISTS staging (LIKE telemetry) ON COMMIT DELETE ROWS"
    )
    columns = _copy_into(cur, "staging", readings)
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    cur.execute(
        sql.SQL(
            "INSERT INTO telemetry ({names}) SELECT {names} FROM staging "
            "ON CONFLICT DO NOTHING RETURNING vehicle_id, ts"
        ).format(names=names)
    )
    new = set(cur.fetchall())
    return [r for r in readings if (r.frame.vehicle_id, _time(r.frame.ts_ms)) in new]


def _copy_into(cur: psycopg.Cursor, table: str, readings: Sequence[Reading]) -> list[str]:
    """Only columns that the batch has: most cars know a fifth of the catalogue."""
    signals = sorted(set().union(*(reading.frame.signals for reading in readings)))
    columns = [*_FIXED, *signals]
    command = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with cur.copy(command) as copy:
        copy.set_types([*_FIXED_TYPES, *(BY_NAME[name].sql for name in signals)])
        write_row = copy.write_row
        for frame, message, _, seq, other, rejected in readings:
            write_row(
                (
                    frame.vehicle_id,
                    _time(frame.ts_ms),
                    message.received_at,
                    seq,
                    list(frame.dtcs) or None,
                    other,
                    rejected,
                    *map(frame.signals.get, signals),
                )
            )
    return columns


def _time(ts_ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=ts_ms)


def _hand_off(cur: psycopg.Cursor, readings: Iterable[Reading]) -> None:
    """Give new frames to the detectors, each vehicle's in the order in which they came."""
    shards: dict[int, list[Frame]] = defaultdict(list)
    for reading in readings:
        shards[reading.frame.vehicle_id % SHARDS].append(reading.frame)
    with cur.copy("COPY frame_log (shard, frame_count, frames) FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(["int2", "int4", "bytea"])
        for shard, frames in shards.items():
            copy.write_row((shard, len(frames), _encoder.encode(frames)))
    cur.execute("NOTIFY frames")


def _quarantine(cur: psycopg.Cursor, rejects: Sequence[Reject], at: datetime) -> None:
    cur.executemany(
        """
        INSERT INTO quarantine
            (received_at, seen_at, topic, vin, payload, reason_code, reason, ts)
        VALUES (%(at)s, %(at)s, %(topic)s, %(vin)s, %(payload)b, %(code)s, %(reason)s, %(ts)s)
        ON CONFLICT (topic, digest) DO UPDATE SET
            seen_at = excluded.seen_at,
            seen = quarantine.seen + 1,
            reason_code = excluded.reason_code,
            reason = excluded.reason,
            replayed_at = NULL
        """,
        [
            {
                "at": at,
                "topic": reject.topic,
                "vin": reject.vin,
                "payload": reject.payload,
                "code": reject.code,
                "reason": reject.reason,
                "ts": _storable(reject.ts_ms),
            }
            for reject in rejects
        ],
    )


def _storable(ts_ms: int | None) -> datetime | None:
    """A refused frame's time may be any number."""
    if ts_ms is None:
        return None
    try:
        return _time(ts_ms)
    except OverflowError:
        return None


def _set_statuses(cur: psycopg.Cursor, statuses: Iterable[Status]) -> None:
    last: dict[int, Status] = {}
    for one in statuses:  # what a batch told of firmware is kept when its car has gone since
        before = last.get(one.vehicle_id)
        told = one.firmware or (before.firmware if before else None)
        last[one.vehicle_id] = one._replace(firmware=told)
    cur.executemany(
        """
        INSERT INTO vehicle_status AS s (vehicle_id, online, changed_at, firmware)
        VALUES (%s, %s, %s, %s)
        ON CONFLICT (vehicle_id) DO UPDATE SET online = excluded.online,
            changed_at = CASE WHEN s.online <> excluded.online THEN excluded.changed_at
                ELSE s.changed_at END,
            firmware = coalesce(excluded.firmware, s.firmware)
        WHERE s.online <> excluded.online OR s.firmware IS DISTINCT FROM
            coalesce(excluded.firmware, s.firmware)
        """,
        [last[vehicle_id] for vehicle_id in sorted(last)],
    )


@dataclass(frozen=True, slots=True)
class Waiting:
    """One row of the quarantine that was not replayed yet."""

    id: int
    received_at: datetime
    topic: str
    payload: bytes


def waiting_ids(conn: psycopg.Connection, code: str | None) -> list[int]:
    """Rows to replay, oldest first; of one reason only if `code` is given."""
    rows = conn.execute(
        """
        SELECT id FROM quarantine
        WHERE replayed_at IS NULL AND (%(code)s::text IS NULL OR reason_code = %(code)s)
        ORDER BY id
        """,
        {"code": code},
    )
    return [row[0] for row in rows]


def lock_waiting(conn: psycopg.Connection, row_id: int) -> Waiting | None:
    """One row for replay, None where it was replayed meanwhile or never was."""
    with conn.cursor(row_factory=class_row(Waiting)) as cur:
        return cur.execute(
            """
            SELECT id, received_at, topic, payload FROM quarantine
            WHERE id = %s AND replayed_at IS NULL FOR UPDATE
            """,
            (row_id,),
        ).fetchone()


def mark_replayed(conn: psycopg.Connection, row_id: int, now: datetime) -> None:
    """Its frames are stored, or have rows of their own."""
    conn.execute(
        "UPDATE quarantine SET replayed_at = %s, attempts = attempts + 1 WHERE id = %s",
        (now, row_id),
    )


def mark_refused(conn: psycopg.Connection, row_id: int, reject: Reject) -> None:
    """It is refused by today's rules too, maybe for another reason."""
    conn.execute(
        """
        UPDATE quarantine SET reason_code = %s, reason = %s, attempts = attempts + 1
        WHERE id = %s
        """,
        (reject.code, reject.reason, row_id),
    )
