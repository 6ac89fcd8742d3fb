"""A fault put into a real drive: the log of a healthy car, with an engine that overheats.

The injected temperature is the logged one plus an excess that follows a heat balance: the share of
the engine's heat that the failing pump or fan no longer carries off warms block and coolant, and
what still leaks away grows with the excess. So it rises faster under load than at idle, falls a
little when the car rolls, and holds near the boiling point of the pressurised coolant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from simulators.drives import AIR_FLOW, COOLANT, ENGINE_LOAD, ENGINE_SPEED
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


def overheat(
    frames: Iterable[Frame], *, onset_s: float, severity: float = 0.9, displacement_l: float = 1.4
) -> Iterator[Frame]:
    """The same frames with a cooling fault that begins `onset_s` seconds into the drive.

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


def _air_flow_g_s(signals: dict[str, Value], displacement_l: float) -> float:
    measured = signals.get(AIR_FLOW)
    if isinstance(measured, int | float):
        return float(measured)
    rpm, load_pct = signals.get(ENGINE_SPEED), signals.get(ENGINE_LOAD)
    if isinstance(rpm, int | float) and isinstance(load_pct, int | float):
        # one filling of the cylinders each two turns, at 1.18 g/l
        return displacement_l * rpm / 120 * 1.18 * load_pct / 100
    return 0.0
