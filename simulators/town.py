"""The demo's small town: who lives there, what they drive, how they answer, and what breaks.

``python -m simulators town`` brings it to life: cars drive and fail, customers read their texts,
the workshop works. Everything goes through the product's own doors: MQTT, Twilio's webhooks, the
slot page, REST.
"""

import argparse
import logging
import os
import random
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import httpx
import psycopg

from record.clock import Clock, Scale, read_scale, set_scale, wall
from record.vin import make_vin
from simulators import faults, innocents
from simulators.climate import Climate, Spell
from simulators.customers import Customer, Customers, Did, Heard
from simulators.faults import Fault
from simulators.fleet import Fleet
from simulators.gateway import FleetPublisher
from simulators.habits import Habits
from simulators.models import MODELS
from simulators.service_plan import ServicePlan
from simulators.uplink import Uplink
from simulators.vehicle import Vehicle
from simulators.workshop import Found, Workshop
from simulators.world import seeding
from simulators.world.driver import STRANDS
from simulators.world.plan import Car, Dealer, Person, World
from simulators.world.technician import look
from simulators.world.truth import Truth
from simulators.world.truth import create as create_truth
from simulators.world.window import RunningWindow, looking

log = logging.getLogger(__name__)

DOMAIN = "harbour.example"

ZONE = ZoneInfo("America/New_York")

HISTORY = timedelta(days=40)
"""What the cars tell of their past when the town is new: long enough to learn their habits."""

TROUBLE_EVERY = timedelta(minutes=75)
"""Story time between two new faults in town."""

PEACE = timedelta(days=7)
"""How long a car that was in the workshop is left alone."""

PATIENCE = timedelta(days=3)
"""How long an owner lives with a car that has failed; then another garage tows it away."""

SHOWS_UP = 0.92
"""Share of customers who keep their appointment."""

DAILY_M = 35_000
"""About what a car of the town drives in a day, m."""


@dataclass(frozen=True, slots=True)
class Household:
    """One customer with one car.

    Parameters
    ----------
    name : str
    habit : str
        How the customer answers a text with choices, see `simulators.customers.HABITS`.
    model : str
        A key of `simulators.models.MODELS`.
    year : int
    plate : str
    story : str
        What is wrong with the car when the demo begins, or what only looks like it: a kind of
        `simulators.faults` or `simulators.innocents`, ``service_due``, or "".
    since_days : float
        How long the fault has been there.
    """

    name: str
    habit: str
    model: str
    year: int
    plate: str
    story: str = ""
    since_days: float = 30


HOUSEHOLDS = (
    Household("Ana Ruiz", "first", "lane_14", 2021, "4KX 812", "weak_battery"),
    Household("Daniel Osei", "words", "lane_16d", 2022, "2MB 447", "service_due"),
    Household("Priya Raman", "page", "ridge_20", 2020, "7TR 190", "brake_wear", 25),
    Household("Jonas Weber", "second", "lane_14", 2019, "1AL 556", "weak_battery"),
    Household("Grace Kim", "first", "lane_18h", 2023, "9PQ 031", "service_due"),
    Household("Omar Haddad", "question", "lane_16d", 2021, "3CV 774", "dpf_clogged", 12),
    Household("Lucia Moretti", "page", "ridge_20", 2022, "8HN 265", "service_due"),
    Household("Peter Novak", "stop", "lane_14", 2018, "6DJ 908", "vacuum_leak", 20),
    Household("Hannah Lee", "first", "arc_58", 2021, "5ZS 349", "weak_cell", 14),
    Household("Tomás Silva", "second", "lane_14", 2020, "2RW 617"),
    Household("Mei Chen", "next_day", "arc_77", 2023, "7GK 482", "slow_tire_leak", 9),
    Household("Ivan Petrov", "never", "haul_22d", 2019, "4LB 153", "towing"),
    Household("Fatima Zahra", "first", "pico_10", 2022, "1XN 920"),
    Household("Samuel Green", "page", "ridge_20", 2020, "9FC 738", "roof_box"),
    Household("Noor Rahman", "second", "lane_14", 2021, "3QT 504", "jump_start"),
    Household("Elena Popescu", "first", "lane_18h", 2022, "8VD 271"),
    Household("Jack Murphy", "question", "lane_14", 2023, "6EY 866"),
    Household("Aisha Bello", "words", "ridge_20", 2019, "5HM 139", "winter_tires"),
    Household("Lars Nielsen", "first", "pico_10", 2020, "2UJ 695"),
    Household("Chloe Martin", "second", "lane_14", 2021, "7BP 328"),
)


