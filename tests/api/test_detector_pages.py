"""The pages of detectors: what they look at, their record, and stored trials."""

from pathlib import Path

import pytest
from psycopg.types.json import Jsonb

from api.docstring import html
from detectors.backtest import command
from simulators.world import draw, dry
from tests.api.conftest import Console
from tests.api.showroom import NOW


def answered(console: Console, right: int, wrong: int, detector: str = "low_voltage") -> None:
    """Alerts of the version that runs now, with what workshops found."""
    console.do(
        """
        WITH n AS (SELECT generate_series(1, %s) AS n),
        f AS (INSERT INTO finding (vehicle_id, detector, cause, kind, at, urgency, confidence,
                summary, evidence)
            SELECT %s, %s, 'battery_12v', 'raised', %s::timestamptz - n * interval '2 days',
                'soon', 0.9, 'x', '{}' FROM n RETURNING id, at, detector),
        a AS (INSERT INTO alert (vehicle_id, cause, state, urgency, confidence, summary, opened_at,
                refreshed_at, closed_at, close_reason)
            SELECT %s, 'old', 'closed', 'soon', 0.9, 'x', at, at, at, 'repaired' FROM f
            RETURNING id),
        pairs AS (SELECT f.*, a.id AS alert_id FROM
            (SELECT *, row_number() OVER (ORDER BY id) AS n FROM f) AS f
            JOIN (SELECT id, row_number() OVER (ORDER BY id) AS n FROM a) AS a USING (n))
        INSERT INTO detector_case (detector, version, cause, vehicle_id, alert_id, finding_id, at,
            features, label, answered_at, answered_by)
        SELECT detector, %s, 'battery_12v', %s, alert_id, id, at, '{"confidence": 0.9}',
            CASE WHEN row_number() OVER (ORDER BY id) <= %s THEN 'confirmed'
                ELSE 'no_fault_found' END, at + interval '6 days', 'repair_order:1' FROM pairs
        """,
        *(right + wrong, console.room.vehicles[2], detector, NOW, console.room.vehicles[2]),
        *(version_of(detector), console.room.vehicles[2], right),
    )


def version_of(detector: str) -> int:
    from detectors import DETECTORS

    return next(kind.version for kind in DETECTORS if kind.name == detector)


def test_a_technician_reads_what_a_detector_looks_at(gallery: Console) -> None:
    with gallery.client("technician") as client:
        listed = client.get("/detectors").text
        assert "Low voltage" in listed and "Nothing known yet" in listed
        assert "--detector all --save" in listed
        page = client.get("/detectors/low_voltage").text
    assert "SAE J537" in page and "CRANK_LIMIT_V" in page and "9.6" in page
    assert "No alert yet" in page and "--detector low_voltage --params" in page


def test_its_record_is_shown_with_an_interval(console: Console) -> None:
    answered(console, 12, 2)
    with console.client("advisor") as client:
        page = client.get("/detectors/low_voltage").text
        assert "83\u00a0%" in page and "<svg" in page
        assert "6 days" in page and "November 2026" in page and "12 V battery weak" in page
        assert "12 of 14" in client.get("/detectors").text


@pytest.mark.parametrize(
    "name", ["nobody", "battery'--", "..%2fpasswd", "%00", "<script>", "WEAK_BATTERY", "a" * 999]
)
def test_what_is_no_detector_is_not_found(gallery: Console, name: str) -> None:
    with gallery.client("admin") as client:
        answer = client.get(f"/detectors/{name}")
    assert answer.status_code == 404 and "<script>" not in answer.text


def test_a_stored_trial_is_shown_beside_the_version_in_force(
    console: Console,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    frames = tmp_path / "ten cars.parquet"
    made = draw.draw(vehicles=6, days=25, seed=5, faults_wanted="coolant_overheat")
    assert dry.run(made, frames) == 0
    monkeypatch.setenv("DATABASE_URL", console.database)
    asked = ["--detector", "coolant_overheat", "--frames", str(frames), "--procs", "1", "--save"]
    assert command.main([*asked, "--params", "HOT_C=900,ONCE_C=900,AGAIN_C=900"]) == 0
    assert "kept as trial 1" in capsys.readouterr().out
    vins = str(console.ask("SELECT report FROM backtest"))
    assert not any(car.vin in vins for car in made.cars)
    with console.client("manager") as client:
        page = client.get("/detectors/coolant_overheat").text
    assert "HOT_C=900.0" in page and "ten cars.parquet" in page and "only here" in page
    assert str(tmp_path) not in page
    console.do("UPDATE backtest SET versions = 'coolant_overheat 1'")
    with console.client("manager") as client:
        assert "coolant_overheat 1; now" in client.get("/detectors/coolant_overheat").text


def test_a_trial_that_can_not_be_kept_is_refused_before_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    asked = ["--detector", "all", "--frames", str(tmp_path / "no.parquet"), "--save"]
    assert command.main(asked) == 2
    assert "DATABASE_URL" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "`<img src=x>`",
        ">>> print('<b>')\n<b>",
        "Head<i>\n-------\n- <u>item</u>",
        "*<s>* **a** ``\"'><b>``",
    ],
)
def test_a_docstring_is_escaped(text: str) -> None:
    page = html(text)
    for tag in ("<script", "<img", "<b>", "<i>", "<u>", "<s>"):
        assert tag not in page


