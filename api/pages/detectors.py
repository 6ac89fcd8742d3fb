"""Each detector: what it looks at, how right it has been, and what trials said of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated, Literal

from fastapi import APIRouter, Form
from starlette.responses import Response

from api import render
from api.docstring import html
from api.door import Looking, MovingDetectors, NotFound, Repairing, see
from api.store import detectors as case_store
from care.store import cases, people
from detectors import about as about_detectors
from detectors import stage, standing, store
from detectors.about import About
from detectors.backtest.trial import ALL, parameters
from detectors.backtest.trial import detector as detector_of
from detectors.standing import Measured
from record.flow import Stage

router = APIRouter(include_in_schema=False)

MOST = 12
"""Months, causes and trials on a page."""


@dataclass(frozen=True, slots=True)
class Row:
    """A detector in the list."""

    about: About
    measured: Measured | None  # of the version that runs
    stage: Stage
    should_be: Stage | None


@router.get("/detectors")
def index(desk: Looking) -> Response:
    tallies = {
        name: standing.by_version(list(group))
        for name, group in groupby(store.standings(desk.conn), key=lambda one: one.detector)
    }
    everything = about_detectors.everything()
    stages = store.stages(desk.conn, [about.name for about in everything])
    rows = []
    for about in everything:
        measured = _of(tallies.get(about.name, ()), about.version)
        now = stages[about.name]
        rows.append(Row(about, measured, now, stage.demotion(now, measured)))
    trials = store.backtests(desk.conn, ALL, 1)
    return render.page(desk, "detectors.html", rows=rows, trials=trials)


def _of(versions: Sequence[Measured], version: int) -> Measured | None:
    return next((one for one in versions if one.tally.version == version), None)


@router.get("/detectors/{detector}")
def show(desk: Looking, detector: str) -> Response:
    about = own_detector(detector)
    example = next(iter(parameters(detector_of(about.name)).items()), None)
    record = standing.record(store.tallies(desk.conn, about.name))
    now, measured = store.stages(desk.conn, [about.name])[about.name], record.of(about.version)
    return render.page(
        desk,
        "detector.html",
        stage=now,
        up=stage.promotion(now, measured),
        down=stage.DOWN[now],
        should_be=stage.demotion(now, measured),
        least=stage.LEAST,
        history=store.stage_history(desk.conn, about.name, MOST),
        silent=case_store.silent(desk.conn, desk.dealer_id, about.name, MOST),
        about=about,
        text=html(about.text),
        thresholds=[(one, html(one.why)) for one in about.thresholds],
        record=record,
        most=MOST,
        inherited=standing.INHERITED,
        example="{}={}".format(*example) if example else "",
        trials=store.backtests(desk.conn, about.name, MOST),
    )


def own_detector(name: str) -> About:
    """The detector of that name.

    Raises
    ------
    NotFound
    """
    for about in about_detectors.everything():
        if about.name == name:
            return about
    raise NotFound("There is no such detector.")


@router.post("/detectors/{detector}/stage")
def move(
    desk: MovingDetectors,
    detector: str,
    to: Annotated[Stage, Form(alias="stage")],
    reason: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    about = own_detector(detector)
    why, actor = reason.replace("\x00", ""), desk.staff.actor
    stage.move(desk.conn, about.name, about.version, to, why, actor, desk.now)
    people.audit(
        desk.conn, desk.now, actor, "detector moved", f"detector:{about.name}", to=to, reason=why
    )
    said = f"{stage.NAMES[to]} from now on."
    return render.noted(see(f"/detectors/{about.name}"), desk.request, said)


@router.post("/detectors/{detector}/cases/{case_id}")
def check(
    desk: Repairing,
    detector: str,
    case_id: int,
    label: Annotated[Literal["confirmed", "no_fault_found"], Form()],
) -> Response:
    """Somebody looked at a car of which nobody was told."""
    about = own_detector(detector)
    by = desk.staff.actor
    known = case_id < 2**63 and cases.check(
        desk.conn, case_id, about.name, desk.dealer_id, label, by, desk.now
    )
    if not known:
        raise NotFound("There is no such case at your dealer.")
    people.audit(desk.conn, desk.now, by, "case checked", f"detector_case:{case_id}", found=label)
    return render.noted(see(f"/detectors/{about.name}"), desk.request, "Noted: it counts.")
