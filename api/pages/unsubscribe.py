"""The page behind a letter's unsubscribe link, and its one click (RFC 8058).

Nobody signs in and nothing needs JavaScript. Looking changes nothing, since mail scanners look; a
POST ends messages, whether a mail program's or the page's own button.
"""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from api import render, slot_texts
from api.door import AtDoor, Connection
from care import webhooks
from care.errors import CareError
from care.links import read_unsubscribe_token

router = APIRouter(include_in_schema=False)

TEXTS = {
    "en": {
        "title": "Unsubscribe",
        "ask": "Should we stop writing to this e-mail address?",
        "one": "Stop e-mails",
        "all": "Stop every message, on the phone too",
        "done": "Done",
        "told": "We won't write to this address any more.",
        "told_all": "We won't write to you any more, on any channel.",
        "broken": "This link is not complete. Please open it from the message.",
    },
    "zh": {
        "title": "退订",
        "ask": "停止向此邮箱发送邮件？",
        "one": "停止邮件",
        "all": "停止所有消息，包括短信",
        "done": "已完成",
        "told": "我们不会再向此邮箱发送邮件。",
        "told_all": "我们不会再通过任何渠道联系您。",
        "broken": "链接不完整，请从邮件中打开。",
    },
}


def _page(request: Request, status: int, title: str, body: str, ask: bool = False) -> Response:
    language = slot_texts.accepted(request.headers.get("accept-language", ""))
    texts = TEXTS.get(language, TEXTS["en"])
    response = render.plain(
        request,
        "unsubscribe.html",
        status,
        lang=language if language in TEXTS else "en",
        path=request.url.path,
        title=texts[title],
        body=texts[body],
        texts=texts,
        ask=ask,
    )
    response.headers["X-Robots-Tag"] = "noindex"
    return response


@router.get("/u/{token}")
def ask(request: Request, shared: AtDoor, token: str) -> Response:
    """Whether to stop, and how much."""
    try:
        read_unsubscribe_token(shared.settings.secret_key, token)
    except CareError:
        return _page(request, 404, "title", "broken")
    return _page(request, 200, "title", "ask", ask=True)


@router.post("/u/{token}")
def stop(
    request: Request,
    shared: AtDoor,
    conn: Connection,
    token: str,
    all_of_it: Annotated[str, Form(alias="all", max_length=8)] = "",
) -> Response:
    """Stop. A mail program sends ``List-Unsubscribe=One-Click``, the page its button."""
    try:
        outreach_id = read_unsubscribe_token(shared.settings.secret_key, token)
    except CareError:
        return _page(request, 404, "title", "broken")
    everything = all_of_it == "yes"
    if not webhooks.unsubscribe(conn, outreach_id, everything, shared.clock.now()):
        return _page(request, 404, "title", "broken")
    return _page(request, 200, "done", "told_all" if everything else "told")
