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

TRIES = 3
"""Who did not pick up on so many days is left in peace."""

ANSWER = (
    "Thank you for asking. It takes one to two hours, and the check costs nothing. Times: {link}"
)


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that an advisor did.

    Parameters
    ----------
    what
        ``booked``, ``declined``, ``not reached``, ``gave up``, ``answered`` or ``left`` (a
        question that could not be answered by text).
    """

    at: datetime
    customer_id: int
    what: str


PickUp = Callable[[int, str | None, datetime], str]
"""What a customer (key) says on the phone of a car (VIN): ``books``, ``declines``, ``silence``."""


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
        self._tries: dict[int, list[datetime]] = {}
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
            tries = self._tries.get(task["id"], [])
            if task["customer_id"] is None or any(
                at.astimezone(self._zone).date() == local.date() for at in tries
            ):
                continue
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
        tries = self._tries.setdefault(task["id"], [])
        tries.append(now)
        if task["kind"] == "reply":
            wrote = self._http.post(f"/customers/{customer}/messages", json={"body": ANSWER})
            done = "Answered by text" if wrote.is_success else "Could not be written to"
            self._post(f"/tasks/{task['id']}/done", {"reason": done})
            return Deed(now, customer, "answered" if wrote.is_success else "left")
        said = self._picks_up(customer, task["vin"], now)
        if said == "books" and task["alert_id"] is not None and self._books(task):
            return Deed(now, customer, "booked")
        if said != "silence":
            self._post(f"/tasks/{task['id']}/done", {"reason": "Called: no appointment wanted"})
            return Deed(now, customer, "declined")
        if len(tries) >= TRIES:
            self._post(f"/tasks/{task['id']}/done", {"reason": f"Not reached on {TRIES} days"})
            return Deed(now, customer, "gave up")
        return Deed(now, customer, "not reached")

    def _books(self, task: dict[str, Any]) -> bool:
        """Book the soonest time that the workshop has; its task ends with that."""
        op_code = cause_of(task["cause"]).op_code
        wish = {"op_code": op_code, "count": "1"}
        if task["expect_from"]:
            wish["before"] = task["expect_from"]
        slots = self._http.get("/slots", params=wish).raise_for_status().json()
        if not slots:
            return False
        booked = self._http.post(
            "/bookings",
            json={
                "vehicle_id": task["vehicle_id"],
                "slot": slots[0]["key"],
                "op_code": op_code,
                "alert_id": task["alert_id"],
            },
        )
        return booked.is_success

    def _post(self, path: str, body: dict[str, str] | None = None) -> None:
        answer = self._http.post(path, json=body)
        if answer.status_code != 409:  # somebody else was faster
            answer.raise_for_status()
