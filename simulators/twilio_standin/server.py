"""Runs the stand-in: in a thread for tests, or as ``python -m simulators twilio``."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Self

import psycopg
import uvicorn

from record.clock import REAL, Clock, Scale, read_scale, wall
from simulators.twilio_standin.app import create_app
from simulators.twilio_standin.messages import Account, Exchange
from simulators.twilio_standin.network import Network

log = logging.getLogger(__name__)

#: An account for tests and the demo, of the form Twilio gives out.
DEMO_SID = "AC00000000000000000000000000000001"
DEMO_TOKEN = "0123456789abcdef0123456789abcdef"  # noqa: S105  (opens nothing but the stand-in)


class RunningStandin:
    """The stand-in on a free port of this machine, for the length of a ``with`` block.

    Parameters
    ----------
    webhook_url
        Where inbound messages are posted; may be set later on ``network.webhook_url``.
    account
        Default: `DEMO_SID` and `DEMO_TOKEN`, any sender.
    step_s
        Wall seconds between queued, sent and delivered.

    Attributes
    ----------
    url
        For ``client.api.base_url``.
    exchange, network
        What it remembers, and what it does; see their modules.
    """

    def __init__(
        self,
        *,
        webhook_url: str | None = None,
        account: Account | None = None,
        port: int = 0,
        seed: int = 0,
        state: Path | None = None,
        step_s: float = 0.05,
        now: Callable[[], datetime] = wall,
    ) -> None:
        self.account = account or Account(DEMO_SID, DEMO_TOKEN)
        self.exchange = Exchange(self.account, seed=seed, state=state)
        self.network = Network(self.exchange, now, webhook_url, step_s)
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._server = uvicorn.Server(
            uvicorn.Config(
                create_app(self.network), log_level="warning", timeout_graceful_shutdown=2
            )
        )
        self._thread = threading.Thread(
            target=self._server.run,
            kwargs={"sockets": [self._socket]},
            name="twilio http",
            daemon=True,
        )

    def __enter__(self) -> Self:
        self.network.start()
        self._thread.start()
        deadline = time.monotonic() + 10
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise RuntimeError("the Twilio stand-in did not start")
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self.network.stop()
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._socket.close()


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``python -m simulators twilio``."""
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=4010)
    parser.add_argument("--webhook", metavar="URL", help="where inbound messages are posted")
    parser.add_argument("--account-sid", default=os.environ.get("TWILIO_ACCOUNT_SID", DEMO_SID))
    parser.add_argument("--auth-token", default=os.environ.get("TWILIO_AUTH_TOKEN", DEMO_TOKEN))
    parser.add_argument(
        "--number", action="append", default=[], help="a number of the account (repeatable)"
    )
    parser.add_argument(
        "--service", metavar="MG…=NUMBER[,NUMBER]", action="append", default=[],
        help="a Messaging Service and its pool (repeatable)",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--step", type=float, default=0.3, help="seconds from queued to sent …")
    parser.add_argument("--state", type=Path, metavar="FILE", help="survive a restart")
    parser.add_argument(
        "--wall-clock",
        action="store_true",
        help="date messages by the wall even if there is a DATABASE_URL with the story's clock",
    )


def run(args: argparse.Namespace) -> int:
    """Serve until interrupted."""
    services = {}
    for entry in args.service:
        sid, _, pool = entry.partition("=")
        services[sid] = tuple(filter(None, pool.split(",")))
    account = Account(args.account_sid, args.auth_token, tuple(args.number), services)
    exchange = Exchange(account, seed=args.seed, state=args.state)
    database_url = os.environ.get("DATABASE_URL")
    now = wall if args.wall_clock or not database_url else StoryClock(database_url).now
    network = Network(exchange, now, args.webhook, args.step)
    network.start()
    try:
        # a signal ends waiting requests first: they would hold the server for half a minute
        server = uvicorn.Server(
            uvicorn.Config(
                create_app(network),
                host=args.host,
                port=args.port,
                log_level="warning",
                timeout_graceful_shutdown=1,
            )
        )
        for sign in (signal.SIGTERM, signal.SIGINT):
            # uvicorn hands the signal that ended it on to whoever had it before: that is well
            signal.signal(sign, server.handle_exit)
        server.run()
    finally:
        network.stop()
    return 0 if server.started else 1


class StoryClock:
    """The clock in the database; while the database is away, it runs on at the last known pace."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._lock = threading.Lock()
        self._conn: psycopg.Connection | None = None
        self._scale = REAL
        self._clock = Clock(self._read)

    def now(self) -> datetime:
        """Story time."""
        with self._lock:
            return self._clock.now()

    def _read(self) -> Scale:
        try:
            if self._conn is None or self._conn.closed:
                self._conn = psycopg.connect(self._url, autocommit=True, connect_timeout=2)
            self._scale = read_scale(self._conn)
        except psycopg.Error as error:
            log.info("story clock not read", extra={"reason": str(error).splitlines()[0]})
        return self._scale
