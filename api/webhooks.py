"""What Twilio tells us. Believed only with its signature over the address as Twilio called it."""

import logging
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Header, Request
from starlette.responses import Response

from api.door import AtDoor, Connection, Door
from care import webhooks
from care.errors import CareError

log = logging.getLogger(__name__)

router = APIRouter(prefix="/twilio", include_in_schema=False)

EMPTY = '<?xml version="1.0" encoding="UTF-8"?><Response/>'
"""TwiML for: say nothing. Answers go through the outbox, where consent and hours are checked."""


async def form(request: Request) -> dict[str, str]:
    """The form as sent. Blank values count, Twilio signs them too."""
    body = (await request.body()).decode("utf-8", "replace")
    try:
        return dict(parse_qsl(body, keep_blank_values=True, max_num_fields=200))
    except ValueError:
        return {}


def _signed(shared: Door, request: Request, params: dict[str, str], signature: str) -> bool:
    query = f"?{request.url.query}" if request.url.query else ""
    address = shared.settings.public_url + request.url.path + query
    good = webhooks.valid(shared.settings.twilio_auth_token, address, params, signature)
    if not good:
        log.warning("webhook with a wrong signature", extra={"address": address})
    return good


_REFUSED = "The signature doesn't fit. Is PUBLIC_URL the address that Twilio calls?\n"


Params = Annotated[dict[str, str], Depends(form)]
Signature = Annotated[str, Header(alias="X-Twilio-Signature")]


@router.post("/inbound")
def inbound(
    request: Request, shared: AtDoor, conn: Connection, params: Params, signature: Signature = ""
) -> Response:
    """A customer's answer. The same message told twice is one answer."""
    if not _signed(shared, request, params, signature):
        return Response(_REFUSED, 403, media_type="text/plain")
    try:
        webhooks.inbound(conn, params, shared.clock.now())
    except CareError as error:
        conn.rollback()
        return Response(f"{error}\n", 400, media_type="text/plain")
    return Response(EMPTY, media_type="text/xml")


@router.post("/status")
def status(
    request: Request, shared: AtDoor, conn: Connection, params: Params, signature: Signature = ""
) -> Response:
    """What became of a message; late and repeated news change nothing."""
    if not _signed(shared, request, params, signature):
        return Response(_REFUSED, 403, media_type="text/plain")
    try:
        webhooks.status(conn, params, shared.clock.now())
    except CareError as error:
        conn.rollback()
        return Response(f"{error}\n", 400, media_type="text/plain")
    return Response(status_code=204)
