"""The clock that all processes share: the wall's, or a scaled one whose origin is in the database.

Decisions take ``now`` as an argument; only the doors (``__main__``, request handlers, jobs) read a
clock. In demos and stories weeks pass in minutes over the real broker, database and web pages,
because every process computes the same time from the same row.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg.rows import class_row


def wall() -> datetime:
    """The wall clock, aware and UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Scale:
    """How story time follows wall time.

    Parameters
    ----------
    base_wall : datetime
        A moment on the wall clock ...
    base_time : datetime
        ... and what the story's clock showed then.
    rate : float
        Story seconds for each wall second; 0 stands still.
    """

    base_wall: datetime
    base_time: datetime
    rate: float

    def at(self, wall_now: datetime) -> datetime:
        """Story time at a moment of wall time.

        Examples
        --------
        >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
        >>> Scale(noon, noon, 3600).at(noon + timedelta(seconds=2)).hour
        14
        """
        return self.base_time + (wall_now - self.base_wall) * self.rate


REAL = Scale(datetime(2000, 1, 1, tzinfo=UTC), datetime(2000, 1, 1, tzinfo=UTC), 1.0)
"""Story time is wall time."""

REFRESH = timedelta(milliseconds=500)
"""How old a scale may be, unless the clock stands."""


class Clock:
    """Tells ``now``; re-reads its scale from the database at most twice a second.

    A clock that stands is moved by hand (stories, worlds): it is read each time it is asked, so
    that who has moved it need not wait until everybody knows.

    Parameters
    ----------
    read : callable
        Returns the scale in force, `read_scale` bound to a connection or pool for one.
    """

    def __init__(self, read: Callable[[], Scale] = lambda: REAL) -> None:
        self._read = read
        self._scale = read()
        self._read_at = wall()

    @property
    def scale(self) -> Scale:
        """The scale in force."""
        wall_now = wall()
        if self._scale.rate == 0 or wall_now - self._read_at > REFRESH:
            self._scale = self._read()
            self._read_at = wall_now
        return self._scale

    def now(self) -> datetime:
        """Story time now."""
        return self.scale.at(wall())


def read_scale(conn: psycopg.Connection) -> Scale:
    """The scale in the database, `REAL` where none was set."""
    with conn.cursor(row_factory=class_row(Scale)) as cur:
        row = cur.execute("SELECT base_wall, base_time, rate FROM clock").fetchone()
    return row or REAL


def set_scale(conn: psycopg.Connection, scale: Scale) -> None:
    """Let every process follow `scale` from now on (within `REFRESH`); the caller commits."""
    conn.execute(
        """
        INSERT INTO clock (base_wall, base_time, rate) VALUES (%s, %s, %s)
        ON CONFLICT (singleton) DO UPDATE
        SET base_wall = excluded.base_wall, base_time = excluded.base_time, rate = excluded.rate
        """,
        (scale.base_wall, scale.base_time, scale.rate),
    )
