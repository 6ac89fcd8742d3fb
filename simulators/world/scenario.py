"""One exact story from a file: this car, this fault, this customer, so that all can read it.

A moment is ``day 12`` (midnight at the dealer, twelve days after the start), ``day 12.5`` (noon of
that day), a date, or a date with a time of day. The files in the folder ``scenarios`` beside this
one show what can be said; an error names the file, the line, the key, and what may stand there.
"""

from __future__ import annotations

import dataclasses
import importlib
import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
)

from record import strict_yaml
from record.dtc import is_dtc
from record.signals import BY_NAME
from record.strict_yaml import Lines, Place
from record.vin import make_vin
from simulators import cycles, faults, innocents
from simulators.climate import Spell
from simulators.customers import HABITS
from simulators.faults import HEALTHY, Fault, _sensors
from simulators.habits import Habits
from simulators.innocents import Innocent
from simulators.models import MODELS, Model
from simulators.service_plan import ServicePlan
from simulators.uplink import Uplink
from simulators.world import draw
from simulators.world.plan import Car, Dealer, Person, World

FOLDER = Path(__file__).parent / "scenarios"
"""Those that come with the product."""

MOST_BYTES = 1_000_000
"""A longer file is no story."""

PLACES = ("Boston", "Minneapolis", "Phoenix", "Denver")
"""In the order of `draw.PLACES`."""

ROUTES = {
    "city": cycles.CITY,
    "highway": cycles.HIGHWAY,
    "hard": cycles.HARD,
    "mixed": cycles.MIXED,
    "rounds": cycles.ROUNDS,
}
"""Of the way to work: a drive cycle for each word."""

OF_THE_WEATHER = ("cold_snap", "heat_wave")
"""Circumstances that are written under ``dealer: weather:``, since all cars there have them."""

CIRCUMSTANCES = tuple(
    kind
    for kind in innocents.KINDS
    if kind not in innocents.OF_THE_GATEWAY and kind not in OF_THE_WEATHER
)
"""Those of single cars; a gateway's ways are written under ``gateway:``."""

MONDAY = datetime.fromisoformat("2026-01-05")
"""Where a story begins that doesn't say; without a zone it is midnight at the dealer."""

WITHIN: dict[str, tuple[float, float]] = {
    "severity": (0.01, 1),
    "shape": (0.1, 5),
    "noticed": (0.01, 2),
    "codes_from": (0, 1),
    "hides": (0, 1),
    "drain_a": (0, 20),
    "ohm": (0, 0.5),
    "topped_up_at": (0, 2),
    "wheel": (0, 3),
    "kpa": (0, 350),
    "factor": (1, 100),
    "newton": (0, 3_000),
    "air_g_s": (0, 10),
    "share": (0, 1),
    "litres": (0, 20),
    "gain": (0, 10),
    "altitude_m": (0, 4_500),
    "climate_k": (-40, 40),
    "extra_mass_kg": (0, 3_500),
    "drag_factor": (0.5, 3),
    "rolling_factor": (0.5, 3),
    "lights_h": (0, 48),
}
"""Least and greatest of the numbers that a fault or a circumstance takes."""

LAPSE_K_M = -0.0065
"""How much colder each meter higher is (ICAO standard atmosphere)."""

_DAY = re.compile(r"day (\d{1,4}(?:\.\d{1,6})?)")


class ScenarioError(ValueError):
    """A scenario that can't be used, and why, in words."""


class _Wrong(ValueError):  # noqa: N818  never leaves this file
    """What is wrong, and at which key."""

    def __init__(self, place: Place, why: str) -> None:
        super().__init__(why)
        self.place, self.why = place, why


# -- what may stand in a file ----------------------------------------------------------------------

When = float | datetime
"""Days after the start, or a moment; without a zone it is the dealer's."""


def _when(value: object) -> When:
    if isinstance(value, str):
        if said := _DAY.fullmatch(value):
            return float(said[1])
        try:
            moment = datetime.fromisoformat(value)
            if 2000 <= moment.year < 2100:
                return moment
        except ValueError:
            pass
    raise ValueError(f"{value!r}: write day 12, day 12.5, 2026-02-03 or 2026-02-03 18:30")


def _clock(value: object) -> time:
    if isinstance(value, str) and (said := re.fullmatch(r"(\d{1,2}):(\d\d)", value)):
        try:
            return time(int(said[1]), int(said[2]))
        except ValueError:
            pass
    raise ValueError(f"{value!r}: write a time of day as 7:35")