def phone(number: int) -> str:
    """The telephone of household `number`, from the range reserved for fiction.

    Examples
    --------
    >>> phone(3)
    '+16175550123'
    """
    return f"+161755501{20 + number:02}"


def vin(number: int) -> str:
    """The VIN of household `number`'s car."""
    house = HOUSEHOLDS[number]
    return make_vin("1RW", MODELS[house.model].vds5, house.year, 700_000 + number)


def fault_of(kind: str, name: str, onset: datetime) -> Fault | None:
    """A car's fault of a kind: always the same, so that a town that sleeps wakes up as it was."""
    model = next(MODELS[h.model] for n, h in enumerate(HOUSEHOLDS) if vin(n) == name)
    return faults.draw(kind, random.Random(f"{name}:{kind}"), model=model, start=onset, end=onset)


def plan(start: datetime) -> World:
    """The town as it is at first: who lives there, what they drive, what is wrong.

    Parameters
    ----------
    start
        When its past begins; the demo's own story begins `HISTORY` later.
    """
    begins = start + HISTORY
    snap = Spell(begins - timedelta(days=9), begins - timedelta(days=5), -9.0)
    dealer = Dealer(
        "Harbour Motors", DOMAIN, str(ZONE), Climate(time_zone=str(ZONE), seed=1, spells=(snap,))
    )
    people = tuple(
        Person(house.name, phone(number), 0, house.habit, time_zone=str(ZONE), shows_up=SHOWS_UP)
        for number, house in enumerate(HOUSEHOLDS)
    )
    cars = tuple(_car(number, start) for number in range(len(HOUSEHOLDS)))
    return World(1, start, timedelta(days=365), (dealer,), people, cars, ("the demo's town",))


def _car(number: int, start: datetime) -> Car:
    house, name, begins = HOUSEHOLDS[number], vin(number), start + HISTORY
    model = MODELS[house.model]
    fault = innocent = None
    if house.story in faults.KINDS:
        fault = fault_of(house.story, name, begins - timedelta(days=house.since_days))
    elif house.story in innocents.KINDS:
        innocent = innocents.draw(
            house.story,
            random.Random(f"{name}:{house.story}"),
            model=model,
            start=start,
            end=begins + timedelta(days=20),
        )
    odometer_m = 24_000_000.0 + 3_000_000 * number
    interval = timedelta(days=model.service_interval_days)
    left = timedelta(days=20) if house.story == "service_due" else interval * 0.75
    since = interval - left - timedelta(days=3 * number)
    return Car(
        name,
        house.model,
        house.year,
        house.plate,
        number,
        _habits(number),
        odometer_m,
        600.0 + 45 * number,
        ServicePlan(
            begins - since,
            max(0.0, odometer_m - DAILY_M * (since - HISTORY).days),
            interval_m=float(model.service_interval_m),
            interval=interval,
        ),
        Uplink(),
        (fault,) if fault else (),
        (innocent,) if innocent else (),
    )


def _habits(number: int) -> Habits:
    """Some leave at dawn and some at noon, so that at any time of day somebody drives."""
    return Habits(
        leaves=time(6 + number % 7, 7 * number % 60),
        returns=time(13 + number % 6, 11 * number % 60),
    )


def exists(conn: psycopg.Connection) -> bool:
    """Whether the town is in the database already."""
    return conn.execute("SELECT FROM dealer LIMIT 1").fetchone() is not None


def create(conn: psycopg.Connection, *, now: datetime, password: str) -> None:
    """A dealer, twenty customers and their cars; the caller commits."""
    seeding.settle(conn, plan(now - HISTORY), password)


def story_end(conn: psycopg.Connection) -> datetime | None:
    """How far the story got: the newest frame's time, None before the first."""
    row = conn.execute("SELECT max(judged_ts) FROM detector_state").fetchone()
    assert row is not None
    newest: datetime | None = row[0]
    return newest


def next_morning(story: datetime) -> datetime:
    """08:30 of the next weekday on which people may be texted, or `story` itself within hours.

    Examples
    --------
    >>> next_morning(datetime(2026, 3, 6, 23, tzinfo=UTC)).isoformat()  # Friday evening
    '2026-03-09T12:30:00+00:00'
    """
    local = story.astimezone(ZONE)
    if local.weekday() < 5 and 8 <= local.hour < 15:
        return story
    day = local.date() + timedelta(days=1 if local.hour >= 8 else 0)
    while day.weekday() >= 5:
        day += timedelta(days=1)
    return datetime(day.year, day.month, day.day, 8, 30, tzinfo=ZONE).astimezone(UTC)


