"""What a person types, and what the pages load."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from api import assets
from record import bootstrap
from record.local import PROJECT


def test_make_alone_tells_what_there_is() -> None:
    said = subprocess.check_output(["make"], cwd=PROJECT, text=True)
    for target in ("setup", "demo", "test", "lint", "fmt", "bench", "test-compose", "clean"):
        assert f"  {target} " in said


def test_web_assets_are_pinned_and_name_no_registry() -> None:
    wanted = json.loads((PROJECT / "package.json").read_text())["dependencies"]
    lock = (PROJECT / "package-lock.json").read_text()
    assert "://" not in lock
    packages = json.loads(lock)["packages"]
    for name, version in wanted.items():
        assert packages[f"node_modules/{name}"]["version"] == version, "an exact version"
        assert packages[f"node_modules/{name}"]["integrity"].startswith("sha512-")


def test_web_assets_are_in_place() -> None:
    for file in assets.FILES:
        assert (assets.VENDOR / Path(file).name).stat().st_size > 1000


def test_a_python_without_ensurepip_gets_pip_from_apt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    bootstrap.make(tmp_path / "venv")
    python = tmp_path / "venv/bin/python"
    said = subprocess.check_output([python, "-m", "pip", "--version"], text=True)
    assert str(tmp_path / "venv") in said
    assert f"python {sys.version_info.major}.{sys.version_info.minor}" in said
