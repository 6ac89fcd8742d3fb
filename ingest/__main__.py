"""``python -m ingest``: the front door of the room, and ``python -m ingest replay``."""

import argparse
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import closing
from types import FrameType
from typing import Any

import psycopg
from pydantic import Field, field_validator

from ingest import store
from ingest.mqtt import Subscriber
from ingest.replay import replay
from ingest.turn import Turn
from ingest.writer import Writer
from record import clock, db, health
from record import log as record_log
from record.settings import Settings, SettingsError, load, parse_mqtt_url

log = logging.getLogger("ingest")

STOP_S = 10
"""How long a stopping process waits for a database that hangs."""

STUCK_S = 15
"""A database that hangs for longer makes us unhealthy."""


class IngestSettings(Settings):
    """What ingest needs.

    Parameters
    ----------
    mqtt_url : str
        ``MQTT_URL``, ``mqtt://user:password@host:1883``.
    ingest_client_id : str
        ``INGEST_CLIENT_ID``: names the session that the broker keeps. Of several processes with
        one name, one works and the others stand by.
    mqtt_keepalive_s : int
        ``MQTT_KEEPALIVE_S``.
    """

    mqtt_url: str
    ingest_client_id: str = "roadworthy-ingest"
    mqtt_keepalive_s: int = Field(60, ge=2, le=3600)

    @field_validator("mqtt_url")
    @classmethod
    def _mqtt(cls, url: str) -> str:
        parse_mqtt_url(url)
        return url


def main(argv: list[str] | None = None) -> int:
    """Run the command and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m ingest", description=__doc__)
    commands = parser.add_subparsers(dest="command")
    again = commands.add_parser("replay", help="try what is in quarantine again")
    which = again.add_mutually_exclusive_group()
    which.add_argument("--id", type=int, help="one row of table quarantine")
    which.add_argument("--code", help="all with this reason code, unknown_vin for one")
    which.add_argument("--all", action="store_true", help="all that wait (the default)")
    args = parser.parse_args(argv)
    try:
        if args.command == "replay":
            return _replay(load(Settings), args.id, args.code)
        return run(load(IngestSettings))
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2


def _replay(settings: Settings, row_id: int | None, code: str | None) -> int:
    record_log.setup(settings.log_format)
    try:
        with db.connect(settings.database_url, "ingest replay", autocommit=True) as conn:
            now = clock.read_scale(conn).at(clock.wall())
            ids = [row_id] if row_id is not None else store.waiting_ids(conn, code)
            print(replay(conn, ids, now))
    except psycopg.OperationalError as error:
        print(f"The database can't be reached: {error}", file=sys.stderr)
        return 1
    return 0


class Shift:
    """What works while it is our turn: a connection to the broker, and a thread that stores.

    Each turn has its own, so nothing of an earlier one is ever acknowledged or stored by mistake.

    Parameters
    ----------
    settings : IngestSettings
    conn : psycopg.Connection
        Holds our turn.
    look_up : psycopg.Connection
    """

    def __init__(
        self, settings: IngestSettings, conn: psycopg.Connection, look_up: psycopg.Connection
    ) -> None:
        self._over = False
        self.writer = Writer(
            conn, look_up, lambda settled: self.subscriber.settle(settled), self._end
        )
        self.subscriber = Subscriber(
            parse_mqtt_url(settings.mqtt_url),
            settings.ingest_client_id,
            self.writer.put,
            lambda: self.writer.scale.at(clock.wall()),
            settings.mqtt_keepalive_s,
        )

    def run(self, going: Callable[[], bool]) -> None:
        """Receive and store while `going` and the database connection lives."""
        self.writer.start()
        self.subscriber.run(lambda: going() and not self._over)
        if self._over:
            self.subscriber.leave()
        else:
            log.info("stopping, storing what has arrived")
            self.writer.finish(STOP_S)
            self.subscriber.drain(lambda: self._over)
        self.writer.join()

    def _end(self) -> None:
        self._over = True
        self.subscriber.wake()


def run(settings: IngestSettings) -> int:
    """Receive and store until told to stop, whenever it is our turn."""
    record_log.setup(settings.log_format)
    stopping = False
    shift: Shift | None = None
    turn = Turn(settings.database_url, settings.ingest_client_id)

    def going() -> bool:
        return not stopping

    def on_signal(number: int, _: FrameType | None) -> None:
        nonlocal stopping
        if stopping:
            log.warning("told to stop twice, leaving at once")
            os._exit(1)
        stopping = True
        if shift is not None:
            shift.subscriber.wake()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)

    health.serve(settings.health_host, settings.health_port, lambda: _health(turn, shift))
    log.info("ingest starts", extra={"client_id": settings.ingest_client_id})
    while (conn := turn.wait(going)) is not None:
        try:
            look_up = db.connect(settings.database_url, "ingest look-up", autocommit=True)
        except psycopg.OperationalError:
            conn.close()
            continue
        with closing(conn), closing(look_up):
            log.info("our turn to store")
            shift = Shift(settings, conn, look_up)
            shift.run(going)
        if shift.writer.failure is not None:
            return 1
        shift = None
    log.info("ingest has stopped")
    return 0


def _health(turn: Turn, shift: Shift | None) -> dict[str, Any]:
    now_s = time.monotonic()
    if shift is None:
        away_s = now_s - turn.away_since_s if turn.away_since_s is not None else 0.0
        return {
            "ok": turn.standby,
            "standby": turn.standby,
            "database_away_s": round(away_s, 1),
            "database_says": turn.away_why if turn.away_since_s is not None else None,
        }
    subscriber, writer = shift.subscriber, shift.writer
    stuck_since_s, last_s = writer.waiting_since_s, writer.last_commit_s
    stuck_s = now_s - stuck_since_s if stuck_since_s is not None else 0.0
    return {
        "ok": subscriber.connected and writer.is_alive() and stuck_s < STUCK_S,
        "standby": False,
        "broker_connected": subscriber.connected,
        "database_away_s": round(stuck_s, 1),
        "last_commit_s_ago": None if last_s is None else round(now_s - last_s, 1),
        "waiting_messages": subscriber.waiting,
        "waiting_bytes": subscriber.waiting_bytes,
    }


if __name__ == "__main__":
    sys.exit(main())
