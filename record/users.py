"""Keeps the users of a broker that runs in a container of its own: ``python -m record users``.

Every vehicle of the database may sign in, a few seconds after it is registered. The files go to a
folder that the broker's container shares; its entry script lets Mosquitto read them again.
"""

import logging
import signal
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import psycopg
from psycopg.rows import scalar_row
from pydantic import Field, field_validator

from record import broker, db, health
from record.settings import Settings

log = logging.getLogger(__name__)

STALE_S = 60.0
"""Longer without a look at the database, and we aren't well."""


class UserSettings(Settings):
    """Settings of ``python -m record users``, besides those that every room has.

    Parameters
    ----------
    broker_users_dir : Path
        ``BROKER_USERS_DIR``: the folder shared with the broker.
    ingest_mqtt_password : str
        ``INGEST_MQTT_PASSWORD`` of the user ``ingest``.
    mqtt_vehicle_secret : str
        ``MQTT_VEHICLE_SECRET``: what every vehicle's password follows from.
    simulator_mqtt_password : str
        ``SIMULATOR_MQTT_PASSWORD``; empty: there is no simulator.
    look_every_s : float
        ``LOOK_EVERY_S``: how soon a new vehicle may sign in.
    """

    broker_users_dir: Path
    ingest_mqtt_password: str
    mqtt_vehicle_secret: str
    simulator_mqtt_password: str = ""
    look_every_s: float = Field(default=5.0, gt=0)

    @field_validator("ingest_mqtt_password", "mqtt_vehicle_secret")
    @classmethod
    def _long(cls, secret: str) -> str:
        if len(secret) < 16:
            raise ValueError("must have at least 16 characters; try: openssl rand -hex 32")
        return secret


class UserFiles:
    """The broker's ``acl`` and ``passwords``, each complete at every moment.

    Parameters
    ----------
    folder : Path
    services : dict of str to str
        Passwords of those who are no vehicles, by user.
    vehicle_secret : str
    """

    def __init__(self, folder: Path, services: dict[str, str], vehicle_secret: str) -> None:
        self._folder = folder
        self._secret = vehicle_secret
        self._services = "".join(broker.password_line(*one) for one in services.items())
        self._vehicles: dict[str, str] | None = None

    def update(self, vins: Iterable[str]) -> bool:
        """Let exactly these vehicles sign in; False where nothing was to be done."""
        known = self._vehicles or {}
        vehicles = {
            vin: known.get(vin) or broker.vehicle_lines(self._secret, [vin]) for vin in vins
        }
        if vehicles == self._vehicles:
            return False
        self._write("acl", broker.ACCESS)
        self._write("passwords", self._services + "".join(vehicles.values()))
        self._vehicles = vehicles
        return True

    def _write(self, name: str, text: str) -> None:
        draft = self._folder / f"{name}.new"
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_text(text)
        draft.replace(self._folder / name)


def vins(conn: psycopg.Connection) -> list[str]:
    """Every vehicle's VIN."""
    with conn.cursor(row_factory=scalar_row) as cur:
        return cur.execute("SELECT vin FROM vehicle ORDER BY id").fetchall()


def run(settings: UserSettings) -> None:
    """Follow the table ``vehicle`` until SIGTERM."""
    services = {"ingest": settings.ingest_mqtt_password}
    if settings.simulator_mqtt_password:
        services["simulator"] = settings.simulator_mqtt_password
    files = UserFiles(settings.broker_users_dir, services, settings.mqtt_vehicle_secret)
    stop = threading.Event()
    for wish in (signal.SIGTERM, signal.SIGINT):
        signal.signal(wish, lambda *_: stop.set())
    looked = -STALE_S

    def well() -> dict[str, object]:
        age = time.monotonic() - looked
        return {"ok": age < STALE_S, "looked_s_ago": round(age, 1)}

    health.serve(settings.health_host, settings.health_port, well)
    pool = db.pool(settings.database_url, "broker users", size=1)
    while not stop.is_set():
        try:
            with pool.connection(timeout=5) as conn:
                found = vins(conn)
        except db.BAD_MOMENT as error:
            log.warning("database not ready, will try again", extra={"why": error})
        else:
            if files.update(found):
                log.info("broker users written", extra={"vehicles": len(found)})
            looked = time.monotonic()
        stop.wait(settings.look_every_s)
    pool.close()
