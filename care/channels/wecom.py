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
from typing import Any
from zoneinfo import ZoneInfo

import httpx

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
_BUSY = frozenset({-1, 45009, 45033})
_SETTINGS = frozenset({40013, 40056, 41004, 48002, 60011, 60020, 81013, 84061})
"""Corp id, secret, permission, trusted address, member: our settings are wrong, not the message."""

_CHAT_THERE = 86215  # appchat: this chatid exists


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
        if who in (got.get("fail_list") or []):
            return Refused(NO_CONTACT, "The customer is no WeCom contact of the advisor.")
        if not got.get("msgid"):
            return Later("WeCom gave no id.", unsure=True)
        return Sent(
            str(got["msgid"]), note=f"It waits for {message.sender} to confirm it in WeCom."
        )

    def look(self, message: Message) -> Sequence[Kept] | Later | Lost:
        """What WeCom has for the customer, newest first, from around the time of the attempt."""
        who = message.to_phone.removeprefix(PREFIX)
        at = message.sending_at
        if at is None:
            return Lost("Nobody knows when it was sent.")
        kept: list[tuple[int, Kept]] = []
        try:
            for one in self._pages(
                "externalcontact/get_groupmsg_list_v2",
                {
                    "chat_type": "single",
                    "start_time": int((at - timedelta(minutes=5)).timestamp()),
                    "end_time": int((at + timedelta(days=1)).timestamp()),
                },
                "group_msg_list",
            ):
                body = str((one.get("text") or {}).get("content", ""))
                if body != message.body:
                    continue
                sid = str(one["msgid"])
                if any(r["external_userid"] == who for r in self._results(sid, message.sender)):
                    kept.append((int(one.get("create_time", 0)), Kept(sid, body)))
        except _Failed as failed:
            return Later(failed.outcome.reason, unsure=True)
        return [one for _, one in sorted(kept, key=lambda pair: pair[0], reverse=True)]

    def news(self, message: Message, sid: str) -> News | Later:
        """Whether the member confirmed it, and what came of it."""
        who = message.to_phone.removeprefix(PREFIX)
        try:
            for one in self._results(sid, message.sender):
                if one.get("external_userid") == who:
                    return _STATUS.get(int(one.get("status", 0)), _STATUS[0])
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

    def _results(self, sid: str, member: str) -> list[dict[str, Any]]:
        path, asked = "externalcontact/get_groupmsg_send_result", {"msgid": sid, "userid": member}
        return self._pages(path, asked, "send_list")

    def _pages(self, path: str, asked: dict[str, Any], rows: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor = ""
        for _ in range(20):
            got = self._call(path, {**asked, "limit": 100, "cursor": cursor})
            found += got.get(rows) or []
            cursor = str(got.get("next_cursor") or "")
            if not cursor:
                break
        return found

    def _call(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        got = self._post(path, body, self._fresh_token())
        if got.get("errcode") in _TOKEN_GONE:  # refused before anything was done
            with self._lock:
                self._good_until = 0.0
            got = self._post(path, body, self._fresh_token())
        code = int(got.get("errcode", 0))
        if code:
            raise _Failed(meaning(code, str(got.get("errmsg", ""))), code)
        return got

    def _fresh_token(self) -> str:
        with self._lock:
            if self._monotonic() < self._good_until:
                return self._token
            got = self._request(
                "GET", "gettoken", {"corpid": self._corp_id, "corpsecret": self._secret}, None
            )
            code = int(got.get("errcode", 0))
            if code or not got.get("access_token"):
                words = str(got.get("errmsg", ""))
                raise _Failed(Later(f"WeCom doesn't accept our settings: {words}", False, 60), code)
            self._token = str(got["access_token"])
            self._good_until = self._monotonic() + max(0, int(got.get("expires_in", 7200)) - 300)
            return self._token

    def _post(self, path: str, body: dict[str, Any], token: str) -> dict[str, Any]:
        return self._request("POST", path, {"access_token": token}, body)

    def _request(
        self, method: str, path: str, query: dict[str, str], body: dict[str, Any] | None
    ) -> dict[str, Any]:
        url = f"{self._api_url}/cgi-bin/{path}"
        asking = path == "gettoken"
        try:
            got = httpx.request(method, url, params=query, json=body, timeout=self._timeout_s)
            if got.status_code == 429 or got.status_code >= 500:
                unsure = got.status_code >= 500 and not asking
                raise _Failed(Later(f"WeCom had an error ({got.status_code}).", unsure))
            answer = got.json()
            if not isinstance(answer, dict):
                raise ValueError("not an object")
        except (httpx.ConnectTimeout, httpx.ConnectError):
            raise _Failed(Later("WeCom could not be reached.", unsure=False)) from None
        except (httpx.HTTPError, ValueError) as error:
            # the address holds the token: never into a log
            words = f"WeCom gave no clear answer ({type(error).__name__})."
            raise _Failed(Later(words, unsure=not asking)) from None
        return answer


def meaning(code: int, words: str) -> Later | Refused:
    """What an error code of WeCom means for the message.

    Examples
    --------
    >>> meaning(45009, "api freq out of limit").unsure
    False
    >>> meaning(41048, "no customer to send")
    Refused(code=41048, reason='WeCom refused it: no customer to send (41048).')
    """
    if code in _BUSY:
        return Later(f"WeCom asks for a slower pace ({code}).", unsure=False, after_s=60)
    if code in _SETTINGS or code in _TOKEN_GONE:
        return Later(f"WeCom doesn't accept our settings: {words} ({code}).", False, 60)
    return Refused(code, f"WeCom refused it: {words} ({code}).")
