"""A world from a seed: four dealers in four climates, their customers, cars, and what will happen.

Every draw comes from a stream named after what it is for, so a new kind of fault changes neither
the people nor the weather. What is drawn is ordinary: most customers answer sensibly, two cars of
three stay healthy, and to many of them something happens that looks like a fault.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import TypeVar

from record.vin import make_vin
from simulators import cycles, faults, innocents
from simulators.climate import Climate, Spell
from simulators.faults import Fault
from simulators.habits import Habits
from simulators.innocents import Innocent
from simulators.models import MODELS, Model
from simulators.service_plan import ServicePlan
from simulators.uplink import Uplink
from simulators.world.plan import Car, Dealer, Person, World

START = datetime(2026, 1, 5, 5, tzinfo=UTC)
"""A Monday's midnight in Boston: winter comes first, then spring."""

FAULTY = 0.36
"""Share of cars that get a fault ..."""

TWICE = 0.08
"""... and of those, a second one."""

PLAIN = 0.25
"""Share of cars in the plainest trim ..."""

ONLY_SEEN_IN_FULL = frozenset({"brake_wear", "stuck_caliper", "coolant_leak", "oil_consumption"})
"""... which get no fault that hardly shows without the signals that they lack."""

CIRCUMSTANCED = 0.4
"""Share of cars that something happens to which is no fault."""

PLACES = (
    ("Harbour Motors", "harbour.example", "America/New_York", "617", Climate(seed=1)),
    (
        "Northgate Autos",
        "northgate.example",
        "America/Chicago",
        "612",
        Climate(mean_c=8.0, season_c=17.0, day_c=5.0, weather_c=4.5, seed=2),
    ),
    (
        "Mesa Motor Company",
        "mesa.example",
        "America/Phoenix",
        "602",
        Climate(mean_c=24.0, season_c=11.0, day_c=8.0, weather_c=2.0, seed=3),
    ),
    (
        "Front Range Cars",
        "frontrange.example",
        "America/Denver",
        "303",
        Climate(mean_c=10.5, season_c=12.0, day_c=7.5, weather_c=4.0, seed=4),
    ),
)
"""Name, domain, time zone, area code, and the climate of Boston, Minneapolis, Phoenix, Denver."""

AREA_CODES = {
    "617": ("617", "857"),
    "612": ("612", "651"),
    "602": ("602", "480"),
    "303": ("303", "720"),
}
"""Of each place; the North American plan keeps 555-0100 to 555-0199 in each for fiction."""

ALTITUDES_M = {"303": 1_600.0}

HABITS = (
    ("first", 22), ("second", 10), ("words", 10), ("page", 18), ("question", 6), ("next_day", 12),
    ("never", 12), ("stop", 4), ("angry", 2), ("sold", 2), ("wrong_number", 2),
)  # fmt: skip
LANGUAGES = (("en", 80), ("es", 12), ("zh", 5), ("fr", 3))
GIVEN = (
    "Ana", "Daniel", "Priya", "Jonas", "Grace", "Omar", "Lucia", "Peter", "Hannah", "Tomás", "Mei",
    "Ivan", "Fatima", "Samuel", "Noor", "Elena", "Jack", "Aisha", "Lars", "Chloe", "Diego", "Ruth",
)  # fmt: skip
FAMILY = (
    "Ruiz", "Osei", "Raman", "Weber", "Kim", "Haddad", "Moretti", "Novak", "Lee", "Silva", "Chen",
    "Petrov", "Zahra", "Green", "Rahman", "Popescu", "Murphy", "Bello", "Nielsen", "Martin",
    "Okafor", "Tanaka", "Larsen", "Quinn", "Ferrari", "Dubois", "Kowalski", "Singh",
)  # fmt: skip

ROUTES = (
    ((cycles.CITY,), 40), ((cycles.MIXED,), 22), ((cycles.HIGHWAY, cycles.HIGHWAY), 12),
    ((cycles.ROUNDS,), 14), ((cycles.HARD,), 6), ((), 6),
)  # fmt: skip

FIRMWARES = (
    Uplink(delay_s=0.0, firmware="2.8.4"),
    Uplink(delay_s=120.0, firmware="3.0.1"),
    Uplink(delay_s=600.0, firmware="3.1.0"),
)
NEWEST_FIRMWARE = "3.2.0"

DAY = timedelta(days=1)

T = TypeVar("T")


