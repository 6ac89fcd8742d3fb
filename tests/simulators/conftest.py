"""What the simulators' tests share: a broker that may be killed, and a service behind it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from record.fetch import fetch
from record.servers import free_port
from tests.simulators.network import Broker, Service


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(str(fetch().mosquitto), free_port(), tmp_path)
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()


@pytest.fixture
def service(own_broker: Broker) -> Iterator[Service]:
    service = Service(own_broker.url)
    try:
        yield service
    finally:
        service.close()