def settle(conn: psycopg.Connection, password: str) -> datetime:
    """Make people and cars unless they are there, and set the story's clock to a working morning.

    The clock stands until the town has told its past, see `run`; the caller commits.

    Parameters
    ----------
    conn : psycopg.Connection
    password : str
        Of the dealer's staff, where they are made now.

    Returns
    -------
    datetime
        What the story's clock shows.
    """
    if not exists(conn):
        create(conn, now=wall(), password=password)
    story = next_morning(story_end(conn) or wall())
    set_scale(conn, Scale(wall(), story, 0.0))
    return story


# -- what breaks ------------------------------------------------------------------------------

CAUSES = {"battery_12v": "weak_battery", "coolant_overheat": "coolant_overheat"}
"""Which fault an open alert of a town without a memory speaks of; others are ``dtc_raised``."""

AT_ONCE = ("coolant_overheat", "dtc_raised", "dtc_raised")
"""Kinds of fault that show on the next drive: half of them, so that something is seen to happen."""

SLOW_SHARE = 0.4
"""Of the cars, with anything that takes its days; were it more, little would happen in a minute."""


class Memory:
    """What the town knows of itself: the truth, if there is somewhere to write it down.

    Without ``TRUTH_URL`` it forgets: the town lives all the same, and there is no page "World".

    Parameters
    ----------
    url : str or None
        Of the superuser.
    """

    def __init__(self, url: str | None) -> None:
        self._conn = None
        self.truth: Truth | None = None
        if url:
            create_truth(url)
            self._conn = psycopg.connect(url, autocommit=True, options="-c timezone=UTC")
            self.truth = Truth(self._conn)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._conn:
            self._conn.close()

    def began(self) -> datetime | None:
        """When the town's past began, if it remembers."""
        row = self._conn.execute("SELECT start FROM truth.run").fetchone() if self._conn else None
        return row[0] if row else None

    def faults(self, name: str) -> list[tuple[str, datetime]]:
        """Kind and onset of what is wrong with a car still."""
        if self._conn is None:
            return []
        return self._conn.execute(
            "SELECT kind, onset FROM truth.fault WHERE vin = %s AND ended_at IS NULL "
            "ORDER BY onset",
            (name,),
        ).fetchall()


