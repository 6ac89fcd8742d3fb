"""Lets the whole product live through a world, as fast as it can, and the same each time.

Story time moves in steps, and each step waits until every room has drained: the frames that were
measured meanwhile are published, stored and judged while the desk is kept waiting (a lock on the
table of replies, which desk and sender read first); then desk and sender do what is due; then
customers and workshops act, one after the other, and the rooms drain again after each. So what
happens depends on the seed, not on how fast this machine is.
"""

from __future__ import annotations

import logging
import os
import random
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from record import db
from record.clock import Scale, set_scale, wall
from record.local import LocalServers, free_port
from simulators import cycles
from simulators.advisor import Advisor
from simulators.customers import Customer, Customers, Did, Heard
from simulators.faults import Effects
from simulators.gateway import FleetPublisher
from simulators.habits import Habits
from simulators.innocents import Innocent
from simulators.rooms import RoomError, Rooms
from simulators.twilio_standin.messages import Account
from simulators.twilio_standin.server import RunningStandin
from simulators.uplink import Line
from simulators.vehicle import Mishap, Vehicle
from simulators.wire import Frame
from simulators.workshop import Found, Workshop
from simulators.world import seeding, truth
from simulators.world.plan import Car, Dealer, World
from simulators.world.technician import look

log = logging.getLogger(__name__)

STEP = timedelta(hours=1)
"""How far the clock moves at once."""

REMINDED = timedelta(hours=48)
FORGETS_LESS = 0.66
"""Who heard from the dealer so shortly before an appointment misses it so much less often: 21.4 %
in place of 32.2 % (Gurol-Urganci et al., Cochrane Database 2013, CD007458)."""

PICKS_UP = 0.5
"""Chance that a customer takes a call in working hours."""

TALKED_INTO = {"stop": 0.2, "angry": 0.2}
"""Chance that who took the call books, by habit; the others mostly do."""

MOSTLY = 0.75

PATIENCE_S = 120.0
"""How long rooms may take to drain before we say that something is stuck."""

STRANDS = {
    "no_start": (
        "weak_battery", "parasitic_drain", "alternator", "high_resistance_cable",
    ),
    "stalled": ("alternator",),
    "boiled": (
        "coolant_overheat", "coolant_leak", "thermostat_stuck_closed", "radiator_fan",
    ),
    "flat_tire": ("tire_puncture", "slow_tire_leak"),
    "no_brakes_left": ("brake_wear", "stuck_caliper"),
    "limp_mode": ("dpf_clogged",),
    "oil_pressure_lost": ("oil_consumption",),
}  # fmt: skip
"""Which faults a mishap may come of."""

MENDED_AFTER = timedelta(hours=30)
"""How long a car that broke down is away: a tow truck takes it to whoever is near."""

WOULD_BE_DUE_DAYS = 90
"""So far ahead we ask when a car that was serviced would have been due."""

DRAINED = """
SELECT
    (SELECT count(*) FROM finding f WHERE handled_at IS NULL),
    (SELECT count(*) FROM reply WHERE handled_at IS NULL),
    (SELECT count(*) FROM outreach WHERE state = 'sending'
        OR (state = 'planned' AND not_before <= %(now)s)),
    (SELECT count(*) FROM outreach WHERE state = 'sent'),
    (SELECT count(*) FROM booking WHERE state = 'held' AND hold_expires_at <= %(now)s),
    (SELECT count(*) FROM enrolment WHERE state = 'active' AND next_at <= %(now)s),
    (SELECT count(*) FROM task WHERE state = 'open' AND alert_id IS NOT NULL
        AND (ranked_on IS NULL OR ranked_on < (%(now)s::timestamptz AT TIME ZONE 'UTC')::date)),
    (SELECT count(*) FROM task WHERE state = 'open' AND snoozed_until <= %(now)s),
    (SELECT count(*) FROM task WHERE state = 'open' AND escalations < 3
        AND coalesce(escalate_at, deadline) <= %(now)s AND snoozed_until IS NULL)
"""
"""What must be nothing: findings, replies, messages due, deliveries to come, holds that ran out,
steps of journeys, tasks to be ranked, woken or seen to."""


