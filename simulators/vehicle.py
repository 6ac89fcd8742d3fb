"""A simulated car and its life: trips, rests, and what its sensors say of them.

A car lives from trip to trip. Parked it sends a heartbeat every few hours; driving, a frame every
few seconds with the fast signals, and about every five minutes the slow ones too. A trip is
computed at once, as arrays, when it begins: real drive cycles (`simulators.habits`), road load and
engine (`simulators.physics`), and what faults and circumstances do to them (`simulators.faults`).

Numbers drawn from seeded generators give each car its own offsets, habits and noise: the same seed
is the same car, and it says the same whatever stretches it is asked for.
"""

from __future__ import annotations

import math
import random
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from simulators import columns as side_by_side
from simulators import cycles, physics
from simulators.climate import Climate
from simulators.columns import Columns
from simulators.faults import Effects, Fault, Part, combined
from simulators.habits import Habits, Trip
from simulators.models import MODELS, Model
from simulators.physics import (
    ALTERNATOR_A,
    CAPACITY_AH,
    CHARGE_S,
    COOL_DOWN_S,
    NO_BOOT_CHARGE,
    NO_START_V,
    PARKED_DRAIN_A,
    RESISTANCE_OHM,
    SCALE_HEIGHT_M,
    SURFACE_CHARGE_S,
    SURFACE_CHARGE_V,
    THERMOSTAT_OPENS_C,
    charging_voltage_v,
    coolant_after,
    crank_voltage_v,
    rest_voltage_v,
)
from simulators.service_plan import ServicePlan
from simulators.wire import Frame, Value, epoch_ms

__all__ = [
    "HEARTBEAT",
    "NO_START_V",
    "Habits",
    "Mishap",
    "State",
    "Traits",
    "Trip",
    "Vehicle",
    "charging_voltage_v",
    "coolant_after",
    "crank_voltage_v",
    "rest_voltage_v",
]

HEARTBEAT = timedelta(hours=4)
SLOW_S = 300
"""Seconds between two frames with the slow signals."""

PAD_LIFE_J = 8.6e9
"""Braking energy that wears four pairs of pads out: about 50,000 km of a compact petrol car."""

FRONT_SHARE = (0.32, 0.32, 0.18, 0.18)
"""Of the braking, by wheel."""

OIL_L_PER_1000KM = 0.06
HOME_CHARGER_W = 7_200.0
HYBRID_SOC = (0.45, 0.65)

MAY_LACK = frozenset({"pads", "oil_level", "coolant_level", "current"})
"""What the gateway of a car in its plainest trim does not send."""


@dataclass(slots=True)
class State:
    """What a car is at a moment."""

    at: datetime
    odometer_m: float
    engine_h: float
    coolant_c: float
    oil_c: float
    battery_c: float
    charge: float
    surface_v: float
    fuel_share: float
    tires_kpa: list[float]  # at 20 °C, what a leak took not subtracted
    tires_c: float
    pads: list[float]  # share worn
    trim_pct: float  # long term
    soot_g: float
    regenerating: bool
    oil_l: float  # missing
    oil_life: float
    soc: float
    pack_c: float
    plugged: bool


@dataclass(frozen=True, slots=True)
class Traits:
    """What makes this car differ from the next: offsets of parts and sensors."""

    thermostat_k: float
    resistance: float
    alternator_v: float
    voltmeter_v: float
    ambient_k: float
    drain: float
    style: float
    trim_pct: float
    tires_kpa: tuple[float, ...]
    air_flow: float
    pads: tuple[float, ...]
    soh: float
    spread_v: float
    garage: bool
    oil: float

    @classmethod
    def drawn(cls, chance: random.Random) -> Traits:
        """Ordinary tolerances."""
        return cls(
            thermostat_k=chance.gauss(0, 1.0),
            resistance=math.exp(chance.gauss(0, 0.05)),
            alternator_v=chance.gauss(0, 0.05),
            voltmeter_v=chance.gauss(0, 0.02),
            ambient_k=chance.gauss(0, 0.5),
            drain=math.exp(chance.gauss(0, 0.2)),
            style=min(1.12, max(0.88, chance.gauss(1.0, 0.04))),
            trim_pct=min(6.0, max(-6.0, chance.gauss(0.5, 2.0))),
            tires_kpa=tuple(chance.gauss(0, 3.0) for _ in range(4)),
            air_flow=math.exp(chance.gauss(0, 0.02)),
            pads=tuple(
                min(0.7, max(0.03, worn + chance.gauss(0, 0.02)))
                for axle in (chance.uniform(0.05, 0.6), chance.uniform(0.05, 0.5))
                for worn in (axle, axle)
            ),
            soh=chance.uniform(0.9, 0.99),
            spread_v=abs(chance.gauss(0.008, 0.003)),
            garage=chance.random() < 0.4,
            oil=math.exp(chance.gauss(0, 0.3)),
        )


@dataclass(frozen=True, slots=True)
class Mishap:
    """What went wrong on the road: ``no_start``, ``boiled``, ``flat_tire``, ``stalled`` …"""

    at: datetime
    kind: str


@dataclass(slots=True)
class _Sheet:
    """Frames in the making, all with the same signals."""

    ts_ms: list[int] = field(default_factory=list)
    rows: list[dict[str, Value]] = field(default_factory=list)
    dtcs: tuple[str, ...] = ()


