"""Many simulated cars on one connection, following a clock: ``python -m simulators fleet``.

Which cars: those named with ``--vin``, or every vehicle in the database at ``DATABASE_URL``. Whose
time: the story's clock in that database, or the wall's. Each car first publishes ``--history`` days
of its past, then lives on with the clock.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import threading
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import psycopg

from record.clock import Clock, read_scale, wall
from simulators.faults import NAMES, afflicted
from simulators.gateway import FleetPublisher
from simulators.vehicle import Vehicle
from simulators.wire import Frame


class Fleet:
    """Cars that publish what they have measured so far.

    Parameters
    ----------
    send_for
        Takes a VIN and its new frames: `FleetPublisher.send_for`.
    """

    def __init__(
        self, vehicles: Iterable[Vehicle], send_for: Callable[[str, list[Frame]], None]
    ) -> None:
        self.vehicles = {vehicle.vin: vehicle for vehicle in vehicles}
        self._send_for = send_for

    def live_until(self, now: datetime) -> int:
        """Send every frame measured before `now`; returns how many."""
        sent = 0
        for vehicle in self.vehicles.values():
            frames = list(vehicle.frames(now))
            if frames:
                self._send_for(vehicle.vin, frames)
                sent += len(frames)
        return sent


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``python -m simulators fleet``."""
    parser.add_argument("--vin", action="append", default=[], help="a car (repeatable)")
    parser.add_argument(
        "--fault", metavar="VIN=FAULT", action="append", default=[], help=f"of {', '.join(NAMES)}"
    )
    parser.add_argument("--history", type=float, default=0.0, metavar="DAYS")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--period", type=int, default=10, help="seconds between driving frames")
    parser.add_argument("--mqtt", metavar="URL", help="default: SIMULATOR_MQTT_URL or MQTT_URL")
    parser.add_argument(
        "--drop-outs", type=float, default=0.0, metavar="SECONDS",
        help="cut the connection about so often (wall time)",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Publish until interrupted."""
    url = args.mqtt or os.environ.get("SIMULATOR_MQTT_URL") or os.environ.get("MQTT_URL")
    if not url:
        print("Say where the broker is: --mqtt URL, or SIMULATOR_MQTT_URL.", file=sys.stderr)
        return 2
    faults = dict(pair.partition("=")[::2] for pair in args.fault)
    if unknown := set(faults.values()) - set(NAMES):
        print(f"No such fault: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    now: Callable[[], datetime] = wall
    vins = list(args.vin)
    if database_url := os.environ.get("DATABASE_URL"):
        conn = psycopg.connect(database_url, autocommit=True)
        now = Clock(lambda: read_scale(conn)).now
        if not vins:
            vins = [str(row[0]) for row in conn.execute("SELECT vin FROM vehicle ORDER BY id")]
    if not vins:
        print("No cars: name them with --vin, or set DATABASE_URL.", file=sys.stderr)
        return 2
    start = now() - timedelta(days=args.history)
    with FleetPublisher(url, capacity=20_000) as publisher:
        cars = [
            afflicted(faults[vin])(
                start, vin=vin, seed=args.seed, drive_period_s=args.period
            )
            if vin in faults
            else Vehicle(vin, start=start, seed=args.seed, drive_period_s=args.period)
            for vin in vins
        ]  # fmt: skip
        fleet = Fleet(cars, publisher.send_for)
        if args.drop_outs:
            threading.Thread(
                target=_drop_out, args=(publisher, args.drop_outs, args.seed), daemon=True
            ).start()
        pause = threading.Event()
        try:
            while not pause.wait(0.2):
                fleet.live_until(now())
        except KeyboardInterrupt:
            publisher.flush(5)
    return 0


def _drop_out(publisher: FleetPublisher, about_every_s: float, seed: int) -> None:
    chance = random.Random(seed)
    pause = threading.Event()
    while not pause.wait(about_every_s * chance.uniform(0.5, 1.5)):
        publisher.cut()
