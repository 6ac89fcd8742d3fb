"""Templates, filled and answered."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from api import words
from api.auth import initials
from api.door import Desk, door
from api.verdict import kind_title
from care.call import DECLINED
from care.dismissal import REASONS as DISMISS
from care.store.incidents import count_undecided
from detectors.stage import NAMES as STAGES

HERE = Path(__file__).parent
STATIC = HERE / "static"
FLASH = "flash"
THEME = "theme"


def _environment() -> Environment:
    env = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters.update(words.FILTERS)
    env.filters["initials"] = initials
    env.filters["kind_title"] = kind_title
    env.globals.update(
        URGENCY=words.URGENCY,
        DONE=words.DONE,
        CALL=words.CALL,
        DECLINED=DECLINED,
        HANDOVER=words.HANDOVER,
        DISMISS=DISMISS,
        KIND=words.KIND,
        CHANNEL=words.CHANNEL,
        HAPPENED=words.HAPPENED,
        OUTREACH=words.OUTREACH,
        BOOKING=words.BOOKING,
        REPAIR=words.REPAIR,
        REPAIR_TONE=words.REPAIR_TONE,
        WATCH=words.WATCH,
        WATCH_TONE=words.WATCH_TONE,
        CLOSED=words.CLOSED,
        FINDING=words.FINDING,
        ROLE=words.ROLE,
        CONDITION=words.CONDITION,
        condition=words.condition,
        BAY=words.BAY,
        LANGUAGE=words.LANGUAGE,
        MEANING=words.MEANING,
        SOURCE=words.SOURCE,
        STAGE=STAGES,
        STAGE_MEANS=words.STAGE_MEANS,
        STAGE_TONE=words.STAGE_TONE,
    )
    return env


TEMPLATES = _environment()


def text(name: str, **context: Any) -> str:
    """A template without a page around it."""
    return TEMPLATES.get_template(name).render(context)


def theme_of(request: Request) -> str:
    """light, dark, or empty for what the device prefers."""
    theme = request.cookies.get(THEME, "")
    return theme if theme in ("light", "dark") else ""


def page(desk: Desk, name: str, status: int = 200, **context: Any) -> Response:
    """A page of the console.

    Parameters
    ----------
    desk : Desk
    name : str
        Template.
    status : int
    **context
        What the template shows.
    """
    request = desk.request
    shared = door(request)
    live = request.headers.get("x-live") == "1"  # a page that refreshes itself leaves the note
    note = shared.signer.read("flash", request.cookies.get(FLASH, "")) if not live else None
    html = text(
        name,
        staff=desk.staff,
        now=desk.now,
        place=desk.place,
        theme=theme_of(request),
        mark=desk.mark,
        path=request.url.path,
        here=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        flash=note if isinstance(note, Mapping) else None,
        has_world=bool(shared.settings.world_url),
        waiting_incidents=count_undecided(desk.conn, desk.dealer_id),
        **context,
    )
    response = HTMLResponse(html, status)
    if note:
        response.delete_cookie(FLASH)
    return response


def plain(request: Request, name: str, status: int = 200, **context: Any) -> Response:
    """A page for somebody who isn't signed in."""
    return HTMLResponse(text(name, theme=theme_of(request), **context), status)


def noted(response: Response, request: Request, words_: str, kind: str = "done") -> Response:
    """Let the next page say what was done (``done``) or why not (``sorry``)."""
    shared = door(request)
    response.set_cookie(
        FLASH,
        shared.signer.sign("flash", {"kind": kind, "text": words_}),
        max_age=60,
        httponly=True,
        samesite="lax",
        secure=shared.settings.https,
    )
    return response