def draw(
    *,
    vehicles: int,
    days: float,
    seed: int,
    start: datetime = START,
    faults_wanted: str = "default",
) -> World:
    """A world.

    Parameters
    ----------
    vehicles
        How many cars.
    start
        Aware UTC.
    faults_wanted
        ``default``; ``none``: neither faults nor circumstances; ``all``: the first cars get one of
        each kind; or kinds with commas between.

    Raises
    ------
    ValueError
        For an unknown kind of fault.
    """
    wanted = _kinds(faults_wanted)
    end = start + timedelta(days=days)
    dealers = tuple(_dealer(number, seed, start, end) for number in range(len(PLACES)))
    people = _people(vehicles, seed)
    owners = _owners(people, vehicles, seed)
    cars = [_car(number, owner, people, seed, start, end) for number, owner in enumerate(owners)]
    if faults_wanted != "none":
        cars = _with_faults(cars, wanted, faults_wanted, seed, start, end)
        cars = _with_circumstances(cars, seed, start, end)
    used = {car.owner for car in cars}
    counted = Counter(MODELS[car.model].powertrain for car in cars)
    notes = (
        f"{len(cars)} cars of {len(used)} customers of {len(dealers)} dealers: "
        + ", ".join(f"{count} {name}" for name, count in sorted(counted.items())),
        f"{sum(bool(car.faults) for car in cars)} with a fault, "
        f"{sum(bool(car.innocents) for car in cars)} with something that only looks like one, "
        f"{sum(not car.faults and not car.innocents for car in cars)} with neither",
    )
    return World(seed, start, end - start, dealers, people, tuple(cars), notes)


def _kinds(wanted: str) -> tuple[str, ...]:
    if wanted in ("default", "all", "none"):
        return faults.KINDS
    kinds = tuple(word.strip() for word in wanted.split(",") if word.strip())
    if unknown := set(kinds) - set(faults.KINDS):
        raise ValueError(
            f"no fault {', '.join(sorted(unknown))}; there are {', '.join(faults.KINDS)}, and the "
            "words default, all and none"
        )
    return kinds


def _weighted(chance: random.Random, table: tuple[tuple[T, int], ...]) -> T:
    return chance.choices([one for one, _ in table], [weight for _, weight in table])[0]


def _dealer(number: int, seed: int, start: datetime, end: datetime) -> Dealer:
    chance = random.Random(f"{seed}:dealer:{number}")
    name, domain, zone, area, climate = PLACES[number]
    spells = tuple(
        Spell(begins, begins + chance.uniform(3, 7) * DAY, kelvin)
        for kelvin in ((-11.0, 8.0) if number != 2 else (9.0, -5.0))
        for begins in [start + (end - start) * chance.uniform(0.1, 0.85)]
    )
    return Dealer(
        name,
        domain,
        zone,
        replace(climate, seed=seed * 10 + number, time_zone=zone, spells=spells),
        altitude_m=ALTITUDES_M.get(area, 0.0),
        diagnosis=chance.uniform(0.8, 0.95),
        misdiagnosis=chance.uniform(0.02, 0.05),
        parts_days=chance.uniform(1, 4),
        on_shelf=chance.uniform(0.7, 0.9),
    )


def _people(vehicles: int, seed: int) -> tuple[Person, ...]:
    """As many as there are cars; `_owners` gives some of them two, and some none."""
    made = []
    taken: Counter[int] = Counter()
    for number in range(vehicles):
        chance = random.Random(f"{seed}:person:{number}")
        dealer = number % len(PLACES)
        area = PLACES[dealer][3]
        codes = AREA_CODES[area]
        line = taken[dealer]
        taken[dealer] += 1
        if line >= 100 * len(codes):
            raise ValueError(
                f"at most {100 * len(PLACES) * 2} people: there are no more numbers for fiction"
            )
        zone = PLACES[dealer][2]
        made.append(
            Person(
                f"{chance.choice(GIVEN)} {chance.choice(FAMILY)}",
                f"+1{codes[line // 100]}55501{line % 100:02}",
                dealer,
                _weighted(chance, HABITS),
                _weighted(chance, LANGUAGES),
                zone,
                shows_up=chance.uniform(0.8, 0.98),
            )
        )
    return tuple(made)


def _owners(people: tuple[Person, ...], vehicles: int, seed: int) -> list[int]:
    """Who has which car: about every seventh household has two or three."""
    chance = random.Random(f"{seed}:households")
    owners: list[int] = []
    person = 0
    while len(owners) < vehicles:
        cars = chance.choices((1, 2, 3), (85, 12, 3))[0]
        owners += [person] * min(cars, vehicles - len(owners))
        person += 1
    return owners


