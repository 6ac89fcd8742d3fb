"""Golden cases: frames in, findings out, readable in a diff.

``tests/golden/<case>/`` holds ``case.json`` (what happens, and the car), ``frames.csv`` (an empty
cell is a missing signal) and ``findings.json``. After a deliberate change of a detector::

    python -m tests.detectors.golden    # writes every findings.json anew; then read the diff
"""

import csv
import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from detectors.bank import Bank, detect
from record.flow import Frame, Value, Vehicle
from record.signals import BY_NAME
from tests.detectors.cars import profile

CASES = Path(__file__).parent.parent / "golden"


def names() -> list[str]:
    """All cases."""
    return sorted(path.parent.name for path in CASES.glob("*/case.json"))


def judge(case: str) -> list[dict[str, Any]]:
    """What the whole bank says of a case."""
    about = json.loads((CASES / case / "case.json").read_text())
    bank = Bank(_car(about["car"]))
    findings = detect(bank, _frames(CASES / case / "frames.csv"))
    assert not bank.set_aside
    rows: list[dict[str, Any]] = json.loads(
        json.dumps([asdict(f) for f in findings], default=datetime.isoformat)
    )
    return [_without_empty(row) for row in rows]


def expected(case: str) -> list[dict[str, Any]]:
    """What it said when somebody last looked and agreed."""
    findings: list[dict[str, Any]] = json.loads((CASES / case / "findings.json").read_text())
    return findings


def _without_empty(row: dict[str, Any]) -> dict[str, Any]:
    row["evidence"] = {k: v for k, v in row["evidence"].items() if v not in (None, [], "")}
    return {k: v for k, v in row.items() if v is not None}


def _car(about: dict[str, Any]) -> Vehicle:
    if "last_service_at" in about:
        about["last_service_at"] = datetime.fromisoformat(about["last_service_at"])
    return profile(**about)


def _frames(path: Path) -> list[Frame]:
    with path.open(newline="") as file:
        return [_frame(row) for row in csv.DictReader(file)]


def _frame(row: dict[str, str]) -> Frame:
    at = datetime.fromisoformat(row.pop("ts"))
    dtcs = tuple(row.pop("dtcs", "").split())
    signals = {name: _value(name, text) for name, text in row.items() if text}
    return Frame(1, round(at.timestamp() * 1000), signals, dtcs)


def _value(name: str, text: str) -> Value:
    kind = BY_NAME[name].sql
    if kind == "text":
        return text
    return text == "true" if kind == "boolean" else float(text)


if __name__ == "__main__":
    for name in names():
        findings = json.dumps(judge(name), indent=1, ensure_ascii=False)
        (CASES / name / "findings.json").write_text(findings + "\n")
