"""What one frame says, made safe: numbers that are numbers, and whether the engine runs."""

from record.flow import Frame

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


def number(frame: Frame, name: str, low: float = -1e9, high: float = 1e9) -> float | None:
    """The signal's value if it is a number within `low` and `high`, else None.

    River must never see NaN (one poisons a mean for ever) nor None (some of it crashes); every
    number goes through here.

    Examples
    --------
    >>> frame = Frame(1, 0, {"speed_kmh": 50, "coolant_temp_c": float("nan"), "mil_on": True})
    >>> [number(frame, name) for name in ("speed_kmh", "coolant_temp_c", "mil_on", "odometer_m")]
    [50.0, None, None, None]
    """
    value = frame.signals.get(name)
    if (type(value) is float or type(value) is int) and low <= value <= high:
        return float(value)
    return None


STARTED_RPM = 400
"""A starter turns an engine at 150 to 300 rpm; the slowest idle is about 550."""


def running(frame: Frame) -> bool | None:
    """Whether the engine runs by itself; None where the frame doesn't tell.

    Examples
    --------
    >>> def ask(**signals): return running(Frame(1, 0, signals))
    >>> ask(engine_speed_rpm=780.0), ask(engine_speed_rpm=210.0), ask(ignition="OFF")
    (True, False, False)
    >>> ask(engine_running=True), ask(engine_running=True, ignition="START"), ask(ignition="ON")
    (True, False, None)
    """
    signals = frame.signals
    ignition = signals.get("ignition")
    if ignition == "START":
        return False
    rpm = number(frame, "engine_speed_rpm", 0, 20_000)
    if rpm is not None:
        return rpm > STARTED_RPM
    told = signals.get("engine_running")
    if told is True or told is False:
        return told
    return False if ignition in ("OFF", "LOCK", "ACC") else None


LITRES, AIR_G_PER_L = 1.5, 1.18


def breathed_g_s(frame: Frame) -> float | None:
    """Air that the engine breathes: metered, or else of its speed and load; None if neither tells.

    Without a meter it is that of a middle-sized engine (load is the share of a full charge, SAE
    J1979): compare it with the same car's only, where its true size cancels out.

    Examples
    --------
    >>> breathed_g_s(Frame(1, 0, {"air_flow_g_s": 8.5}))
    8.5
    >>> breathed_g_s(Frame(1, 0, {"engine_load_pct": 40.0, "engine_speed_rpm": 2000.0}))
    11.8
    """
    flow_g_s = number(frame, "air_flow_g_s", 0, 700)
    if flow_g_s is not None:
        return flow_g_s
    load_pct = number(frame, "engine_load_pct", 0, 100)
    rpm = number(frame, "engine_speed_rpm", 0, 10_000)
    if load_pct is None or rpm is None:
        return None
    return AIR_G_PER_L * LITRES * rpm / 120 * load_pct / 100
