"""Faults in real drives are physical, leave the rest alone, and come with their truth."""

from __future__ import annotations

import json
import statistics
from argparse import ArgumentParser, Namespace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from detectors.backtest.history import File
from record.flow import Vehicle
from simulators import lives
from simulators.drives import (
    AMBIENT,
    COOLANT,
    ENGINE_LOAD,
    ENGINE_SPEED,
    IGNITION,
    KIT_SAMPLE,
    LONG_TRIM,
    SHORT_TRIM,
    SPEED,
    TWIZY_SAMPLE,
    VOLTAGE,
    parse,
)
from simulators.inject import TRIM_LIMIT_PCT, start, stuck, thermostat_open, vacuum_leak
from simulators.wire import Frame, Value


def without(frame: Frame, *paths: str) -> dict[str, object]:
    return {path: value for path, value in frame.signals.items() if path not in paths}


def test_an_open_thermostat_keeps_the_engine_cool_and_never_warms_it() -> None:
    healthy = parse(KIT_SAMPLE).frames
    faulty = list(thermostat_open(healthy, wear=1.0))
    pairs = list(zip(healthy, faulty, strict=True))
    assert all(float(b.signals[COOLANT]) <= float(a.signals[COOLANT]) for a, b in pairs)
    assert max(float(a.signals[COOLANT]) for a in healthy) > 85
    assert max(float(b.signals[COOLANT]) for b in faulty) < 80
    assert all(without(a, COOLANT) == without(b, COOLANT) for a, b in pairs)
    mild = list(thermostat_open(healthy, wear=0.2))
    assert float(mild[-1].signals[COOLANT]) > float(faulty[-1].signals[COOLANT])


def test_a_vacuum_leak_shows_at_idle_and_fades_with_load() -> None:
    def driven(rpm: float, load_pct: float) -> Frame:
        signals: dict[str, Value] = {
            ENGINE_SPEED: rpm,
            ENGINE_LOAD: load_pct,
            LONG_TRIM: 0.0,
            SHORT_TRIM: -1.5625,
        }
        return Frame(0, signals)

    idle, motorway, standing = vacuum_leak(
        [driven(750, 25), driven(3500, 80), driven(0, 0)], wear=1.0
    )
    assert 15 < float(idle.signals[LONG_TRIM]) <= TRIM_LIMIT_PCT
    assert float(motorway.signals[LONG_TRIM]) < 3
    assert standing == driven(0, 0)


def test_a_stuck_sensor_says_the_same_and_only_where_there_is_one() -> None:
    frames = [Frame(0, {COOLANT: 20.0, SPEED: 0.0}), Frame(1000, {SPEED: 3.0})]
    stuck_ones = list(stuck(frames, path=COOLANT, value=90.0))
    assert [frame.signals.get(COOLANT) for frame in stuck_ones] == [90.0, None]


def test_a_start_is_deeper_the_weaker_the_battery() -> None:
    frames = [Frame(10_000_000, {VOLTAGE: 14.1, ENGINE_SPEED: 800.0})]
    healthy, weak = (start(frames, wear=wear, outside_c=15) for wear in (0.0, 0.8))
    assert [frame.signals.get(IGNITION) for frame in healthy] == ["OFF", "START", "START", None]
    assert healthy[-1] == weak[-1] == frames[0]
    for a, b in zip(healthy[:3], weak[:3], strict=True):
        assert float(b.signals[VOLTAGE]) < float(a.signals[VOLTAGE])
    assert 10 < float(healthy[1].signals[VOLTAGE]) < 11


def test_the_starter_turns_when_the_engine_begins_to_run() -> None:
    logged = [Frame(1000 * s, {ENGINE_SPEED: 850.0 if s >= 10 else 0.0}) for s in range(20)]
    frames = start(logged, wear=0.0, outside_c=15)
    at = [frame.ts_ms for frame in frames]
    assert at == sorted(set(at))
    cranks = [frame.ts_ms for frame in frames if frame.signals.get(IGNITION) == "START"]
    assert cranks == [8000, 9000] and frames[1:9] == logged[:8]


def wished(tmp_path: Path, *words: str) -> Namespace:
    parser = ArgumentParser()
    lives.arguments(parser)
    out = str(tmp_path / "real.parquet")
    few = ("--each", "1", "--days", "4", "--every", "20")
    return parser.parse_args(["--out", out, *few, *words])


def test_lives_are_written_with_their_truth_as_a_backtest_reads_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = wished(tmp_path, str(KIT_SAMPLE), str(TWIZY_SAMPLE), "--fault", "thermostat")
    assert lives.run(args) == 0
    assert "3 of 3: healthy in a Twizy" in capsys.readouterr().out
    known = json.loads(args.out.with_suffix(".truth.json").read_text())
    assert [len(one["faults"]) for one in known["vehicles"].values()] == [0, 1, 0]
    source = File.open(args.out)
    since, to = source.span()
    healthy, faulty, electric = source.vehicles()
    assert electric.powertrain == "electric"
    [answer] = source.answers()
    assert answer.vehicle_id == faulty.id and answer.since == since + timedelta(days=2)

    def mean_c(vehicle: Vehicle, since: datetime, to: datetime) -> float:
        frames = source.frames(vehicle, ["coolant_temp_c"], since, to)
        return statistics.mean(float(frame.signals["coolant_temp_c"]) for frame in frames)

    before = mean_c(faulty, since, answer.since)
    assert mean_c(healthy, since, to) == pytest.approx(before)
    assert mean_c(faulty, to - timedelta(days=1), to) < before - 3
    at = [frame.ts_ms for frame in source.frames(faulty, [], since, to)]
    assert at == sorted(set(at))


def test_what_ingest_would_refuse_is_left_out() -> None:
    [one] = lives.columns([Frame(0, {SPEED: 3.0, AMBIENT: 1555.0, "Vehicle.Unknown": 1})])
    assert list(one.signals) == [SPEED]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("nowhere.csv",), "nowhere.csv"),
        ((".",), "no .csv log"),
        ((str(KIT_SAMPLE), "--each", "0"), "begin at 1"),
    ],
)
def test_what_cannot_be_made_is_said(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    args = wished(tmp_path, *words)
    assert lives.run(args) == 2
    assert told in capsys.readouterr().err


def test_only_parquet_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = wished(tmp_path, str(KIT_SAMPLE))
    args.out = tmp_path / "real.csv"
    assert lives.run(args) == 2
    assert ".parquet" in capsys.readouterr().err
