"""Signing in and out, and the switch between light and dark."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from api import auth, render
from api.door import COOKIE, AtDoor, Connection, Door, Looking, NotSignedIn, Refusal, ours, see, who
from api.store import staff as store
from record.clock import wall

router = APIRouter(include_in_schema=False)


class TooMany(Refusal):
    """Too many wrong passwords lately."""


def check_password(
    shared: Door, conn: Connection, email: str, password: str, address: str
) -> auth.Staff | None:
    """The person if the password is right; remembers it if not.

    Raises
    ------
    TooMany
        Without looking at the password.
    """
    by_person, by_address = store.failures(conn, email, address, auth.FAILURE_WINDOW)
    if by_person >= auth.MAX_FAILURES_PER_PERSON or by_address >= auth.MAX_FAILURES_PER_ADDRESS:
        raise TooMany
    found = store.by_email(conn, email)
    active = found is not None and found[0].active
    right = auth.right_password(password, found[1] if found and active else None)
    if right and found:
        return found[0]
    store.add_failure(conn, email, address)
    return None


@router.get("/sign-in")
def show(request: Request, conn: Connection, next: str = "/") -> Response:
    try:
        who(request, conn)
    except NotSignedIn:
        return render.plain(request, "sign_in.html", next=ours(next), email="", error="")
    return see(ours(next))


@router.post("/sign-in")
def sign_in(
    request: Request,
    shared: AtDoor,
    conn: Connection,
    email: Annotated[str, Form(max_length=254)] = "",
    password: Annotated[str, Form(max_length=200)] = "",
    next: Annotated[str, Form(max_length=500)] = "/",
) -> Response:
    address = request.client.host if request.client else ""
    error = ""
    try:
        staff = check_password(shared, conn, email.strip(), password, address)
    except TooMany:
        staff = None
        error = "Too many wrong passwords. Please wait a quarter of an hour."
    if staff is None:
        return render.plain(
            request,
            "sign_in.html",
            status=429 if error else 401,
            next=ours(next),
            email=email,
            error=error or "E-mail address or password is wrong.",
        )
    response = see(ours(next))
    response.set_cookie(
        COOKIE,
        shared.signer.session("session", staff, wall()),
        max_age=int(auth.SESSION.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=shared.settings.https,
    )
    return response


@router.post("/sign-out")
def sign_out(desk: Looking) -> Response:
    """Ends this browser's session only; another device may be in use."""
    response = see("/sign-in")
    response.delete_cookie(COOKIE)
    return response


@router.post("/sign-out-everywhere")
def sign_out_everywhere(desk: Looking) -> Response:
    store.end_sessions(desk.conn, desk.staff.id)
    response = see("/sign-in")
    response.delete_cookie(COOKIE)
    return response


@router.post("/theme")
def switch_theme(
    shared: AtDoor,
    theme: Annotated[str, Form(max_length=10)] = "",
    back: Annotated[str, Form(max_length=500)] = "/",
) -> Response:
    """Works without a session: the sign-in page and the customers' page have the switch too."""
    response = RedirectResponse(ours(back), status_code=303)
    if theme in ("light", "dark"):
        response.set_cookie(
            render.THEME, theme, max_age=365 * 86_400, samesite="lax", secure=shared.settings.https
        )
    else:
        response.delete_cookie(render.THEME)
    return response
