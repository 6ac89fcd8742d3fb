"""A detector tried on history: from the hypertable and from a file, on one core, many, and Dask."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from distributed import LocalCluster

from detectors.backtest import command, engines
from detectors.backtest.history import Answer, BacktestError, File, Stored
from detectors.backtest.report import Report, judged, run, table
from detectors.backtest.trial import Job, Raised, live, parameters, read_params
from detectors.coolant_overheat import CoolantOverheat
from record.flow import Frame
from simulators.world import draw, dry
from tests.detectors.cars import afflicted, profile
from tests.detectors.test_worker import add_cars


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten cars, some that overheat."""
    out = tmp_path_factory.mktemp("world") / "frames.parquet"
    made = draw.draw(vehicles=10, days=30, seed=5, faults_wanted="coolant_overheat")
    assert dry.run(made, out) == 0
    return out


def jobs_of(world: Path, name: str = "coolant_overheat", **params: float) -> tuple[File, list[Job]]:
    source = File.open(world)
    since, to = source.span()
    return source, [Job(source, car, name, params, since, to) for car in source.vehicles()]


def backtest(*words: str) -> int:
    return command.main(words)


# --- a world's file ------------------------------------------------------------------------------


def test_versions_stand_side_by_side(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report.json"
    asked = ["--detector", "coolant_overheat", "--frames", str(world), "--procs", "1"]
    assert backtest(*asked, "--params", "HOT_C=900,KNOWN=900", "--json", str(out)) == 0
    report = json.loads(out.read_text())
    force, tried = report["scores"]
    assert force["params"] == {} and tried["params"] == {"HOT_C": 900.0, "KNOWN": 900.0}
    assert force["right"] == force["root"] >= 1 and force["wrong"] == 0
    assert force["precision"][0] == 1.0 and force["precision"][1] < 1.0
    found, of = force["by_fault"]["coolant_overheat"]
    assert 1 <= found <= of
    assert tried["alerts"] == 0 and tried["precision"] is None
    assert tried["by_fault"]["coolant_overheat"] == [0, of]
    only_force, only_tried = report["only"]
    assert len(only_force) == force["alerts"] and only_tried == []
    told = capsys.readouterr()
    assert f"found coolant_overheat  {found} of {of}".split() == [
        word for line in told.out.splitlines() if "found" in line for word in line.split()[:5]
    ]
    assert "only in force" in told.out and "10 of 10 vehicles" in told.err


def test_what_does_the_jobs_makes_no_difference(world: Path) -> None:
    source, jobs = jobs_of(world, HOT_C=115.0)

    def report(lived: Any) -> Report:
        return run(source, "coolant_overheat", {"HOT_C": 115.0}, lived, *source.span())

    here = report(engines.here(live, jobs))
    assert here.scores[0].alerts >= 1
    assert report(engines.cores(live, jobs, 2)) == here
    with LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=None, processes=True
    ) as dask:
        assert report(engines.cluster(live, jobs, dask.scheduler_address)) == here
    # and trying left the version in force as it was
    assert report(engines.here(live, jobs)) == here


def test_the_whole_bank_is_judged_together(world: Path) -> None:
    source, jobs = jobs_of(world, "all")
    report = run(source, "all", {}, engines.here(live, jobs), *source.span())
    assert report.scores[0].by_cause.keys() >= {"coolant_overheat"}
    due = [n for cause, n in report.scores[0].by_cause.items() if cause.endswith("_due")]
    assert report.scores[0].open == sum(due), "what falls due is no fault, so nobody judges it"
    assert "all, " in table(report)


# --- what workshops found ------------------------------------------------------------------------


def store_frames(db: psycopg.Connection, frames: Sequence[Frame]) -> None:
    with db.transaction(), db.cursor() as cur:
        for frame in frames:
            names = list(frame.signals)
            cur.execute(
                f"INSERT INTO telemetry (vehicle_id, ts, dtcs, {', '.join(names)})"  # noqa: S608
                f" VALUES (%s, %s, %s, {', '.join(['%s'] * len(names))})",
                [frame.vehicle_id, frame.ts, list(frame.dtcs), *frame.signals.values()],
            )


