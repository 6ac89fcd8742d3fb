"""What the workshop does, over the REST interface: receives cars, works, writes what it found."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx

PAPERWORK = timedelta(minutes=5)
LATE = timedelta(minutes=30)
"""Who hasn't come by then isn't coming."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a technician writes down: cause, correction, and whether the fault was there."""

    cause: str
    correction: str
    finding: str  # confirmed | no_fault_found


Technician = Callable[[str, str | None], Found]
"""Looks at the car (VIN) for the cause that the alert names, and repairs it."""


class Workshop:
    """A dealer's workshop, seen from its front desk.

    Parameters
    ----------
    api_url : str
    email, password : str
        A manager's, who may receive cars and close repair orders.
    technician : callable
        See `Technician`.
    comes : callable
        Whether the customer of this booking turns up.
    """

    def __init__(
        self,
        api_url: str,
        email: str,
        password: str,
        technician: Technician,
        comes: Callable[[dict[str, Any]], bool] = lambda booking: True,
    ) -> None:
        # the console may come up after us: refused connections are tried again for half a minute
        self._http = httpx.Client(
            base_url=f"{api_url}/api/v1", timeout=20, transport=httpx.HTTPTransport(retries=7)
        )
        answer = self._http.post("/token", json={"email": email, "password": password})
        answer.raise_for_status()
        self._http.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        self._zone = ZoneInfo(self._http.get("/me").raise_for_status().json()["time_zone"])
        self._technician = technician
        self._comes = comes

    def step(self, now: datetime) -> None:
        """Do what is due in the workshop at `now`: yesterday's leftovers too."""
        today = now.astimezone(self._zone).date()
        for day in (today - timedelta(days=1), today):
            for booking in self._bookings(day):
                self._advance(booking, now)

    def _bookings(self, day: date) -> list[dict[str, Any]]:
        answer = self._http.get("/bookings", params={"day": day.isoformat()})
        bookings: list[dict[str, Any]] = answer.raise_for_status().json()
        return bookings

    def _advance(self, booking: dict[str, Any], now: datetime) -> None:
        starts = datetime.fromisoformat(booking["starts_at"])
        ends = datetime.fromisoformat(booking["ends_at"])
        order = booking["repair_order_id"]
        if booking["state"] == "booked" and now >= starts:
            if self._comes(booking):
                self._post(f"/bookings/{booking['id']}/arrive")
            elif now >= starts + LATE:
                self._post(f"/bookings/{booking['id']}/no-show")
        elif booking["repair_order_state"] == "open" and now >= starts + PAPERWORK:
            self._post(f"/repair-orders/{order}/start")
        elif booking["repair_order_state"] == "in_progress" and now >= ends:
            found = self._technician(booking["vin"], booking["cause"])
            self._post(
                f"/repair-orders/{order}/close",
                {"cause": found.cause, "correction": found.correction, "finding": found.finding},
            )

    def _post(self, path: str, body: dict[str, str] | None = None) -> None:
        self._http.post(path, json=body).raise_for_status()
