"""The HTTP surface: the Messages API, the control API for tests and demo, the phones as chats."""

from __future__ import annotations

import base64
import binascii
import hmac
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from simulators.twilio_standin.messages import API_VERSION, Account, ApiError, Message
from simulators.twilio_standin.network import Failure, FailureKind, Network

PAGE = Path(__file__).parent / "phones.html"

Form = list[tuple[str, str]]


async def _form(request: Request) -> Form:
    return parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)


class PhoneSettings(BaseModel):
    """What becomes of messages to a number; fields left out stay."""

    model_config = ConfigDict(extra="forbid")
    name: str | None = None
    outcome: Literal["delivered", "sent", "not_mobile"] | int | None = None
    delay_s: float | None = Field(None, ge=0)


class Text(BaseModel):
    """A message that a phone sends to one of our numbers."""

    model_config = ConfigDict(extra="forbid")
    to: str
    body: str
    media_urls: list[str] = []


class FailureSettings(BaseModel):
    """What the next `count` requests to create a message meet."""

    model_config = ConfigDict(extra="forbid")
    kind: FailureKind
    count: int = Field(1, ge=1)
    seconds: float = Field(30.0, ge=0)


class CallbackSettings(BaseModel):
    """How status callbacks behave; fields left out stay."""

    model_config = ConfigDict(extra="forbid")
    copies: int | None = Field(None, ge=0)
    reorder: bool | None = None
    paused: bool | None = None


class WebhookSettings(BaseModel):
    """Where inbound messages are posted."""

    model_config = ConfigDict(extra="forbid")
    url: str | None


def create_app(network: Network) -> FastAPI:
    """The stand-in's application around a running network."""
    app = FastAPI(title="Twilio stand-in", docs_url="/_standin/docs", redoc_url=None)

    @app.exception_handler(ApiError)
    async def refused(request: Request, error: ApiError) -> JSONResponse:
        headers = {"WWW-Authenticate": 'Basic realm="Twilio API"'} if error.status == 401 else None
        return JSONResponse(error.body(), error.status, headers)

    @app.get("/", response_class=HTMLResponse)
    def page() -> str:
        return PAGE.read_text(encoding="utf-8")

    app.include_router(_messages_api(network))
    app.include_router(_content_api(network))
    app.include_router(_control_api(network))

    @app.api_route("/{path:path}", methods=["GET", "POST", "DELETE", "PUT"])
    def nothing(path: str) -> None:
        raise ApiError(404, 20404, f"The requested resource /{path} was not found")

    return app


def _authenticate(request: Request, ours: Account) -> None:
    """Basic authentication with account SID and token.

    Raises
    ------
    ApiError
        20003 if they are wrong.
    """
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    try:
        user, _, token = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        user = token = ""
    right = hmac.compare_digest(token.encode(), ours.auth_token.encode()) and user == ours.sid
    if scheme.lower() != "basic" or not right:
        raise ApiError(401, 20003, "Authenticate")


class NewContent(BaseModel):
    """What the Content API takes."""

    friendly_name: str = ""
    language: str
    variables: dict[str, str] = {}
    types: dict[str, Any]