class Vehicle:
    """One car and its life from `start` on.

    Parameters
    ----------
    vin
        With `seed`, everything drawn.
    start
        Aware UTC; the car is parked then.
    model, model_year
        A key of `simulators.models.MODELS`.
    trim
        ``full`` sends all that the model can; ``plain`` lacks `MAY_LACK`.
    faults, innocents
        What will go wrong, and what only looks like it.
    habits, climate
        Default: a commuter near Boston.
    service
        With a plan, the car has a service display and reports distance and time left.
    drive_period_s
        Seconds between frames while driving.
    heartbeat
        Between frames while parked; None sends none.
    """

    def __init__(
        self,
        vin: str,
        *,
        start: datetime,
        seed: int = 0,
        model: str = "lane_14",
        model_year: int = 2021,
        trim: str = "full",
        faults: Sequence[Fault] = (),
        innocents: Sequence[Part] = (),
        habits: Habits | None = None,
        climate: Climate | None = None,
        service: ServicePlan | None = None,
        odometer_m: float = 42_000_000.0,
        engine_h: float = 900.0,
        drive_period_s: int = 10,
        heartbeat: timedelta | None = HEARTBEAT,
    ) -> None:
        if start.tzinfo is None:
            raise ValueError(f"start {start} has no time zone")
        self.vin = vin
        self.model: Model = MODELS[model]
        self.model_year = model_year
        self.trim = trim
        self.faults: list[Fault] = list(faults)
        self.innocents: list[Part] = list(innocents)
        self.habits = habits or Habits()
        self.climate = climate or Climate(time_zone=self.habits.time_zone)
        self.service = service
        self.mishaps: list[Mishap] = []
        self.no_starts: list[datetime] = []
        self.dues: list[datetime] = []
        self._seed = f"{seed}:{vin}"
        chance = random.Random(self._seed)
        self.traits = traits = Traits.drawn(chance)
        self._noise = np.random.default_rng(zlib.crc32(self._seed.encode()))
        self._period_s = drive_period_s
        self._heartbeat = heartbeat
        ambient_c = self.climate.temperature_c(start)
        self.state = State(
            at=start.astimezone(UTC),
            odometer_m=odometer_m,
            engine_h=engine_h,
            coolant_c=ambient_c,
            oil_c=ambient_c,
            battery_c=ambient_c,
            charge=0.97,
            surface_v=0.0,
            fuel_share=chance.uniform(0.3, 1.0),
            tires_kpa=[
                self.model.placard_kpa + chance.gauss(0, 4) + own for own in traits.tires_kpa
            ],
            tires_c=ambient_c,
            pads=list(traits.pads),
            trim_pct=traits.trim_pct,
            soot_g=chance.uniform(4, 15),
            regenerating=False,
            oil_l=chance.uniform(0.0, 0.35),
            oil_life=chance.uniform(0.3, 1.0),
            soc=chance.uniform(0.5, 0.8) if not self.model.burns else 0.55,
            pack_c=ambient_c,
            plugged=False,
        )
        self._was_due = False
        self._kept_until = self.state.at
        self._anchor = self.state.at
        self._ready: list[Columns] = []
        self._trips = self._planned()
        self._trip = next(self._trips)

    # -- asked from outside --------------------------------------------------------------------

    def columns(self, until: datetime) -> list[Columns]:
        """All frames measured from where the last call stopped up to (not at) a time, in order.

        Parameters
        ----------
        until
            Aware UTC.
        """
        made: list[Columns] = []
        while True:
            made += self._taken(epoch_ms(until))
            if self._ready:
                return made
            beat = self._next_beat()
            if self._trip.start <= self.state.at or self._trip.start < self._kept_until:
                self._trip = next(self._trips)
            elif beat is not None and beat < self._trip.start:
                if beat >= until:
                    return made
                self._beats(min(until, self._trip.start))
            elif self._trip.start >= until:
                return made
            else:
                self._rest(self._trip.start)
                trip, self._trip = self._trip, next(self._trips)
                self._drive(trip)

    def frames(self, until: datetime) -> Iterator[Frame]:
        """The same frames one by one."""
        yield from side_by_side.frames(self.columns(until))

    @property
    def next_at(self) -> datetime:
        """When the next frame will be."""
        if self._ready:
            return datetime.fromtimestamp(int(self._ready[0].ts_ms[0]) / 1000, UTC)
        while self._trip.start <= self.state.at or self._trip.start < self._kept_until:
            self._trip = next(self._trips)
        beat = self._next_beat()
        return self._trip.start if beat is None else min(beat, self._trip.start)

    def repair(self, name: str | None = None) -> None:
        """The workshop removes one fault, or all, and mends what it had consumed.

        Takes effect with the first frame after those that the car has measured already.
        """
        cured = [fault for fault in self.faults if name is None or fault.name == name]
        self.faults = [fault for fault in self.faults if fault not in cured]
        state = self.state
        for fault in cured:
            if fault.name in BATTERY_FAULTS:
                state.charge = 0.97
            elif "tire" in fault.name:
                self._pump_up()
            elif fault.name in ("brake_wear", "stuck_caliper"):
                state.pads = [0.01] * 4
            elif fault.name == "dpf_clogged":
                state.soot_g = 2.0
            elif fault.name == "oil_consumption":
                state.oil_l = 0.0
            elif fault.name == "vacuum_leak":
                state.trim_pct = self.traits.trim_pct

    def serviced(self) -> None:
        """A service was done now: new oil, tires set, and the plan starts again."""
        state = self.state
        state.oil_l, state.oil_life = 0.0, 1.0
        self._pump_up()
        self._was_due = False
        if self.service is not None:
            self.service = replace(
                self.service,
                done_at=state.at,
                done_odometer_m=state.odometer_m,
                done_engine_h=state.engine_h,
            )

    def keep(self, until: datetime) -> None:
        """The car stays where it is until then; trips that would have begun before don't."""
        self._kept_until = max(self._kept_until, until)

    # -- from trip to trip ---------------------------------------------------------------------

    def _planned(self) -> Iterator[Trip]:
        zone = ZoneInfo(self.habits.time_zone)
        day = self.state.at.astimezone(zone).date()
        while True:
            yield from self.habits.trips(day, self._seed)
            day += timedelta(days=1)

    def _effects(self, when: datetime) -> Effects:
        return combined((*self.faults, *self.innocents), when)

    def _taken(self, until_ms: int) -> list[Columns]:
        """What is ready and was measured before a time."""
        made: list[Columns] = []
        while self._ready and self._ready[0].ts_ms[-1] < until_ms:
            made.append(self._ready.pop(0))
        if self._ready and self._ready[0].ts_ms[0] < until_ms:
            one = self._ready[0]
            cut = int(np.searchsorted(one.ts_ms, until_ms))
            made.append(one.where(slice(0, cut)))
            self._ready[0] = one.where(slice(cut, None))
        return made

    # -- parked --------------------------------------------------------------------------------

    def _next_beat(self) -> datetime | None:
        return None if self._heartbeat is None else self.state.at + self._heartbeat

    def _beats(self, until: datetime) -> None:
        """Heartbeats up to (not at) a time; between them nothing happens to the car."""
        assert self._heartbeat is not None
        sheet = _Sheet()
        while self.state.at + self._heartbeat < until:
            at = self.state.at + self._heartbeat
            effects = self._rest(at)
            row = self._at_rest("OFF", effects)
            if sheet.rows and row.keys() != sheet.rows[0].keys():
                self._put(sheet)
                sheet = _Sheet()
            sheet.ts_ms.append(epoch_ms(at))
            sheet.rows.append(row)
        self._put(sheet)

    def _put(self, sheet: _Sheet) -> None:
        if sheet.rows:
            self._ready.append(
                Columns(
                    np.array(sheet.ts_ms, np.int64),
                    {path: _array([row[path] for row in sheet.rows]) for path in sheet.rows[0]},
                    sheet.dtcs,
                )
            )

    def _air_c(self, at: datetime, effects: Effects, parked: bool) -> float:
        air_c = self.climate.temperature_c(at) + effects.climate_k
        return 0.55 * air_c + 0.45 * 9.0 if parked and self.traits.garage else air_c

    def _rest(self, until: datetime) -> Effects:
        """Let the parked car cool down, its battery settle, and the pack charge."""
        state = self.state
        seconds = (until - state.at).total_seconds()
        effects = self._effects(until)
        air_c = self._air_c(until, effects, parked=True)
        cools = math.exp(-seconds / COOL_DOWN_S)
        state.coolant_c = air_c + (state.coolant_c - air_c) * cools
        state.oil_c = air_c + (state.oil_c - air_c) * cools
        settles = math.exp(-seconds / (3 * 3600))
        state.battery_c = air_c + (state.battery_c - air_c) * settles
        state.pack_c = air_c + (state.pack_c - air_c) * math.exp(-seconds / (8 * 3600))
        state.tires_c = air_c + (state.tires_c - air_c) * math.exp(-seconds / 2400)
        drain_a = PARKED_DRAIN_A * self.traits.drain + effects.drain_a
        state.charge = max(
            0.0,
            min(state.charge, effects.charge_ceiling)
            - drain_a * seconds / 3600 / (CAPACITY_AH * effects.capacity_factor),
        )
        state.surface_v *= math.exp(-seconds / SURFACE_CHARGE_S)
        state.tires_kpa = [kpa - 1.5 * seconds / (30 * 86_400) for kpa in state.tires_kpa]
        if not self.model.burns:
            state.plugged = state.soc < 0.55 or (state.plugged and state.soc < 0.8)
            if state.plugged:
                gained = HOME_CHARGER_W * seconds / 3.6e6 / self.model.pack_kwh
                state.soc = min(0.8, state.soc + gained)
                state.charge = max(state.charge, min(effects.charge_ceiling, 0.95))
        state.at = until
        self._fall_due()
        return effects

    def _fall_due(self) -> None:
        plan, state = self.service, self.state
        if plan is not None and not self._was_due:
            self._was_due = plan.left(state.at, state.odometer_m, state.engine_h) <= 0
            if self._was_due:  # to the moment by the calendar, to the trip by use
                dates = [plan.done_at + plan.interval] if plan.interval else []
                self.dues.append(min([state.at, *dates]))

    def _pump_up(self, lost_kpa: Sequence[float] = (0.0,) * 4) -> None:
        """To the placard by a gauge: each wheel's sensor reads as far off as before."""
        self.state.tires_kpa = [
            self.model.placard_kpa + own + lost
            for own, lost in zip(self.traits.tires_kpa, lost_kpa, strict=True)
        ]

    # -- driving -------------------------------------------------------------------------------

    def _drive(self, trip: Trip) -> None:
        """Start the engine, drive the route, stop; or fail to start."""
        state, model = self.state, self.model
        effects = self._effects(state.at)
        if effects.stays_parked:
            return
        chance = random.Random(f"{self._seed}:{trip.start}")
        tires_kpa = self._tires(effects)
        if min(tires_kpa) < 90:
            self.mishaps.append(Mishap(state.at, "flat_tire"))
            self._one("ON", self._at_rest("ON", effects, load_a=8.0), effects)
            state.at += timedelta(seconds=20)
            self._one("OFF", self._at_rest("OFF", effects), effects)
            return
        if min(tires_kpa) < model.placard_kpa - 28 and chance.random() < 0.03:
            # the owner sees it, or the warning lamp, and pumps them up
            self._pump_up(effects.tire_loss_kpa)
        self._one("ON", self._at_rest("ON", effects, load_a=8.0), effects)
        if not self._started(effects):
            self.mishaps.append(Mishap(state.at, "no_start"))
            self.no_starts.append(state.at)
            state.at += timedelta(seconds=30)
            self._one("OFF", self._at_rest("OFF", effects), effects)
            return
        self._run(trip, effects, chance)
        state.at += timedelta(seconds=5)
        self._one("OFF", self._at_rest("OFF", self._effects(state.at)), effects)
        self._fall_due()

    def _started(self, effects: Effects) -> bool:
        """Crank: the dip, a slower recovery; a driver without luck tries three times."""
        state = self.state
        if effects.jump_leads:
            state.charge = max(state.charge, 0.35)
        if self.model.recuperates:  # a motor of the traction battery starts it, if contactors close
            return state.charge > NO_BOOT_CHARGE
        lowest_v = (
            crank_voltage_v(
                state.charge,
                state.battery_c,
                effects.resistance_factor * self.traits.resistance,
                effects.cable_ohm,
            )
            + state.surface_v * 0.3
        )
        started = lowest_v >= NO_START_V
        for attempt in range(1 if started else 3):
            for share in (1.0, 0.55):
                state.at += timedelta(seconds=1 if share < 1 else 2 + 15 * (attempt > 0))
                rest_v = rest_voltage_v(state.charge, state.battery_c)
                voltage_v = rest_v - share * (rest_v - lowest_v)
                row = self._common("START", voltage_v, effects)
                row[SPEED] = 0.0
                row[ENGINE_SPEED] = float(round(200 + self._normal() * 15))
                self._one("START", row, effects)
            state.charge = max(0.0, state.charge - 0.0015 / effects.capacity_factor)
        return started

    def _run(self, trip: Trip, effects: Effects, chance: random.Random) -> None:
        """Drive the route: the whole trip as arrays."""
        state, model, traits = self.state, self.model, self.traits
        state.at += timedelta(seconds=2)
        began = state.at
        style = traits.style * chance.gauss(1.0, 0.02)
        run = physics.drive(
            model,
            cycles.route(trip.route) * style,
            self._period_s,
            extra_mass_kg=effects.extra_mass_kg + chance.choice((0, 0, 70, 150)),
            drag_factor=effects.drag_factor,
            rolling_factor=effects.rolling_factor,
            extra_n=sum(effects.brake_drag_n),
            altitude_m=effects.altitude_m,
        )
        count = len(run.ends_s)
        seconds = np.diff(run.ends_s, prepend=0.0)
        after = self._effects(began + timedelta(seconds=float(run.ends_s[-1])))
        air_c = self._air_c(began, effects, parked=False)
        fuel_w = physics.fuel_w(model, run, state.coolant_c > 55)
        if effects.misfire_share:
            fuel_w = fuel_w * (1 + effects.misfire_share)
        coolant_c, oil_c = self._thermal(run, fuel_w, seconds, effects, air_c)
        boiled = np.flatnonzero(coolant_c >= physics.BOILING_C - 0.5)
        last = count
        if boiled.size and boiled[0] + 6 < count:  # steam: the driver stops within a minute
            last = int(boiled[0]) + 6
        charge, volts, amps, died = self._electrics(run, effects, air_c, seconds)
        if died < last:
            last = died
        keep = slice(0, last)
        distance_m = state.odometer_m + np.cumsum(run.distance_m)
        engine_h = state.engine_h + np.cumsum(seconds * (fuel_w > 0)) / 3600
        burnt_l = np.cumsum(fuel_w * seconds) / (
            physics.DIESEL_J_PER_L if model.powertrain == "diesel" else physics.PETROL_J_PER_L
        )
        fuel = state.fuel_share - burnt_l / 45
        tires_c = air_c + (18 * np.minimum(1.0, run.mean_ms / 20)) * (1 - np.exp(-run.ends_s / 900))
        signals: dict[str, NDArray[np.generic]] = {}
        signals[IGNITION] = np.full(count, "ON", dtype=object)
        noise = self._noise.standard_normal((8, count))
        signals[VOLTAGE] = np.round(volts + traits.voltmeter_v + 0.015 * noise[0], 3)
        signals[ODOMETER] = distance_m.astype(np.int64)
        signals[AMBIENT] = np.full(count, round((air_c + traits.ambient_k) * 2) / 2)
        signals[SPEED] = np.round(run.speed_ms * 3.6, 1)
        if self._sends("current"):
            signals[CURRENT] = np.round(amps + 0.3 * noise[1], 1)
        if model.burns:
            self._engine(signals, run, fuel_w, effects, noise, air_c, coolant_c, oil_c)
            signals[RUN_TIME] = run.ends_s.astype(np.int64)
            signals[ENGINE_HOURS] = np.round(engine_h, 3)
            signals[FUEL_LEVEL] = np.round(100 * np.maximum(fuel, 0.01))
        soc, pack_c = self._pack(signals, run, effects, seconds, air_c, noise)
        slow = self._slow_arrays(signals, run, tires_c, effects, after, distance_m)
        self._emit(signals, slow, run.ends_s, began, last, effects)
        # what is left behind
        end = last - 1
        state.at = began + timedelta(seconds=float(run.ends_s[end]))
        state.odometer_m = float(distance_m[end])
        state.engine_h = float(engine_h[end])
        state.coolant_c, state.oil_c = float(coolant_c[end]), float(oil_c[end])
        state.charge = float(charge[end])
        state.surface_v = SURFACE_CHARGE_V if volts[end] > 13 else 0.0
        state.battery_c += (air_c + 12 - state.battery_c) * (
            1 - math.exp(-float(run.ends_s[end]) / 3600)
        )
        state.tires_c = float(tires_c[end])
        state.fuel_share = float(fuel[end]) if fuel[end] > 0.1 else 1.0  # a stop at the pump
        state.soc, state.pack_c = float(soc[end]), float(pack_c[end])
        km = float(run.distance_m[keep].sum()) / 1000
        wear = float(run.braked_j[keep].sum()) / PAD_LIFE_J
        wear *= 1 - physics.REGENERATED if model.recuperates else 1.0
        drag_j = [n * km * 4000 for n in effects.brake_drag_n]  # one wheel has a quarter
        state.pads = [
            min(1.0, worn + wear * share / 0.25 * factor * style + dragged / PAD_LIFE_J)
            for worn, share, factor, dragged in zip(
                state.pads, FRONT_SHARE, effects.pad_wear_factor, drag_j, strict=True
            )
        ]
        oil_l = OIL_L_PER_1000KM * traits.oil + effects.oil_l_per_1000km
        state.oil_l += oil_l * km / 1000
        cold = 2.0 if float(coolant_c[end]) < 70 else 1.0
        state.oil_life = max(0.0, state.oil_life - cold * km * 1000 / model.service_interval_m)
        if last < count or boiled.size:
            self.mishaps.append(Mishap(state.at, "stalled" if last == died < count else "boiled"))
        if max(state.pads) >= 1.0:
            self.mishaps.append(Mishap(state.at, "no_brakes_left"))
        if state.soot_g >= physics.SOOT_LIMP_G:
            self.mishaps.append(Mishap(state.at, "limp_mode"))
        if model.burns and state.oil_l > 0.62 * model.oil_l:
            self.mishaps.append(Mishap(state.at, "oil_pressure_lost"))

    def _thermal(
        self,
        run: physics.Drive,
        fuel_w: physics.Array,
        seconds: physics.Array,
        effects: Effects,
        air_c: float,
    ) -> tuple[physics.Array, physics.Array]:
        """Coolant and oil, step by step: the one thing here that has a memory within the trip."""
        state, model = self.state, self.model
        if not model.burns:
            return np.full(len(seconds), air_c), np.full(len(seconds), air_c)
        coolant_c, oil_c = state.coolant_c, state.oil_c
        opens_c = THERMOSTAT_OPENS_C + self.traits.thermostat_k
        mass = model.heat_capacity_j_k * max(0.5, effects.coolant_share)
        # without coolant the radiator runs dry before the block does
        share = effects.cooling_share * min(1.0, max(0.02, (effects.coolant_share - 0.35) / 0.4))
        scale = 8_000 / model.idle_w  # a bigger engine has a bigger radiator
        coolants, oils = [], []
        for watts, step_s, speed in zip(
            (fuel_w * scale).tolist(), seconds.tolist(), run.mean_ms.tolist(), strict=True
        ):
            coolant_c = coolant_after(
                coolant_c,
                step_s,
                fuel_w=watts,
                speed_ms=speed,
                ambient_c=air_c,
                cooling_share=share,
                thermostat_c=opens_c,
                fan_share=effects.fan_share,
                leak=effects.thermostat_leak,
                most=effects.thermostat_most,
                heat_capacity_j_k=mass * scale,
            )
            target_c = coolant_c + 6 + watts / 8_000
            oil_c += (target_c - oil_c) * step_s / 420
            coolants.append(coolant_c)
            oils.append(oil_c)
        return np.array(coolants), np.array(oils)

    def _electrics(
        self, run: physics.Drive, effects: Effects, air_c: float, seconds: physics.Array
    ) -> tuple[physics.Array, physics.Array, physics.Array, int]:
        """12 V while driving: charge, voltage, battery current, and the step at which it dies."""
        state, model, traits = self.state, self.model, self.traits
        count = len(seconds)
        holds_v = charging_voltage_v(state.battery_c) + traits.alternator_v
        night = 12.0 if state.at.hour in (23, 0, 1, 2, 3, 4, 5, 6) else 0.0
        load_a = 32.0 + night + (14.0 if air_c < 5 else 0.0) + (10.0 if air_c > 27 else 0.0)
        makes_a = ALTERNATOR_A * effects.alternator_share
        if model.smart_alternator and not model.recuperates:
            volts = physics.smart_voltage_v(holds_v, state.charge, run.overrun, run.ends_s)
        else:
            volts = np.full(count, holds_v)
        short_a = load_a - makes_a
        if short_a > 0:
            charge = state.charge - short_a * run.ends_s / 3600 / (
                CAPACITY_AH * effects.capacity_factor
            )
            rests = [rest_voltage_v(max(0.0, c), state.battery_c) for c in charge[::30].tolist()]
            sag_v = short_a * RESISTANCE_OHM * effects.resistance_factor + 0.15
            volts = np.repeat(np.array(rests), 30)[:count] - sag_v
            flat = np.flatnonzero(charge <= 0.02)
            died = max(1, int(flat[0])) if flat.size else count
            return np.maximum(charge, 0.0), volts, np.full(count, -short_a), died
        # a cable with resistance takes its part of what the alternator gives
        volts = volts - effects.cable_ohm * min(makes_a, load_a)
        ceiling = effects.charge_ceiling
        weaker = min(1.0, max(0.15, (makes_a - load_a) / 60))
        charge = ceiling + (state.charge - ceiling) * np.exp(-run.ends_s * weaker / CHARGE_S)
        charge = np.where(state.charge > ceiling, ceiling, charge)
        amps = CAPACITY_AH * (ceiling - charge) * 3600 / CHARGE_S + 1.0
        if volts is not None and makes_a < 1.6 * load_a:  # at its limit the voltage sinks at idle
            volts = np.where(run.mean_ms < 2.0, volts - 0.9 * (1.6 - makes_a / load_a), volts)
        return charge, volts, amps, count

    def _engine(
        self,
        signals: dict[str, NDArray[np.generic]],
        run: physics.Drive,
        fuel_w: physics.Array,
        effects: Effects,
        noise: NDArray[np.float64],
        air_c: float,
        coolant_c: physics.Array,
        oil_c: physics.Array,
    ) -> None:
        """What engine sensors say."""
        state, model, traits = self.state, self.model, self.traits
        running = fuel_w > 0
        rpm, gear = physics.engine_speed_rpm(model, run.speed_ms, running)
        rough = 12.0 + 260.0 * effects.misfire_share
        rpm = np.where(running, rpm + rough * noise[2], 0.0)
        cold = np.clip((60 - coolant_c) / 80, 0, 1) * (run.speed_ms < 0.3) * running
        rpm = np.maximum(0.0, rpm + 350 * cold)
        outside_kpa = physics.ATMOSPHERE_KPA * math.exp(-effects.altitude_m / SCALE_HEIGHT_M)
        load = 100 * run.traction_end_w / (model.rated_kw * 1000) * physics.ATMOSPHERE_KPA
        load = np.where(running, np.minimum(100.0, load / outside_kpa + 18), 0.0)
        load = np.clip(load + noise[3], 0, 100)
        lean = 1.0 if model.powertrain != "diesel" else 1.9
        flow_g_s = fuel_w * physics.AIR_G_PER_J * lean
        measured = flow_g_s * traits.air_flow * (1 + 0.02 * noise[4])
        signals[ENGINE_SPEED] = np.round(rpm * 4) / 4
        signals[GEAR] = gear
        signals[ENGINE_LOAD] = np.round(load, 1)
        signals[AIR_FLOW] = np.round(np.where(running, np.maximum(0.5, measured), 0.0), 2)
        heat_k = 8 + 14 * np.exp(-run.mean_ms / 4)
        signals[INTAKE_TEMP] = np.round(air_c + heat_k + noise[5])
        signals[COOLANT] = np.round(coolant_c)
        signals[OIL_TEMP] = np.round(oil_c)
        signals[THROTTLE] = np.round(np.clip(12 + 0.8 * load, 0, 100), 1)
        if model.powertrain == "diesel":
            self._filter(signals, run, flow_g_s, effects, coolant_c)
            return
        lift = (
            effects.unmetered_air_g_s
            / np.maximum(flow_g_s, 0.8)
            * np.clip(1.15 - load / 80, 0.05, 1.0)
        )
        needs = traits.trim_pct + 100 * lift + 18 * effects.misfire_share
        hot = (coolant_c > 50) & running
        needed = float(needs[hot].mean()) if hot.any() else state.trim_pct
        learned = np.clip(
            state.trim_pct + (needed - state.trim_pct) * np.minimum(1.0, run.ends_s / 4000), -25, 25
        )
        short = np.where(hot, np.clip(needs - learned + 1.6 * noise[6], -25, 25), 0.0)
        signals[SHORT_TRIM] = np.round(short * 1.28) / 1.28
        signals[LONG_TRIM] = np.round(learned * 1.28) / 1.28
        signals[MANIFOLD] = np.round(
            np.where(running, outside_kpa * np.clip(0.22 + load / 115, 0.22, 0.99), outside_kpa)
        )
        state.trim_pct = float(learned[-1])

    def _filter(
        self,
        signals: dict[str, NDArray[np.generic]],
        run: physics.Drive,
        flow_g_s: physics.Array,
        effects: Effects,
        coolant_c: physics.Array,
    ) -> None:
        """Soot, and burning it: a quarter of an hour of speed that a short trip does not have."""
        state = self.state
        seconds = np.diff(run.ends_s, prepend=0.0)
        cold = np.where(coolant_c < 70, 2.2, 1.0)
        made_g = np.cumsum(
            physics.SOOT_G_PER_KM * run.distance_m / 1000 * cold * effects.soot_factor
        )
        soot = state.soot_g + made_g
        hot = np.zeros(len(soot), bool)
        if not effects.regeneration_blocked:
            may = (coolant_c > 75) & (run.mean_ms > 11)
            wants = (soot > physics.SOOT_REGENERATES_G) | state.regenerating
            begin = np.flatnonzero(may & wants)
            if begin.size:
                hot[begin[0] :] = run.mean_ms[begin[0] :] > 5
                burnt = np.cumsum(hot * seconds * physics.REGENERATION_G_PER_S)
                soot = np.maximum(2.0, soot - burnt)
                hot &= soot > 2.5
                state.regenerating = bool(soot[-1] > 4.0)
        inlet_c = 190 + 1.6 * flow_g_s
        signals[DPF_INLET] = np.round(np.where(hot, 605, inlet_c))
        signals[DPF_OUTLET] = np.round(np.where(hot, 625, inlet_c - 15))
        signals[DPF_DELTA] = np.round(physics.dpf_pa(flow_g_s, soot))
        state.soot_g = float(soot[-1])

    def _pack(
        self,
        signals: dict[str, NDArray[np.generic]],
        run: physics.Drive,
        effects: Effects,
        seconds: physics.Array,
        air_c: float,
        noise: NDArray[np.float64],
    ) -> tuple[physics.Array, physics.Array]:
        """Traction battery while driving."""
        state, model, traits = self.state, self.model, self.traits
        if not model.recuperates:
            flat = np.full(len(seconds), state.soc)
            return flat, flat
        if model.burns:
            swing = np.cumsum(physics.REGENERATED * run.braked_j - 0.25 * run.traction_w * seconds)
            soc = np.clip(
                0.55 + 0.5 * (swing - swing.mean()) / (model.pack_kwh * 3.6e6), *HYBRID_SOC
            )
            watts = 0.3 * run.traction_w - physics.REGENERATED * run.braked_j / seconds
        else:
            cold = 1.0 + 0.012 * max(0.0, 18 - air_c)  # heating, and a stiff battery
            watts = physics.pack_w(model, run) * cold
            used = np.cumsum(watts * seconds) / 3.6e6 / (model.pack_kwh * traits.soh)
            soc = np.maximum(0.03, state.soc - used)
        pack_c = state.pack_c + (air_c + 14 - state.pack_c) * (1 - np.exp(-run.ends_s / 5400))
        amps = watts / (model.cells * 3.7)
        weak = max(effects.weak_cell_share, 0.004)
        drop_v = amps * 0.11 / model.cells
        high = physics.cell_v(soc) - drop_v + traits.spread_v / 2
        low = physics.weak_cell_v(soc, weak) - drop_v * (1 + 3 * weak) - traits.spread_v / 2
        signals[SOC] = np.round(soc * 100, 1)
        signals[CELL_MIN] = np.round(np.maximum(1.5, low + 0.001 * noise[7]), 3)
        signals[CELL_MAX] = np.round(high + 0.001 * noise[7], 3)
        signals[PACK_V] = np.round(high * model.cells, 1)
        signals[PACK_A] = np.round(-amps, 1)
        signals[PACK_TEMP] = np.round(pack_c)
        if not model.burns:
            signals[MOTOR_TEMP] = np.round(air_c + 25 + 30 * run.mean_ms / 30)
        return soc, pack_c

    def _slow_arrays(
        self,
        signals: dict[str, NDArray[np.generic]],
        run: physics.Drive,
        tires_c: physics.Array,
        effects: Effects,
        after: Effects,
        distance_m: physics.Array,
    ) -> dict[str, NDArray[np.generic]]:
        """Slow signals, at every step; `_emit` sends them now and then."""
        model = self.model
        share = run.ends_s / run.ends_s[-1]
        slow: dict[str, NDArray[np.generic]] = {}
        for wheel in range(4):
            lost = effects.tire_loss_kpa[wheel] + share * (
                after.tire_loss_kpa[wheel] - effects.tire_loss_kpa[wheel]
            )
            hot_k = 0.03 * effects.brake_drag_n[wheel]
            celsius = tires_c + hot_k * (1 - np.exp(-run.ends_s / 600))
            kpa = physics.tire_kpa(self.state.tires_kpa[wheel] - lost, celsius, effects.altitude_m)
            slow[TIRES[wheel]] = np.round(np.maximum(kpa, 0.0)).astype(np.int64)
            slow[TIRE_TEMPS[wheel]] = np.round(celsius).astype(np.int64)
        count = len(run.ends_s)
        for path, value in self._counters(effects).items():
            slow[path] = np.full(count, value, dtype=object if isinstance(value, str) else None)
        if model.burns:
            thin = np.clip((130 - signals[OIL_TEMP].astype(float)) / 60, 0.6, 2.0)
            missing = max(0.0, self.state.oil_l / model.oil_l - 0.35) * 2.2
            kpa = (60 + 0.085 * signals[ENGINE_SPEED].astype(float)) * thin * max(0.1, 1 - missing)
            kpa = np.where(signals[ENGINE_SPEED].astype(float) > 0, np.minimum(650, kpa), 0)
            slow[OIL_PRESSURE] = np.round(kpa).astype(np.int64)
        plan = self.service
        if plan is not None and plan.interval_m:
            left_m = plan.done_odometer_m + plan.interval_m - distance_m
            slow[DISTANCE_TO_SERVICE] = np.round(left_m / 1000)
        return slow

    # -- what the sensors say ------------------------------------------------------------------

    def _normal(self) -> float:
        return float(self._noise.standard_normal())

    def _sends(self, what: str) -> bool:
        return self.trim == "full" or what not in MAY_LACK

    def _tires(self, effects: Effects) -> list[float]:
        state = self.state
        return [
            max(0.0, float(physics.tire_kpa(kpa - lost, state.tires_c, effects.altitude_m)))
            for kpa, lost in zip(state.tires_kpa, effects.tire_loss_kpa, strict=True)
        ]

    def _counters(self, effects: Effects) -> dict[str, Value]:
        """What changes from day to day."""
        state, model = self.state, self.model
        made: dict[str, Value] = {}
        if self._sends("pads"):
            made |= {path: round(100 * worn) for path, worn in zip(PADS, state.pads, strict=True)}
        if model.burns:
            if self._sends("oil_level"):
                missing = state.oil_l / 1.2  # between the marks of the dipstick: about 1.2 l
                made[OIL_LEVEL] = (
                    "NORMAL" if missing < 0.85 else "LOW" if missing < 1.4 else "CRITICALLY_LOW"
                )
            if self._sends("coolant_level"):
                full = effects.coolant_share
                made[COOLANT_LEVEL] = (
                    "NORMAL" if full >= 0.8 else "LOW" if full >= 0.6 else "CRITICALLY_LOW"
                )
            made[OIL_LIFE] = round(state.oil_life * model.service_interval_days * 86_400)
            if model.powertrain == "diesel":
                km = state.odometer_m / 1000
                made[DEF_LEVEL] = round(100 - (km % 9000) / 95)
        else:
            made[SOH] = round(100 * self.traits.soh, 1)
            made[RANGE] = round(state.soc * model.pack_kwh / 0.175 * 1000)
        if effects.altitude_m:
            made[ALTITUDE] = float(round(effects.altitude_m))
        outside = physics.ATMOSPHERE_KPA * math.exp(-effects.altitude_m / SCALE_HEIGHT_M)
        made[BAROMETER] = float(round(outside))
        plan = self.service
        if plan is not None and plan.interval:
            left = plan.done_at + plan.interval - state.at
            made[TIME_TO_SERVICE] = round(left.total_seconds())
        return made

    def _common(self, ignition: str, voltage_v: float, effects: Effects) -> dict[str, Value]:
        state, traits = self.state, self.traits
        air_c = self._air_c(state.at, effects, parked=ignition == "OFF")
        row: dict[str, Value] = {
            IGNITION: ignition,
            VOLTAGE: round(voltage_v + traits.voltmeter_v + 0.015 * self._normal(), 3),
            ODOMETER: int(state.odometer_m),
            AMBIENT: round((air_c + traits.ambient_k) * 2) / 2,
        }
        if self.model.burns:
            row[COOLANT] = float(round(state.coolant_c))
        return row

    def _at_rest(self, ignition: str, effects: Effects, load_a: float = 0.0) -> dict[str, Value]:
        state, model = self.state, self.model
        drop_v = load_a * (RESISTANCE_OHM * effects.resistance_factor + 0.006 + effects.cable_ohm)
        voltage_v = rest_voltage_v(state.charge, state.battery_c) + state.surface_v - drop_v
        if state.plugged and ignition == "OFF" and effects.alternator_share > 0.2:
            voltage_v = 13.5  # the DC/DC converter works while the pack charges
        row = self._common(ignition, voltage_v, effects)
        row[SPEED] = 0.0
        if self._sends("current"):
            drain_a = PARKED_DRAIN_A * self.traits.drain + effects.drain_a + load_a
            row[CURRENT] = round(-drain_a, 2)
        if model.burns:
            row[FUEL_LEVEL] = round(100 * state.fuel_share)
            row[ENGINE_HOURS] = round(state.engine_h, 3)
            if ignition != "OFF":
                row[ENGINE_SPEED] = 0.0
        if model.recuperates:
            weak = max(effects.weak_cell_share, 0.004)
            high_v = float(physics.cell_v(state.soc)) + self.traits.spread_v / 2
            low_v = float(physics.weak_cell_v(state.soc, weak)) - self.traits.spread_v / 2
            row[SOC] = round(state.soc * 100, 1)
            row[CELL_MIN], row[CELL_MAX] = round(low_v, 3), round(high_v, 3)
            row[PACK_TEMP] = float(round(state.pack_c))
        if not model.burns:
            row[CHARGING] = bool(state.plugged and ignition == "OFF" and state.soc < 0.8)
        for wheel, kpa in enumerate(self._tires(effects)):
            row[TIRES[wheel]] = round(kpa)
            row[TIRE_TEMPS[wheel]] = round(state.tires_c)
        row |= self._counters(effects)
        plan = self.service
        if plan is not None and plan.interval_m:
            left_m = plan.done_odometer_m + plan.interval_m - state.odometer_m
            row[DISTANCE_TO_SERVICE] = round(left_m / 1000)
        return _distorted_row(row, effects)

    def _one(self, ignition: str, row: dict[str, Value], effects: Effects) -> None:
        """One frame by itself."""
        dtcs: tuple[str, ...] = ()
        if ignition != "OFF":
            dtcs = self._effects(self.state.at).dtcs
            row[MIL], row[DTC_COUNT] = bool(dtcs), len(dtcs)
        if ignition == "START":
            row = _distorted_row(row, effects)
        self._put(_Sheet([epoch_ms(self.state.at)], [row], dtcs))

    def _emit(
        self,
        fast: dict[str, NDArray[np.generic]],
        slow: dict[str, NDArray[np.generic]],
        ends_s: physics.Array,
        began: datetime,
        last: int,
        effects: Effects,
    ) -> None:
        """The trip's frames: fast signals in each, the slow ones now and then."""
        count = len(ends_s)
        ts_ms = epoch_ms(began) + (ends_s * 1000).astype(np.int64)
        dtcs = effects.dtcs
        fast[MIL] = np.full(count, bool(dtcs))
        fast[DTC_COUNT] = np.full(count, len(dtcs))
        whole = _distorted({**fast, **slow}, effects, self._noise)
        every = max(1, SLOW_S // self._period_s)
        fast_paths = list(fast)
        for start in range(0, last, every):
            self._ready.append(
                Columns(ts_ms[start : start + 1], _cut(whole, start, start + 1), dtcs)
            )
            end = min(start + every, last)
            if end > start + 1:
                some = {path: whole[path][start + 1 : end] for path in fast_paths}
                self._ready.append(Columns(ts_ms[start + 1 : end], some, dtcs))


def _cut(
    signals: dict[str, NDArray[np.generic]], start: int, end: int
) -> dict[str, NDArray[np.generic]]:
    return {path: values[start:end] for path, values in signals.items()}


def _array(values: list[Value]) -> NDArray[np.generic]:
    return np.array(values, dtype=object if isinstance(values[0], str) else None)


def _distorted(
    signals: dict[str, NDArray[np.generic]], effects: Effects, noise: np.random.Generator
) -> dict[str, NDArray[np.generic]]:
    """What sensors and gateway make of the true values."""
    if not effects.distortions:
        return signals
    reported = dict(signals)
    for one in effects.distortions:
        source = signals.get(one.instead or one.path)
        if one.path not in signals or source is None:
            continue
        if one.stuck_at is not None:
            values = np.full(len(source), one.stuck_at)
        else:
            values = source.astype(float) * one.gain + one.offset
        if one.noise:
            values = values + one.noise * noise.standard_normal(len(source))
        reported[one.path] = (
            np.round(values).astype(np.int64)
            if signals[one.path].dtype.kind == "i"
            else np.round(values, 3)
        )
    return reported


def _distorted_row(row: dict[str, Value], effects: Effects) -> dict[str, Value]:
    """The same for a single frame; noise there would say nothing."""
    if not effects.distortions:
        return row
    reported = dict(row)
    for one in effects.distortions:
        source = row.get(one.instead or one.path)
        if one.path not in row or source is None or isinstance(source, str):
            continue
        value = one.stuck_at if one.stuck_at is not None else source * one.gain + one.offset
        whole = isinstance(row[one.path], int)
        reported[one.path] = round(value) if whole else round(float(value), 3)
    return reported


BATTERY_FAULTS = frozenset(
    {"weak_battery", "parasitic_drain", "alternator", "high_resistance_cable"}
)

_WHEELS = ("Row1.Wheel.Left", "Row1.Wheel.Right", "Row2.Wheel.Left", "Row2.Wheel.Right")
_ENGINE = "Vehicle.Powertrain.CombustionEngine"
_PACK = "Vehicle.Powertrain.TractionBattery"

IGNITION = "Vehicle.LowVoltageSystemState"
VOLTAGE = "Vehicle.LowVoltageBattery.CurrentVoltage"
CURRENT = "Vehicle.LowVoltageBattery.CurrentCurrent"
ODOMETER = "Vehicle.TraveledDistance"
AMBIENT = "Vehicle.Exterior.AirTemperature"
BAROMETER = "Vehicle.OBD.BarometricPressure"
ALTITUDE = "Vehicle.CurrentLocation.Altitude"
COOLANT = f"{_ENGINE}.EngineCoolant.Temperature"
COOLANT_LEVEL = f"{_ENGINE}.EngineCoolant.Level"
OIL_TEMP = f"{_ENGINE}.EngineOil.Temperature"
OIL_LEVEL = f"{_ENGINE}.EngineOil.Level"
OIL_LIFE = f"{_ENGINE}.EngineOil.LifeRemaining"
OIL_PRESSURE = f"{_ENGINE}.EOP"
SPEED = "Vehicle.Speed"
ENGINE_SPEED = f"{_ENGINE}.Speed"
ENGINE_LOAD = "Vehicle.OBD.EngineLoad"
ENGINE_HOURS = f"{_ENGINE}.EngineHours"
MANIFOLD = f"{_ENGINE}.MAP"
AIR_FLOW = "Vehicle.OBD.MAF"
INTAKE_TEMP = "Vehicle.OBD.IntakeTemp"
THROTTLE = "Vehicle.OBD.ThrottlePosition"
SHORT_TRIM = FUEL_TRIM = "Vehicle.OBD.ShortTermFuelTrim1"
LONG_TRIM = "Vehicle.OBD.LongTermFuelTrim1"
RUN_TIME = "Vehicle.OBD.RunTime"
GEAR = "Vehicle.Powertrain.Transmission.CurrentGear"
FUEL_LEVEL = "Vehicle.Powertrain.FuelSystem.RelativeLevel"
DPF_DELTA = f"{_ENGINE}.DieselParticulateFilter.DeltaPressure"
DPF_INLET = f"{_ENGINE}.DieselParticulateFilter.InletTemperature"
DPF_OUTLET = f"{_ENGINE}.DieselParticulateFilter.OutletTemperature"
DEF_LEVEL = f"{_ENGINE}.DieselExhaustFluid.Level"
SOC = f"{_PACK}.StateOfCharge.Current"
SOH = f"{_PACK}.StateOfHealth"
RANGE = f"{_PACK}.Range"
CELL_MIN = f"{_PACK}.CellVoltage.Min"
CELL_MAX = f"{_PACK}.CellVoltage.Max"
PACK_V = f"{_PACK}.CurrentVoltage"
PACK_A = f"{_PACK}.CurrentCurrent"
PACK_TEMP = f"{_PACK}.Temperature.Average"
CHARGING = f"{_PACK}.Charging.IsCharging"
MOTOR_TEMP = "Vehicle.Powertrain.ElectricMotor.Temperature"
MIL = "Vehicle.OBD.Status.IsMILOn"
DTC_COUNT = "Vehicle.Diagnostics.DTCCount"
DISTANCE_TO_SERVICE = "Vehicle.Service.DistanceToService"
TIME_TO_SERVICE = "Vehicle.Service.TimeToService"
TIRES = tuple(f"Vehicle.Chassis.Axle.{wheel}.Tire.Pressure" for wheel in _WHEELS)
TIRE_TEMPS = tuple(f"Vehicle.Chassis.Axle.{wheel}.Tire.AirTemperature" for wheel in _WHEELS)
PADS = tuple(f"Vehicle.Chassis.Axle.{wheel}.Brake.PadWear" for wheel in _WHEELS)
