"""A stand-in for WeCom's HTTP API: customer messages that staff confirm, and staff chats.

Written from its documentation (客户联系 › 消息推送, 应用推送消息 › 群聊). It keeps tokens and their
end, puts messages before a member of staff who confirms or doesn't, counts four messages a calendar
month for each customer, and refuses as the error dictionary says. `RunningWecom` runs it in a
thread; its attributes are for tests to look at and to cause trouble with.
"""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self
from zoneinfo import ZoneInfo

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from record.clock import wall

MONTHLY = 4
ZONE = ZoneInfo("Asia/Shanghai")
TOKEN_S = 7200


@dataclass(slots=True)
class Task:
    """A message that a member of staff is asked to send."""

    msgid: str
    sender: str
    to: list[str]
    content: str
    at: datetime
    created: float  # by the wall
    status: dict[str, int]  # by customer: 0 waits, 1 sent, 2 no contact, 3 over the cap


@dataclass(slots=True)
class Wecom:
    """What WeCom remembers.

    Parameters
    ----------
    contacts
        Member of staff to the customers who have added them.
    now
        The clock of the calendar month.
    """

    contacts: dict[str, set[str]]
    now: Callable[[], datetime] = wall
    corp_id: str = "ww0123456789abcdef"
    secret: str = "a secret of WeCom's length"  # noqa: S105  (opens nothing but the stand-in)
    tasks: dict[str, Task] = field(default_factory=dict)
    chats: dict[str, dict[str, Any]] = field(default_factory=dict)
    said: list[tuple[str, str]] = field(default_factory=list)  # chat and words
    tokens_given: int = 0
    failures: list[str] = field(default_factory=list)  # of the next requests to send
    lock: threading.RLock = field(default_factory=threading.RLock)
    _good_until: dict[str, float] = field(default_factory=dict)
    _count: Any = field(default_factory=itertools.count)

    def revoke_tokens(self) -> None:
        """As if somebody had asked for another token elsewhere."""
        with self.lock:
            self._good_until.clear()

    def confirm(self, msgid: str) -> None:
        """The member of staff taps "send"."""
        with self.lock:
            task = self.tasks[msgid]
            for who, status in task.status.items():
                if status == 0:
                    over = self._received(who)[self.now().astimezone(ZONE).strftime("%Y-%m")]
                    task.status[who] = 3 if over >= MONTHLY else 1
                    task.at = self.now()

    def _received(self, who: str) -> Counter[str]:
        """How many messages a customer got, by month."""
        return Counter(
            task.at.astimezone(ZONE).strftime("%Y-%m")
            for task in self.tasks.values()
            if task.status.get(who) == 1
        )

    def token(self, corp_id: str, secret: str) -> dict[str, Any]:
        """``gettoken``."""
        if corp_id != self.corp_id:
            return _error(40013, "invalid corpid")
        if secret != self.secret:
            return _error(40001, "invalid credential")
        with self.lock:
            self.tokens_given += 1
            token = f"token{next(self._count)}"
            self._good_until[token] = time.monotonic() + TOKEN_S
            return {**_error(0, "ok"), "access_token": token, "expires_in": TOKEN_S}

    def refusal(self, token: str) -> dict[str, Any] | None:
        """What is wrong with a token."""
        if not token:
            return _error(41001, "access_token missing")
        good = self._good_until.get(token)
        if good is None:
            return _error(40014, "invalid access_token")
        return _error(42001, "access_token expired") if good < time.monotonic() else None

    def add_msg_template(self, body: dict[str, Any]) -> dict[str, Any]:
        """Put a message before a member of staff."""
        content = (body.get("text") or {}).get("content", "")
        if not content and not body.get("attachments"):
            return _error(40058, "text and attachments can't both be empty")
        if len(content.encode()) > 4000:
            return _error(40058, "text.content exceed max length 4000")
        sender = body.get("sender", "")
        if sender not in self.contacts:
            return _error(84061, "not external contact") if sender else _error(40058, "no sender")
        with self.lock:
            good = [w for w in body.get("external_userid", []) if w in self.contacts[sender]]
            bad = [w for w in body.get("external_userid", []) if w not in self.contacts[sender]]
            if not good:
                return {**_error(0, "ok"), "fail_list": bad, "msgid": ""}
            msgid = f"msgGCAAAX{next(self._count):08d}"
            self.tasks[msgid] = Task(
                msgid, sender, good, content, self.now(), time.time(), dict.fromkeys(good, 0)
            )
            return {**_error(0, "ok"), "fail_list": bad, "msgid": msgid}

    def send_result(self, body: dict[str, Any]) -> dict[str, Any]:
        """``get_groupmsg_send_result``."""
        task = self.tasks.get(body.get("msgid", ""))
        if task is None or task.sender != body.get("userid"):
            return _error(40058, "invalid msgid or userid")
        rows = [
            {"external_userid": who, "userid": task.sender, "status": status}
            | ({"send_time": int(task.at.timestamp())} if status == 1 else {})
            for who, status in task.status.items()
        ]
        return {**_error(0, "ok"), "next_cursor": "", "send_list": rows}

    def list_messages(self, body: dict[str, Any]) -> dict[str, Any]:
        """``get_groupmsg_list_v2``; a page has as many as the limit says."""
        begins, ends = body.get("start_time", 0), body.get("end_time", 0)
        found = [t for t in self.tasks.values() if begins <= int(t.created) <= ends]
        start, limit = int(body.get("cursor") or 0), min(int(body.get("limit") or 50), 100)
        rows = [
            {
                "msgid": task.msgid,
                "creator": "api",
                "create_time": int(task.created),
                "create_type": 0,
                "text": {"content": task.content},
            }
            for task in found[start : start + limit]
        ]
        more = str(start + limit) if start + limit < len(found) else ""
        return {**_error(0, "ok"), "next_cursor": more, "group_msg_list": rows}

    def create_chat(self, body: dict[str, Any]) -> dict[str, Any]:
        """``appchat/create``: two to two thousand members of staff."""
        members = body.get("userlist") or []
        if not 2 <= len(members) <= 2000:
            return _error(86216, "userlist must have 2 to 2000 members")
        if any(one not in self.contacts for one in members):
            return _error(86217, "userlist has an invalid member")
        with self.lock:
            chat_id = body.get("chatid") or f"chat{next(self._count)}"
            if chat_id in self.chats:
                return _error(86215, "chatid exists")
            self.chats[chat_id] = body
            return {**_error(0, "ok"), "chatid": chat_id}

    def write_to_chat(self, body: dict[str, Any]) -> dict[str, Any]:
        """``appchat/send``."""
        if body.get("chatid") not in self.chats:
            return _error(86003, "chat id is invalid")
        self.said.append((body["chatid"], (body.get("text") or {}).get("content", "")))
        return _error(0, "ok")


