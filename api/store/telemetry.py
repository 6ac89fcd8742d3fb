"""A window of one car's telemetry, thinned for the eye."""

from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql

from care import law, rights
from record.signals import BY_NAME, Signal


@dataclass(frozen=True, slots=True)
class Series:
    """One signal over a window: the least and greatest value in each bucket.

    Parameters
    ----------
    name, unit, label : str
    low, high : list of float or None
        As long as the window's ``at``; None where the bucket holds no value.
    """

    name: str
    unit: str
    label: str
    low: list[float | None]
    high: list[float | None]


@dataclass(frozen=True, slots=True)
class Window:
    """What a chart needs: bucket starts in seconds since 1970 UTC, and one series a signal."""

    at: list[float]
    bucket_s: float
    series: list[Series]


def numeric(names: list[str]) -> list[Signal]:
    """Those of `names` that are signals with numbers, in that order, each once."""
    known = (BY_NAME[n] for n in dict.fromkeys(names) if n in BY_NAME)
    return [s for s in known if s.sql not in ("text", "boolean")]


def window(
    conn: psycopg.Connection,
    *,
    vehicle_id: int,
    names: list[str],
    since: datetime,
    until: datetime,
    points: int = 600,
) -> Window:
    """Telemetry of a car in at most `points` buckets.

    Minimum and maximum of each bucket are kept, so that a battery's dip while cranking shows
    however far out one looks; an average would hide it.

    Parameters
    ----------
    conn : psycopg.Connection
    vehicle_id : int
    names : list of str
        Columns of ``telemetry``; text, flags and unknown names are left out, and the position where
        the law asks for a consent that there is not.
    since, until : datetime
    points : int
    """
    if law.POSITION & set(names) and rights.position_hidden(conn, vehicle_id, until):
        names = [name for name in names if name not in law.POSITION]
    signals = numeric(names)
    bucket_s = max((until - since).total_seconds() / points, 0.001)
    if not signals:
        return Window([], bucket_s, [])
    columns = [sql.Identifier(s.name) for s in signals]
    query = sql.SQL(
        """
        SELECT floor(extract(epoch FROM ts - %(since)s) / %(bucket_s)s)::int AS bucket, {extremes}
        FROM telemetry
        WHERE vehicle_id = %(vehicle_id)s AND ts >= %(since)s AND ts < %(until)s
        GROUP BY bucket ORDER BY bucket
        """
    ).format(
        extremes=sql.SQL(", ").join(sql.SQL("min({0}), max({0})").format(c) for c in columns),
    )
    rows = conn.execute(
        query,
        {"since": since, "until": until, "bucket_s": bucket_s, "vehicle_id": vehicle_id},
    ).fetchall()
    start = since.timestamp()
    return Window(
        [round(start + row[0] * bucket_s, 3) for row in rows],
        bucket_s,
        [
            Series(
                s.name,
                s.unit,
                s.description,
                [_rounded(row[1 + 2 * i]) for row in rows],
                [_rounded(row[2 + 2 * i]) for row in rows],
            )
            for i, s in enumerate(signals)
        ],
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 4)
