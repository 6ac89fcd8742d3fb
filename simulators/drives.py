"""Real drive logs as frames, and their replay over MQTT as one vehicle.

Three public data sets, each with its traps, tell `parse` by their header what they are:

**KIT** (Seat Leon): one CSV row for each reading, about ten a second in round robin, with the other
columns carried forward, so each signal is renewed about once a second. The rows before the first
full round lack values. ``°`` in the header is sometimes encoded twice (``Â°C``). Time of day only,
local to Karlsruhe; the date is in the file name. *One frame for each second that has readings: the
latest value of every signal, at the time of its last row; incomplete rows are left out.*

**carOBD** (Toyota Etios): every row ends in a comma, so there is one field more than the header
has names; the file may end in the middle of a row; no times at all. ``ENGINE_RUN_TINE`` (sic) is
whole seconds and grows only with every third or fourth row, by one or two: about two rows a
second, not the documented one. *One frame for each row, spread evenly so that the run time holds.*
The commanded equivalence ratio is always 0, which no engine commands: left out.

**Twizy** (Renault, RSK Lab): one row a second in local time of Rabat (one hour less in Ramadan).
Days and months with or without a leading zero, and in some files single dates are garbled
(``90/02/2032``): the time of day is right, so *the date is that of the first sound row and goes on
at midnight*. Some files have impossible positions (latitude 0, longitude 1555) and charges that
drop to 0 for a second; they are published as logged: refusing them is the receiver's work.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from record.clock import wall
from simulators.gateway import Gateway
from simulators.wire import Frame, Value, epoch_ms

SPEED = "Vehicle.Speed"
ENGINE_SPEED = "Vehicle.Powertrain.CombustionEngine.Speed"
ENGINE_LOAD = "Vehicle.OBD.EngineLoad"
COOLANT = "Vehicle.Powertrain.CombustionEngine.EngineCoolant.Temperature"
AIR_FLOW = "Vehicle.OBD.MAF"
AMBIENT = "Vehicle.Exterior.AirTemperature"
INTAKE = "Vehicle.OBD.IntakeTemp"
LONG_TRIM = "Vehicle.OBD.LongTermFuelTrim1"
SHORT_TRIM = "Vehicle.OBD.ShortTermFuelTrim1"
VOLTAGE = "Vehicle.LowVoltageBattery.CurrentVoltage"
IGNITION = "Vehicle.LowVoltageSystemState"

SAMPLES = Path(__file__).parent / "samples"
KIT_SAMPLE = SAMPLES / "2018-04-23_Seat_Leon_KA_KA_Frei.csv"
TWIZY_SAMPLE = SAMPLES / "T3_05_25_2021_3.csv"

_KIT = {
    "Engine Coolant Temperature": COOLANT,
    "Intake Manifold Absolute Pressure": "Vehicle.Powertrain.CombustionEngine.MAP",
    "Engine RPM": ENGINE_SPEED,
    "Vehicle Speed Sensor": SPEED,
    "Intake Air Temperature": INTAKE,
    "Air Flow Rate from Mass Flow Sensor": AIR_FLOW,
    "Absolute Throttle Position": "Vehicle.OBD.ThrottlePosition",
    "Ambient Air Temperature": AMBIENT,
    "Accelerator Pedal Position D": "Vehicle.OBD.AcceleratorPositionD",
    "Accelerator Pedal Position E": "Vehicle.OBD.AcceleratorPositionE",
}

_CAROBD = {
    "ENGINE_RUN_TINE": "Vehicle.OBD.RunTime",
    "ENGINE_RPM": ENGINE_SPEED,
    "VEHICLE_SPEED": SPEED,
    "THROTTLE": "Vehicle.OBD.ThrottlePosition",
    "ENGINE_LOAD": ENGINE_LOAD,
    "COOLANT_TEMPERATURE": COOLANT,
    "LONG_TERM_FUEL_TRIM_BANK_1": LONG_TRIM,
    "SHORT_TERM_FUEL_TRIM_BANK_1": SHORT_TRIM,
    "INTAKE_MANIFOLD_PRESSURE": "Vehicle.Powertrain.CombustionEngine.MAP",
    "FUEL_TANK": "Vehicle.Powertrain.FuelSystem.RelativeLevel",
    "ABSOLUTE_THROTTLE_B": "Vehicle.OBD.ThrottlePositionB",
    "PEDAL_D": "Vehicle.OBD.AcceleratorPositionD",
    "PEDAL_E": "Vehicle.OBD.AcceleratorPositionE",
    "COMMANDED_THROTTLE_ACTUATOR": "Vehicle.OBD.ThrottleActuator",
    "ABSOLUTE_BAROMETRIC_PRESSURE": "Vehicle.OBD.BarometricPressure",
    "RELATIVE_THROTTLE_POSITION": "Vehicle.OBD.RelativeThrottlePosition",
    "INTAKE_AIR_TEMP": INTAKE,
    "TIMING_ADVANCE": "Vehicle.OBD.TimingAdvance",
    "CATALYST_TEMPERATURE_BANK1_SENSOR1": "Vehicle.OBD.Catalyst.Bank1.Temperature1",
    "CATALYST_TEMPERATURE_BANK1_SENSOR2": "Vehicle.OBD.Catalyst.Bank1.Temperature2",
    "CONTROL_MODULE_VOLTAGE": VOLTAGE,
    "COMMANDED_EVAPORATIVE_PURGE": "Vehicle.OBD.CommandedEVAP",
    "TIME_RUN_WITH_MIL_ON": "Vehicle.OBD.RunTimeMIL",
    "TIME_SINCE_TROUBLE_CODES_CLEARED": "Vehicle.OBD.TimeSinceDTCCleared",
    "DISTANCE_TRAVELED_WITH_MIL_ON": "Vehicle.OBD.DistanceWithMIL",
    "WARM_UPS_SINCE_CODES_CLEARED": "Vehicle.OBD.WarmupsSinceDTCClear",
}

_TWIZY = {
    "Soc": "Vehicle.Powertrain.TractionBattery.StateOfCharge.Displayed",
    "Speed": SPEED,
    "LAT": "Vehicle.CurrentLocation.Latitude",
    "LON": "Vehicle.CurrentLocation.Longitude",
    "ALT": "Vehicle.CurrentLocation.Altitude",
    "Temperature": AMBIENT,
    "Humidity": "Vehicle.Exterior.Humidity",
}

#: VSS counts gears; a Twizy has one forward.
_TWIZY_GEAR = {"D": 1, "N": 0, "R": -1}

#: carOBD has no date; any will do that is not a change of the clocks.
_CAROBD_START = datetime(2019, 1, 15, 12, tzinfo=UTC)


class DriveError(ValueError):
    """A file that is none of the known formats, or one without a usable row."""


@dataclass(frozen=True, slots=True)
class Drive:
    """A parsed log: its format (``kit``, ``carobd``, ``twizy``) and its frames, in time order."""

    format: str
    frames: list[Frame]

    @property
    def duration_s(self) -> float:
        """From the first frame to the last."""
        return (self.frames[-1].ts_ms - self.frames[0].ts_ms) / 1000


def parse(path: Path) -> Drive:
    """Read a drive log of any known format.

    Raises
    ------
    DriveError
        If the header is unknown or no row can be used.

    >>> drive = parse(KIT_SAMPLE)
    >>> drive.format, len(drive.frames), drive.frames[0].at.isoformat()
    ('kit', 1128, '2018-04-23T17:55:06.989000+00:00')
    """
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        rows = csv.reader(file)
        # before the bracket, because what is in it (a unit with a degree sign) may be garbled
        header = [re.split(r" *[\[(]", name, maxsplit=1)[0].strip() for name in next(rows, [])]
        for kind, known, read in (
            ("kit", _KIT, _kit),
            ("carobd", _CAROBD, _carobd),
            ("twizy", _TWIZY, _twizy),
        ):
            if set(known) <= set(header):
                frames = read(path, header, [row for row in rows if row])
                if not frames:
                    raise DriveError(f"{path.name} has no complete row")
                return Drive(kind, frames)
    raise DriveError(f"{path.name} is no KIT, carOBD or Twizy log: {header[:4]} …")


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) != float("inf") and value == value else None


def _signals(paths: Sequence[str | None], row: Sequence[str]) -> dict[str, Value]:
    """The numbers of a row under their VSS paths; a cell that is no number is left out."""
    found: dict[str, Value] = {}
    for path, cell in zip(paths, row, strict=False):
        value = _number(cell) if path else None
        if path and value is not None:
            found[path] = value
    return found


def _times_of_day(day: date, zone: str, cells: Iterable[str]) -> Iterator[datetime]:
    """Aware UTC times from local times of day that only go forward, over midnight too."""
    local, last = ZoneInfo(zone), None
    for cell in cells:
        clock = datetime.strptime(cell, "%H:%M:%S.%f" if "." in cell else "%H:%M:%S").time()  # noqa: DTZ007
        if last is not None and clock < last and last.hour - clock.hour > 12:
            day += timedelta(days=1)
        last = clock
        yield datetime.combine(day, clock, local).astimezone(UTC)


def _kit(path: Path, header: list[str], rows: list[list[str]]) -> list[Frame]:
    found = re.match(r"(\d{4})-(\d\d)-(\d\d)_", path.name)
    day = date(*map(int, found.groups())) if found else date(2017, 1, 1)
    paths = [_KIT.get(name) for name in header]
    whole = [row for row in rows if len(row) == len(header) and all(row)]
    times = _times_of_day(day, "Europe/Berlin", (row[0] for row in whole))
    frames = []
    for _, second in itertools.groupby(
        zip(times, whole, strict=True), key=lambda pair: pair[0].replace(microsecond=0)
    ):
        at, row = list(second)[-1]
        frames.append(Frame(epoch_ms(at), _signals(paths, row)))
    return frames


def _carobd(path: Path, header: list[str], rows: list[list[str]]) -> list[Frame]:
    paths = [_CAROBD.get(name) for name in header]
    whole = [row for row in rows if len(row) == len(header) + 1]  # the comma at the end
    run_time_s = [_number(row[0]) or 0.0 for row in whole]
    running = [index for index, seconds in enumerate(run_time_s) if seconds > 0]
    if len(running) < 2:
        return []
    first, last = running[0], running[-1]
    period_s = (run_time_s[last] - run_time_s[first]) / (last - first)
    start = epoch_ms(_CAROBD_START)
    return [
        Frame(start + round(index * period_s * 1000), _signals(paths, row))
        for index, row in enumerate(whole)
    ]


def _twizy(path: Path, header: list[str], rows: list[list[str]]) -> list[Frame]:
    paths = [_TWIZY.get(name) for name in header]
    mode, clock = header.index("Mode"), header.index("Time")
    whole = [row for row in rows if len(row) == len(header)]
    day = next((day for row in whole if (day := _us_date(row[0]))), None)
    if day is None:
        return []
    frames = []
    times = _times_of_day(day, "Africa/Casablanca", (row[clock] for row in whole))
    for at, row in zip(times, whole, strict=True):
        signals = _signals(paths, row)
        if row[mode] in _TWIZY_GEAR:
            signals["Vehicle.Powertrain.Transmission.CurrentGear"] = _TWIZY_GEAR[row[mode]]
        frames.append(Frame(epoch_ms(at), signals))
    return frames


def _us_date(text: str) -> date | None:
    """``MM/DD/YYYY``, or None where the logger wrote nonsense.

    >>> _us_date("5/25/2021"), _us_date("90/02/2032")
    (datetime.date(2021, 5, 25), None)
    """
    try:
        return datetime.strptime(text, "%m/%d/%Y").date()  # noqa: DTZ007
    except ValueError:
        return None


def moved(frames: Sequence[Frame], start: datetime) -> list[Frame]:
    """The same drive at another time: its first frame at `start`."""
    shift_ms = epoch_ms(start) - frames[0].ts_ms
    return [frame._replace(ts_ms=frame.ts_ms + shift_ms) for frame in frames]


def play(
    frames: Sequence[Frame],
    send: Callable[[list[Frame]], None],
    *,
    speed: float,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Hand over each frame when it is due.

    Parameters
    ----------
    send
        Takes the frames that have become due, `Gateway.send` for one.
    speed
        Seconds of the drive in a second; 0 is as fast as they are taken.
    """
    if speed <= 0:
        for start in range(0, len(frames), 1000):
            send(list(frames[start : start + 1000]))
        return
    began, first_ms, index = time.monotonic(), frames[0].ts_ms, 0
    while index < len(frames):
        due_ms = first_ms + (time.monotonic() - began) * speed * 1000
        end = index
        while end < len(frames) and frames[end].ts_ms <= due_ms:
            end += 1
        if end > index:
            send(list(frames[index:end]))
            index = end
        else:
            sleep(min((frames[index].ts_ms - due_ms) / 1000 / speed, 0.5))


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``python -m simulators replay``."""
    parser.add_argument("file", type=Path, help="a KIT, carOBD or Twizy log")
    parser.add_argument("--vin", required=True)
    parser.add_argument("--speed", type=float, default=10.0, help="times real time; 0: at once")
    parser.add_argument(
        "--from-now", action="store_true", help="date the frames so that the drive happens now"
    )
    parser.add_argument("--mqtt", metavar="URL", help="default: SIMULATOR_MQTT_URL or MQTT_URL")
    parser.add_argument("--password", help="the vehicle's, where the URL names no user")
    parser.add_argument(
        "--overheat-after", type=float, metavar="SECONDS", help="inject a coolant fault"
    )
    parser.add_argument("--no-receipts", action="store_true", help="be satisfied with PUBACK")
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds to wait for receipts")


def run(args: argparse.Namespace) -> int:
    """Replay one drive; 0 once every frame is known to be safe."""
    from simulators.inject import overheat

    url = args.mqtt or os.environ.get("SIMULATOR_MQTT_URL") or os.environ.get("MQTT_URL")
    if not url:
        print("Say where the broker is: --mqtt URL, or SIMULATOR_MQTT_URL.", file=sys.stderr)
        return 2
    try:
        drive = parse(args.file)
    except (OSError, DriveError) as error:
        print(error, file=sys.stderr)
        return 2
    frames = drive.frames
    if args.from_now:
        # played fast, story time overtakes the wall: begin so early that no frame is in the future
        ahead = 1 - 1 / args.speed if args.speed > 1 else 0.0 if args.speed > 0 else 1.0
        frames = moved(frames, wall() - timedelta(seconds=drive.duration_s * ahead))
    if args.overheat_after is not None:
        frames = list(overheat(frames, onset_s=args.overheat_after))
    with Gateway(url, args.vin, password=args.password, receipts=not args.no_receipts) as gateway:
        play(frames, gateway.send, speed=args.speed)
        safe = gateway.flush(args.timeout)
        pending = gateway.pending
    print(
        f"{args.file.name}: {len(frames)} frames, {drive.duration_s:.0f} s of driving, "
        f"{len(frames) - pending} {'acknowledged' if args.no_receipts else 'stored'}"
    )
    return 0 if safe else 1