def move(console: Console, role: str, to: str, reason: str = "It cries <b>wolf</b>") -> int:
    with console.client(role) as client:
        form = {"stage": to, "reason": reason}
        return client.post("/detectors/low_voltage/stage", data=form).status_code


def test_a_manager_sets_a_detector_aside_and_all_see_why(console: Console) -> None:
    with console.client("advisor") as client:
        page = client.get("/detectors/low_voltage").text
        assert "In force" in page and "Move it" not in page
    assert move(console, "advisor", "set_aside") == 403
    assert move(console, "manager", "set_aside") == 303
    with console.client("technician") as client:
        page = client.get("/detectors/low_voltage").text
        assert "Set aside" in page and "cries &lt;b&gt;wolf" in page and "by Noor Haddad" in page
        listed = client.get("/detectors").text
        assert listed.count("Set aside") == 1 == listed.count("In shadow")
    assert console.ask("SELECT detail ->> 'to' FROM audit WHERE action = 'detector moved'") == (
        "set_aside"
    )
    assert move(console, "manager", "in_force") == 409
    assert move(console, "admin", "shadow") == 303
    assert move(console, "manager", "probation") == 409  # there is no evidence
    with console.client("manager") as client:
        page = client.get("/detectors/low_voltage").text
        assert "On probation takes 10 answered cases" in page


@pytest.mark.parametrize(
    ("to", "reason", "status"),
    [
        ("", "x", 422),
        ("IN_FORCE", "x", 422),
        ("shadow'; DROP TABLE alert", "x", 422),
        ("shadow", "", 409),
        ("shadow", "\x00 \t", 409),
        ("shadow", "x" * 501, 422),
        ("in_force", "x", 409),
    ],
)
def test_what_is_no_stage_or_no_reason_moves_nothing(
    gallery: Console, to: str, reason: str, status: int
) -> None:
    assert move(gallery, "manager", to, reason) == status
    assert gallery.ask("SELECT count(*) FROM detector_stage") == 0


def test_who_is_too_often_wrong_is_proposed_to_go(console: Console) -> None:
    answered(console, 6, 14)
    with console.client("manager") as client:
        assert "Too often wrong" in client.get("/detectors").text
        page = client.get("/detectors/low_voltage").text
        assert "A manager should move it: on probation." in page
        assert '<option value="probation" selected>' in page
    assert move(console, "manager", "probation") == 303
    console.do("UPDATE detector_case SET label = 'confirmed' WHERE label = 'no_fault_found'")
    with console.client("manager") as client:
        assert '<option value="in_force">' in client.get("/detectors/low_voltage").text
    assert move(console, "manager", "in_force", "All were right") == 303
    assert console.ask("SELECT evidence -> 'right' FROM detector_stage ORDER BY id DESC") == 20


@pytest.mark.parametrize("label", ["confirmed", "no_fault_found"])
def test_a_technician_says_what_was_behind_a_silent_case(console: Console, label: str) -> None:
    case = console.room.people["case"]
    path = f"/detectors/service_due/cases/{case}"
    with console.client("technician") as client:
        assert "Service falls due soon." in client.get("/detectors/service_due").text
        for bad in ("", "maybe", "confirmed_other"):
            assert client.post(path, data={"label": bad}).status_code == 422
        for nowhere in (f"/detectors/low_voltage/cases/{case}", f"{path}999", path + "9" * 30):
            assert client.post(nowhere, data={"label": label}).status_code == 404
        assert client.post(path, data={"label": label}).status_code == 303
        page = client.get("/detectors/service_due").text
        assert "Noted: it counts." in page
    assert console.ask("SELECT label FROM detector_case WHERE id = %s", case) == label


def test_an_advisor_sees_why_an_alert_is_ranked_so(console: Console) -> None:
    why = "12 of 14 such alerts were confirmed; less likely by <b>Leon</b>"
    console.do(
        "UPDATE task SET factors = %s WHERE id = %s",
        Jsonb([{"name": "Confidence", "times": 0.71, "why": why}]),
        console.room.tasks["battery"],
    )
    alert, task = console.room.alerts["battery"], console.room.tasks["battery"]
    with console.client("advisor") as client:
        page = client.get(f"/alerts/{alert}").text
        assert "12 of 14 such alerts were confirmed" in page and "ranked as 71" in page
        assert "12 of 14 such alerts" in client.get(f"/tasks/{task}").text
        assert "<b>Leon" not in page and "&lt;b&gt;Leon" in page
