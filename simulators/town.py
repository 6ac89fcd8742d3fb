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
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import httpx
import psycopg

from record.clock import Clock, Scale, read_scale, set_scale, wall
from record.vin import make_vin
from simulators import seed
from simulators.customers import Customer, Customers
from simulators.faults import Fault
from simulators.faults.coolant_overheat import CoolantOverheat
from simulators.faults.dtc_raised import DtcRaised
from simulators.faults.weak_battery import WeakBattery
from simulators.fleet import Fleet
from simulators.gateway import FleetPublisher
from simulators.vehicle import Habits, Vehicle
from simulators.workshop import Found, Workshop

log = logging.getLogger(__name__)

DOMAIN = "harbour.example"

ZONE = ZoneInfo("America/New_York")

HISTORY = timedelta(days=40)
"""What the cars tell of their past when the town is new: long enough to learn their habits."""

TROUBLE_EVERY = timedelta(minutes=75)
"""Story time between two new faults in town."""

PEACE = timedelta(days=7)
"""How long a car that was in the workshop is left alone."""

SHOWS_UP = 0.92
"""Share of customers who keep their appointment."""


@dataclass(frozen=True, slots=True)
class Household:
    """One customer with one car.

    Parameters
    ----------
    name : str
    habit : str
        How the customer answers a text with choices, see `simulators.customers.HABITS`.
    model : str
    year : int
    plate : str
    story : str
        What is wrong with the car when the demo begins: a key of `simulators.faults`, or "".
    """

    name: str
    habit: str
    model: str
    year: int
    plate: str
    story: str = ""