@pytest.mark.parametrize("label", ["confirmed", "no_fault_found", None])
def test_stored_history_is_judged_by_what_was_found(
    database: str,
    db: psycopg.Connection,
    label: str | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    _, frames = afflicted("coolant_overheat")
    add_cars(db, [profile(1)])
    store_frames(db, frames)
    found_at = frames[-1].ts + timedelta(days=2)
    if label is not None:
        db.execute(
            """
            WITH a AS (
                INSERT INTO alert (vehicle_id, cause, state, urgency, confidence, summary,
                    opened_at, refreshed_at)
                VALUES (1, 'coolant_overheat', 'open', 'stop', 0.9, 'hot', %(at)s, %(at)s)
                RETURNING id
            )
            INSERT INTO dismissal_label (alert_id, reason, label, at)
            SELECT id, 'said so', %(label)s, %(at)s FROM a
            """,
            {"at": found_at, "label": label},
        )
        db.commit()
    monkeypatch.setenv("DATABASE_URL", database)
    out = tmp_path / "report.json"
    assert backtest("--detector", "coolant_overheat", "--json", str(out)) == 0
    (score,) = json.loads(out.read_text())["scores"]
    assert score["alerts"] == 1
    assert (score["right"], score["wrong"], score["open"]) == {
        "confirmed": (1, 0, 0),
        "no_fault_found": (0, 1, 0),
        None: (0, 0, 1),
    }[label]
    assert (score["lead_days"] is not None) == (label == "confirmed")
    assert "nobody knows yet" in capsys.readouterr().out


def test_without_history_it_says_so(
    database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", database)
    assert backtest("--detector", "low_voltage") == 2
    assert "no telemetry is stored" in capsys.readouterr().err
    assert Stored(database).vehicles() == [] and Stored(database).advisors() == 0


# --- rules ---------------------------------------------------------------------------------------

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def raised(cause: str, day: int) -> Raised:
    return Raised(1, "VIN", cause, NOON + timedelta(days=day), "words", 0.8)


def test_an_alert_is_right_only_in_its_fault_s_time() -> None:
    fault = Answer(
        1,
        ("battery_12v", "alternator"),
        NOON,
        NOON + timedelta(days=10),
        True,
        NOON + timedelta(days=8),
        "weak_battery",
        ("battery_12v",),
        True,
    )
    innocent = Answer(1, (), NOON - timedelta(days=5), NOON, False, what="jump_start")
    alerts = [
        raised("battery_12v", -1),
        raised("battery_12v", 3),
        raised("alternator", 3),
        raised("battery_12v", 12),
        raised("battery_12v", 13),
        raised("service_due", 3),
    ]
    told, found = judged(alerts, [fault, innocent], whole=True)
    assert [one.verdict for one in told] == ["wrong", "root", "right", "root", "wrong", "open"]
    assert [one.about for one in told][:2] == ["jump_start", "weak_battery"]
    assert told[1].lead_days == 5.0 and found == {fault}
    told, _ = judged(alerts[:1], [], whole=False)
    assert [one.verdict for one in told] == ["open"]


def test_parameters_are_the_detector_s_own_thresholds() -> None:
    known = parameters(CoolantOverheat)
    assert known["HOT_C"] == 118.0
    assert "MINUTE_MS" not in known, "what it imports is not its own"


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ("HEAT=1", "has no parameter HEAT; it has"),
        ("HOT_C", "is no number"),
        ("HOT_C=", "is no number"),
        ("HOT_C=hot", "is no number"),
        ("HOT_C=nan", "no number at all"),
        ("HOT_C=inf", "no number at all"),
        ("HOT_C=1e99", "too large"),
        ("HOLD_MS=1.5", "whole units"),
        ("__name__=1", "has no parameter"),
        ("HOT_C=1;DROP TABLE vehicle", "is no number"),
    ],
)
def test_wrong_parameters_are_refused(params: str, why: str) -> None:
    with pytest.raises(BacktestError, match=why):
        read_params(CoolantOverheat, params)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--detector", "nonsense"], "no detector 'nonsense'; there are"),
        (["--detector", "all", "--params", "HOT_C=1"], "needs one --detector"),
        (["--detector", "all", "--from", "2026-04-01", "--to", "2026-03-01"], "is not before"),
        (["--detector", "all", "--scheduler", "tcp://127.0.0.1:9"], "no Dask scheduler"),
    ],
)
def test_wrong_words_are_refused(
    world: Path, words: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert backtest(*words, "--frames", str(world)) == 2
    assert why in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["--detector", "all", "--from", "yesterday"],
        ["--detector", "all", "--procs", "0"],
        ["--detector", "all", "--procs", "many"],
        [],
    ],
)
def test_wrong_options_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        backtest(*words)
    assert end.value.code == 2 and "usage" in capsys.readouterr().err


@pytest.mark.parametrize("truth", [None, "{", "[]", '{"vehicles": {"V": {}}}', '{"vehicles": []}'])
def test_a_file_that_is_no_world_is_refused(
    tmp_path: Path, truth: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = tmp_path / "some.parquet"
    frames.write_bytes(b"PAR1")
    if truth is not None:
        frames.with_suffix(".truth.json").write_text(truth)
    assert backtest("--detector", "all", "--frames", str(frames)) == 2
    assert "truth.json" in capsys.readouterr().err


def test_a_report_can_be_kept_as_json(world: Path) -> None:
    source, jobs = jobs_of(world)
    report = run(source, "coolant_overheat", {}, engines.here(live, jobs[:2]), *source.span())
    assert json.loads(json.dumps(asdict(report), default=str))["name"] == "coolant_overheat"
