"""The world's window: truth as JSON over HTTP, for the console's page "World".

Truth lives in the schema ``truth``, which no room's database role may read. Who has the schema
owner's address runs this window beside the world; the console gets its address and a word
(``WORLD_URL``, ``WORLD_TOKEN``) and can only look. Everything that is asked for is a GET.
"""

from __future__ import annotations

import hmac
import socket
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Self

import psycopg
import uvicorn
from fastapi import Depends, FastAPI, Header, HTTPException
from psycopg.rows import dict_row
from pydantic import AwareDatetime, BaseModel, ConfigDict

from simulators.world.causes import KIN

START_S = 10.0


class Wire(BaseModel):
    """One thing as it goes over the wire."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FaultTold(Wire):
    """A fault of a car: `simulators.faults.Fault`, and what became of it.

    Parameters
    ----------
    named_by, near
        Causes of alerts that name it right, and of those that found it but name another part
        (`simulators.world.causes`).
    shows_in
        Columns of `record.signals` in which it can be seen.
    """

    kind: str
    onset: AwareDatetime
    noticed_at: AwareDatetime | None
    fails_at: AwareDatetime | None
    failed_at: AwareDatetime | None
    ended_at: AwareDatetime | None
    ended_by: str | None
    named_by: tuple[str, ...]
    near: tuple[str, ...]
    shows_in: tuple[str, ...]


class InnocentTold(Wire):
    """What only looks like a fault."""

    kind: str
    start: AwareDatetime
    end: AwareDatetime | None


class ServiceTold(Wire):
    """A service that was done: by the ``dealer`` or ``elsewhere``."""

    at: AwareDatetime
    by: str


class VisitTold(Wire):
    """What the technician really did: ``fixed``, ``misdiagnosed``, ``nothing_found`` …"""

    at: AwareDatetime
    cause: str | None
    kind: str | None
    verdict: str


class CarTold(Wire):
    """A car as it is."""

    vin: str
    model: str
    powertrain: str
    faults: tuple[FaultTold, ...] = ()
    innocents: tuple[InnocentTold, ...] = ()
    dues: tuple[AwareDatetime, ...] = ()
    services: tuple[ServiceTold, ...] = ()
    visits: tuple[VisitTold, ...] = ()


class CarsTold(Wire):
    """All cars, by VIN, and how far the world has come."""

    now: AwareDatetime | None
    vehicles: tuple[CarTold, ...]


class Summary(Wire):
    """The world in numbers."""

    now: AwareDatetime | None
    vehicles: int
    faults: dict[str, int]
    innocents: dict[str, int]


Look = Callable[[], CarsTold]
"""Reads the truth as it is now."""

_WHEELS = ("front_left", "front_right", "rear_left", "rear_right")

SHOWS_IN: dict[str, tuple[str, ...]] = {
    "weak_battery": ("battery_voltage_v", "ambient_temp_c"),
    "parasitic_drain": ("battery_voltage_v",),
    "alternator": ("battery_voltage_v", "engine_speed_rpm"),
    "high_resistance_cable": ("battery_voltage_v",),
    "coolant_leak": ("coolant_temp_c", "ambient_temp_c"),
    "thermostat_stuck_open": ("coolant_temp_c", "ambient_temp_c"),
    "thermostat_stuck_closed": ("coolant_temp_c", "speed_kmh"),
    "radiator_fan": ("coolant_temp_c", "speed_kmh"),
    "coolant_overheat": ("coolant_temp_c", "speed_kmh"),
    "slow_tire_leak": tuple(f"tire_pressure_{wheel}_kpa" for wheel in _WHEELS),
    "tire_puncture": tuple(f"tire_pressure_{wheel}_kpa" for wheel in _WHEELS),
    "brake_wear": tuple(f"pad_wear_{wheel}_pct" for wheel in _WHEELS),
    "stuck_caliper": tuple(f"pad_wear_{wheel}_pct" for wheel in _WHEELS),
    "vacuum_leak": ("short_fuel_trim_1_pct", "long_fuel_trim_1_pct"),
    "misfire": ("engine_speed_rpm", "short_fuel_trim_1_pct"),
    "dpf_clogged": ("dpf_delta_pressure_pa", "dpf_inlet_temp_c"),
    "weak_cell": ("cell_voltage_min_v", "cell_voltage_max_v"),
    "oil_consumption": ("oil_pressure_kpa", "oil_temp_c"),
    "sensor_stuck": ("coolant_temp_c", "intake_air_temp_c"),
    "sensor_drift": ("coolant_temp_c", "intake_air_temp_c"),
    "sensors_swapped": ("coolant_temp_c", "intake_air_temp_c"),
    "dtc_raised": (),
}
"""Where each kind can be seen best; a code says it in words."""


def looking(url: str) -> Look:
    """What reads the truth in a database.

    Parameters
    ----------
    url
        Of the schema's owner; each look is a transaction of its own that can't write.
    """

    def look() -> CarsTold:
        with (
            psycopg.connect(
                url, options="-c timezone=UTC -c default_transaction_read_only=on"
            ) as conn,
            conn.cursor(row_factory=dict_row) as cur,
        ):
            run = cur.execute("SELECT now FROM truth.run").fetchone()
            faults = _by_vin(
                cur.execute(
                    "SELECT vin, kind, onset, noticed_at, fails_at, failed_at, ended_at, ended_by "
                    "FROM truth.fault ORDER BY onset, kind"
                ).fetchall()
            )
            innocents = _by_vin(
                cur.execute(
                    'SELECT vin, kind, start, until AS "end" FROM truth.innocent '
                    "ORDER BY start, kind"
                ).fetchall()
            )
            dues = _by_vin(cur.execute("SELECT vin, at FROM truth.due ORDER BY at").fetchall())
            services = _by_vin(
                cur.execute("SELECT vin, at, by FROM truth.serviced ORDER BY at").fetchall()
            )
            visits = _by_vin(
                cur.execute(
                    "SELECT vin, at, cause, kind, verdict FROM truth.visit ORDER BY at"
                ).fetchall()
            )
            cars = cur.execute(
                "SELECT vin, model, powertrain FROM truth.vehicle ORDER BY vin"
            ).fetchall()
        return CarsTold(
            now=run["now"] if run else None,
            vehicles=tuple(
                CarTold(
                    **car,
                    faults=tuple(_fault(row) for row in faults[car["vin"]]),
                    innocents=tuple(InnocentTold(**row) for row in innocents[car["vin"]]),
                    dues=tuple(row["at"] for row in dues[car["vin"]]),
                    services=tuple(ServiceTold(**row) for row in services[car["vin"]]),
                    visits=tuple(VisitTold(**row) for row in visits[car["vin"]]),
                )
                for car in cars
            ),
        )

    return look


def _by_vin(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row.pop("vin")].append(row)
    return found


def _fault(row: dict[str, Any]) -> FaultTold:
    return FaultTold(**row, **causes(row["kind"]))


def causes(kind: str) -> dict[str, Any]:
    """What a fault is known by: alerts that name it right or nearly, signals that show it."""
    kin = KIN[kind]
    return {
        "named_by": tuple(sorted(kin.right)),
        "near": tuple(sorted(kin.near - kin.right)),
        "shows_in": SHOWS_IN[kind],
    }


def app(look: Look, token: str) -> FastAPI:
    """The window's answers.

    Parameters
    ----------
    look
        Called for each request.
    token
        What a caller must bring as a bearer token.
    """
    if len(token) < 16:
        raise ValueError("the window's token must have at least 16 characters")

    def knows_the_word(authorization: Annotated[str, Header()] = "") -> None:
        if not hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode()):
            raise HTTPException(401, "not yours to see")

    made = FastAPI(
        title="A simulated world",
        dependencies=[Depends(knows_the_word)],
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )

    @made.get("/vehicles")
    def vehicles() -> CarsTold:
        return look()

    @made.get("/vehicles/{vin}")
    def vehicle(vin: str) -> CarTold:
        for car in look().vehicles:
            if car.vin == vin:
                return car
        raise HTTPException(404, "no such car in this world")

    @made.get("/summary")
    def summary() -> Summary:
        seen = look()
        return Summary(
            now=seen.now,
            vehicles=len(seen.vehicles),
            faults=_counted(fault.kind for car in seen.vehicles for fault in car.faults),
            innocents=_counted(one.kind for car in seen.vehicles for one in car.innocents),
        )

    return made


def _counted(kinds: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(kinds).items()))


class RunningWindow:
    """The window on a port of this machine, for the length of a ``with`` block.

    Parameters
    ----------
    look
    token
    port
        0 takes a free one.

    Attributes
    ----------
    url
        ``WORLD_URL`` for the console.
    """

    def __init__(self, look: Look, token: str, port: int = 0) -> None:
        self._server = uvicorn.Server(
            uvicorn.Config(
                app(look, token), log_config=None, access_log=False, timeout_graceful_shutdown=2
            )
        )
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="window", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        deadline = time.monotonic() + START_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError("the world's window did not open")
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._socket.close()