@dataclass(slots=True)
class Living:
    """A car of the world while it lives."""

    plan: Car
    vehicle: Vehicle
    line: Line
    dealer: Dealer
    stranded_until: datetime | None = None
    broken: list[str] = field(default_factory=list)


def living(world: World, car: Car) -> Living:
    """A car as its plan says."""
    owner = world.people[car.owner]
    dealer = world.dealers[owner.dealer]
    innocents = list(car.innocents)
    if dealer.altitude_m:
        at_home = Effects(altitude_m=dealer.altitude_m)
        innocents.append(Innocent("altitude", world.start - timedelta(days=1), None, at_home))
    vehicle = Vehicle(
        car.vin,
        start=world.start,
        seed=world.seed,
        model=car.model,
        model_year=car.model_year,
        trim=car.trim,
        faults=car.faults,
        innocents=innocents,
        habits=car.habits,
        climate=dealer.climate,
        service=car.service,
        odometer_m=car.odometer_m,
        engine_h=car.engine_h,
    )
    return Living(car, vehicle, Line(car.uplink, car.vin, world.seed), dealer)


def would_be_due(car: Living, seed: int, now: datetime) -> datetime | None:
    """When the plan would have run out without this service; None if it has already.

    A twin lives on: the same trips on the same days, with nothing wrong.
    """
    plan, state = car.vehicle.service, car.vehicle.state
    if plan is None or plan.left(now, state.odometer_m, state.engine_h) <= 0:
        return None
    twin = Vehicle(
        car.plan.vin,
        start=max(now, state.at),
        seed=seed,
        model=car.plan.model,
        model_year=car.plan.model_year,
        habits=car.vehicle.habits,
        climate=car.dealer.climate,
        service=plan,
        odometer_m=state.odometer_m,
        engine_h=state.engine_h,
        drive_period_s=60,
        heartbeat=timedelta(days=1),
    )
    for days in range(1, WOULD_BE_DUE_DAYS):
        twin.columns(now + timedelta(days=days))
        if twin.dues:
            return twin.dues[0]
    return None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it came, for whoever watches."""

    at: datetime
    share: float
    frames: int
    texts: int
    alerts: int
    wall_s: float


class Driver:
    """One world, from its first midnight to its last.

    Parameters
    ----------
    world
    home
        Folder for servers and logs; root's must be reachable by others.
    step
        How far the clock moves at once.
    """

    def __init__(self, world: World, home: Path, step: timedelta = STEP) -> None:
        self.world = world
        self._home = home
        self._step = step
        self._servers = LocalServers(home / "servers", fast=True)
        self.name = f"world_{secrets.token_hex(4)}"
        self.texts = self.frames = 0

    @property
    def owner_url(self) -> str:
        """The superuser's address of the world's database, truth included."""
        return self._servers.postgres.url("postgres", self.name)

    def run(self, tell: Callable[[Progress], None] = lambda _: None) -> None:
        """Live through it; `owner_url` has all that came of it until `close`.

        Raises
        ------
        RoomError
            If a room died or does not drain.
        """
        self._began_s = time.monotonic()
        self._servers.start()
        with psycopg.connect(self._servers.postgres.admin_url, autocommit=True) as admin:
            admin.execute(
                sql.SQL("CREATE DATABASE {} OWNER roadworthy").format(sql.Identifier(self.name))
            )
        url = self._servers.postgres.url(database=self.name)
        db.migrate(url)
        truth.create(self.owner_url)
        password = secrets.token_urlsafe(9)
        with psycopg.connect(url, options="-c timezone=UTC") as conn:
            settled = seeding.settle(conn, self.world, password)
            set_scale(conn, Scale(wall(), self.world.start, 0.0))
        phones_port, web_port = free_port(), free_port()
        public = f"http://127.0.0.1:{web_port}"
        account = Account("AC" + "0" * 32, secrets.token_hex(16))
        environment = _bare_environment() | {
            **self._servers.environment,
            "DATABASE_URL": url,
            "INGEST_CLIENT_ID": self.name,
            "SECRET_KEY": secrets.token_hex(32),
            "PUBLIC_URL": public,
            "TWILIO_ACCOUNT_SID": account.sid,
            "TWILIO_AUTH_TOKEN": account.auth_token,
            "TWILIO_FROM": "+16175550199",
            "TWILIO_API_URL": f"http://127.0.0.1:{phones_port}",
            "CHECKPOINT_S": "0.05",
            "LOG_FORMAT": "text",
        }
        logs = self._home / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        with (
            RunningStandin(
                webhook_url=f"{public}/twilio/inbound",
                account=account,
                port=phones_port,
                step_s=0.0,
                now=lambda: self._now,
            ) as standin,
            Rooms(logs, environment) as self._rooms,
            psycopg.connect(url, autocommit=True, options="-c timezone=UTC") as self._conn,
            psycopg.connect(url, options="-c timezone=UTC") as self._gate,
            psycopg.connect(self.owner_url, autocommit=True) as owner,
        ):
            self._now = self.world.start
            self._rooms.start("ingest")
            self._rooms.start("detectors")
            self._rooms.start("care")
            self._rooms.start("api", PORT=str(web_port), HOST="127.0.0.1")
            self.truth = truth.Truth(owner)
            self.truth.begin(self.world, settled.vehicles)
            self._people(standin.url, public, password)
            self._cars = {car.vin: living(self.world, car) for car in self.world.cars}
            with FleetPublisher(
                self._servers.environment["SIMULATOR_MQTT_URL"],
                window=4_000,
                frames_per_message=60,
                encoding="msgpack",
                receipt_timeout_s=30.0,
            ) as self._publisher:
                if not self._publisher.wait_connected(20):
                    raise RoomError("the broker does not let the cars in")
                while self._now < self.world.end:
                    self._advance(min(self._now + self._step, self.world.end))
                    self.truth.now(self._now)
                    tell(self._progress())
                self._finish()

    def close(self) -> None:
        """Stop the servers."""
        self._servers.stop()

    # -- one step ------------------------------------------------------------------------------

    def _advance(self, to: datetime) -> None:
        """Move the world on: cars first, then the rooms, then people."""
        lots = {vin: self._lives(car, to) for vin, car in self._cars.items()}
        with self._gate.transaction():
            self._gate.execute("LOCK TABLE reply IN ACCESS EXCLUSIVE MODE")
            self._now = to
            set_scale(self._conn, Scale(wall(), to, 0.0))
            self._publish(lots)
        self._drain()
        self._people_act()

    def _lives(self, car: Living, to: datetime) -> list[Frame]:
        """What one car uploads before `to`, and what happens to it."""
        elsewhere = car.plan.service_elsewhere_at
        if elsewhere is not None and self._now <= elsewhere < to:
            car.vehicle.serviced()
            self.truth.serviced(car.plan.vin, elsewhere, "elsewhere")
        for one in car.plan.innocents:
            if one.kind == "sold" and self._now <= one.start < to:
                car.vehicle.habits = self._new_owner(car)
        if car.stranded_until is not None and car.stranded_until <= self._now:
            for kind in car.broken:
                car.vehicle.repair(kind)
                self.truth.ended(car.plan.vin, kind, car.stranded_until, "broke down")
            car.stranded_until, car.broken = None, []
        frames = car.line.take(car.vehicle.columns(to), to)
        for mishap in car.vehicle.mishaps:
            self._mishap(car, mishap)
        car.vehicle.mishaps.clear()
        for at in car.vehicle.dues:
            self.truth.due(car.plan.vin, at)
        car.vehicle.dues.clear()
        return frames

    def _new_owner(self, car: Living) -> Habits:
        """Whoever bought the car drives elsewhere, at other hours; the dealer was not told."""
        chance = random.Random(f"{self.world.seed}:{car.plan.vin}:new owner")
        return replace(
            car.vehicle.habits,
            commute=chance.choice(((cycles.HIGHWAY, cycles.HIGHWAY), (cycles.CITY,), ())),
            leaves=clock_time(chance.randint(5, 11), 30),
            errands=chance.uniform(0.5, 3.0),
        )

    def _mishap(self, car: Living, mishap: Mishap) -> None:
        """A breakdown: whoever is near mends what it came of, and tells nobody."""
        mine = [
            fault.name
            for fault in car.vehicle.faults
            if fault.name in STRANDS.get(mishap.kind, ()) and fault.onset <= mishap.at
        ]
        for kind in mine:
            if kind not in car.broken:
                self.truth.failed(car.plan.vin, kind, mishap.at)
                car.broken.append(kind)
        if mine and car.stranded_until is None:
            car.stranded_until = mishap.at + MENDED_AFTER
            car.vehicle.keep(car.stranded_until)

    def _publish(self, lots: dict[str, list[Frame]]) -> None:
        """Bring frames to the broker, and wait until they are stored and judged."""
        again: dict[str, list[Frame]] = {}
        for vin, frames in lots.items():
            if not frames:
                continue
            self.frames += len(frames)
            first: dict[int, Frame] = {}
            for frame in frames:
                if frame.ts_ms in first:
                    again.setdefault(vin, []).append(frame)
                else:
                    first[frame.ts_ms] = frame
            self._publisher.send_for(vin, first.values())
        self._flush()
        for vin, frames in again.items():
            self._publisher.send_for(vin, frames)
        self._flush()
        self._until(
            "frames are judged", lambda: not self._row("SELECT EXISTS (TABLE frame_log)")[0]
        )

    def _flush(self) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not self._publisher.flush(1.0):
            self._rooms.check()
            if time.monotonic() > deadline:
                raise RoomError(f"{self._publisher.pending} frames have no receipt; see the logs")

    def _drain(self) -> None:
        """Wait until desk and sender have nothing left to do now."""
        self._until("messages are sent", lambda: not any(self._row(DRAINED, now=self._now)))

    def _until(self, what: str, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        pause_s = 0.001
        while not done():
            time.sleep(pause_s)
            pause_s = min(0.02, pause_s * 1.5)
            if time.monotonic() > deadline:
                left = self._row(DRAINED, now=self._now)
                back = self._conn.execute("SELECT * FROM setback").fetchall()
                raise RoomError(
                    f"waited {PATIENCE_S:.0f} s until {what} at {self._now}; left {left}, "
                    f"set back {back}"
                )
            self._rooms.check()

    def _row(self, query: str, **values: object) -> tuple[Any, ...]:
        row = self._conn.execute(query, values).fetchone()
        assert row is not None
        return row

    # -- people --------------------------------------------------------------------------------

    def _people(self, phones: str, console: str, password: str) -> None:
        used = {car.owner for car in self.world.cars}
        people = [self.world.people[number] for number in sorted(used)]
        self._shows_up = {person.phone: person.shows_up for person in people}
        self._heard_at: dict[str, datetime] = {}
        self._customers = Customers(
            phones,
            [
                Customer(person.name, person.phone, person.habit, time_zone=person.time_zone)
                for person in people
            ],
            seed=self.world.seed,
        )
        self._phone_of = {car.vin: self.world.people[car.owner].phone for car in self.world.cars}
        self._habit_of = {person.phone: person.habit for person in people}
        self._advisors = [
            Advisor(console, f"advisor@{dealer.domain}", password, self._takes_call)
            for dealer in self.world.dealers
        ]
        self._workshops = [
            Workshop(
                console,
                f"manager@{dealer.domain}",
                password,
                self._technician,
                comes=self._comes,
                looks_back=12,
            )
            for dealer in self.world.dealers
        ]

    def _people_act(self) -> None:
        """Customers and workshops do what is due, one thing after the other."""
        while True:
            self._read()
            did = self._customers.act(self._now)
            if did is None:
                break
            self.truth.said(did.phone, did.at, _what(did))
            self._drain()
        for advisor in self._advisors:
            while (deed := advisor.act(self._now)) is not None:
                self.truth.called(deed.customer_id, deed.at, deed.what)
                self._drain()
        for number, workshop in enumerate(self._workshops):
            while self._workshop_due(number) and (step := workshop.act(self._now)) is not None:
                if step.what == "arrived":
                    self._cars[step.vin].vehicle.keep(self._now + timedelta(hours=1))
                self._drain()
        self._read()

    def _read(self) -> None:
        """Everybody reads what is new on their telephone."""
        for told in self._customers.read(self._now):
            assert isinstance(told, Heard)
            self.texts += 1
            self._heard_at[told.phone] = told.at
            self.truth.text(told.sid, told.phone, told.at, told.body, told.automatic)

    def _workshop_due(self, number: int) -> bool:
        """Whether a dealer has a booking that may want something now."""
        domain = self.world.dealers[number].domain
        return bool(
            self._row(
                """
                SELECT EXISTS (
                    SELECT FROM booking b JOIN staff s USING (dealer_id)
                    WHERE s.email = %(who)s AND lower(b.during) <= %(now)s
                      AND b.state IN ('booked', 'arrived'))
                """,
                who=f"manager@{domain}",
                now=self._now,
            )[0]
        )

    def _takes_call(self, customer_id: int, vin: str | None, now: datetime) -> str:
        """What an advisor hears who calls: what the product knows of the number decides."""
        (phone,) = self._row("SELECT phone FROM customer WHERE id = %(id)s", id=customer_id)
        habit = self._habit_of.get(phone)
        chance = random.Random(f"{self.world.seed}:{phone}:{vin}:{now}:call")
        if habit is None or chance.random() >= PICKS_UP:
            return "not_reached"
        if habit in ("sold", "wrong_number"):
            return habit
        return "booked" if chance.random() < TALKED_INTO.get(habit, MOSTLY) else "declined"

    def _comes(self, booking: dict[str, Any]) -> bool:
        vin = booking["vin"]
        phone = self._phone_of[vin]
        chance = random.Random(f"{self.world.seed}:{vin}:{booking['starts_at']}")
        misses = 1 - self._shows_up[phone]
        heard_at = self._heard_at.get(phone)
        if heard_at and heard_at > datetime.fromisoformat(booking["starts_at"]) - REMINDED:
            misses *= FORGETS_LESS
        return chance.random() >= misses

    def _technician(self, vin: str, cause: str | None) -> Found:
        car = self._cars[vin]
        visit = look(car.vehicle, cause, car.dealer, self._now, self.world.seed)
        self.truth.visited(vin, self._now, cause, visit.kind, visit.verdict)
        ready = self._now + visit.found.ready_after
        car.vehicle.keep(ready + timedelta(minutes=30))
        if visit.kind is not None:
            car.vehicle.repair(visit.kind)
            self.truth.ended(vin, visit.kind, ready, "repaired")
        if visit.verdict == "serviced" or cause == "service_due":
            if (due := would_be_due(car, self.world.seed, self._now)) is not None:
                self.truth.due(vin, due)
            car.vehicle.serviced()
            self.truth.serviced(vin, ready, "dealer")
        return visit.found

    # -- at the end ----------------------------------------------------------------------------

    def _finish(self) -> None:
        """Gateways that still hold something upload it; then count."""
        self._publish({vin: car.line.flush() for vin, car in self._cars.items()})
        self._drain()
        self._people_act()
        for vin, car in self._cars.items():
            line = car.line
            self.truth.uplink(vin, line.measured, line.uploaded, line.distinct, line.lost)

    def _progress(self) -> Progress:
        done = (self._now - self.world.start) / self.world.lasts
        alerts = self._row("SELECT count(*) FROM alert")[0]
        return Progress(
            self._now, done, self.frames, self.texts, alerts, time.monotonic() - self._began_s
        )


def _what(did: Did) -> str:
    return "stop" if did.what in ("stop", "angry") else did.what


def _bare_environment() -> dict[str, str]:
    """What a process needs of ours, without settings that somebody left in it."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "ROADWORTHY_CACHE", "SSL_CERT_FILE")
    return {name: os.environ[name] for name in kept if name in os.environ}
