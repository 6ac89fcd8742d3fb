"""A world's frames as a file: what a backtest reads back is what the cars measured."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from record.signals import BY_NAME
from simulators.world import draw, dry
from simulators.world.driver import living


def test_what_is_read_back_is_what_was_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = draw.draw(vehicles=8, days=4, seed=3, faults_wanted="all")
    out = tmp_path / "frames.parquet"
    assert dry.run(world, out) == 0
    told = capsys.readouterr().out
    table = pd.read_parquet(out)

    measured = {car.vin: made for car, made, _ in dry.stretches(world)}
    assert len(table) == sum(len(one) for made in measured.values() for one in made)
    assert f"{len(table):,} frames" in told and "frames/s" in told
    assert str(table["ts"].dtype) == "datetime64[ms, UTC]"
    for vin, rows in table.groupby("vin", observed=True):
        assert rows["ts"].is_monotonic_increasing and rows["ts"].is_unique
        made = measured[str(vin)]
        voltage = [v for one in made for v in one.signals[BY_NAME["battery_voltage_v"].path]]
        assert rows["battery_voltage_v"].to_numpy() == pytest.approx(voltage, abs=1e-4)
        ignition = [v for one in made for v in one.signals[BY_NAME["ignition"].path]]
        assert rows["ignition"].astype(str).tolist() == ignition
        codes = [list(one.dtcs) for one in made for _ in range(len(one))]
        assert [list(codes) for codes in rows["dtcs"]] == codes
    electric = {car.vin for car in world.cars if car.model.startswith("arc")}
    without = table[table["vin"].isin(electric)]
    assert without["coolant_temp_c"].isna().all(), "what a car does not have is empty"

    truth = json.loads(out.with_suffix(".truth.json").read_text())
    assert set(truth["vehicles"]) == {car.vin for car in world.cars}
    lived = [living(world, car).vehicle for car in world.cars]
    for vehicle in lived:
        vehicle.columns(world.end)
        due = [at.isoformat() for at in vehicle.dues]
        assert truth["vehicles"][vehicle.vin]["dues"] == due
    kinds = [one["kind"] for car in truth["vehicles"].values() for one in car["faults"]]
    assert sorted(kinds) == sorted(f.name for car in world.cars for f in car.faults)


def test_a_backtest_reads_only_what_it_needs(tmp_path: Path) -> None:
    """The example of docs/physics.md: resting voltage of each car by day."""
    out = tmp_path / "frames.parquet"
    dry.run(draw.draw(vehicles=3, days=3, seed=3), out)
    frames = pd.read_parquet(out, columns=["vin", "ts", "ignition", "battery_voltage_v"])
    rest = frames[frames["ignition"] == "OFF"]
    by_day = rest.groupby(["vin", rest["ts"].dt.date], observed=True)["battery_voltage_v"].min()
    assert len(by_day) >= 6 and by_day.between(11.5, 14).all()


def test_without_a_file_it_only_counts(capsys: pytest.CaptureFixture[str]) -> None:
    assert dry.run(draw.draw(vehicles=2, days=2, seed=1), None) == 0
    assert "2 of 2 cars" in capsys.readouterr().out
