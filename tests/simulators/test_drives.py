"""Real logs become frames, trap by trap; a replay loses none; an injected fault is physical."""

from __future__ import annotations

import argparse
import itertools
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from record import signals as catalogue
from simulators.drives import (
    AMBIENT,
    COOLANT,
    ENGINE_SPEED,
    KIT_SAMPLE,
    SPEED,
    TWIZY_SAMPLE,
    DriveError,
    arguments,
    moved,
    parse,
    play,
    run,
)
from simulators.inject import BOILING_C, overheat
from simulators.wire import Frame

KIT_HEADER = (
    "Time,Engine Coolant Temperature [{0}C],Intake Manifold Absolute Pressure [kPa],"
    "Engine RPM [RPM],Vehicle Speed Sensor [km/h],Intake Air Temperature [{0}C],"
    "Air Flow Rate from Mass Flow Sensor [g/s],Absolute Throttle Position [%],"
    "Ambient Air Temperature [{0}C],Accelerator Pedal Position D [%],"
    "Accelerator Pedal Position E [%]"
)
TWIZY_HEADER = (
    "Date,Time,Soc,Speed,Mode,LAT,LON,ALT,GpsSpeed,Temperature,Humidity,Weather,"
    "WindSpeedAv,Traffic,SpeedLimit"
)


@pytest.mark.parametrize("degree", ["°", "Â°"])
def test_kit_takes_the_latest_of_each_second(tmp_path: Path, degree: str) -> None:
    path = tmp_path / "2017-12-31_Seat_Leon_KA_KA_Frei.csv"
    path.write_text(
        KIT_HEADER.format(degree)
        + "\n23:59:58.100,33,,,,,,,,,\n"
        + "23:59:59.100,33,97.0,0.0,0.0,10.0,0.5,13.7,24.0,14.1,14.5\n"
        + "23:59:59.900,34,97.0,0.0,0.0,10.0,0.5,13.7,24.0,14.1,14.5\n"
        + "00:00:00.050,34,97.0,800.0,0.0,10.0,0.5,13.7,24.0,14.1,14.5\n",
        encoding="utf-8",
    )
    first, second = parse(path).frames
    assert first.at == datetime(2017, 12, 31, 22, 59, 59, 900_000, tzinfo=UTC)
    assert (first.signals[COOLANT], first.signals[ENGINE_SPEED]) == (34.0, 0.0)
    assert second.at == datetime(2017, 12, 31, 23, 0, 0, 50_000, tzinfo=UTC)
    assert len(second.signals) == 10


def test_carobd_rows_end_in_a_comma_and_the_last_may_be_cut(tmp_path: Path) -> None:
    from simulators import drives

    header = ",".join(f"{name} ()" for name in [*drives._CAROBD, "FUEL_AIR_COMMANDED_EQUIV_RATIO"])
    body = [",".join([str(float(run))] + [f" {n}.5" for n in range(1, 27)]) + "," for run in
            (0, 0, 1, 1, 2, 3, 3, 4, 5, 5)]  # fmt: skip
    path = tmp_path / "drive.csv"
    path.write_text("\n".join([header, *body, "6.0, 1.5, 2"]), encoding="utf-8")
    drive = parse(path)
    assert drive.format == "carobd" and len(drive.frames) == 10
    assert drive.frames[0].signals[ENGINE_SPEED] == 1.5  # not shifted by the extra comma
    assert drive.frames[0].signals[COOLANT] == 5.5
    steps = {b.ts_ms - a.ts_ms for a, b in itertools.pairwise(drive.frames)}
    assert steps <= {571, 572}  # run time 1 to 5 in seven rows
    assert not any("Equivalence" in name for name in drive.frames[0].signals)


def test_twizy_dates_may_be_garbled(tmp_path: Path) -> None:
    row = "87.5,12.0,D,33.98,-6.72,140,12,20,60,Clouds,2.49,0,40"
    path = tmp_path / "T1.csv"
    path.write_text(
        f"{TWIZY_HEADER}\n90/02/2032,23:59:59,{row}\n3/29/2021,00:00:00,{row}\n"
        f"03/00/2000,00:00:01,{row.replace('33.98', '?')}\n",
        encoding="utf-8",
    )
    frames = parse(path).frames
    assert [frame.at.isoformat() for frame in frames] == [
        "2021-03-29T22:59:59+00:00",
        "2021-03-29T23:00:00+00:00",
        "2021-03-29T23:00:01+00:00",
    ]
    assert frames[0].signals["Vehicle.Powertrain.Transmission.CurrentGear"] == 1
    assert "Vehicle.CurrentLocation.Latitude" not in frames[2].signals


