"""The web application: one factory that joins the pages, the REST side and the webhooks.

Every request passes `guard.Guard` (size, origin, headers, measuring), gets what it needs from
`door` (connection, time, person, permission), and is answered by one function in ``pages/``,
``rest.py`` or ``webhooks.py``.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from psycopg_pool import PoolTimeout
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from api import render, rest, rest_repairs, rest_tasks, webhooks
from api.auth import Signer
from api.door import Door, NotAllowed, NotFound, NotSignedIn
from api.guard import Guard
from api.live import Live
from api.pages import (
    bookings,
    conversations,
    customers,
    detectors,
    inbox,
    incidents,
    journeys,
    people,
    progress,
    quarantine,
    repairs,
    results,
    rights,
    setup,
    sign_in,
    slot,
    tasks,
    unsubscribe,
    vehicles,
    workshop,
    world,
)
from api.settings import ApiSettings
from api.window import Window
from care.errors import CareError
from detectors.stage import StageError
from record import db
from record.clock import Clock, Scale, read_scale

log = logging.getLogger(__name__)

POOL = 8
"""Connections of one process; requests beyond wait for one."""

SPARE = 2
"""Of these, kept for the clock and the health check: who has one may need to know the time."""


def create(settings: ApiSettings) -> FastAPI:
    """Make the application.

    Parameters
    ----------
    settings : ApiSettings

    Returns
    -------
    FastAPI
        Its pool and listening thread start with the server and stop with it.
    """
    live = Live(settings.database_url)

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        pool = db.pool(settings.database_url, "api", POOL)

        def scale() -> Scale:
            with pool.connection() as conn:
                return read_scale(conn)

        signer, turnstile = Signer(settings.secret_key), asyncio.Semaphore(POOL - SPARE)
        app.state.door = Door(settings, pool, Clock(scale), signer, live, turnstile)
        live.start()
        yield
        live.stop()
        live.join()
        pool.close()
        if settings.world_url:
            app.state.world.close()

    app = FastAPI(
        title="Roadworthy",
        version="1",
        summary="A connected-car after-sales service monitor",
        description=rest.__doc__,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        lifespan=life,
    )
    app.state.live = live
    app.add_middleware(Guard, public_url=settings.public_url)
    for router in (
        sign_in.router,
        inbox.router,
        incidents.router,
        tasks.router,
        vehicles.router,
        customers.router,
        conversations.router,
        journeys.router,
        people.router,
        bookings.router,
        repairs.router,
        workshop.router,
        setup.router,
        results.router,
        detectors.router,
        rights.router,
        quarantine.router,
        slot.router,
        progress.router,
        unsubscribe.router,
        webhooks.router,
        rest.router,
        rest_repairs.router,
        rest_tasks.router,
    ):
        app.include_router(router)
    if settings.world_url:
        app.state.world = Window(settings.world_url, settings.world_token)
        app.include_router(world.router)
    app.mount("/static", StaticFiles(directory=render.STATIC), name="static")
    _add_errors(app)
    _add_health(app)
    return app


def _add_health(app: FastAPI) -> None:
    @app.get("/health", include_in_schema=False)
    def health(request: Request) -> Response:
        door: Door = request.app.state.door
        doc: dict[str, Any] = {"ok": True, "live": door.live.listening.is_set()}
        try:
            with door.pool.connection(timeout=2) as conn:
                conn.execute("SELECT 1")
        except (psycopg.Error, PoolTimeout) as error:
            log.warning("health check failed", extra={"why": error})
            doc = {"ok": False, "database": "unreachable"}
        return JSONResponse(doc, 200 if doc["ok"] else 503)

    @app.get("/metrics", include_in_schema=False)
    def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _add_errors(app: FastAPI) -> None:
    """One handler for each kind of refusal: a page for people, problem details for programs."""

    def answer(request: Request, status: int, title: str, detail: str) -> Response:
        if request.url.path.startswith("/api/"):
            return problem(status, title, detail)
        return render.plain(request, "error.html", status, code=status, title=title, detail=detail)

    @app.exception_handler(NotSignedIn)
    def not_signed_in(request: Request, error: Exception) -> Response:
        if request.url.path.startswith("/api/"):
            answer = problem(
                401, "Not signed in", "Sign in, or send a token from POST /api/v1/token."
            )
            answer.headers["WWW-Authenticate"] = "Bearer"
            return answer
        if request.url.path == "/live":
            return Response(status_code=401)
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        next_page = {"next": here} if request.method == "GET" and here != "/" else {}
        return RedirectResponse(f"/sign-in?{urlencode(next_page)}".rstrip("?"), 303)

    @app.exception_handler(NotAllowed)
    def not_allowed(request: Request, error: Exception) -> Response:
        return answer(request, 403, "Not yours to do", str(error))

    @app.exception_handler(NotFound)
    def not_found(request: Request, error: Exception) -> Response:
        return answer(request, 404, "Not found", str(error))

    @app.exception_handler(CareError)
    @app.exception_handler(StageError)
    def refused(request: Request, error: Exception) -> Response:
        return answer(request, 409, "This can't be done", str(error))

    @app.exception_handler(sign_in.TooMany)
    def too_many(request: Request, error: Exception) -> Response:
        return answer(request, 429, "Too many wrong passwords", "Please wait a quarter of an hour.")

    @app.exception_handler(slot.Closed)
    def closed(request: Request, error: Exception) -> Response:
        assert isinstance(error, slot.Closed)
        return slot.closed(request, error)

    @app.exception_handler(progress.Closed)
    def link_closed(request: Request, error: Exception) -> Response:
        assert isinstance(error, progress.Closed)
        return progress.closed(request, error)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        lines = [
            f"{'.'.join(str(p) for p in one['loc'][1:]) or 'request'}: {one['msg']}"
            for one in error.errors()
        ]
        return answer(request, 422, "Something is missing or wrong", "; ".join(lines)[:1000])

    @app.exception_handler(psycopg.DataError)
    @app.exception_handler(UnicodeEncodeError)
    def unstorable(request: Request, error: Exception) -> Response:
        # A NUL, half a surrogate pair, a number beyond any of ours: no person typed that.
        return answer(
            request,
            422,
            "Something is missing or wrong",
            "It holds characters or numbers that can't be stored.",
        )

    @app.exception_handler(HTTPException)
    def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        title = HTTPStatus(error.status_code).phrase
        details = {
            404: "There is no such page. Perhaps the link is old, or was cut off.",
            405: "This address doesn't take that method.",
        }
        detail = details.get(error.status_code, str(error.detail))
        return answer(request, error.status_code, title, detail)

    @app.exception_handler(Exception)
    def broken(request: Request, error: Exception) -> Response:
        log.error("request failed", extra={"route": request.url.path}, exc_info=error)
        return answer(
            request, 500, "Something broke", "It was noted. Nothing was changed by this request."
        )

    @app.exception_handler(psycopg.OperationalError)
    @app.exception_handler(PoolTimeout)
    def no_database(request: Request, error: Exception) -> Response:
        return answer(
            request,
            503,
            "One moment, please",
            "The database can't be reached. Nothing was lost; try again in a moment.",
        )


def problem(status: int, title: str, detail: str) -> JSONResponse:
    """Problem details as in RFC 9457."""
    return JSONResponse(
        {"type": "about:blank", "title": title, "status": status, "detail": detail},
        status,
        media_type="application/problem+json",
    )