def _content_api(network: Network) -> APIRouter:
    """What answers at ``content.twilio.com``."""
    exchange = network.exchange

    def authenticated(request: Request) -> None:
        _authenticate(request, exchange.account)

    router = APIRouter(prefix="/v1/Content", dependencies=[Depends(authenticated)])

    @router.post("")
    def create(new: NewContent) -> JSONResponse:
        made = exchange.add_content(
            new.friendly_name, new.language, new.types, new.variables, network.now()
        )
        return JSONResponse(made.resource(exchange.account.sid), 201)

    @router.get("")
    def find() -> dict[str, Any]:
        found = [one.resource(exchange.account.sid) for one in exchange.contents.values()]
        url = "https://content.twilio.com/v1/Content?PageSize=50&Page=0"
        meta = {"page": 0, "page_size": 50, "first_page_url": url, "previous_page_url": None,
                "url": url, "next_page_url": None, "key": "contents"}  # fmt: skip
        return {"meta": meta, "contents": found}

    @router.get("/{sid}")
    def fetch(sid: str) -> dict[str, Any]:
        return exchange.content(sid).resource(exchange.account.sid)

    @router.delete("/{sid}")
    def delete(sid: str) -> Response:
        exchange.content(sid)
        del exchange.contents[sid]
        return Response(status_code=204)

    @router.post("/{sid}/ApprovalRequests/whatsapp")
    def submit(sid: str) -> JSONResponse:
        """Here Meta approves at once."""
        exchange.content(sid).approval = "approved"
        return JSONResponse({"name": sid.lower(), "category": "UTILITY", "status": "received"}, 201)

    @router.get("/{sid}/ApprovalRequests")
    def approval(sid: str) -> dict[str, Any]:
        whatsapp = {"type": "whatsapp", "status": exchange.content(sid).approval}
        return {"sid": sid, "account_sid": exchange.account.sid, "whatsapp": whatsapp}

    return router


def _messages_api(network: Network) -> APIRouter:
    exchange = network.exchange

    def authenticated(request: Request, account: str) -> None:
        """Account SID and token, and only one's own account."""
        _authenticate(request, exchange.account)
        ours = exchange.account
        if account != ours.sid:
            path = f"/{API_VERSION}/Accounts/{account}/Messages.json"
            raise ApiError(404, 20404, f"The requested resource {path} was not found")

    router = APIRouter(
        prefix=f"/{API_VERSION}/Accounts/{{account}}", dependencies=[Depends(authenticated)]
    )

    @router.post("/Messages.json")
    def create(form: Annotated[Form, Depends(_form)]) -> JSONResponse:
        failure = network.take_failure()
        if failure is not None and failure.kind == "500":
            raise ApiError(500, 20500, "Internal Server Error")
        if failure is not None and failure.kind == "429":
            raise ApiError(429, 20429, "Too Many Requests")
        if failure is not None and failure.kind == "slow":
            network.closing.wait(failure.seconds)
        message = exchange.create(form, network.now())
        network.accept(message)
        if failure is not None and failure.kind == "accept_then_timeout":
            network.closing.wait(failure.seconds)
        if failure is not None and failure.kind.startswith("accept_then"):
            raise ApiError(500, 20500, "Internal Server Error")
        return JSONResponse(message.resource(), 201)

    @router.get("/Messages.json")
    def find(request: Request) -> dict[str, Any]:
        query = request.query_params
        found = exchange.find(
            to=query.get("To"),
            sender=query.get("From"),
            sent_on=query.get("DateSent"),
            sent_before=query.get("DateSent<"),
            sent_after=query.get("DateSent>"),
        )
        return _page(request, found)

    @router.get("/Messages/{sid}.json")
    def fetch(sid: str) -> dict[str, Any]:
        return exchange.fetch(sid).resource()

    @router.post("/Messages/{sid}.json")
    def update(sid: str, form: Annotated[Form, Depends(_form)]) -> dict[str, Any]:
        return exchange.update(sid, dict(form), network.now()).resource()

    @router.delete("/Messages/{sid}.json")
    def delete(sid: str) -> Response:
        exchange.delete(sid)
        return Response(status_code=204)

    return router


