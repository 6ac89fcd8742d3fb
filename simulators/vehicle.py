"""A simulated car: real drive cycles, a household's habits, and the physics of engine and battery.

A car lives from trip to trip. Parked it sends a heartbeat every few hours; driving, a frame every
few seconds. What it sends follows from two small models:

**Coolant.** One thermal mass takes a share of the burnt fuel's heat. Block and heater lose a little
to the air; the radiator, behind a thermostat that opens from 86 to 94 °C, the rest, the better the
faster the car drives, with a fan from 98 °C on. So an engine warms up in five to ten minutes, in
the cold in a quarter of an hour, and then stays near 90 °C.

**Battery.** The open-circuit voltage follows the state of charge (12.65 V full, 12.24 V half,
about 11.95 V flat at 25 °C); after a drive a surface charge fades within hours. Cranking draws a
current that grows in the cold, through an internal resistance that grows too. The alternator holds
13.8 to 14.7 V, less when warm. Self-discharge and control units take a little at rest.

Numbers drawn from a seeded generator give each car its own offsets, habits and noise: the same seed
is the same car, and `Vehicle.frames` yields the same frames whatever stretches it is asked for.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from simulators import cycles
from simulators.climate import Climate
from simulators.faults import Effects, Fault, combined
from simulators.service_plan import ServicePlan
from simulators.wire import Frame, Value, epoch_ms

# -- engine and coolant ------------------------------------------------------------------------

HEAT_CAPACITY_J_K = 50_000.0  # block, head, coolant of a compact petrol engine
COOLANT_HEAT_SHARE = 0.28  # of the burnt fuel
BLOCK_LOSS_W_K = 15.0
RADIATOR_W_K = 120.0
RADIATOR_W_K_PER_MS = 18.0  # ram air
FAN_W_K = 200.0
THERMOSTAT_OPENS_C = 86.0
THERMOSTAT_RANGE_K = 8.0
FAN_ON_C = 98.0
BOILING_C = 128.0  # 50 % glycol, 1.4 bar cap
COOL_DOWN_S = 2.2 * 3600  # parked, time constant

# -- battery -----------------------------------------------------------------------------------

#: State of charge and open-circuit voltage of a flooded lead-acid battery at 25 °C, rested.
REST_VOLTAGE_V = ((0.0, 11.95), (0.25, 12.06), (0.5, 12.24), (0.75, 12.45), (1.0, 12.65))
REST_V_PER_K = 0.0012
CAPACITY_AH = 60.0
RESISTANCE_OHM = 0.0065  # battery, cables and contacts at 25 °C
RESISTANCE_PER_K = 0.008  # more for each kelvin colder
STARTER_OHM = 0.033  # starter at inrush on a warm engine: about 320 A
STARTER_PER_K = 0.006  # less for each kelvin colder: stiff oil, slow, little back voltage
PARKED_DRAIN_A = 0.030
SURFACE_CHARGE_V = 0.35
SURFACE_CHARGE_S = 3600.0
CHARGE_S = 1.5 * 3600  # time constant of charging
CHARGING_V = 14.2  # at 25 °C
CHARGING_V_PER_K = -0.010
#: Below this the starter turns too slowly and control units reset: the engine does not start.
NO_START_V = 7.2

HEARTBEAT = timedelta(hours=4)


def rest_voltage_v(charge: float, temperature_c: float = 25.0) -> float:
    """Open-circuit voltage of a rested battery.

    >>> [round(rest_voltage_v(charge), 2) for charge in (1.0, 0.5, 0.0)]
    [12.65, 12.24, 11.95]
    """
    charge = min(max(charge, 0.0), 1.0)
    for (low, low_v), (high, high_v) in itertools.pairwise(REST_VOLTAGE_V):
        if charge <= high:
            voltage = low_v + (charge - low) / (high - low) * (high_v - low_v)
            break
    return voltage + REST_V_PER_K * (temperature_c - 25)


def crank_voltage_v(charge: float, temperature_c: float, resistance_factor: float = 1.0) -> float:
    """Lowest voltage while the starter turns.

    Starter and battery are two resistances in series. For comparison, a battery passes a load
    test with half its cold cranking amperes at 9.6 V at 21 °C and 8.5 V at −18 °C (BCI).

    >>> round(crank_voltage_v(1.0, 21), 1), round(crank_voltage_v(1.0, -18), 1)
    (10.5, 9.5)
    """
    colder_k = 25 - temperature_c
    starter_ohm = STARTER_OHM / max(0.5, 1 + STARTER_PER_K * colder_k)
    battery_ohm = RESISTANCE_OHM * max(0.5, 1 + RESISTANCE_PER_K * colder_k) * resistance_factor
    return rest_voltage_v(charge, temperature_c) * starter_ohm / (starter_ohm + battery_ohm)


def charging_voltage_v(temperature_c: float) -> float:
    """What the alternator holds, compensated for temperature.

    >>> charging_voltage_v(25), charging_voltage_v(-30), charging_voltage_v(90)
    (14.2, 14.7, 13.8)
    """
    return min(14.7, max(13.8, CHARGING_V + CHARGING_V_PER_K * (temperature_c - 25)))


def coolant_after(
    coolant_c: float,
    seconds: float,
    *,
    fuel_w: float,
    speed_ms: float,
    ambient_c: float,
    cooling_share: float = 1.0,
    thermostat_c: float = THERMOSTAT_OPENS_C,
) -> float:
    """Coolant temperature after some seconds (up to about 20) of running."""
    opening = min(1.0, max(0.0, (coolant_c - thermostat_c) / THERMOSTAT_RANGE_K))
    radiator_w_k = RADIATOR_W_K + RADIATOR_W_K_PER_MS * speed_ms
    if coolant_c > FAN_ON_C:
        radiator_w_k += FAN_W_K
    loss_w_k = BLOCK_LOSS_W_K + opening * cooling_share * radiator_w_k
    heat_w = COOLANT_HEAT_SHARE * fuel_w
    # exact for constant coefficients, so no step is too long for it
    settles_c = ambient_c + heat_w / loss_w_k
    kept = math.exp(-loss_w_k * seconds / HEAT_CAPACITY_J_K)
    return min(BOILING_C, settles_c + (coolant_c - settles_c) * kept)


# -- habits -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Trip:
    """One planned drive: when, and which cycles one after the other."""

    start: datetime
    route: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Habits:
    """When a household drives, in its own time zone.

    Parameters
    ----------
    commute
        Cycles of the way to work on weekdays; the way back is the same. Empty: no commute.
    leaves, returns
        Usual times of day.
    errands
        Mean number of further trips on a weekend day; half as many on a weekday.
    stays_home
        Chance that a commute does not take place.
    """

    commute: tuple[str, ...] = (cycles.CITY,)
    leaves: time = time(7, 35)
    returns: time = time(17, 20)
    errands: float = 1.2
    stays_home: float = 0.08
    time_zone: str = "America/New_York"

    def trips(self, day: date, seed: str) -> list[Trip]:
        """The trips of one day: the same for the same seed, whatever happened before."""
        chance = random.Random(f"{seed}:{day}")
        zone = ZoneInfo(self.time_zone)
        weekday = day.weekday() < 5
        planned: list[tuple[datetime, tuple[str, ...]]] = []
        if weekday and self.commute and chance.random() >= self.stays_home:
            for usual in (self.leaves, self.returns):
                local = datetime.combine(day, usual, zone) + timedelta(
                    minutes=max(-25.0, min(25.0, chance.gauss(0, 8)))
                )
                planned.append((local.astimezone(UTC), self.commute))
        mean = self.errands / 2 if weekday else self.errands
        for _ in range(sum(chance.random() < mean / 3 for _ in range(3))):
            hour = chance.uniform(18.8, 21.5) if weekday else chance.uniform(9.5, 20.0)
            local = datetime.combine(day, time(), zone) + timedelta(hours=hour)
            planned.append((local.astimezone(UTC), chance.choice(_ERRANDS)))
        planned.sort()
        trips: list[Trip] = []
        free = datetime.min.replace(tzinfo=UTC)
        for start, route in planned:
            start = max(start, free).replace(microsecond=0)
            trips.append(Trip(start, route))
            lasts_s = sum(len(cycles.speeds_ms(name)) for name in route)
            free = start + timedelta(seconds=lasts_s) + timedelta(minutes=20)
        return trips


_ERRANDS: tuple[tuple[str, ...], ...] = (
    (cycles.CITY,),
    (cycles.CITY,),
    (cycles.MIXED,),
    (cycles.HIGHWAY,),
    (cycles.HARD, cycles.CITY),
)


# -- the car ----------------------------------------------------------------------------------


@dataclass(slots=True)
class State:
    """What a car is at a moment."""

    at: datetime
    odometer_m: float
    engine_h: float
    coolant_c: float
    battery_c: float
    charge: float
    surface_v: float
    fuel_share: float


@dataclass(frozen=True, slots=True)
class Traits:
    """What makes this car differ from the next: offsets of parts and sensors."""

    thermostat_k: float
    resistance: float
    alternator_v: float
    voltmeter_v: float
    ambient_k: float
    drain: float

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
        )


class Vehicle:
    """One car and its life from `start` on.

    Parameters
    ----------
    vin
        With `seed`, everything drawn.
    start
        Aware UTC; the car is parked then.
    faults
        What will go wrong; see `simulators.faults`.
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
        faults: Sequence[Fault] = (),
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
        self.faults: list[Fault] = list(faults)
        self.habits = habits or Habits()
        self.climate = climate or Climate(time_zone=self.habits.time_zone)
        self.service = service
        self.no_starts: list[datetime] = []
        self._seed = f"{seed}:{vin}"
        self._chance = random.Random(self._seed)
        self.traits = Traits.drawn(self._chance)
        self._period_s = drive_period_s
        self._heartbeat = heartbeat
        ambient_c = self.climate.temperature_c(start)
        self.state = State(
            at=start.astimezone(UTC),
            odometer_m=odometer_m,
            engine_h=engine_h,
            coolant_c=ambient_c,
            battery_c=ambient_c,
            charge=0.97,
            surface_v=0.0,
            fuel_share=self._chance.uniform(0.3, 1.0),
        )
        self._coming = self._life()
        self._next = next(self._coming)

    def frames(self, until: datetime) -> Iterator[Frame]:
        """The frames from where the last call stopped up to (not at) a time.

        Parameters
        ----------
        until
            Aware UTC.
        """
        until_ms = epoch_ms(until)
        while self._next.ts_ms < until_ms:
            frame = self._next
            self._next = next(self._coming)
            yield frame

    @property
    def next_at(self) -> datetime:
        """When the next frame will be."""
        return self._next.at

    def repair(self, name: str | None = None) -> None:
        """The workshop removes one fault, or all; a battery fault by a new, charged battery.

        Takes effect with the first frame after the next one.
        """
        cured = [fault for fault in self.faults if name is None or fault.name == name]
        self.faults = [fault for fault in self.faults if fault not in cured]
        if any(fault.name == "weak_battery" for fault in cured):
            self.state.charge = 0.97

    def serviced(self) -> None:
        """A service was done now: the plan starts again."""
        if self.service is not None:
            self.service = replace(
                self.service,
                done_at=self.state.at,
                done_odometer_m=self.state.odometer_m,
                done_engine_h=self.state.engine_h,
            )

    # -- a life, frame by frame ----------------------------------------------------------------

    def _life(self) -> Iterator[Frame]:
        zone = ZoneInfo(self.habits.time_zone)
        day = self.state.at.astimezone(zone).date()
        while True:
            for trip in self.habits.trips(day, self._seed):
                if trip.start > self.state.at:
                    yield from self._parked(trip.start)
                    yield from self._drive(trip)
            day += timedelta(days=1)

    def _parked(self, until: datetime) -> Iterator[Frame]:
        """Stand until a time, with heartbeats on the way."""
        if self._heartbeat is not None:
            while self.state.at + self._heartbeat < until:
                self._rest(self.state.at + self._heartbeat)
                yield self._frame(self._at_rest("OFF"))
        self._rest(until)

    def _rest(self, until: datetime) -> None:
        """Let the parked car cool down and its battery settle."""
        state = self.state
        seconds = (until - state.at).total_seconds()
        ambient_c = self.climate.temperature_c(until)
        effects = combined(self.faults, until)
        state.coolant_c = ambient_c + (state.coolant_c - ambient_c) * math.exp(
            -seconds / COOL_DOWN_S
        )
        state.battery_c = ambient_c + (state.battery_c - ambient_c) * math.exp(
            -seconds / (3 * 3600)
        )
        capacity_ah = CAPACITY_AH * effects.capacity_factor
        state.charge = max(
            0.0,
            min(state.charge, effects.charge_ceiling)
            - PARKED_DRAIN_A * self.traits.drain * seconds / 3600 / capacity_ah,
        )
        state.surface_v *= math.exp(-seconds / SURFACE_CHARGE_S)
        state.at = until

    def _drive(self, trip: Trip) -> Iterator[Frame]:
        """Start the engine, drive the route, stop; or fail to start."""
        state = self.state
        yield self._frame(self._at_rest("ON", load_a=8.0))
        effects = combined(self.faults, state.at)
        lowest_v = (
            crank_voltage_v(
                state.charge, state.battery_c, effects.resistance_factor * self.traits.resistance
            )
            + state.surface_v * 0.3
        )
        started = lowest_v >= NO_START_V
        # the dip, a slower recovery; a driver without luck tries three times
        for attempt in range(1 if started else 3):
            for share in (1.0, 0.55):
                state.at += timedelta(seconds=1 if share < 1 else 2 + 15 * (attempt > 0))
                rest_v = rest_voltage_v(state.charge, state.battery_c)
                voltage_v = rest_v - share * (rest_v - lowest_v)
                yield self._frame(self._cranking(voltage_v))
            state.charge = max(0.0, state.charge - 0.0015 / effects.capacity_factor)
        if not started:
            self.no_starts.append(state.at)
            state.at += timedelta(seconds=30)
            yield self._frame(self._at_rest("OFF"))
            return
        began = state.at
        state.at += timedelta(seconds=2)
        yield self._frame(self._running(cycles.steps(trip.route[0], self._period_s)[0], began, 0.0))
        for name in trip.route:
            for step in cycles.steps(name, self._period_s):
                state.at += timedelta(seconds=step.seconds)
                yield self._frame(self._running(step, began, step.seconds))
        state.at += timedelta(seconds=5)
        yield self._frame(self._at_rest("OFF"))

    # -- what the sensors say ------------------------------------------------------------------

    def _frame(self, signals: dict[str, Value]) -> Frame:
        ignition_on = signals[IGNITION] != "OFF"
        dtcs = combined(self.faults, self.state.at).dtcs if ignition_on else ()
        if ignition_on:
            signals[MIL] = bool(dtcs)
            signals[DTC_COUNT] = len(dtcs)
        return Frame(epoch_ms(self.state.at), signals, dtcs)

    def _common(self, ignition: str, voltage_v: float) -> dict[str, Value]:
        state, traits = self.state, self.traits
        ambient_c = self.climate.temperature_c(state.at) + traits.ambient_k
        return {
            IGNITION: ignition,
            VOLTAGE: round(voltage_v + traits.voltmeter_v + self._chance.gauss(0, 0.015), 3),
            ODOMETER: int(state.odometer_m),
            AMBIENT: round(ambient_c * 2) / 2,
            COOLANT: float(round(state.coolant_c)),
        }

    def _at_rest(self, ignition: str, load_a: float = 0.0) -> dict[str, Value]:
        state = self.state
        effects = combined(self.faults, state.at)
        drop_v = load_a * RESISTANCE_OHM * effects.resistance_factor + 0.006 * load_a
        voltage_v = rest_voltage_v(state.charge, state.battery_c) + state.surface_v - drop_v
        signals = self._common(ignition, voltage_v)
        signals[SPEED] = 0.0
        signals[FUEL_LEVEL] = round(100 * state.fuel_share)
        signals[ENGINE_HOURS] = round(state.engine_h, 3)
        if ignition != "OFF":
            signals[ENGINE_SPEED] = 0.0
        self._service(signals)
        return signals

    def _cranking(self, voltage_v: float) -> dict[str, Value]:
        signals = self._common("START", voltage_v)
        signals[SPEED] = 0.0
        signals[ENGINE_SPEED] = float(round(200 + self._chance.gauss(0, 15)))
        return signals

    def _running(self, step: cycles.Step, began: datetime, seconds: float) -> dict[str, Value]:
        """Move the state on by a stretch of driving, and read the sensors at its end."""
        state, chance = self.state, self._chance
        ambient_c = self.climate.temperature_c(state.at)
        effects: Effects = combined(self.faults, state.at)
        if seconds:
            state.coolant_c = coolant_after(
                state.coolant_c,
                seconds,
                fuel_w=step.fuel_w,
                speed_ms=step.mean_speed_ms,
                ambient_c=ambient_c,
                cooling_share=effects.cooling_share,
                thermostat_c=THERMOSTAT_OPENS_C + self.traits.thermostat_k,
            )
            state.odometer_m += step.distance_m
            state.engine_h += seconds / 3600
            state.fuel_share -= step.fuel_w * seconds / cycles.PETROL_J_PER_L / 45
            if state.fuel_share < 0.1:
                state.fuel_share = 1.0  # a stop at the pump
            state.battery_c += (ambient_c + 12 - state.battery_c) * seconds / 3600
            state.charge += (effects.charge_ceiling - state.charge) * min(1.0, seconds / CHARGE_S)
            state.surface_v = SURFACE_CHARGE_V
        voltage_v = charging_voltage_v(state.battery_c) + self.traits.alternator_v
        signals = self._common("ON", voltage_v)
        air_flow_g_s = step.fuel_w * cycles.AIR_G_PER_J
        signals[SPEED] = round(max(0.0, step.speed_kmh), 1) if seconds else 0.0
        signals[ENGINE_SPEED] = round((step.rpm + chance.gauss(0, 12)) * 4) / 4
        signals[GEAR] = step.gear
        signals[ENGINE_LOAD] = round(min(100.0, max(0.0, step.load_pct + chance.gauss(0, 1))), 1)
        signals[AIR_FLOW] = round(max(0.5, air_flow_g_s * (1 + chance.gauss(0, 0.02))), 2)
        signals[INTAKE_TEMP] = float(round(ambient_c + 8 + 4 * chance.random()))
        signals[FUEL_TRIM] = round(chance.gauss(1.0, 1.2), 2)
        signals[RUN_TIME] = round((state.at - began).total_seconds())
        signals[FUEL_LEVEL] = round(100 * state.fuel_share)
        signals[ENGINE_HOURS] = round(state.engine_h, 3)
        self._service(signals)
        return signals

    def _service(self, signals: dict[str, Value]) -> None:
        plan, state = self.service, self.state
        if plan is None:
            return
        if plan.interval_m:
            left_m = plan.done_odometer_m + plan.interval_m - state.odometer_m
            signals[DISTANCE_TO_SERVICE] = round(left_m / 1000)
        if plan.interval:
            left = plan.done_at + plan.interval - state.at
            signals[TIME_TO_SERVICE] = round(left.total_seconds())