def test_twizy_ramadan_is_an_hour_back(tmp_path: Path) -> None:
    row = "87.5,12.0,D,33.98,-6.72,140,12,20,60,Clouds,2.49,0,40"
    path = tmp_path / "T3.csv"
    path.write_text(f"{TWIZY_HEADER}\n04/22/2021,08:42:50,{row}\n", encoding="utf-8")
    assert parse(path).frames[0].at == datetime(2021, 4, 22, 8, 42, 50, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "a,b,c\n1,2,3\n", TWIZY_HEADER + "\n", "\x00\xff\n"])
def test_a_file_that_is_no_drive_says_so(tmp_path: Path, text: str) -> None:
    path = tmp_path / "what.csv"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(DriveError, match=r"what\.csv"):
        parse(path)


@pytest.mark.parametrize(("path", "count"), [(KIT_SAMPLE, 1128), (TWIZY_SAMPLE, 953)])
def test_the_samples_are_whole_and_every_value_is_plausible(path: Path, count: int) -> None:
    drive = parse(path)
    assert len(drive.frames) == count
    times = [frame.ts_ms for frame in drive.frames]
    assert times == sorted(set(times))
    assert len({frozenset(frame.signals) for frame in drive.frames}) == 1
    for frame in drive.frames:
        for name, value in frame.signals.items():
            signal = catalogue.BY_PATH[name]
            assert not isinstance(catalogue.check(signal, value), catalogue.Refusal)


def test_moved_keeps_the_pace() -> None:
    frames = parse(TWIZY_SAMPLE).frames
    start = datetime(2026, 1, 1, tzinfo=UTC)
    again = moved(frames, start)
    assert again[0].at == start
    assert again[-1].ts_ms - again[0].ts_ms == frames[-1].ts_ms - frames[0].ts_ms
    assert again[5].signals == frames[5].signals


def test_play_paces_and_leaves_nothing_out() -> None:
    frames = [Frame(ts, {}) for ts in range(0, 10_000, 100)]
    got: list[Frame] = []
    began = time.monotonic()
    play(frames, got.extend, speed=50)
    assert got == frames
    assert time.monotonic() - began >= 9.9 / 50
    got.clear()
    play(frames, got.extend, speed=0)
    assert got == frames


def test_an_injected_overheat_rises_under_load_and_holds() -> None:
    healthy = parse(KIT_SAMPLE).frames
    faulty = list(overheat(healthy, onset_s=240))
    hot = [float(frame.signals[COOLANT]) for frame in faulty]
    usual = [float(frame.signals[COOLANT]) for frame in healthy]
    assert hot[:240] == usual[:240]
    assert max(usual) < 100 < 118 < max(hot) <= BOILING_C
    over = [frame for frame, value in zip(faulty, hot, strict=True) if value > 118]
    assert over[-1].ts_ms - over[0].ts_ms > 180_000  # held for minutes
    steps = [b - a for a, b in itertools.pairwise(hot)]
    assert max(steps) <= 2  # a mass of metal and water warms slowly
    assert all(
        {k: v for k, v in a.signals.items() if k != COOLANT}
        == {k: v for k, v in b.signals.items() if k != COOLANT}
        for a, b in zip(healthy, faulty, strict=True)
    )


def test_a_standing_engine_makes_no_heat() -> None:
    parked = [Frame(ts * 1000, {COOLANT: 80.0, SPEED: 0.0, AMBIENT: 20.0}) for ts in range(900)]
    assert list(overheat(parked, onset_s=10)) == parked


def test_replay_without_a_broker_or_a_file_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("MQTT_URL", raising=False)
    monkeypatch.delenv("SIMULATOR_MQTT_URL", raising=False)
    parser = argparse.ArgumentParser()
    arguments(parser)
    assert run(parser.parse_args([str(KIT_SAMPLE), "--vin", "X"])) == 2
    assert "SIMULATOR_MQTT_URL" in capsys.readouterr().err
    where = ["--vin", "X", "--mqtt", "mqtt://127.0.0.1:9"]
    assert run(parser.parse_args(["/nowhere.csv", *where])) == 2


def test_frames_of_a_replay_now_are_never_in_the_future() -> None:
    frames = parse(TWIZY_SAMPLE).frames
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    duration = timedelta(milliseconds=frames[-1].ts_ms - frames[0].ts_ms)
    speed = 10
    start = now - duration * (1 - 1 / speed)
    last = moved(frames, start)[-1].at
    assert abs(last - (now + duration / speed)) < timedelta(milliseconds=5)