def _page(request: Request, found: list[Message]) -> dict[str, Any]:
    """One page of a list, as the 2010 API lays it out; the page token is the last SID seen."""
    query = dict(request.query_params)
    try:
        size = min(max(int(query.get("PageSize", "50")), 1), 1000)
        number = max(int(query.get("Page", "0")), 0)
    except ValueError:
        raise ApiError(400, 20001, "Page and PageSize are whole numbers") from None
    token = query.get("PageToken")
    # the token, not the page number, says where to go on: messages may have come in meanwhile
    seen = next((i for i, one in enumerate(found) if f"PA{one.sid}" == token), None)
    start = number * size if seen is None else seen + 1
    shown = found[start : start + size]

    def uri(page: int, page_token: str | None) -> str:
        kept = {k: v for k, v in query.items() if k not in {"Page", "PageSize", "PageToken"}}
        kept |= {"PageSize": str(size), "Page": str(page)}
        if page_token:
            kept["PageToken"] = page_token
        return f"{request.url.path}?{urlencode(kept)}"

    more = start + size < len(found)
    return {
        "end": start + len(shown) - 1 if shown else 0,
        "first_page_uri": uri(0, None),
        "messages": [message.resource() for message in shown],
        "next_page_uri": uri(number + 1, f"PA{shown[-1].sid}") if more else None,
        "page": number,
        "page_size": size,
        "previous_page_uri": uri(number - 1, None) if number else None,
        "start": start,
        "uri": f"{request.url.path}?{urlencode(query)}" if query else request.url.path,
    }


def _control_api(network: Network) -> APIRouter:
    """What no Twilio has: tests and the demo look behind the scenes and cause trouble."""
    router = APIRouter(prefix="/_standin", tags=["control"])
    exchange = network.exchange

    @router.get("/health")
    def health() -> dict[str, Any]:
        return {"messages": len(exchange.all()), "webhook_url": network.webhook_url}

    @router.get("/phones")
    def phones() -> list[dict[str, Any]]:
        with exchange.lock:
            return [
                {
                    "number": phone.number,
                    "name": phone.name,
                    "outcome": phone.outcome,
                    "count": len(phone.chat),
                    "last": phone.chat[-1] if phone.chat else None,
                }
                for phone in exchange.phones.values()
            ]

    @router.put("/phones/{number}")
    def set_phone(number: str, settings: PhoneSettings) -> dict[str, Any]:
        with exchange.lock:
            phone = exchange.phone(number)
            for name in settings.model_fields_set:
                setattr(phone, name, getattr(settings, name))
            return {"number": number, "name": phone.name, "outcome": phone.outcome}

    @router.get("/phones/{number}/chat")
    def chat(number: str, after: int = 0) -> list[dict[str, Any]]:
        with exchange.lock:
            return exchange.phone(number).chat[after:]

    @router.post("/phones/{number}/send")
    def send(number: str, text: Text) -> dict[str, Any]:
        return network.text(number, text.to, text.body, tuple(text.media_urls))

    @router.get("/messages")
    def messages() -> list[dict[str, Any]]:
        return [message.resource() for message in exchange.all()]

    @router.get("/deliveries")
    def deliveries() -> list[dict[str, Any]]:
        return [
            {
                "at": one.at,
                "url": one.url,
                "params": one.params,
                "status": one.status,
                "error": one.error,
            }
            for one in list(network.deliveries)
        ]

    @router.post("/failures")
    def add_failure(settings: FailureSettings) -> dict[str, Any]:
        network.failures.append(Failure(settings.kind, settings.count, settings.seconds))
        return {"pending": len(network.failures)}

    @router.delete("/failures")
    def clear_failures() -> dict[str, Any]:
        network.failures.clear()
        return {"pending": 0}

    @router.put("/callbacks")
    def set_callbacks(settings: CallbackSettings) -> dict[str, Any]:
        if settings.copies is not None:
            network.callbacks.copies = settings.copies
        if settings.reorder is not None:
            network.callbacks.reorder = settings.reorder
        if settings.paused is not None:
            network.hold_callbacks(settings.paused)
        now = network.callbacks
        return {"copies": now.copies, "reorder": now.reorder, "paused": now.paused}

    @router.put("/webhook")
    def set_webhook(settings: WebhookSettings) -> dict[str, Any]:
        network.webhook_url = settings.url
        return {"url": network.webhook_url}

    @router.post("/idle")
    def idle(timeout_s: float = 10) -> dict[str, bool]:
        return {"idle": network.wait_idle(timeout_s)}

    @router.post("/reset")
    def reset() -> dict[str, bool]:
        exchange.reset()
        network.failures.clear()
        network.deliveries.clear()
        return {"ok": True}

    return router
