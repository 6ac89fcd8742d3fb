"""What an advisor does, over the REST interface: works the list, calls people, writes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from record.causes import cause_of

CALL = timedelta(minutes=10)
"""A call, and what is written down about it."""

ANSWER = (
    "Thank you for asking. It takes one to two hours, and the check costs nothing. Times: {link}"
)


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that an advisor did.

    Parameters
    ----------
    what
        ``booked``, ``declined``, ``not_reached``, ``sold``, ``wrong_number``, ``answered`` or
        ``left``: what the console would not take.
    """

    at: datetime
    customer_id: int
    what: str


PickUp = Callable[[int, str | None, datetime], str]
"""What a customer (key) says on the phone of a car (VIN): ``booked``, ``declined``, ``sold``,
``wrong_number``, or ``not_reached``."""


class Advisor:
    """One advisor at their desk, in the dealer's opening hours.

    Parameters
    ----------
    api_url, email, password
    picks_up
        See `PickUp`.
    calls_an_hour
        As many as one person can do beside everything else.
    """

    def __init__(
        self, api_url: str, email: str, password: str, picks_up: PickUp, calls_an_hour: int = 4
    ) -> None:
        self._http = httpx.Client(
            base_url=f"{api_url}/api/v1", timeout=20, transport=httpx.HTTPTransport(retries=7)
        )
        answer = self._http.post("/token", json={"email": email, "password": password})
        answer.raise_for_status()
        self._http.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        self._zone = ZoneInfo(self._http.get("/me").raise_for_status().json()["time_zone"])
        self._picks_up = picks_up
        self._calls_an_hour = calls_an_hour
        self._lately: list[datetime] = []

    def act(self, now: datetime) -> Deed | None:
        """Do the most important thing that can be done now, if any."""
        local = now.astimezone(self._zone)
        if local.isoweekday() > 5 or not 9 <= local.hour < 17:
            return None
        self._lately = [at for at in self._lately if at > now - timedelta(hours=1)]
        if len(self._lately) >= self._calls_an_hour:
            return None
        for task in self._tasks():
            if task["customer_id"] is not None:
                self._lately.append(now)
                return self._work(task, now)
        return None

    def _tasks(self) -> list[dict[str, Any]]:
        answer = self._http.get("/tasks", params={"limit": 100}).raise_for_status()
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    def _work(self, task: dict[str, Any], now: datetime) -> Deed:
        self._post(f"/tasks/{task['id']}/claim")
        customer = task["customer_id"]
        if task["kind"] == "reply":
            wrote = self._post(f"/customers/{customer}/messages", {"body": ANSWER})
            done = "Answered by text" if wrote else "Could not be written to"
            self._post(f"/tasks/{task['id']}/done", {"reason": done})
            return Deed(now, customer, "answered" if wrote else "left")
        said = self._picks_up(customer, task["vin"], now)
        what = {"result": said}
        if said == "booked":
            what["slot"] = self._slot(task)
        if said == "declined" or (said == "booked" and not what["slot"]):
            what = {"result": "declined", "reason": "not_now"}
        if self._post(f"/tasks/{task['id']}/outcome", what):
            return Deed(now, customer, what["result"])
        self._post(f"/tasks/{task['id']}/done", {"reason": f"Called: {said.replace('_', ' ')}"})
        return Deed(now, customer, "left")

    def _slot(self, task: dict[str, Any]) -> str:
        """The soonest time that the workshop has for it; empty where there is none."""
        if task["alert_id"] is None:
            return ""
        wish = {"op_code": cause_of(task["cause"]).op_code, "count": "1"}
        if task["expect_from"]:
            wish["before"] = task["expect_from"]
        slots = self._http.get("/slots", params=wish).raise_for_status().json()
        return str(slots[0]["key"]) if slots else ""

    def _post(self, path: str, body: dict[str, str] | None = None) -> bool:
        """False where the console says why it can't be done."""
        answer = self._http.post(path, json=body)
        if answer.status_code == 409:
            return False
        answer.raise_for_status()
        return True