def _error(code: int, words: str) -> dict[str, Any]:
    return {"errcode": code, "errmsg": words}


def create_app(wecom: Wecom) -> FastAPI:
    """The HTTP surface under ``/cgi-bin``."""
    app = FastAPI(title="WeCom stand-in", docs_url=None, redoc_url=None)
    calls: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
        "externalcontact/add_msg_template": wecom.add_msg_template,
        "externalcontact/get_groupmsg_send_result": wecom.send_result,
        "externalcontact/get_groupmsg_list_v2": wecom.list_messages,
        "appchat/create": wecom.create_chat,
        "appchat/send": wecom.write_to_chat,
    }

    @app.get("/cgi-bin/gettoken")
    def gettoken(corpid: str = "", corpsecret: str = "") -> dict[str, Any]:
        return wecom.token(corpid, corpsecret)

    @app.post("/cgi-bin/{path:path}")
    async def call(path: str, request: Request) -> JSONResponse:
        refused = wecom.refusal(request.query_params.get("access_token", ""))
        if refused is not None:
            return JSONResponse(refused)
        failure = wecom.failures.pop(0) if wecom.failures else ""
        if failure == "500":
            return JSONResponse({}, 500)
        if failure == "busy":
            return JSONResponse(_error(45009, "reach max api daily quota limit"))
        if path not in calls:
            return JSONResponse(_error(44004, "no such interface"))
        answer = calls[path](await request.json())
        return JSONResponse({} if failure == "accept_then_500" else answer,
                            500 if failure == "accept_then_500" else 200)  # fmt: skip

    return app


class RunningWecom:
    """The stand-in on a free port of this machine, for the length of a ``with`` block."""

    def __init__(self, wecom: Wecom) -> None:
        self.wecom = wecom
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._server = uvicorn.Server(
            uvicorn.Config(create_app(wecom), log_level="warning", timeout_graceful_shutdown=1)
        )
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        deadline = time.monotonic() + 10
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise RuntimeError("the WeCom stand-in did not start")
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._socket.close()
