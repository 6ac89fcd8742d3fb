"""The database: connections, transactions that survive a bad moment, migrations, the edition."""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psycopg
from psycopg import errors
from psycopg_pool import ConnectionPool

log = logging.getLogger(__name__)

SCHEMA = Path(__file__).parent / "schema"

BAD_MOMENT = (
    # The server is away, starts, stops, or has no room; the network blinks; two transactions
    # collide; a lock isn't free. Also all that goes wrong on connecting, a wrong password too:
    # libpq tells them apart in words only.
    psycopg.OperationalError,
    # psycopg counts these among the internal ones.
    errors.ReadOnlySqlTransaction,  # fail-over: this server has become the spare one
    errors.IdleInTransactionSessionTimeout,
)
"""Errors that time heals, or an operator who is told in the log what we wait for."""

NEVER_BETTER = (
    errors.ProgramLimitExceeded,
    errors.StatementTooComplex,
    errors.TooManyColumns,
    errors.TooManyArguments,
)
"""Operational to psycopg, but the same work meets them again however often it is repeated."""

T = TypeVar("T")


def connect(url: str, application: str, autocommit: bool = False) -> psycopg.Connection:
    """One connection in UTC, named so that an operator sees who it is.

    Raises
    ------
    psycopg.OperationalError
        If the server can't be reached.
    """
    return psycopg.connect(
        url,
        autocommit=autocommit,
        application_name=application,
        connect_timeout=10,
        # a server that vanished without a word is given up after 20 s, not after hours
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=2,
        tcp_user_timeout=20_000,
        options="-c timezone=UTC",
    )


def pool(url: str, application: str, size: int = 4) -> ConnectionPool[psycopg.Connection]:
    """A small pool whose connections are checked before they are lent.

    Parameters
    ----------
    url : str
    application : str
        Shown in ``pg_stat_activity``.
    size : int
        Connections at most.
    """
    return ConnectionPool(
        url,
        min_size=1,
        max_size=size,
        kwargs={"application_name": application, "options": "-c timezone=UTC"},
        check=ConnectionPool.check_connection,
        open=True,
    )


def patiently(work: Callable[[], T], what: str, sleep: Callable[[float], None] = time.sleep) -> T:
    """Do `work`, again and again while the database has a bad moment, pausing up to 5 s.

    Parameters
    ----------
    work : callable
        Opens, uses and commits its own transaction; safe to repeat.
    what : str
        Constant phrase for the log.

    Raises
    ------
    psycopg.Error
        For every other reason, those in `NEVER_BETTER` among them.
    """
    pause = 0.1
    while True:
        try:
            return work()
        except NEVER_BETTER:
            raise
        except BAD_MOMENT as error:
            log.warning("database not ready, will try again", extra={"work": what, "why": error})
            sleep(pause)
            pause = min(pause * 2, 5.0)


def edition(conn: psycopg.Connection) -> str:
    """The TimescaleDB edition that the server runs: ``apache`` or ``timescale`` (Community)."""
    row = conn.execute("SELECT current_setting('timescaledb.license')").fetchone()
    assert row is not None
    return str(row[0])


def migrate(url: str) -> list[str]:
    """Bring the schema up to date, one process at a time.

    Parameters
    ----------
    url : str
        ``postgresql://…``

    Returns
    -------
    list of str
        Names of the migrations that were applied now, in order.
    """
    from yoyo import get_backend, read_migrations

    logging.getLogger("yoyo").setLevel(logging.WARNING)  # it tells each statement
    backend = get_backend("postgresql+psycopg://" + url.split("://", 1)[1])
    try:
        # yoyo's own lock is a table row that outlives a killed process; this one ends with ours
        with connect(url, "roadworthy migrate", autocommit=True) as guard:
            guard.execute("SELECT pg_advisory_lock(hashtext('roadworthy migrate'))")
            todo = backend.to_apply(read_migrations(str(SCHEMA)))
            names = [m.id for m in todo]
            backend.apply_migrations(todo)
        return names
    finally:
        backend.connection.close()
