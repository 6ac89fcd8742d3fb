"""What every request passes first: its size, where it comes from, and what browsers are told.

Plain ASGI, since event streams must pass through unbuffered.
"""

import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from prometheus_client import Counter, Histogram
from starlette.responses import PlainTextResponse

from care.photo import MOST_BYTES

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY = 64 * 1024
"""No form, webhook or JSON that we take is larger; bytes."""

MAX_UPLOAD = MOST_BYTES + MAX_BODY
"""But a technician's photo."""

UPLOADS = re.compile(r"(/api/v1)?/repair-orders/[0-9]{1,18}/notes")

MAX_FILE = 5 * 1024 * 1024
"""But a file of customers; larger ones are read in by ``python -m care import``."""

FILES = frozenset({"/people/import"})

WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    b"content-security-policy": CONTENT_SECURITY_POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    # A slot page's address is its key; no other site may learn it.
    b"referrer-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=(), payment=()",
}

SECONDS = Histogram(
    "api_request_seconds",
    "Server time of requests",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1, 5),
)
REFUSED = Counter("api_requests_refused_total", "Requests refused before any page", ["why"])


def same_origin(method: str, headers: dict[bytes, bytes], origins: set[str]) -> bool:
    """Whether a request that changes something comes from our own pages.

    Browsers say it in ``Sec-Fetch-Site``, older ones in ``Origin``; a program that says neither is
    not a browser and carries nobody's cookies unknowingly. As Go's
    ``net/http.CrossOriginProtection`` does it.

    Parameters
    ----------
    method : str
    headers : dict of bytes to bytes
        Lower-case names.
    origins : set of str
        Ours, ``https://care.example``.
    """
    if method in ("GET", "HEAD", "OPTIONS"):
        return True
    site = headers.get(b"sec-fetch-site", b"").decode("latin-1")
    if site:
        return site in ("same-origin", "none")
    origin = headers.get(b"origin", b"").decode("latin-1")
    return not origin or origin in origins


class Guard:
    """Refuses what is too large or from elsewhere, adds headers, measures.

    Parameters
    ----------
    app : ASGI application
    public_url : str
    """

    def __init__(self, app: App, public_url: str) -> None:
        self._app = app
        parts = urlsplit(public_url)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._https = parts.scheme == "https"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        headers: dict[bytes, bytes] = dict(scope["headers"])
        status = 500

        async def headed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._add_headers(message, scope["path"], time.perf_counter() - started)
            await send(message)

        async def refuse(code: int, why: str, words: str) -> None:
            REFUSED.labels(why).inc()
            await PlainTextResponse(words + "\n", code)(scope, receive, headed)

        try:
            if not self._from_us(scope, headers):
                await refuse(403, "origin", "This was sent by another site, so nothing was done.")
                return
            path = scope["path"]
            most = (
                MAX_UPLOAD if UPLOADS.fullmatch(path) else MAX_FILE if path in FILES else MAX_BODY
            )
            body = await _read(receive, headers, most) if scope["method"] in WITH_BODY else b""
            if body is None:
                await refuse(413, "size", f"Too large: {most // 1024} KB at most.")
                return
            await self._app(scope, _replay(body, receive), headed)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            if route != "/live":
                SECONDS.labels(scope["method"], route, status).observe(
                    time.perf_counter() - started
                )

    def _from_us(self, scope: Scope, headers: dict[bytes, bytes]) -> bool:
        # The customer's pages and Twilio carry their own proof, and no cookie.
        if scope["path"].startswith(("/b/", "/r/", "/u/", "/twilio/")):
            return True
        host = headers.get(b"host", b"").decode("latin-1")
        ours = {self._origin, f"http://{host}", f"https://{host}"}
        return same_origin(scope["method"], headers, ours)

    def _add_headers(self, start: Message, path: str, seconds: float) -> None:
        extra = dict(HEADERS)
        if self._https:
            extra[b"strict-transport-security"] = b"max-age=31536000"
        extra[b"cache-control"] = b"no-cache" if path.startswith("/static/") else b"no-store"
        extra[b"server-timing"] = f"app;dur={seconds * 1000:.1f}".encode()
        present = {name.lower() for name, _ in start["headers"]}
        start["headers"] = [
            *start["headers"],
            *((name, value) for name, value in extra.items() if name not in present),
        ]


async def _read(receive: Receive, headers: dict[bytes, bytes], most: int) -> bytes | None:
    """The whole body, or None when it is too large; a lying Content-Length changes nothing."""
    said = headers.get(b"content-length", b"0")
    if said.isdigit() and int(said) > most:
        return None
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > most:
            return None
        if not message.get("more_body"):
            return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Hand the body over once, then whatever else comes: the client's leaving, for one."""
    handed = False

    async def next_message() -> Message:
        nonlocal handed
        if not handed:
            handed = True
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return next_message