class Town:
    """The cars of the town, what is wrong with them, and who repairs them.

    Parameters
    ----------
    vehicles : list of Vehicle
    seed : int
    truth : Truth or None
        Where what happens is written down.
    """

    def __init__(self, vehicles: list[Vehicle], seed: int = 1, truth: Truth | None = None) -> None:
        self.vehicles = {vehicle.vin: vehicle for vehicle in vehicles}
        self._seed = seed
        self._chance = random.Random(seed)
        self._truth = truth
        self._next_trouble: datetime | None = None
        self._repaired_at: dict[str, datetime] = {}
        self._now = min(vehicle.state.at for vehicle in vehicles)
        self._dealer = plan(vehicles[0].state.at).dealers[0]

    def trouble(self, now: datetime) -> None:
        """Every few hours one healthy car gets a fault."""
        if self._next_trouble is None:
            self._next_trouble = now
        if now < self._next_trouble:
            return
        healthy = [v for v in self.vehicles.values() if not v.faults]
        spared = {vin for vin, at in self._repaired_at.items() if now < at + PEACE}
        candidates = [v for v in healthy if v.vin not in spared]
        if candidates and len(healthy) > len(self.vehicles) / 4:  # not all in the workshop at once
            # the next to drive, so that something is seen to happen
            unlucky = min(candidates, key=lambda v: v.next_at)
            if (fault := self._draw(unlucky, now)) is not None:
                unlucky.faults.append(fault)
                if self._truth:
                    self._truth.fault(unlucky.vin, fault)
                log.info("a car got a fault", extra={"vin": unlucky.vin, "fault": fault.name})
        self._next_trouble = now + TROUBLE_EVERY * self._chance.uniform(0.5, 1.5)

    def _draw(self, vehicle: Vehicle, now: datetime) -> Fault | None:
        """Every other fault shows at once; the others take their days, and may never be found."""
        slow = sum(f.name != "dtc_raised" for v in self.vehicles.values() for f in v.faults)
        if slow > len(self.vehicles) * SLOW_SHARE:
            kinds: tuple[str, ...] = ("dtc_raised",)
        else:
            kinds = AT_ONCE if self._chance.random() < 0.5 else faults.KINDS
        possible = [kind for kind in kinds if faults.fits(kind, vehicle.model)]
        return fault_of(self._chance.choice(possible), vehicle.vin, now)

    def happened(self, now: datetime) -> None:
        """Write down what happened on the road, and tow away who has waited too long."""
        self._now = now
        for vehicle in self.vehicles.values():
            for mishap in vehicle.mishaps:
                names = {fault.name for fault in vehicle.faults}
                guilty = [kind for kind in STRANDS.get(mishap.kind, ()) if kind in names]
                if guilty and self._truth:
                    self._truth.failed(vehicle.vin, guilty[0], mishap.at)
            vehicle.mishaps.clear()
            if self._truth:
                for due in vehicle.dues:
                    self._truth.due(vehicle.vin, due)
            vehicle.dues.clear()
            for fault in list(vehicle.faults):
                if fault.fails_at and now > fault.fails_at + PATIENCE:
                    self._mend(vehicle, fault.name, now, "broke down")
                elif fault.noticed_at and now > fault.noticed_at + PEACE + PATIENCE:
                    self._mend(vehicle, fault.name, now, "repaired")

    def _mend(self, vehicle: Vehicle, kind: str, now: datetime, by: str) -> None:
        vehicle.repair(kind)
        self._repaired_at[vehicle.vin] = now
        if self._truth:
            self._truth.ended(vehicle.vin, kind, now, by)

    def repair(self, vin: str, cause: str | None) -> Found:
        """Look for what the alert says; what the technician finds is gone afterwards."""
        vehicle, now = self.vehicles[vin], self._now
        self._repaired_at[vin] = now
        visit = look(vehicle, cause, self._dealer, now, self._seed)
        if visit.kind:
            self._mend(vehicle, visit.kind, now, "repaired")
        if visit.verdict == "serviced" or cause == "service_due":
            vehicle.serviced()
        vehicle.keep(now + visit.found.ready_after)
        if self._truth:
            self._truth.visited(vin, now, cause, visit.kind, visit.verdict)
            if visit.verdict == "serviced" or cause == "service_due":
                self._truth.serviced(vin, now, "dealer")
        return visit.found


def vehicles(conn: psycopg.Connection, memory: Memory, now: datetime) -> list[Vehicle]:
    """The cars as they are: new ones with their past still to be told, known ones from here on."""
    heard = story_end(conn) is not None
    began = memory.began()
    town = plan(began or now - HISTORY)
    known: dict[str, int] = dict(conn.execute("SELECT vin, id FROM vehicle").fetchall())
    # a town that was made by an older version of this file has other cars too, which stay silent
    town = replace(town, cars=tuple(car for car in town.cars if car.vin in known))
    if memory.truth and began is None:
        if heard:  # it lived without a memory: what was wrong is not known any more
            town = replace(town, cars=tuple(replace(c, faults=(), innocents=()) for c in town.cars))
        memory.truth.begin(town, known)
    return [_vehicle(conn, memory, town, car, now, heard) for car in town.cars]


def _vehicle(
    conn: psycopg.Connection, memory: Memory, town: World, car: Car, now: datetime, heard: bool
) -> Vehicle:
    """One car: as planned where nothing was heard of it yet, else as it was when the town slept."""
    last = conn.execute(
        """
        SELECT t.odometer_m, t.engine_hours_h FROM vehicle v
        JOIN LATERAL (
            SELECT odometer_m, engine_hours_h FROM telemetry
            WHERE vehicle_id = v.id AND ts > %s AND odometer_m IS NOT NULL
            ORDER BY ts DESC LIMIT 1
        ) t ON true
        WHERE v.vin = %s
        """,
        (now - HISTORY, car.vin),
    ).fetchone()
    wrong = list(car.faults)
    if heard:
        wrong = [
            fault
            for kind, onset in memory.faults(car.vin)
            if (fault := fault_of(kind, car.vin, onset)) is not None
        ]
        if memory.truth is None:
            wrong = _again(conn, car.vin, now)
    odometer_m, engine_h = last or (car.odometer_m, None)
    return Vehicle(
        car.vin,
        start=now if heard else now - HISTORY,
        model=car.model,
        model_year=car.model_year,
        odometer_m=odometer_m,
        engine_h=engine_h or car.engine_h,
        faults=wrong,
        innocents=car.innocents,
        habits=car.habits,
        climate=town.dealers[0].climate,
        service=_service(conn, car),
        drive_period_s=30,
    )