def _car(
    number: int,
    owner: int,
    people: tuple[Person, ...],
    seed: int,
    start: datetime,
    end: datetime,
) -> Car:
    chance = random.Random(f"{seed}:car:{number}")
    model = MODELS[chance.choice(tuple(MODELS))]
    year = chance.randint(model.first_year, min(model.last_year, 2025))
    age = 2026 - year + chance.random()
    odometer_m = max(2_000.0, age * chance.uniform(9_000, 20_000)) * 1000
    used = chance.random()
    changed = chance.uniform(0.6, 1) * chance.uniform(1, 1.6)  # between then and now
    commute = _weighted(chance, ROUTES)
    habits = Habits(
        commute=commute,
        leaves=time(chance.randint(6, 9), chance.randint(0, 59)),
        returns=time(chance.randint(15, 18), chance.randint(0, 59)),
        errands=chance.uniform(0.5, 2.2),
        stays_home=chance.uniform(0.03, 0.3),
        time_zone=people[owner].time_zone,
    )
    return Car(
        vin=make_vin("1RW", model.vds5, year, 100_000 + number),
        model=model.key,
        model_year=year,
        plate=f"{chance.randint(1, 9)}{chance.choice('ABCDEFGHKLMNPRSTVXYZ')}"
        f"{chance.choice('ABCDEFGHKLMNPRSTVXYZ')} {number:03}",
        owner=owner,
        habits=habits,
        odometer_m=odometer_m,
        engine_h=round(odometer_m / 1000 / 38, 1) if model.burns else 0.0,
        service=_last_service(model, start, odometer_m, used, habits.usual_m_a_day() * changed),
        uplink=chance.choice(FIRMWARES),
        trim="plain" if chance.random() < PLAIN else "full",
    )


def _last_service(
    model: Model, start: datetime, odometer_m: float, used: float, m_a_day: float
) -> ServicePlan:
    """A plan of which a share is used up, by a car that was driven so far a day since."""
    lasts = min(model.service_interval_days, model.service_interval_m / max(m_a_day, 1.0))
    return ServicePlan(
        done_at=start - used * lasts * DAY,
        done_odometer_m=max(0.0, odometer_m - used * lasts * m_a_day),
        done_engine_h=0.0,
        interval_m=float(model.service_interval_m),
        interval=timedelta(days=model.service_interval_days),
    )


def _with_faults(
    cars: list[Car],
    wanted: tuple[str, ...],
    how: str,
    seed: int,
    start: datetime,
    end: datetime,
) -> list[Car]:
    """Give faults out, the kind that was given least so far first."""
    given: Counter[str] = Counter()
    made = []
    for number, car in enumerate(cars):
        chance = random.Random(f"{seed}:faults:{number}")
        count = 0
        if chance.random() < FAULTY or (how == "all" and number < 2 * len(wanted)):
            count = 2 if chance.random() < TWICE else 1
        mine: list[Fault] = []
        for _ in range(count):
            order = sorted(wanted, key=lambda kind: (given[kind], chance.random()))
            for kind in order:
                if car.trim == "plain" and kind in ONLY_SEEN_IN_FULL:
                    continue
                fault = faults.draw(kind, chance, model=MODELS[car.model], start=start, end=end)
                if fault is not None and kind not in [one.name for one in mine]:
                    mine.append(fault)
                    given[kind] += 1
                    break
        made.append(replace(car, faults=tuple(mine)))
    return made


def _with_circumstances(cars: list[Car], seed: int, start: datetime, end: datetime) -> list[Car]:
    """What happens to single cars, and what happens to a whole model or all of one firmware."""
    world = random.Random(f"{seed}:batches")
    batch = world.choice(tuple(MODELS))
    new_firmware = world.choice(FIRMWARES)
    unit = innocents.draw("firmware_unit", world, model=MODELS["arc_58"], start=start, end=end)
    single = tuple(
        kind
        for kind in innocents.KINDS
        if kind not in ("firmware_unit", "low_sensor_batch", "cold_snap", "heat_wave")
    )
    made = []
    for number, car in enumerate(cars):
        chance = random.Random(f"{seed}:circumstances:{number}")
        mine: list[Innocent] = []
        uplink = car.uplink
        elsewhere = car.service_elsewhere_at
        if chance.random() < CIRCUMSTANCED:
            kind = single[(number + chance.randrange(3)) % len(single)]
            one = innocents.draw(kind, chance, model=MODELS[car.model], start=start, end=end)
            if one is not None:
                mine.append(one)
                if kind == "serviced_elsewhere":
                    elsewhere = one.start
                uplink = _gateway(uplink, one, chance)
        if car.model == batch:
            batch_low = innocents.draw(
                "low_sensor_batch", chance, model=MODELS[car.model], start=start, end=end
            )
            assert batch_low is not None
            mine.append(batch_low)
        if car.uplink == new_firmware and number % 3 == 0 and unit is not None:
            mine.append(unit)
            uplink = replace(uplink, firmware=NEWEST_FIRMWARE)
        made.append(
            replace(car, innocents=tuple(mine), uplink=uplink, service_elsewhere_at=elsewhere)
        )
    return made


def _gateway(uplink: Uplink, one: Innocent, chance: random.Random) -> Uplink:
    match one.kind:
        case "rough_clock":
            return replace(uplink, skew_s=chance.choice((-240.0, -90.0, 45.0)))
        case "duplicates":
            return replace(uplink, duplicates=chance.uniform(0.02, 0.2))
        case "drop_outs":
            return replace(uplink, drop_outs=chance.uniform(0.02, 0.1))
        case "underground_week":
            assert one.end is not None
            return replace(uplink, offline=((one.start, one.end),))
    return uplink