HOUSEHOLDS = (
    Household("Ana Ruiz", "first", "Lane 1.4", 2021, "4KX 812", "weak_battery"),
    Household("Daniel Osei", "words", "Lane 1.4", 2022, "2MB 447", "service_due"),
    Household("Priya Raman", "page", "Ridge 2.0", 2020, "7TR 190"),
    Household("Jonas Weber", "second", "Lane 1.4", 2019, "1AL 556", "weak_battery"),
    Household("Grace Kim", "first", "Ridge 2.0", 2023, "9PQ 031", "service_due"),
    Household("Omar Haddad", "question", "Lane 1.4", 2021, "3CV 774"),
    Household("Lucia Moretti", "page", "Ridge 2.0", 2022, "8HN 265", "service_due"),
    Household("Peter Novak", "stop", "Lane 1.4", 2018, "6DJ 908"),
    Household("Hannah Lee", "first", "Ridge 2.0", 2021, "5ZS 349"),
    Household("Tomás Silva", "second", "Lane 1.4", 2020, "2RW 617"),
    Household("Mei Chen", "words", "Ridge 2.0", 2023, "7GK 482"),
    Household("Ivan Petrov", "never", "Lane 1.4", 2019, "4LB 153"),
    Household("Fatima Zahra", "first", "Lane 1.4", 2022, "1XN 920"),
    Household("Samuel Green", "page", "Ridge 2.0", 2020, "9FC 738"),
    Household("Noor Rahman", "second", "Lane 1.4", 2021, "3QT 504"),
    Household("Elena Popescu", "first", "Ridge 2.0", 2022, "8VD 271"),
    Household("Jack Murphy", "question", "Lane 1.4", 2023, "6EY 866"),
    Household("Aisha Bello", "words", "Ridge 2.0", 2019, "5HM 139"),
    Household("Lars Nielsen", "first", "Lane 1.4", 2020, "2UJ 695"),
    Household("Chloe Martin", "second", "Ridge 2.0", 2021, "7BP 328"),
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
    return make_vin("1RW", "LN1F4", HOUSEHOLDS[number].year, 700_000 + number)


def exists(conn: psycopg.Connection) -> bool:
    """Whether the town is in the database already."""
    return conn.execute("SELECT FROM dealer LIMIT 1").fetchone() is not None


def create(conn: psycopg.Connection, *, now: datetime, password: str) -> None:
    """A dealer, twenty customers and their cars; the caller commits."""
    dealer = seed.dealer(conn, password=password, domain=DOMAIN)
    for number, house in enumerate(HOUSEHOLDS):
        owner = seed.customer(conn, dealer, name=house.name, phone=phone(number), now=now)
        due = house.story == "service_due"
        seed.vehicle(
            conn,
            dealer,
            vin=vin(number),
            owner_id=owner,
            now=now,
            make="Corvia",
            model=house.model,
            model_year=house.year,
            plate=house.plate,
            last_service_at=now - timedelta(days=345 if due else 60 + 9 * number),
        )


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

CAUSES = {
    "coolant_overheat": "coolant_overheat",
    "battery_12v": "weak_battery",
    "service_due": "service_due",
}
"""Which fault of ours an alert's cause speaks of; trouble codes are ``dtc_raised``."""

REPAIRS = {
    "coolant_overheat": ("Water pump seized", "Replaced water pump, bled cooling system"),
    "weak_battery": ("Battery at 41 % of rated cold cranking amps", "Replaced 12 V battery"),
    "dtc_raised": ("Fault reproduced, part out of specification", "Replaced part, cleared codes"),
    "service_due": ("Service due", "Oil and filter service done, service display reset"),
}

CODES = ("P0301", "P0171", "P0420", "P0128", "P0455", "C0035")


def fault_of(cause: str | None) -> str:
    """Our name of the fault behind an alert's cause."""
    return CAUSES.get(cause or "service_due", "dtc_raised")


class Town:
    """The cars of the town, what is wrong with them, and who repairs them.

    Parameters
    ----------
    vehicles : list of Vehicle
    seed : int
    """

    def __init__(self, vehicles: list[Vehicle], seed: int = 1) -> None:
        self.vehicles = {vehicle.vin: vehicle for vehicle in vehicles}
        self._chance = random.Random(seed)
        self._next_trouble: datetime | None = None
        self._repaired_at: dict[str, datetime] = {}

    def trouble(self, now: datetime) -> None:
        """Every few hours one healthy car gets a fault that shows on its next drive."""
        if self._next_trouble is None:
            self._next_trouble = now
        if now < self._next_trouble:
            return
        healthy = [v for v in self.vehicles.values() if not v.faults]
        spared = {vin for vin, at in self._repaired_at.items() if now < at + PEACE}
        candidates = [v for v in healthy if v.vin not in spared]
        if candidates and len(healthy) > len(self.vehicles) / 2:  # not all in the workshop at once
            # the next to drive, so that something is seen to happen
            unlucky = min(candidates, key=lambda v: v.next_at)
            unlucky.faults.append(self._draw(now))
            log.info("a car got a fault", extra={"vin": unlucky.vin})
        self._next_trouble = now + TROUBLE_EVERY * self._chance.uniform(0.5, 1.5)

    def _draw(self, now: datetime) -> Fault:
        if self._chance.random() < 0.3:
            return CoolantOverheat(now)
        return DtcRaised(now, (self._chance.choice(CODES),))

    def repair(self, vin: str, cause: str | None) -> Found:
        """Look for what the alert says; where it is found it is gone afterwards."""
        vehicle, name = self.vehicles[vin], fault_of(cause)
        self._repaired_at[vin] = vehicle.state.at
        if name == "service_due":
            vehicle.serviced()
        elif not any(fault.name == name for fault in vehicle.faults):
            return Found("No fault found", "Checked, test drive without result", "no_fault_found")
        vehicle.repair(name)
        return Found(*REPAIRS[name], "confirmed")


def habits(number: int) -> Habits:
    """Some leave at dawn and some at noon, so that at any time of day somebody drives."""
    return Habits(
        leaves=time(6 + number % 7, 7 * number % 60),
        returns=time(13 + number % 6, 11 * number % 60),
    )


def vehicles(conn: psycopg.Connection, now: datetime) -> list[Vehicle]:
    """The cars as they are: new ones with their past still to be told, known ones from here on."""
    made = []
    for number, house in enumerate(HOUSEHOLDS):
        name = vin(number)
        known = conn.execute(
            """
            SELECT t.odometer_m, t.engine_hours_h FROM vehicle v
            JOIN LATERAL (
                SELECT odometer_m, engine_hours_h FROM telemetry
                WHERE vehicle_id = v.id AND ts > %s AND engine_hours_h IS NOT NULL
                ORDER BY ts DESC LIMIT 1
            ) t ON true
            WHERE v.vin = %s
            """,
            (now - HISTORY, name),
        ).fetchone()
        start = now if known else now - HISTORY
        odometer_m, engine_h = known or (24_000_000.0 + 3_000_000 * number, 600.0 + 45 * number)
        open_causes = conn.execute(
            "SELECT a.cause FROM alert a JOIN vehicle v ON v.id = a.vehicle_id "
            "WHERE v.vin = %s AND a.state = 'open'",
            (name,),
        ).fetchall()
        faults: list[Fault] = [
            _again(cause, now) for (cause,) in open_causes if cause != "service_due"
        ]
        if not known and house.story == "weak_battery":
            faults.append(WeakBattery(now - timedelta(days=30)))
        made.append(
            Vehicle(
                name,
                start=start,
                odometer_m=odometer_m,
                engine_h=engine_h,
                faults=faults,
                habits=habits(number),
                drive_period_s=30,
            )
        )
    return made


def _again(cause: str, now: datetime) -> Fault:
    """The fault that an open alert speaks of, as far along as it was."""
    name = fault_of(cause)
    if name == "weak_battery":
        return WeakBattery(now - timedelta(days=35))
    if name == "coolant_overheat":
        return CoolantOverheat(now)
    return DtcRaised(now, (cause.removeprefix("dtc_").upper(),))


# -- life ---------------------------------------------------------------------------------------


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``python -m simulators town``: none, the environment says it all."""


def run(_: argparse.Namespace) -> int:
    """Live until asked to stop. Needs the demo's environment."""
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    conn = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, options="-c timezone=UTC")
    now = Clock(lambda: read_scale(conn)).now
    with FleetPublisher(
        os.environ["SIMULATOR_MQTT_URL"], capacity=40_000, window=20_000, frames_per_message=100
    ) as publisher:
        town = Town(vehicles(conn, now()), seed=int(now().timestamp()))
        fleet = Fleet(town.vehicles.values(), publisher.send_for)
        # a new town first tells its past, day by day, all cars abreast
        past = min(vehicle.next_at for vehicle in town.vehicles.values())
        while past < now() and not over.is_set():
            past += timedelta(days=1)
            fleet.live_until(min(past, now()))
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
            for door in (customers.step, workshop.step):
                _politely(door, now())
    return 0


def _politely(step: Callable[[datetime], None], now: datetime) -> None:
    """A busy or restarting product is tried again in a moment."""
    try:
        step(now)
    except httpx.HTTPError as error:
        log.warning("the product did not take it", extra={"why": error})