IGNITION = "Vehicle.LowVoltageSystemState"
VOLTAGE = "Vehicle.LowVoltageBattery.CurrentVoltage"
ODOMETER = "Vehicle.TraveledDistance"
AMBIENT = "Vehicle.Exterior.AirTemperature"
COOLANT = "Vehicle.Powertrain.CombustionEngine.EngineCoolant.Temperature"
SPEED = "Vehicle.Speed"
ENGINE_SPEED = "Vehicle.Powertrain.CombustionEngine.Speed"
ENGINE_LOAD = "Vehicle.OBD.EngineLoad"
ENGINE_HOURS = "Vehicle.Powertrain.CombustionEngine.EngineHours"
AIR_FLOW = "Vehicle.OBD.MAF"
INTAKE_TEMP = "Vehicle.OBD.IntakeTemp"
FUEL_TRIM = "Vehicle.OBD.ShortTermFuelTrim1"
RUN_TIME = "Vehicle.OBD.RunTime"
GEAR = "Vehicle.Powertrain.Transmission.CurrentGear"
FUEL_LEVEL = "Vehicle.Powertrain.FuelSystem.RelativeLevel"
MIL = "Vehicle.OBD.Status.IsMILOn"
DTC_COUNT = "Vehicle.Diagnostics.DTCCount"
DISTANCE_TO_SERVICE = "Vehicle.Service.DistanceToService"
TIME_TO_SERVICE = "Vehicle.Service.TimeToService"