def _service(conn: psycopg.Connection, car: Car) -> ServicePlan:
    """The maker's plan, begun with the last service that the dealer knows of."""
    row = conn.execute(
        "SELECT last_service_at, last_service_odometer_m FROM vehicle WHERE vin = %s", (car.vin,)
    ).fetchone()
    done_at, done_odometer_m = row or (None, None)
    return replace(
        car.service,
        done_at=done_at or car.service.done_at,
        done_odometer_m=(
            car.service.done_odometer_m if done_odometer_m is None else float(done_odometer_m)
        ),
    )


def _again(conn: psycopg.Connection, name: str, now: datetime) -> list[Fault]:
    """The faults that a car's open alerts speak of, about as far along as they were."""
    causes = conn.execute(
        "SELECT a.cause FROM alert a JOIN vehicle v ON v.id = a.vehicle_id "
        "WHERE v.vin = %s AND a.state = 'open' AND a.cause <> 'service_due'",
        (name,),
    ).fetchall()
    again = []
    for (cause,) in causes:
        kind = CAUSES.get(cause, "dtc_raised")
        onset = now - timedelta(days=30) if kind == "weak_battery" else now
        again.append(fault_of(kind, name, onset))
    return [fault for fault in again if fault is not None]


# -- life ---------------------------------------------------------------------------------------


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``python -m simulators town``: none, the environment says it all."""


def run(_: argparse.Namespace) -> int:
    """Live until asked to stop. Needs the demo's environment."""
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    with ExitStack() as stack:
        truth_url = os.environ.get("TRUTH_URL")
        memory = stack.enter_context(Memory(truth_url))
        url, token = os.environ.get("WORLD_URL"), os.environ.get("WORLD_TOKEN")
        if truth_url and url and token:
            port = urlsplit(url).port or 80
            stack.enter_context(RunningWindow(looking(truth_url), token, port))
        _live(over, memory)
    return 0


def _live(over: threading.Event, memory: Memory) -> None:
    conn = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, options="-c timezone=UTC")
    now = Clock(lambda: read_scale(conn)).now
    with FleetPublisher(
        os.environ["SIMULATOR_MQTT_URL"], capacity=40_000, window=20_000, frames_per_message=100
    ) as publisher:
        town = Town(vehicles(conn, memory, now()), int(now().timestamp()), memory.truth)
        fleet = Fleet(town.vehicles.values(), publisher.send_for)
        # a new town first tells its past, day by day, all cars abreast
        past = min(vehicle.next_at for vehicle in town.vehicles.values())
        while past < now() and not over.is_set():
            past += timedelta(days=1)
            fleet.live_until(min(past, now()))
            town.happened(min(past, now()))
        publisher.flush(60)
        customers = Customers(
            os.environ["TWILIO_API_URL"],
            [Customer(house.name, phone(n), house.habit) for n, house in enumerate(HOUSEHOLDS)],
        )
        workshop = Workshop(
            os.environ["PUBLIC_URL"],
            f"manager@{DOMAIN}",
            os.environ["DEMO_PASSWORD"],
            town.repair,
            comes=lambda booking: random.Random(booking["id"]).random() < SHOWS_UP,
        )
        set_scale(conn, Scale(wall(), now(), float(os.environ["DEMO_RATE"])))
        log.info("the town lives", extra={"cars": len(town.vehicles)})
        while not over.wait(0.2):
            town.trouble(now())
            fleet.live_until(now())
            town.happened(now())
            _politely(lambda at: _write_down(memory.truth, customers.step(at)), now())
            _politely(workshop.step, now())
            if memory.truth:
                memory.truth.now(now())


def _write_down(truth: Truth | None, told: Sequence[Heard | Did]) -> None:
    """What arrived on the telephones, and what their owners did."""
    if truth is None:
        return
    for one in told:
        if isinstance(one, Heard):
            truth.text(one.sid, one.phone, one.at, one.body, one.automatic)
        else:
            truth.said(one.phone, one.at, one.what)


def _politely(step: Callable[[datetime], object], now: datetime) -> None:
    """A busy or restarting product is tried again in a moment."""
    try:
        step(now)
    except httpx.HTTPError as error:
        log.warning("the product did not take it", extra={"why": error})