def _date(value: object) -> datetime:
    moment = _when(value)
    if not isinstance(moment, datetime):
        raise ValueError(f"{value!r}: write a date as 2026-01-05")
    return moment


def _one_of(*allowed: str) -> AfterValidator:
    def check(value: str) -> str:
        if value not in allowed:
            raise ValueError(f"{value!r}: there are {', '.join(allowed)}")
        return value

    return AfterValidator(check)


Moment = Annotated[Any, BeforeValidator(_when)]
Clock = Annotated[time, BeforeValidator(_clock)]
Share = Annotated[float, Field(ge=0, le=1)]
Words = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]+$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class _Weather(_Strict):
    begins: Moment = Field(alias="from")
    until: Moment
    warmer_k: float = Field(ge=-40, le=40)


class _Dealer(_Strict):
    place: Annotated[str, _one_of(*PLACES)] = "Boston"
    diagnosis: Share = 1.0
    misdiagnosis: Share = 0.0
    parts_on_shelf: Share = 1.0
    parts_days: float = Field(default=2.0, ge=1, le=60)
    weather: tuple[_Weather, ...] = Field(default=(), max_length=50)


class _Customer(_Strict):
    name: Words
    answers: Annotated[str, _one_of(*HABITS)] = "first"
    language: str = Field(default="en", pattern=r"^[a-z]{2}$")
    shows_up: Share = 1.0


class _Fault(_Strict):
    kind: Annotated[str, _one_of(*faults.KINDS)]
    begins: Moment = Field(alias="from")
    lasts_days: float | None = Field(default=None, ge=0, le=3650)
    details: dict[str, Any] = {}


class _Circumstance(_Strict):
    kind: Annotated[str, _one_of(*CIRCUMSTANCES)]
    begins: Moment = Field(alias="from")
    until: Moment | None = None
    details: dict[str, Any] = {}


class _Offline(_Strict):
    begins: Moment = Field(alias="from")
    until: Moment


class _Gateway(_Strict):
    delay_s: float = Field(default=60.0, ge=0, le=86_400)
    skew_s: float = Field(default=0.0, ge=-3_600, le=3_600)
    duplicates: Share = 0.0
    drop_outs: Share = 0.0
    offline: tuple[_Offline, ...] = Field(default=(), max_length=50)


