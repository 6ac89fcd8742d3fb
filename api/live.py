"""Pages that follow what happens: PostgreSQL's NOTIFY becomes server-sent events.

One thread listens on channel ``pages``, whose messages are table names. Every open page has one
event stream; it gets the names of the tables that changed, at most twice a second, and fetches the
parts of itself that show them. The streams are the only coroutines of the house: hundreds of open
pages may not cost hundreds of threads.
"""

import asyncio
import logging
import secrets
import threading
import time
from collections.abc import AsyncIterator
from itertools import count

import psycopg

from record import db

log = logging.getLogger(__name__)

EVERYTHING = frozenset(
    {"alert", "task", "outreach", "reply", "booking", "repair_order", "handover"}
)
"""Tables whose changes are told; what a page must assume after it may have missed something."""

GATHER_S = 0.4
KEEPALIVE_S = 20.0
LIFE_S = 300.0
"""A stream ends after five minutes; the browser asks again, and is asked who it is."""


class Subscriber:
    """One open page."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._wake = asyncio.Event()
        self._changed: set[str] = set()
        self._lock = threading.Lock()

    def tell(self, tables: frozenset[str]) -> None:
        """Called by the listening thread."""
        with self._lock:
            self._changed |= tables
        self._loop.call_soon_threadsafe(self._wake.set)

    async def wait(self, seconds: float) -> frozenset[str]:
        """What changed; empty when nothing did for so long."""
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return frozenset()
        self._wake.clear()
        with self._lock:
            changed, self._changed = frozenset(self._changed), set()
        return changed


class Live:
    """Listens, and tells every open page.

    Parameters
    ----------
    url : str
        ``DATABASE_URL``.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._subscribers: set[Subscriber] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="live", daemon=True)
        self.listening = threading.Event()
        self._ids = count(1)
        self._process = secrets.token_hex(4)
        self._changes = 0

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """End every stream; the thread ends within a second."""
        self._stop.set()
        self._tell(frozenset())

    def join(self) -> None:
        """Wait until the thread has ended."""
        self._thread.join(timeout=5)

    @property
    def pages(self) -> int:
        """How many pages are open."""
        return len(self._subscribers)

    @property
    def mark(self) -> str:
        """Names this moment: a page that was made at it has missed nothing while it stays."""
        return f"{self._process}.{self._changes}"

    def _tell(self, tables: frozenset[str]) -> None:
        with self._lock:
            self._changes += bool(tables)
            subscribers = list(self._subscribers)
        for one in subscribers:
            one.tell(tables)

    def _listen(self) -> None:
        while not self._stop.is_set():
            try:
                with db.connect(self._url, "api live", autocommit=True) as conn:
                    conn.execute("LISTEN pages")
                    self.listening.set()
                    self._tell(EVERYTHING)  # whatever happened while nobody listened
                    while not self._stop.is_set():
                        tables = {n.payload for n in conn.notifies(timeout=1.0, stop_after=1)}
                        if tables:
                            self._tell(frozenset(tables) & EVERYTHING)
            except psycopg.Error as error:
                self.listening.clear()
                log.warning("pages don't hear the database", extra={"why": error})
                self._stop.wait(1.0)

    async def stream(self, since: str) -> AsyncIterator[str]:
        """Server-sent events for one page, named ``live-<table>``.

        Parameters
        ----------
        since : str
            The `mark` at which the page was made: if it is another now, or another process's, the
            page may have missed something and is told to look at everything.
        """
        subscriber = Subscriber(asyncio.get_running_loop())
        with self._lock:
            self._subscribers.add(subscriber)
        ends = time.monotonic() + LIFE_S
        try:
            yield f"retry: 1000\nid: {next(self._ids)}\nevent: live-open\ndata: open\n\n"
            if since != self.mark:
                yield self._events(EVERYTHING)
            while not self._stop.is_set() and time.monotonic() < ends:
                changed = await subscriber.wait(KEEPALIVE_S)
                if self._stop.is_set():
                    return
                if changed:
                    yield self._events(changed)
                    await asyncio.sleep(GATHER_S)
                else:
                    yield ": still here\n\n"
        finally:
            with self._lock:
                self._subscribers.discard(subscriber)

    def _events(self, tables: frozenset[str]) -> str:
        return "".join(
            f"id: {next(self._ids)}\nevent: live-{table}\ndata: {table}\n\n"
            for table in sorted(tables)
        )
