"""One process stores, the others stand by: see docs/decisions/0006-one-active-ingest.md."""

import logging
import time
from collections.abc import Callable

import psycopg

from ingest import store
from record import db

log = logging.getLogger(__name__)

LOOK_S = 0.25
"""How often a process that stands by tries to become the active one."""

AWAY_S = 1.0
"""How often a database that is away is tried again."""


class Turn:
    """Waits until this process is the one that stores.

    Whose turn it is, is a lock of the database session over which the batches are committed. So who
    loses the lock can't commit any more, and nobody gets it while another still could.

    Parameters
    ----------
    url : str
        The database.
    client_id : str
        Our name at the broker: only processes of the same name wait for each other.
    """

    def __init__(self, url: str, client_id: str) -> None:
        self.standby = False
        self.away_since_s: float | None = None
        self.away_why = ""
        self._url = url
        self._client_id = client_id

    def wait(self, going: Callable[[], bool]) -> psycopg.Connection | None:
        """A connection that holds the lock, or None once not `going`; closing it ends the turn."""
        while going():
            try:
                conn = db.connect(self._url, "ingest", autocommit=True)
                try:
                    if self._queue(conn, going):
                        return conn
                except BaseException:
                    conn.close()
                    raise
                conn.close()
            except db.BAD_MOMENT as error:
                self._complain(error)
                _sleep(AWAY_S, going)
            finally:
                self.standby = False
        return None

    def _queue(self, conn: psycopg.Connection, going: Callable[[], bool]) -> bool:
        store.end_soon_without_us(conn)
        self.away_why = ""
        while going():
            if store.try_lock(conn, self._client_id):
                self.away_since_s = None
                return True
            if not self.standby:
                log.info("standing by, another process stores")
            self.standby, self.away_since_s = True, None
            _sleep(LOOK_S, going)
        return False

    def _complain(self, error: Exception) -> None:
        why = str(error).strip()
        self.away_since_s = self.away_since_s or time.monotonic()
        if why != self.away_why:  # each new reason once: a wrong password doesn't fill the log
            log.warning("waiting for the database of DATABASE_URL", extra={"why": why})
        self.away_why = why


def _sleep(pause_s: float, going: Callable[[], bool]) -> None:
    end_s = time.monotonic() + pause_s
    while going() and time.monotonic() < end_s:
        time.sleep(0.05)
