"""What really happens to the cars, where there is somebody who knows: a simulated world's window.

Truth is not in any table that this room's database role may read. In a demo the simulators tell it
over HTTP (``WORLD_URL``), to whoever has ``WORLD_TOKEN``. This is our own reading of what they say:
the two rooms don't import each other, `tests/api/test_world_page.py` holds them together.
"""

from typing import TypeVar

import httpx
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

TIMEOUT_S = 3.0
"""The window reads a few small tables; who waits longer looks at a world that hangs."""


class NoWorld(Exception):  # noqa: N818
    """The simulated world doesn't answer, or not as it should."""


class Wire(BaseModel):
    """What we read of an answer; whatever else it says is not for us."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Fault(Wire):
    """Something that is, or was, or will be wrong with a car.

    Parameters
    ----------
    kind : str
    onset : datetime
    noticed_at : datetime or None
        When its driver would notice.
    fails_at : datetime or None
        When it is expected to fail.
    failed_at : datetime or None
        When it really failed.
    ended_at : datetime or None
    ended_by : str or None
        ``repaired``, ``broke down``, ``elsewhere``.
    named_by, near : tuple of str
        Causes of alerts that name it right, and of those that found it but name another part.
    shows_in : tuple of str
        Signals, by their column names, in which one can see it.
    """

    kind: str
    onset: AwareDatetime
    noticed_at: AwareDatetime | None = None
    fails_at: AwareDatetime | None = None
    failed_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    ended_by: str | None = None
    named_by: tuple[str, ...] = ()
    near: tuple[str, ...] = ()
    shows_in: tuple[str, ...] = ()


class Innocent(Wire):
    """What only looks like a fault; without an end it stays so."""

    kind: str
    start: AwareDatetime
    end: AwareDatetime | None = None


class Service(Wire):
    """A service that was done, by our ``dealer`` or ``elsewhere``."""

    at: AwareDatetime
    by: str


class Visit(Wire):
    """What really happened in the workshop: ``fixed``, ``misdiagnosed``, ``nothing_found`` …"""

    at: AwareDatetime
    cause: str | None = None
    kind: str | None = None
    verdict: str


class Car(Wire):
    """A car as it really is."""

    vin: str
    model: str
    powertrain: str
    faults: tuple[Fault, ...] = ()
    innocents: tuple[Innocent, ...] = ()
    dues: tuple[AwareDatetime, ...] = ()
    services: tuple[Service, ...] = ()
    visits: tuple[Visit, ...] = ()


class Cars(Wire):
    """All cars of the world, and how far it has come."""

    now: AwareDatetime | None = None
    vehicles: tuple[Car, ...]


T = TypeVar("T", bound=Wire)


class Window:
    """Asks the simulated world.

    Parameters
    ----------
    url : str
    token : str
    """

    def __init__(self, url: str, token: str) -> None:
        self._http = httpx.Client(
            base_url=url,
            timeout=TIMEOUT_S,
            headers={"Authorization": f"Bearer {token}"},
            trust_env=False,  # it is next door; no proxy leads there
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def cars(self) -> Cars:
        """Every car of the world.

        Raises
        ------
        NoWorld
        """
        answer = self._ask("/vehicles")
        return self._read(answer, Cars)

    def car(self, vin: str) -> Car | None:
        """One car; None if it isn't of that world.

        Raises
        ------
        NoWorld
        """
        answer = self._ask(f"/vehicles/{vin}")
        return None if answer.status_code == 404 else self._read(answer, Car)

    def _ask(self, path: str) -> httpx.Response:
        try:
            return self._http.get(path)
        except httpx.HTTPError as error:
            raise NoWorld(f"no answer: {error}") from error

    def _read(self, answer: httpx.Response, kind: type[T]) -> T:
        if answer.status_code != 200:
            raise NoWorld(f"it answered {answer.status_code}")
        try:
            return kind.model_validate_json(answer.content)
        except ValidationError as error:
            raise NoWorld(f"it answered something else: {error.errors()[0]['msg']}") from error
