"""WeCom (企业微信): messages to customers that a member of staff must confirm, and staff chats.

From its documentation (developer.work.weixin.qq.com: 客户联系 › 消息推送, 应用推送消息 › 群聊):

- ``gettoken`` gives a token for two hours, to be kept; one that was withdrawn is asked for anew.
- ``externalcontact/add_msg_template`` does not send: it puts a task before the member of staff, who
  confirms it in the app. Until then its status is 0.
- A company's messages reach one customer at most four times in a calendar month.
- ``get_groupmsg_send_result`` says what became of it: 0 not sent, 1 sent, 2 failed since the
  customer is no contact of the member, 3 failed since there were other messages (the cap).
- ``appchat/create`` makes a chat of members of staff under an id of our choice, so that making it
  twice is harmless; ``appchat/send`` writes there.
"""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import httpx
import msgspec

from care.channels.contract import Kept, Later, Lost, Message, News, Refused, Sent

API = "https://qyapi.weixin.qq.com"

PREFIX = "wecom:"
"""Before a customer's external_userid it makes an address."""

MONTHLY = 4
"""Messages to one customer in a calendar month."""

ZONE = ZoneInfo("Asia/Shanghai")
"""Whose calendar month it is."""

NO_CONTACT, CAP = 2, 3
"""Statuses of ``get_groupmsg_send_result``, kept as error codes."""

_STATUS = {
    0: News("awaiting_staff"),
    1: News("delivered"),
    NO_CONTACT: News("undelivered", NO_CONTACT),
    CAP: News("undelivered", CAP),
}

_TOKEN_GONE = frozenset({40001, 40014, 42001})
_BUSY = frozenset({45009, 45033})
_BROKEN = -1
"""WeCom calls it "system busy" and says to try again, not that nothing was done."""
_SETTINGS = frozenset({40013, 40056, 41004, 48002, 60011, 60020, 81013, 84061})
"""Corp id, secret, permission, trusted address, member: our settings are wrong, not the message."""

_CHAT_THERE = 86215  # appchat: this chatid exists

PAGES = 100
"""How many pages of a list are read; beyond, nobody can say that something isn't there."""

_DAMAGED = (httpx.HTTPError, msgspec.MsgspecError, ValueError, RecursionError)
"""What reading an answer may raise, whatever came."""


class _Words(msgspec.Struct):
    content: str = ""


class _Result(msgspec.Struct):
    """What became of a message to one customer."""

    external_userid: str
    status: int = 0


class _Task(msgspec.Struct):
    """A message that was put before a member of staff."""

    msgid: str
    create_time: int = 0
    text: _Words | None = None


class _Answer(msgspec.Struct):
    """All that we read of any answer; one that has it otherwise is no answer."""

    errcode: int = 0
    errmsg: str = ""
    access_token: str = ""
    expires_in: int = 7200
    msgid: str = ""
    fail_list: list[str] | None = None
    next_cursor: str | None = None
    send_list: list[_Result] | None = None
    group_msg_list: list[_Task] | None = None


T = TypeVar("T")


class _Failed(Exception):  # noqa: N818  caught in this file
    """WeCom was asked, or wasn't, and what that means."""

    def __init__(self, outcome: Later | Refused, code: int = 0) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome
        self.code = code


