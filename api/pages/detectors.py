"""Each detector: what it looks at, how right it has been, and what trials said of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from fastapi import APIRouter
from starlette.responses import Response

from api import render
from api.docstring import html
from api.door import Looking, NotFound
from detectors import about as about_detectors
from detectors import standing, store
from detectors.about import About
from detectors.backtest.trial import ALL, parameters
from detectors.backtest.trial import detector as detector_of
from detectors.standing import Measured

router = APIRouter(include_in_schema=False)

MOST = 12
"""Months, causes and trials on a page."""


@dataclass(frozen=True, slots=True)
class Row:
    """A detector in the list."""

    about: About
    measured: Measured | None  # of the version that runs


@router.get("/detectors")
def index(desk: Looking) -> Response:
    tallies = {
        name: standing.by_version(list(group))
        for name, group in groupby(store.standings(desk.conn), key=lambda one: one.detector)
    }
    rows = [
        Row(about, _of(tallies.get(about.name, ()), about.version))
        for about in about_detectors.everything()
    ]
    trials = store.backtests(desk.conn, ALL, 1)
    return render.page(desk, "detectors.html", rows=rows, trials=trials)


def _of(versions: Sequence[Measured], version: int) -> Measured | None:
    return next((one for one in versions if one.tally.version == version), None)


@router.get("/detectors/{detector}")
def show(desk: Looking, detector: str) -> Response:
    about = own_detector(detector)
    example = next(iter(parameters(detector_of(about.name)).items()), None)
    record = standing.record(store.tallies(desk.conn, about.name, desk.zone))
    return render.page(
        desk,
        "detector.html",
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
