"""A whole dealership for each story: every room runs, the clock is the story's, phones are real.

Story time stands still until the story says what time it is; whoever waits for something waits for
the product to have done it, not for time to pass.
"""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import psycopg
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from record.clock import Scale, read_scale, set_scale, wall
from record.local import LocalServers, free_port
from simulators import seed
from simulators.gateway import Gateway
from simulators.twilio_standin.messages import Account
from simulators.twilio_standin.server import RunningStandin
from simulators.wire import Frame
from tests.conftest import StartRoom, eventually

NEW_YORK = ZoneInfo("America/New_York")
SENDER = "+16175550199"
PASSWORD = "one car, one story"

FOLLOW_S = 0.6
"""A room looks at a running clock every half second, at a standing one whenever it asks."""


def new_york(year: int, month: int, day: int, hour: int, minute: int = 0) -> datetime:
    """A time as the people of the story read it on the wall."""
    return datetime(year, month, day, hour, minute, tzinfo=NEW_YORK)


@dataclass
class Dealership:
    """Harbour Motors with all rooms running.

    Parameters
    ----------
    database, console : str
        Addresses.
    servers : LocalServers
    phones : RunningStandin
        Twilio's stand-in with everybody's telephones.
    keys : seed.Dealer
    open_page : callable
        A page of a real browser.
    """

    database: str
    console: str
    servers: LocalServers
    phones: RunningStandin
    keys: seed.Dealer
    open_page: Callable[..., Page]
    rest: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.rest = httpx.Client(base_url=f"{self.console}/api/v1", timeout=20)
        who = {"email": "manager@harbour.example", "password": PASSWORD}
        token = self.rest.post("/token", json=who).raise_for_status().json()["token"]
        self.rest.headers["Authorization"] = f"Bearer {token}"

    # -- time and records -----------------------------------------------------------------------

    def it_is(self, now: datetime) -> None:
        """From now on the story's clock shows `now`, in every room."""
        with psycopg.connect(self.database) as conn:
            set_scale(conn, Scale(wall(), now, 0.0))
        time.sleep(FOLLOW_S)

    def ask(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows from the database."""
        with psycopg.connect(self.database, options="-c timezone=UTC") as conn:
            return conn.execute(sql, values).fetchall()

    def owner(self, name: str, phone: str, now: datetime) -> int:
        """A customer who agreed to service messages."""
        with psycopg.connect(self.database) as conn:
            return seed.customer(conn, self.keys, name=name, phone=phone, now=now)

    def car(self, vin: str, owner_id: int, now: datetime, **facts: Any) -> int:
        """The customer's car, known to the dealer and to the broker."""
        with psycopg.connect(self.database) as conn:
            vehicle_id = seed.vehicle(conn, self.keys, vin=vin, owner_id=owner_id, now=now, **facts)
        self.servers.mosquitto.add_vehicles([vin])
        return vehicle_id

    # -- the car --------------------------------------------------------------------------------

    def drives(self, vin: str, frames: list[Frame]) -> None:
        """The car publishes, and has a receipt for every frame when this returns."""
        url = self.servers.mosquitto.vehicle_url(vin)
        with Gateway(url, vin, window=5_000, frames_per_message=50) as gateway:
            gateway.send(frames)
            assert gateway.flush(60), f"{gateway.pending} frames have no receipt"
        eventually(
            lambda: self.ask("SELECT NOT EXISTS (SELECT FROM frame_log)") == [(True,)],
            "detectors have judged every frame",
            60,
        )

    # -- the phone ------------------------------------------------------------------------------

    def texts(self, phone: str) -> list[str]:
        """What the phone received so far."""
        with self.phones.exchange.lock:
            chat = self.phones.exchange.phone(phone).chat
            return [m["body"] for m in chat if m["incoming"] and not m["auto"]]

    def next_text(self, phone: str, number: int = 1) -> str:
        """Wait for the phone's text number so-and-so."""
        return eventually(
            lambda: self.texts(phone)[number - 1 : number], f"text {number} arrives", 20
        )[0]

    def answers(self, phone: str, body: str) -> None:
        """The customer sends a text; it has been handled when this returns."""
        before = self.ask("SELECT count(*) FROM reply WHERE handled_at IS NOT NULL")[0][0]
        self.phones.network.text(phone, SENDER, body)
        eventually(
            lambda: (
                self.ask("SELECT count(*) FROM reply WHERE handled_at IS NOT NULL")[0][0] > before
            ),
            f"the answer {body!r} is handled",
            20,
        )

    # -- the dealer -----------------------------------------------------------------------------

    def sign_in(self, role: str) -> Page:
        """A console page of somebody who has signed in."""
        page = self.open_page()
        page.goto(f"{self.console}/sign-in")
        page.get_by_label("E-mail").fill(f"{role}@harbour.example")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_selector("main h1")
        return page

    def repairs(self, booking_id: int, *, cause: str, correction: str, finding: str) -> None:
        """The workshop receives the car, works on it and writes down what it found, over REST."""
        order = self.rest.post(f"/bookings/{booking_id}/arrive").raise_for_status().json()
        self.rest.post(f"/repair-orders/{order['id']}/start").raise_for_status()
        words = {"cause": cause, "correction": correction, "finding": finding}
        self.rest.post(f"/repair-orders/{order['id']}/close", json=words).raise_for_status()


def link_in(text: str) -> str:
    """The slot page that a text leads to."""
    found = re.search(r"https?://\S+/b/\S+", text)
    assert found, f"no link in {text!r}"
    return found.group()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=next(
                str(path)
                for name in ("chromium", "chromium-browser", "google-chrome")
                if (path := Path("/usr/bin") / name).exists()
            ),
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        )
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens pages, each with cookies of its own; arguments are those of ``new_context``."""
    contexts = []

    def open_page(**options: Any) -> Page:
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def dealership(
    servers: LocalServers, database: str, room: StartRoom, open_page: Callable[..., Page]
) -> Iterator[Dealership]:
    """Every room of the house, and the telephone network, at 9:00 on Tuesday, 3 March 2026."""
    port = str(free_port())
    account = Account("AC" + "1" * 32, "token of the story", (SENDER,))
    with psycopg.connect(database) as conn:
        keys = seed.dealer(conn, password=PASSWORD)
        set_scale(conn, Scale(wall(), new_york(2026, 3, 3, 9), 0.0))

    def story_time() -> datetime:
        with psycopg.connect(database) as conn:
            return read_scale(conn).at(wall())

    with RunningStandin(
        account=account,
        webhook_url=f"http://127.0.0.1:{port}/twilio/inbound",
        step_s=0.05,
        now=story_time,
    ) as phones:
        settings = {
            "SECRET_KEY": "the secret of the story",
            "PUBLIC_URL": f"http://127.0.0.1:{port}",
            "TWILIO_ACCOUNT_SID": account.sid,
            "TWILIO_AUTH_TOKEN": account.auth_token,
            "TWILIO_FROM": SENDER,
            "TWILIO_API_URL": phones.url,
        }
        rooms = [
            room("ingest", wait=False),
            room("detectors", wait=False),
            room("care", wait=False, **settings),
            room("api", wait=False, HEALTH_PORT=port, **settings),
        ]
        for one in rooms:
            eventually(one.healthy, f"{one.name} is healthy")
        story = Dealership(database, f"http://127.0.0.1:{port}", servers, phones, keys, open_page)
        yield story
        story.rest.close()
        for one in rooms:
            assert one.stop() == 0, one.words()