class _Car(_Strict):
    owner: Words
    model: Annotated[str, _one_of(*MODELS)] = "lane_14"
    year: int = 2021
    trim: Annotated[str, _one_of("full", "plain")] = "full"
    plate: Annotated[str, Field(max_length=20, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    odometer_km: float = Field(default=42_000.0, ge=0, le=1_000_000)
    route: tuple[Annotated[str, _one_of(*ROUTES)], ...] = Field(default=("city",), max_length=5)
    leaves: Clock = time(7, 35)
    returns: Clock = time(17, 20)
    km_to_service: float = Field(default=9_000.0, ge=-5_000, le=30_000)
    service_days_ago: float = Field(default=60.0, ge=0, le=1_000)
    gateway: _Gateway = _Gateway()
    faults: tuple[_Fault, ...] = Field(default=(), max_length=20)
    circumstances: tuple[_Circumstance, ...] = Field(default=(), max_length=20)


class _Scenario(_Strict):
    story: Annotated[str, Field(min_length=1, max_length=2_000, pattern=r"^[^\x00]+$")]
    start: Annotated[datetime, BeforeValidator(_date)] = MONDAY
    days: float = Field(gt=0, le=3650)
    seed: int = Field(default=1, ge=0, lt=2**31)
    dealer: _Dealer = _Dealer()
    customers: tuple[_Customer, ...] = Field(min_length=1, max_length=100)
    cars: tuple[_Car, ...] = Field(min_length=1, max_length=200)


# -- reading ---------------------------------------------------------------------------------------


def load(path: Path) -> World:
    """The world that a file describes.

    Raises
    ------
    ScenarioError
        If it can't be read or says something that can't be; a line for each thing wrong.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES:
            raise ScenarioError(f"{path}: more than {MOST_BYTES:,} bytes are no story")
        said, lines = strict_yaml.read(raw.decode())
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: {error}") from None
    except strict_yaml.YamlError as error:
        raise ScenarioError(f"{path}:{error.line}: {error.why}") from None
    try:
        if not isinstance(said, dict):
            raise _Wrong((), f"a scenario has the keys {_keys(_Scenario)}")
        return _world(_Scenario.model_validate(said))
    except ValidationError as error:
        errors = error.errors()
        inside = {one["loc"][:n] for one in errors for n in range(len(one["loc"]))}
        words = [_in_words(path, one, lines) for one in errors if one["loc"] not in inside]
        raise ScenarioError("\n".join(words)) from None
    except _Wrong as error:
        raise ScenarioError(_told(path, error.place, error.why, lines)) from None
    except (ValueError, OverflowError) as error:
        raise ScenarioError(f"{path}: {error}") from None


def _keys(model: type[BaseModel]) -> str:
    return ", ".join(field.alias or name for name, field in model.model_fields.items())


def _model_of(place: Place) -> type[BaseModel] | None:
    """Which of the models above reads the value at a place."""
    model: type[BaseModel] = _Scenario
    for part in place:
        if isinstance(part, int):
            continue
        annotation = model.model_fields[part].annotation
        inner = next(
            (
                one
                for one in (annotation, *get_args(annotation))
                if isinstance(one, type) and issubclass(one, BaseModel)
            ),
            None,
        )
        if inner is None:
            return None
        model = inner
    return model


def _in_words(path: Path, error: Any, lines: Lines) -> str:
    place = tuple(error["loc"])
    why = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] in ("extra_forbidden", "missing"):
        model = _model_of(place[:-1])
        keys = f"; there are {_keys(model)}" if model else ""
        why = ("missing" if error["type"] == "missing" else "no such key") + keys
    return _told(path, place, why, lines)


def _told(
    path: Path,
    place: Place,
    why: str,
    lines: Lines,
) -> str:
    """File, line, key, and what is wrong; of a missing key, the line of what it belongs to."""
    near = place
    while near and near not in lines:
        near = near[:-1]
    key = ".".join(map(str, place))
    return f"{path}:{lines.get(near, 1)}: {key + ': ' if key else ''}{why}"


# -- from words to a world -------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class _Calendar:
    """What a moment of the story is."""

    start: datetime
    end: datetime
    zone: ZoneInfo

    def at(self, when: When, place: Place, last: bool = False) -> datetime:
        """Aware UTC; `last` may be after the story's end, a beginning may not."""
        if isinstance(when, datetime):
            moment = when if when.tzinfo else when.replace(tzinfo=self.zone)
        else:  # a day later at the same time on the wall, whatever clocks do in between
            moment = self.start.astimezone(self.zone) + timedelta(days=when)
        moment = moment.astimezone(UTC)
        if moment < self.start or (moment >= self.end and not last):
            days = (self.end - self.start) / timedelta(days=1)
            raise _Wrong(place, f"not within the story, whose {days:g} days begin {self.start:%F}")
        return moment

    def span(self, begins: When, until: When, place: Place) -> tuple[datetime, datetime]:
        """Beginning and end, in this order."""
        first = self.at(begins, (*place, "from"))
        end = self.at(until, (*place, "until"), last=True)
        if end <= first:
            raise _Wrong((*place, "until"), "before it begins")
        return first, end


def _world(said: _Scenario) -> World:
    zone = ZoneInfo(draw.PLACES[PLACES.index(said.dealer.place)][2])
    start = (said.start if said.start.tzinfo else said.start.replace(tzinfo=zone)).astimezone(UTC)
    lasts = timedelta(days=said.days)
    calendar = _Calendar(start, start + lasts, zone)
    names = [one.name for one in said.customers]
    for number, name in enumerate(names):
        if name in names[:number]:
            raise _Wrong(("customers", number, "name"), f"{name!r} is there already")
    plates: set[str] = set()
    for number, car in enumerate(said.cars):
        if car.owner not in names:
            why = f"there is no customer {car.owner!r}; there are {', '.join(names)}"
            raise _Wrong(("cars", number, "owner"), why)
        if car.plate and car.plate in plates:
            raise _Wrong(("cars", number, "plate"), f"{car.plate!r} is there already")
        plates.add(car.plate)
    area = draw.PLACES[PLACES.index(said.dealer.place)][3]
    people = tuple(
        Person(
            one.name, f"+1{area}55501{number:02}", 0, one.answers, one.language, zone.key,
            one.shows_up,
        )
        for number, one in enumerate(said.customers)
    )  # fmt: skip
    cars = tuple(
        _car(number, car, names.index(car.owner), said.seed, calendar)
        for number, car in enumerate(said.cars)
    )
    dealer = _dealer(said, calendar)
    story = " ".join(said.story.split())
    return World(said.seed, start, lasts, (dealer,), people, cars, (story,))


def _dealer(said: _Scenario, calendar: _Calendar) -> Dealer:
    name, domain, zone, area, climate = draw.PLACES[PLACES.index(said.dealer.place)]
    one = said.dealer
    if one.diagnosis + one.misdiagnosis > 1:
        raise _Wrong(("dealer", "misdiagnosis"), "with diagnosis it is more than 1")
    spells = tuple(
        Spell(
            *calendar.span(spell.begins, spell.until, ("dealer", "weather", number)), spell.warmer_k
        )
        for number, spell in enumerate(one.weather)
    )
    return Dealer(
        name,
        domain,
        zone,
        dataclasses.replace(climate, seed=said.seed, time_zone=zone, spells=spells),
        altitude_m=draw.ALTITUDES_M.get(area, 0.0),
        diagnosis=one.diagnosis,
        misdiagnosis=one.misdiagnosis,
        parts_days=one.parts_days,
        on_shelf=one.parts_on_shelf,
    )


def _car(number: int, said: _Car, owner: int, seed: int, calendar: _Calendar) -> Car:
    place: Place = ("cars", number)
    model = MODELS[said.model]
    if not model.first_year <= said.year <= model.last_year:
        why = f"{said.year}: {said.model} was made from {model.first_year} to {model.last_year}"
        raise _Wrong((*place, "year"), why)
    odometer_m = said.odometer_km * 1000
    interval_m = float(model.service_interval_m)
    wrong = tuple(
        _fault(one, model, calendar, (*place, "faults", n)) for n, one in enumerate(said.faults)
    )
    for n, fault in enumerate(wrong):
        if fault.name in [one.name for one in wrong[:n]]:
            raise _Wrong((*place, "faults", n, "kind"), f"{fault.name} is there already")
    uplink = _uplink(said.gateway, calendar, (*place, "gateway"))
    circumstances = tuple(
        _circumstance(
            one,
            random.Random(f"{seed}:{number}:{n}:{one.kind}"),
            model,
            calendar,
            (*place, "circumstances", n),
        )
        for n, one in enumerate(said.circumstances)
    )
    elsewhere = [one.start for one in circumstances if one.kind == "serviced_elsewhere"]
    return Car(
        vin=make_vin("1RW", model.vds5, said.year, 900_000 + number),
        model=said.model,
        model_year=said.year,
        plate=said.plate or f"S {number + 1:03}",
        owner=owner,
        habits=Habits(
            commute=tuple(ROUTES[one] for one in said.route),
            leaves=said.leaves,
            returns=said.returns,
            time_zone=calendar.zone.key,
        ),
        odometer_m=odometer_m,
        engine_h=round(said.odometer_km / 38, 1) if model.burns else 0.0,
        service=ServicePlan(
            done_at=calendar.start - timedelta(days=said.service_days_ago),
            done_odometer_m=max(0.0, odometer_m - interval_m + said.km_to_service * 1000),
            interval_m=interval_m,
            interval=timedelta(days=model.service_interval_days),
        ),
        uplink=uplink,
        faults=wrong,
        innocents=(*circumstances, *_of_the_gateway(uplink, calendar)),
        trim=said.trim,
        service_elsewhere_at=elsewhere[0] if elsewhere else None,
    )


def _uplink(said: _Gateway, calendar: _Calendar, place: Place) -> Uplink:
    return Uplink(
        delay_s=said.delay_s,
        skew_s=said.skew_s,
        duplicates=said.duplicates,
        drop_outs=said.drop_outs,
        offline=tuple(
            calendar.span(one.begins, one.until, (*place, "offline", number))
            for number, one in enumerate(said.offline)
        ),
    )


def _of_the_gateway(uplink: Uplink, calendar: _Calendar) -> Iterator[Innocent]:
    """What the scorer must know of a gateway's ways."""
    if uplink.skew_s:
        yield Innocent("rough_clock", calendar.start)
    if uplink.duplicates:
        yield Innocent("duplicates", calendar.start)
    if uplink.drop_outs:
        yield Innocent("drop_outs", calendar.start)
    for begins, ends in uplink.offline:
        yield Innocent("underground_week", begins, ends)


def _fault(said: _Fault, model: Model, calendar: _Calendar, place: Place) -> Fault:
    if not faults.fits(said.kind, model):
        raise _Wrong((*place, "kind"), f"a {model.key} can't have {said.kind}")
    module = importlib.import_module(f"simulators.faults.{said.kind}")
    made: Any = next(
        one
        for one in vars(module).values()
        if dataclasses.is_dataclass(one) and getattr(one, "name", "") == said.kind
    )
    hints = get_type_hints(made)
    known = {one.name: hints[one.name] for one in dataclasses.fields(made)}
    del known["onset"]
    details: dict[str, Any] = {}
    if known.pop("lasts", None) and said.lasts_days is not None:
        details["lasts"] = timedelta(days=said.lasts_days)
    elif said.lasts_days is not None:
        raise _Wrong((*place, "lasts_days"), f"{said.kind} is there at once, and stays")
    details |= _details(said.details, known, said.kind, (*place, "details"))
    fault: Fault = made(onset=calendar.at(said.begins, (*place, "from")), **details)
    _has_sensors(fault, model, place)
    return fault


def _details(
    said: dict[str, Any], known: dict[str, Any], kind: str, place: Place
) -> dict[str, Any]:
    """The numbers and names that a kind takes, each of its type and within its limits."""
    made = {}
    for key, value in said.items():
        here = (*place, key)
        if key not in known:
            has = f"there are {', '.join(sorted(known))}" if known else "it takes no details"
            raise _Wrong(here, f"{kind} has no {key}; {has}")
        if isinstance(value, list):
            value = tuple(value)
        try:
            right = TypeAdapter(known[key]).validate_python(value, strict=True)
        except ValidationError as error:
            raise _Wrong(here, error.errors()[0]["msg"]) from None
        if isinstance(right, float | int) and not isinstance(right, bool):
            low, high = WITHIN.get(key, (-1e6, 1e6))
            if not low <= right <= high:
                raise _Wrong(here, f"{value}: from {low:g} to {high:g}")
        if key == "codes" and (wrong := [code for code in right if not is_dtc(code)]):
            raise _Wrong(here, f"{', '.join(wrong)}: a trouble code is written as P0217")
        if key in ("path", "first", "second") and right in BY_NAME:
            right = BY_NAME[right].path
        made[key] = right
    return made


def _has_sensors(fault: Fault, model: Model, place: Place) -> None:
    """A sensor that fails must be in the car."""
    names = {path: name for name, signal in BY_NAME.items() for path in [signal.path]}
    there = dict.fromkeys((*_sensors.of(model), *_sensors.TIRES))
    for key in ("path", "first", "second"):
        path = getattr(fault, key, None)
        if path is not None and path not in there:
            has = ", ".join(names[one] for one in there)
            why = f"{names.get(path, path)}: sensors that fail in a {model.key} are {has}"
            raise _Wrong((*place, "details", key), why)


def _circumstance(
    said: _Circumstance,
    chance: random.Random,
    model: Model,
    calendar: _Calendar,
    place: Place,
) -> Innocent:
    begins = calendar.at(said.begins, (*place, "from"))
    one = innocents.draw(said.kind, chance, model=model, start=begins, end=begins)
    if one is None:
        raise _Wrong((*place, "kind"), f"{said.kind} can't happen to a {model.key}")
    if said.until is not None:
        begins, end = calendar.span(said.begins, said.until, place)
        one = dataclasses.replace(one, end=end)
    numbers = {
        field.name: float
        for field in dataclasses.fields(HEALTHY)
        if isinstance(getattr(HEALTHY, field.name), float)
        and getattr(one.effects, field.name) != getattr(HEALTHY, field.name)
    }
    own = {"lights_h": float} if hasattr(one, "lights_h") else {}
    details = _details(said.details, numbers | own, said.kind, (*place, "details"))
    if "altitude_m" in details:
        details.setdefault("climate_k", LAPSE_K_M * details["altitude_m"])
    mine = {key: details.pop(key) for key in own if key in details}
    return dataclasses.replace(one, effects=dataclasses.replace(one.effects, **details), **mine)
