"""What a request needs at the door: a connection, the time, who is asking, and whether they may."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import psycopg
from fastapi import Depends, Request
from fastapi.concurrency import contextmanager_in_threadpool
from psycopg_pool import ConnectionPool
from starlette.responses import RedirectResponse, Response

from api.auth import May, Signer, Staff
from api.live import Live
from api.settings import ApiSettings
from api.store import staff as staff_store
from api.words import Place
from record.clock import Clock, wall

COOKIE = "session"


class Refusal(Exception):  # noqa: N818
    """A request that gets a page, or problem details, in place of what it asked for."""


class NotSignedIn(Refusal):
    """Nobody is signed in, or the session has ended."""


class NotAllowed(Refusal):
    """The person's role doesn't allow it."""


class NotFound(Refusal):
    """There is no such thing at this person's dealer. Says what, for a person."""


@dataclass(frozen=True, slots=True)
class Door:
    """What all requests share."""

    settings: ApiSettings
    pool: ConnectionPool[psycopg.Connection]
    clock: Clock
    signer: Signer
    live: Live
    turnstile: asyncio.Semaphore


@dataclass(frozen=True, slots=True)
class Desk:
    """One signed-in person's request."""

    request: Request
    conn: psycopg.Connection
    now: datetime
    staff: Staff
    mark: str  # of `api.live.Live`, from before anything was read for the page

    @property
    def zone(self) -> str:
        """The dealer's time zone, in which the person works."""
        return self.staff.dealer_time_zone

    @property
    def place(self) -> Place:
        """How the dealer writes times."""
        return Place(self.staff.dealer_time_zone, self.staff.dealer_country)

    @property
    def dealer_id(self) -> int:
        """Whose rows the person may see."""
        return self.staff.dealer_id


def door(request: Request) -> Door:
    """What all requests share."""
    shared: Door = request.app.state.door
    return shared


async def connection(
    shared: Annotated[Door, Depends(door)],
) -> AsyncIterator[psycopg.Connection]:
    """One transaction: committed before the answer leaves, undone by any error.

    Requests beyond what the pool serves wait here, where waiting takes no thread: threads that
    waited for a connection would keep those who have one from going on.
    """
    async with shared.turnstile, contextmanager_in_threadpool(shared.pool.connection()) as conn:
        yield conn


Connection = Annotated[psycopg.Connection, Depends(connection, scope="function")]


def who(request: Request, conn: psycopg.Connection) -> Staff:
    """The person behind a request's cookie, or bearer token on the REST side.

    Raises
    ------
    NotSignedIn
        If there is none, it is too old, or the person's sessions were ended.
    """
    shared = door(request)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and request.url.path.startswith("/api/"):
        session = shared.signer.read_session("token", token, wall())
    else:
        session = shared.signer.read_session("session", request.cookies.get(COOKIE, ""), wall())
    staff = staff_store.by_id(conn, session.staff_id) if session else None
    if not (session and staff and staff.active and staff.session_epoch == session.epoch):
        raise NotSignedIn
    return staff


def desk(may: May) -> Callable[..., Desk]:
    """A dependency: a signed-in person who may do this.

    Parameters
    ----------
    may : May
        What the route does.
    """

    def check(request: Request, conn: Connection) -> Desk:
        staff = who(request, conn)
        if not staff.may(may):
            raise NotAllowed(
                f"Your role ({staff.role}) does not include this: {may}. "
                "A manager or an administrator can do it."
            )
        shared = door(request)
        return Desk(request, conn, shared.clock.now(), staff, shared.live.mark)

    return check


def needs(may: May) -> Any:
    """`desk` as a dependency."""
    return Depends(desk(may), scope="function")


Looking = Annotated[Desk, needs(May.LOOK)]
SeeingCustomers = Annotated[Desk, needs(May.SEE_CUSTOMERS)]
Working = Annotated[Desk, needs(May.WORK)]
Leading = Annotated[Desk, needs(May.LEAD)]
Booking = Annotated[Desk, needs(May.BOOK)]
Receiving = Annotated[Desk, needs(May.RECEIVE)]
Repairing = Annotated[Desk, needs(May.REPAIR)]
KeepingRecords = Annotated[Desk, needs(May.KEEP_RECORDS)]
SortingOut = Annotated[Desk, needs(May.SORT_OUT)]
Pricing = Annotated[Desk, needs(May.SET_PRICES)]
Planning = Annotated[Desk, needs(May.PLAN)]
Ruling = Annotated[Desk, needs(May.CHANGE_JOURNEYS)]
MovingDetectors = Annotated[Desk, needs(May.MOVE_DETECTORS)]
SeeingWorld = Annotated[Desk, needs(May.SEE_WORLD)]
AtDoor = Annotated[Door, Depends(door)]


def ours(path: str) -> str:
    """A path of ours to go on to; in place of another site's, the inbox.

    Examples
    --------
    >>> ours("/vehicles?q=a"), ours("//evil.example"), ours("https://evil.example")
    ('/vehicles?q=a', '/', '/')
    """
    good = path.startswith("/") and not path.startswith("//") and "\\" not in path
    return path if good and path.isprintable() else "/"


def see(path: str) -> Response:
    """After a change: look at the page again, by GET."""
    return RedirectResponse(path, status_code=303)
