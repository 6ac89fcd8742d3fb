"""A furnished dealer's console on a real port, with a database of its own for each test."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx
import psycopg
import pytest
import uvicorn
from psycopg import sql

from api.app import create
from api.auth import Signer
from api.settings import ApiSettings
from record.local import LocalServers
from tests.api.showroom import ROLES, Showroom, furnish
from tests.conftest import eventually

SECRET = "a secret of enough letters"
TWILIO_TOKEN = "twilio says so"

numbers = count(1)


@dataclass
class Console:
    """A running console.

    Parameters
    ----------
    url : str
    room : Showroom
        Ids of what is in the database.
    database : str
        Its address.
    """

    url: str
    room: Showroom
    database: str

    def client(self, role: str | None = None) -> httpx.Client:
        """A browser's stand-in that has signed in as a person of that role.

        `test_sign_in` signs in properly; here a good cookie saves a second of hashing each time.
        """
        cookies = {}
        if role is not None:
            who = self.room.other["staff"] if role == "stranger" else self.room.staff[role]
            cookies["session"] = Signer(SECRET).sign("session", [who, 1, int(time.time())])
        return httpx.Client(base_url=self.url, timeout=30, cookies=cookies)

    def ask(self, query: str, *values: object) -> object:
        """One value from the database."""
        with psycopg.connect(self.database, options="-c timezone=UTC") as conn:
            row = conn.execute(query, values).fetchone()
        return row[0] if row else None

    def do(self, query: str, *values: object) -> None:
        """Change the database."""
        with psycopg.connect(self.database, options="-c timezone=UTC") as conn:
            conn.execute(query, values)


@pytest.fixture(scope="session")
def furnished(servers: LocalServers, template: str) -> tuple[str, Showroom]:
    """Name of a furnished database that nobody is connected to, and what is in it."""
    name = "template_showroom"
    _clone(servers, name, template)
    with psycopg.connect(servers.postgres.url(database=name), options="-c timezone=UTC") as conn:
        room = furnish(conn)
    return name, room


def _clone(servers: LocalServers, name: str, origin: str) -> None:
    with psycopg.connect(servers.postgres.admin_url, autocommit=True) as admin:
        admin.execute(
            sql.SQL("CREATE DATABASE {} OWNER roadworthy TEMPLATE {} STRATEGY file_copy").format(
                sql.Identifier(name), sql.Identifier(origin)
            )
        )


def serve(
    settings: ApiSettings, listener: socket.socket
) -> tuple[uvicorn.Server, threading.Thread]:
    """The console in a thread, ready when this returns."""
    app = create(settings)
    server = uvicorn.Server(
        uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=2)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    eventually(lambda: server.started, "the console serves")
    eventually(app.state.live.listening.is_set, "the console listens to the database")
    return server, thread


@contextmanager
def open_console(
    servers: LocalServers, furnished: tuple[str, Showroom], **more: Any
) -> Iterator[Console]:
    """A console with its own copy of the furnished database; `more` are further settings."""
    name = f"showroom_{next(numbers)}"
    _clone(servers, name, furnished[0])
    database = servers.postgres.url(database=name)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        settings = ApiSettings(
            database_url=database,
            secret_key=SECRET,
            public_url=url,
            twilio_auth_token=TWILIO_TOKEN,
            **more,
        )
        server, thread = serve(settings, listener)
        yield Console(url, furnished[1], database)
        server.should_exit = True
        _stop_streams(server.config.loaded_app)
        thread.join(timeout=20)
        assert not thread.is_alive(), "the console didn't stop"
    with psycopg.connect(servers.postgres.admin_url, autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def console(servers: LocalServers, furnished: tuple[str, Showroom]) -> Iterator[Console]:
    """A console of this test's own."""
    with open_console(servers, furnished) as own:
        yield own


@pytest.fixture(scope="session")
def gallery(servers: LocalServers, furnished: tuple[str, Showroom]) -> Iterator[Console]:
    """One console for all tests that only look."""
    with open_console(servers, furnished) as shared:
        yield shared


def _stop_streams(app: object) -> None:
    """As `api.__main__.Server` does when told to stop."""
    while hasattr(app, "app") and not hasattr(app, "state"):
        app = app.app
    app.state.live.stop()  # type: ignore[attr-defined]


__all__ = ["ROLES", "SECRET", "TWILIO_TOKEN", "Console"]
