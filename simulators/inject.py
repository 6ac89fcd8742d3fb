"""A fault put into a real drive: the log of a healthy car, with what the fault changes in it.

Each function takes the frames of one drive and gives the same frames with a fault that is so bad
(`wear`, 0 to 1). What a fault leaves alone stays as it was logged, to the bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from simulators.drives import (
    AIR_FLOW,
    AMBIENT,
    COOLANT,
    ENGINE_LOAD,
    ENGINE_SPEED,
    IGNITION,
    INTAKE,
    LONG_TRIM,
    SHORT_TRIM,
    SPEED,
    VOLTAGE,
)
from simulators.physics import (
    BLOCK_LOSS_W_K,
    RADIATOR_W_K,
    RADIATOR_W_K_PER_MS,
    crank_voltage_v,
    rest_voltage_v,
)
from simulators.wire import Frame, Value

#: Heat that reaches the coolant for each g/s of intake air: stoichiometric petrol (14.7 : 1,
#: 43 MJ/kg), three tenths of it into the coolant (Heywood, *Internal Combustion Engine
#: Fundamentals*, energy balance of spark-ignition engines: 17 to 26 % of the fuel's heat to the
#: coolant, more at part load).
HEAT_W_PER_G_S = 43_000 / 14.7 * 0.3

#: Block, head and coolant of a 1.4 to 1.6 l engine.
HEAT_CAPACITY_J_K = 60_000.0

#: What still leaves through block, heater and a dead radiator.
LEAK_W_K = 110.0

#: 50 % glycol under a 1.4 bar cap boils at about this temperature; steam then takes the heat.
BOILING_C = 128.0

#: A cracked hose at idle: a quarter of the 2 to 3 g/s that a warm engine of that size idles on.
LEAK_G_S = 0.9

#: Where control units stop adding fuel, and set P0171.
TRIM_LIMIT_PCT = 25.0

#: How fast a starter turns an engine.
CRANKS_RPM = 200.0


def overheat(
    frames: Iterable[Frame], *, onset_s: float, severity: float = 0.9, displacement_l: float = 1.4
) -> Iterator[Frame]:
    """The same frames with a cooling fault that begins `onset_s` seconds into the drive.

    The temperature is the logged one plus an excess that follows a heat balance: the share of the
    engine's heat that the failing pump or fan no longer carries off warms block and coolant, and
    what still leaks away grows with the excess. So it rises faster under load than at idle, falls a
    little when the car rolls, and holds near the boiling point of the pressurised coolant.

    Parameters
    ----------
    severity
        Share of the engine's heat that is no longer carried off, 0 to 1.
    displacement_l
        To estimate air flow from load and speed where the log has no air-flow meter.
    """
    if not 0 <= severity <= 1:
        raise ValueError(f"severity {severity} is not between 0 and 1")
    excess_k = 0.0
    first_ms = last_ms = None
    for frame in frames:
        if first_ms is None or last_ms is None:
            first_ms = last_ms = frame.ts_ms
        elapsed_s = (frame.ts_ms - last_ms) / 1000
        last_ms = frame.ts_ms
        coolant_c = frame.signals.get(COOLANT)
        if frame.ts_ms - first_ms < onset_s * 1000 or not isinstance(coolant_c, int | float):
            yield frame
            continue
        heat_w = HEAT_W_PER_G_S * _air_flow_g_s(frame.signals, displacement_l)
        excess_k += (severity * heat_w - LEAK_W_K * excess_k) * elapsed_s / HEAT_CAPACITY_J_K
        excess_k = max(0.0, min(excess_k, BOILING_C - coolant_c))
        # PID 05 is a whole number of degrees
        yield frame._replace(signals={**frame.signals, COOLANT: float(round(coolant_c + excess_k))})


def thermostat_open(
    frames: Iterable[Frame], *, wear: float, displacement_l: float = 1.4
) -> Iterator[Frame]:
    """The same drive with a thermostat that no longer shuts: the radiator always cools.

    The block is a heat store that the burnt fuel warms, and that block and radiator cool, the
    radiator by `wear` of what it can, better the faster the car moves (`simulators.physics`). It is
    never warmer than it was with the good thermostat.

    Parameters
    ----------
    wear
        How far it stays open, 0 to 1.
    """
    made_c = last_ms = None
    for frame in frames:
        coolant_c = frame.signals.get(COOLANT)
        if not isinstance(coolant_c, int | float):
            yield frame
            continue
        if made_c is None or last_ms is None:
            made_c, last_ms = float(coolant_c), frame.ts_ms
        seconds = (frame.ts_ms - last_ms) / 1000
        last_ms = frame.ts_ms
        outside_c = _number(frame, AMBIENT) or min(_number(frame, INTAKE) or 15.0, 25.0)
        speed_ms = (_number(frame, SPEED) or 0.0) / 3.6
        loss_w_k = BLOCK_LOSS_W_K + wear * (RADIATOR_W_K + RADIATOR_W_K_PER_MS * speed_ms)
        heat_w = HEAT_W_PER_G_S * _air_flow_g_s(frame.signals, displacement_l)
        made_c += (heat_w - loss_w_k * (made_c - outside_c)) * seconds / HEAT_CAPACITY_J_K
        made_c = min(max(made_c, outside_c), float(coolant_c))
        yield frame._replace(signals={**frame.signals, COOLANT: float(round(made_c))})


def vacuum_leak(
    frames: Iterable[Frame], *, wear: float, displacement_l: float = 1.4
) -> Iterator[Frame]:
    """The same drive with air that enters past the meter: trims that are high at idle.

    What comes in is a steady flow, so its share of all air, and with it the trim, fades with load.
    The long-term trim has learned two thirds of it, the short-term trim holds the rest; both end at
    their limit of 25 %, as control units set it.

    Parameters
    ----------
    wear
        1 is `LEAK_G_S` of air at idle, a cracked crankcase hose.
    """
    for frame in frames:
        air_g_s = _air_flow_g_s(frame.signals, displacement_l)
        if air_g_s <= 0:
            yield frame
            continue
        added_pct = 100 * wear * LEAK_G_S / air_g_s
        signals = dict(frame.signals)
        for path, share in ((LONG_TRIM, 2 / 3), (SHORT_TRIM, 1 / 3)):
            usual = _number(frame, path)
            if usual is not None:
                # PIDs 06 and 07 have 128 steps up to +99.2 %
                step = 100 / 128
                signals[path] = step * round(min(usual + share * added_pct, TRIM_LIMIT_PCT) / step)
        yield frame._replace(signals=signals)


def stuck(frames: Iterable[Frame], *, path: str, value: float) -> Iterator[Frame]:
    """The same drive with a sensor that always says the same."""
    for frame in frames:
        if path in frame.signals:
            frame = frame._replace(signals={**frame.signals, path: value})
        yield frame


def start(frames: Sequence[Frame], *, wear: float, outside_c: float) -> list[Frame]:
    """The same drive with what the log begins too late for: the battery at rest, and cranking.

    A logger that draws its power from the ignition sees neither. Added are a frame at rest, an hour
    before, and two while the starter turns, just before the engine runs for the first time, as
    `simulators.physics` has them for a battery whose resistance has grown and whose charge sinks; a
    healthy one has `wear` 0. What was logged while it cranks is left out.

    Parameters
    ----------
    wear
        1 no longer starts the engine on a mild day.
    outside_c
        Temperature of the battery, °C.
    """
    runs_ms = next(
        (one.ts_ms for one in frames if (_number(one, ENGINE_SPEED) or 0.0) > CRANKS_RPM),
        frames[0].ts_ms,
    )
    charge = 0.95 - 0.5 * wear
    rest_v = rest_voltage_v(charge, outside_c)
    lowest_v = crank_voltage_v(charge, outside_c, 1 + 3.2 * wear)
    starts = [
        Frame(
            runs_ms - before_ms,
            {IGNITION: "START", VOLTAGE: round(volt, 2), ENGINE_SPEED: CRANKS_RPM, SPEED: 0.0},
        )
        for before_ms, volt in ((2000, lowest_v), (1000, rest_v - 0.55 * (rest_v - lowest_v)))
    ]
    waits = [one for one in frames if one.ts_ms < starts[0].ts_ms]
    runs = [one for one in frames if one.ts_ms >= runs_ms]
    rest_ms = frames[0].ts_ms - 3_600_000
    rest = Frame(rest_ms, {IGNITION: "OFF", VOLTAGE: round(rest_v, 2)})
    return [rest, *waits, *starts, *runs]


def _number(frame: Frame, path: str) -> float | None:
    value = frame.signals.get(path)
    return float(value) if isinstance(value, int | float) else None


def _air_flow_g_s(signals: dict[str, Value], displacement_l: float) -> float:
    measured = signals.get(AIR_FLOW)
    if isinstance(measured, int | float):
        return float(measured)
    rpm, load_pct = signals.get(ENGINE_SPEED), signals.get(ENGINE_LOAD)
    if isinstance(rpm, int | float) and isinstance(load_pct, int | float):
        # one filling of the cylinders each two turns, at 1.18 g/l
        return displacement_l * rpm / 120 * 1.18 * load_pct / 100
    return 0.0