class Wecom:
    """Messages to customers through WeCom.

    Parameters
    ----------
    corp_id, secret : str
        Of the application that may use customer contact.
    api_url : str
        Where a stand-in answers; empty for WeCom itself.
    timeout_s : float
        No request lasts longer.
    monotonic : callable
        Seconds that never go back.
    """

    longest = 1300  # 4,000 bytes of text, at three for a Chinese character
    media = False
    tells = True

    def __init__(
        self,
        corp_id: str,
        secret: str,
        api_url: str = "",
        timeout_s: float = 10.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._corp_id = corp_id
        self._secret = secret
        self._api_url = api_url or API
        self._timeout_s = timeout_s
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._token = ""
        self._good_until = 0.0

    def send(self, message: Message) -> Sent | Later | Refused:
        """Put a message before the member of staff who is to send it."""
        if not message.sender:
            return Refused(0, "No member of staff with a WeCom account looks after the customer.")
        who = message.to_phone.removeprefix(PREFIX)
        try:
            got = self._call(
                "externalcontact/add_msg_template",
                {
                    "chat_type": "single",
                    "external_userid": [who],
                    "sender": message.sender,
                    "text": {"content": message.body},
                },
            )
        except _Failed as failed:
            return failed.outcome
        if who in (got.fail_list or []):
            return Refused(NO_CONTACT, "The customer is no WeCom contact of the advisor.")
        if not got.msgid:
            return Later("WeCom gave no id.", unsure=True)
        return Sent(got.msgid, note=f"It waits for {message.sender} to confirm it in WeCom.")

    def look(self, message: Message) -> Sequence[Kept] | Later | Lost:
        """What WeCom has for the customer, newest first, from around the time of the attempt."""
        who = message.to_phone.removeprefix(PREFIX)
        at = message.sending_at
        if at is None:
            return Lost("Nobody knows when it was sent.")
        kept: list[tuple[int, Kept]] = []
        try:
            for task in self._pages(
                "externalcontact/get_groupmsg_list_v2",
                {
                    "chat_type": "single",
                    "start_time": int((at - timedelta(minutes=5)).timestamp()),
                    "end_time": int((at + timedelta(hours=1)).timestamp()),
                },
                lambda got: got.group_msg_list,
            ):
                body = task.text.content if task.text else ""
                if body == message.body and any(
                    one.external_userid == who for one in self._results(task.msgid, message.sender)
                ):
                    kept.append((task.create_time, Kept(task.msgid, body)))
        except _Failed as failed:
            return Later(failed.outcome.reason, unsure=True)
        return [one for _, one in sorted(kept, key=lambda pair: pair[0], reverse=True)]

    def news(self, message: Message, sid: str) -> News | Later:
        """Whether the member confirmed it, and what came of it."""
        who = message.to_phone.removeprefix(PREFIX)
        try:
            for one in self._results(sid, message.sender):
                if one.external_userid == who:
                    return _STATUS.get(one.status, _STATUS[0])
        except _Failed as failed:
            return Later(failed.outcome.reason, unsure=False)
        return _STATUS[0]

    def make_chat(self, chat_id: str, name: str, members: Sequence[str]) -> Later | Refused | None:
        """Make a chat of staff; harmless when it is there. None when all is well."""
        wanted = {"chatid": chat_id, "name": name, "owner": members[0], "userlist": list(members)}
        try:
            self._call("appchat/create", wanted)
        except _Failed as failed:
            return None if failed.code == _CHAT_THERE else failed.outcome
        return None

    def write_to_chat(self, chat_id: str, body: str) -> Later | Refused | None:
        """Write into a chat of staff. None when all is well."""
        try:
            self._call(
                "appchat/send", {"chatid": chat_id, "msgtype": "text", "text": {"content": body}}
            )
        except _Failed as failed:
            return failed.outcome
        return None

    def _results(self, sid: str, member: str) -> list[_Result]:
        path, asked = "externalcontact/get_groupmsg_send_result", {"msgid": sid, "userid": member}
        return self._pages(path, asked, lambda got: got.send_list)

    def _pages(
        self, path: str, asked: dict[str, Any], rows: Callable[[_Answer], list[T] | None]
    ) -> list[T]:
        found: list[T] = []
        cursor = ""
        for _ in range(PAGES):
            got = self._call(path, {**asked, "limit": 100, "cursor": cursor})
            found += rows(got) or []
            cursor = got.next_cursor or ""
            if not cursor:
                return found
        raise _Failed(Later("WeCom's list has no end.", unsure=True))

    def _call(self, path: str, body: dict[str, Any]) -> _Answer:
        got = self._post(path, body, self._fresh_token())
        if got.errcode in _TOKEN_GONE:  # refused before anything was done
            with self._lock:
                self._good_until = 0.0
            got = self._post(path, body, self._fresh_token())
        if got.errcode:
            raise _Failed(meaning(got.errcode, got.errmsg), got.errcode)
        return got

    def _fresh_token(self) -> str:
        with self._lock:
            if self._monotonic() < self._good_until:
                return self._token
            got = self._request(
                "GET", "gettoken", {"corpid": self._corp_id, "corpsecret": self._secret}, None
            )
            if got.errcode in _BUSY or got.errcode == _BROKEN:
                raise _Failed(Later(meaning(got.errcode, "").reason, False, 60), got.errcode)
            if got.errcode or not got.access_token:
                words = f"WeCom doesn't accept our settings: {short(got.errmsg)} ({got.errcode})."
                raise _Failed(Later(words, False, 60), got.errcode)
            self._token = got.access_token
            self._good_until = self._monotonic() + max(0, got.expires_in - 300)
            return self._token

    def _post(self, path: str, body: dict[str, Any], token: str) -> _Answer:
        return self._request("POST", path, {"access_token": token}, body)

    def _request(
        self, method: str, path: str, query: dict[str, str], body: dict[str, Any] | None
    ) -> _Answer:
        url = f"{self._api_url}/cgi-bin/{path}"
        asking = path == "gettoken"
        try:
            got = httpx.request(method, url, params=query, json=body, timeout=self._timeout_s)
            if got.status_code == 429 or got.status_code >= 500:
                unsure = got.status_code >= 500 and not asking
                raise _Failed(Later(f"WeCom had an error ({got.status_code}).", unsure))
            return msgspec.json.decode(got.content, type=_Answer)
        except (httpx.ConnectTimeout, httpx.ConnectError):
            raise _Failed(Later("WeCom could not be reached.", unsure=False)) from None
        except _DAMAGED as error:
            # the address holds the token: never into a log
            words = f"WeCom gave no clear answer ({type(error).__name__})."
            raise _Failed(Later(words, unsure=not asking)) from None


def meaning(code: int, words: str) -> Later | Refused:
    """What an error code of WeCom means for the message.

    Examples
    --------
    >>> meaning(45009, "api freq out of limit").unsure
    False
    >>> meaning(41048, "no customer to send")
    Refused(code=41048, reason='WeCom refused it: no customer to send (41048).')
    """
    if code == _BROKEN:
        return Later(f"WeCom had an error ({code}).", unsure=True)
    words = short(words)
    if code in _BUSY:
        return Later(f"WeCom asks for a slower pace ({code}).", unsure=False, after_s=60)
    if code in _SETTINGS or code in _TOKEN_GONE:
        return Later(f"WeCom doesn't accept our settings: {words} ({code}).", False, 60)
    return Refused(code, f"WeCom refused it: {words} ({code}).")


def short(words: str) -> str:
    """What a provider says, fit for a line of the log and of a page."""
    return " ".join(words.split())[:200]
