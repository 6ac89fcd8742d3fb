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
    """What a technician writes down: cause, correction, and whether the fault was there.

    Parameters
    ----------
    finding
        ``confirmed`` or ``no_fault_found``.
    ready_after
        How long the car must wait for a part.
    """

    cause: str
    correction: str
    finding: str
    ready_after: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened at the front desk."""

    at: datetime
    vin: str
    what: str  # arrived | no_show | started | closed
    cause: str | None = None


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
    looks_back : int
        Days before today whose unfinished cars are looked after too.
    """

    def __init__(
        self,
        api_url: str,
        email: str,
        password: str,
        technician: Technician,
        comes: Callable[[dict[str, Any]], bool] = lambda booking: True,
        looks_back: int = 1,
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
        self._looks_back = looks_back
        self._waits: dict[int, tuple[datetime, Found]] = {}

    def step(self, now: datetime) -> list[Step]:
        """Do what is due in the workshop at `now`: the last days' leftovers too."""
        told = []
        while (one := self.act(now)) is not None:
            told.append(one)
        return told

    def act(self, now: datetime) -> Step | None:
        """Do one thing that is due, if any."""
        due = [
            (at, booking["vin"], booking["id"], booking)
            for booking in self._near(now)
            if (at := self._due_at(booking)) is not None and at <= now
        ]
        for at, _, _, booking in sorted(due, key=lambda one: one[:3]):
            if (told := self._advance(booking, now, at)) is not None:
                return told
        return None

    def next_at(self, now: datetime) -> datetime | None:
        """When something is due next, as far as today's and tomorrow's bookings tell."""
        due = (self._due_at(booking) for booking in self._near(now, ahead=1))
        return min((at for at in due if at is not None), default=None)

    def _near(self, now: datetime, ahead: int = 0) -> list[dict[str, Any]]:
        today = now.astimezone(self._zone).date()
        return [
            booking
            for day in range(-self._looks_back, ahead + 1)
            for booking in self._bookings(today + timedelta(days=day))
        ]

    def _bookings(self, day: date) -> list[dict[str, Any]]:
        answer = self._http.get("/bookings", params={"day": day.isoformat()})
        bookings: list[dict[str, Any]] = answer.raise_for_status().json()
        return bookings

    def _due_at(self, booking: dict[str, Any]) -> datetime | None:
        """When the next thing happens to a booking; None if nothing will."""
        starts = datetime.fromisoformat(booking["starts_at"])
        if booking["state"] == "booked":
            return starts if self._comes(booking) else starts + LATE
        if booking["repair_order_state"] == "open":
            return starts + PAPERWORK
        if booking["repair_order_state"] == "in_progress":
            if waits := self._waits.get(booking["id"]):
                return waits[0]
            return datetime.fromisoformat(booking["ends_at"])
        return None

    def _advance(self, booking: dict[str, Any], now: datetime, at: datetime) -> Step | None:
        order, vin, cause = booking["repair_order_id"], booking["vin"], booking["cause"]
        if booking["state"] == "booked":
            comes = self._comes(booking)
            self._post(f"/bookings/{booking['id']}/{'arrive' if comes else 'no-show'}")
            return Step(now, vin, "arrived" if comes else "no_show", cause)
        if booking["repair_order_state"] == "open":
            self._post(f"/repair-orders/{order}/start")
            return Step(now, vin, "started", cause)
        waits = self._waits.pop(booking["id"], None)
        found = waits[1] if waits else self._technician(vin, cause)
        if waits is None and found.ready_after:
            self._waits[booking["id"]] = (at + found.ready_after, found)
            return self.act(now)
        self._post(
            f"/repair-orders/{order}/close",
            {"cause": found.cause, "correction": found.correction, "finding": found.finding},
        )
        return Step(now, vin, "closed", cause)

    def _post(self, path: str, body: dict[str, str] | None = None) -> None:
        self._http.post(path, json=body).raise_for_status()
