"""The gateway keeps its promise against a real broker: no frame is forgotten before its receipt."""

from __future__ import annotations

import pytest

from record.servers import Mosquitto
from simulators.gateway import Buffer, FleetPublisher, Gateway
from simulators.wire import Frame
from tests.conftest import eventually
from tests.simulators.network import Broker, Service

VIN = "WVWZZZ1KZ8W000001"
OTHER = "WVWZZZ1KZ8W000002"


def frames(first: int, count: int) -> list[Frame]:
    return [Frame(ts, {"Vehicle.Speed": float(ts % 200)}) for ts in range(first, first + count)]


def test_frames_leave_the_buffer_on_their_receipt(own_broker: Broker, service: Service) -> None:
    with Gateway(own_broker.url, VIN, frames_per_message=10) as gateway:
        gateway.send(frames(0, 95))
        assert gateway.flush(20)
        assert gateway.pending == 0
        assert gateway.receipted == 95
    assert service.stored[VIN] == list(range(95))
    assert len(service.messages) >= 10  # at most ten frames in a message


def test_a_puback_alone_frees_nothing_and_the_time_out_publishes_again(
    own_broker: Broker, service: Service
) -> None:
    service.receipts = False
    with Gateway(own_broker.url, VIN, receipt_timeout_s=0.3) as gateway:
        gateway.send(frames(0, 5))
        eventually(lambda: service.stored.get(VIN, []).count(0) >= 2, "what the test waits for")
        assert gateway.pending == 5
        service.receipts = True
        assert gateway.flush(20)
    assert set(service.stored[VIN]) == set(range(5))


def test_a_killed_broker_loses_nothing(own_broker: Broker, service: Service) -> None:
    with Gateway(own_broker.url, VIN, frames_per_message=7, receipt_timeout_s=1) as gateway:
        gateway.send(frames(0, 1))
        assert gateway.flush(20)
        service.receipts = False
        gateway.send(frames(1, 29))
        eventually(lambda: len(service.stored.get(VIN, [])) == 30, "what the test waits for")
        own_broker.kill()
        eventually(lambda: not gateway.connected, "what the test waits for")
        gateway.send(frames(30, 20))
        service.stored.clear()
        service.receipts = True
        own_broker.start()
        assert gateway.flush(30)
    assert sorted(set(service.stored[VIN])) == list(range(1, 50))


def test_nothing_overtakes_what_a_broker_without_subscriber_dropped(own_broker: Broker) -> None:
    """A killed broker may forget the subscription; it acknowledges what nobody will get."""
    with Gateway(own_broker.url, VIN, frames_per_message=5, receipt_timeout_s=0.5) as gateway:
        gateway.send(frames(0, 50))
        eventually(lambda: gateway.republished >= 5, "the first message is given up")
        service = Service(own_broker.url)
        try:
            assert gateway.flush(20)
        finally:
            service.close()
    first_seen = list(dict.fromkeys(service.stored[VIN]))
    assert first_seen == list(range(50))


def test_a_tunnel_buffers_and_the_last_will_speaks(own_broker: Broker, service: Service) -> None:
    with Gateway(own_broker.url, VIN, firmware="4.1.2") as gateway:
        eventually(lambda: (VIN, "online 4.1.2") in service.status, "what the test waits for")
        with gateway.tunnel():
            eventually(lambda: service.status[-1] == (VIN, "offline"), "what the test waits for")
            gateway.send(frames(0, 40))
            assert not gateway.flush(0.2)
            assert gateway.pending == 40
        assert gateway.flush(20)
        eventually(lambda: service.status[-1] == (VIN, "online 4.1.2"), "what the test waits for")
    eventually(lambda: service.status[-1] == (VIN, "offline"), "what the test waits for")
    assert service.stored[VIN] == list(range(40))


def test_a_cut_connection_comes_back_by_itself(own_broker: Broker, service: Service) -> None:
    with Gateway(own_broker.url, VIN, frames_per_message=1) as gateway:
        assert gateway.wait_connected(10)
        for start in range(0, 300, 100):
            gateway.send(frames(start, 100))
            gateway.cut()
        assert gateway.flush(30)
    assert set(service.stored[VIN]) == set(range(300))


def test_a_fleet_shares_one_connection_and_speaks_messagepack(
    own_broker: Broker, service: Service
) -> None:
    with FleetPublisher(own_broker.url, encoding="msgpack", window=50, capacity=60) as fleet:
        for start in range(0, 200, 20):
            fleet.send_for(VIN, frames(start, 20))
            fleet.send_for(OTHER, frames(start, 20))
        assert fleet.flush(20)
    assert service.stored == {VIN: list(range(200)), OTHER: list(range(200))}
    assert {message.topic for message in service.messages} == {
        f"vehicles/{vin}/frames/msgpack" for vin in (VIN, OTHER)
    }


def test_without_receipts_a_puback_frees_the_frame(own_broker: Broker, service: Service) -> None:
    service.receipts = False
    with Gateway(own_broker.url, VIN, receipts=False) as gateway:
        gateway.send(frames(0, 50))
        assert gateway.flush(20)
    eventually(
        lambda: len(service.stored.get(VIN, [])) == 50, "what the test waits for"
    )  # the PUBACK may come first


def test_a_receipt_of_another_car_or_of_nonsense_frees_nothing() -> None:
    buffer = Buffer()
    buffer.add(VIN, frames(0, 3))
    assert buffer.take(0.0, 10, 10) is not None
    assert buffer.release(OTHER, [0, 1, 2]) == 0
    assert buffer.release(VIN, [99]) == 0
    assert len(buffer) == 3


def test_the_window_bounds_what_is_in_flight() -> None:
    buffer = Buffer()
    buffer.add(VIN, frames(0, 30))
    taken = [buffer.take(0.0, 10, 25) for _ in range(4)]
    assert [len(message[1]) if message else 0 for message in taken] == [10, 10, 5, 0]
    assert buffer.in_flight == 25
    buffer.release(VIN, range(10))
    assert buffer.in_flight == 15


def test_a_receipt_that_comes_after_the_time_out_still_frees() -> None:
    buffer = Buffer()
    buffer.add(VIN, frames(0, 5))
    buffer.take(0.0, 5, 5)
    assert buffer.requeue() == 5
    assert buffer.release(VIN, [0, 1, 2]) == 3
    again = buffer.take(20.0, 5, 5)
    assert again is not None
    assert [frame.ts_ms for _, frame in again[1]] == [3, 4]
    assert [seq for seq, _ in again[1]] == [3, 4]


def test_what_returns_is_published_oldest_first() -> None:
    buffer = Buffer()
    buffer.add(VIN, frames(0, 10))
    buffer.take(0.0, 4, 100)
    buffer.release(VIN, [2])
    buffer.add(VIN, frames(10, 2))
    assert buffer.requeue() == 3
    message = buffer.take(2.0, 100, 100)
    assert message is not None
    assert [frame.ts_ms for _, frame in message[1]] == [0, 1, 3, *range(4, 12)]


def test_a_frame_sent_twice_is_held_once() -> None:
    buffer = Buffer()
    buffer.add(VIN, frames(0, 5))
    buffer.add(VIN, frames(3, 5))
    assert len(buffer) == 8


def test_a_wrong_address_is_said_at_once() -> None:
    with pytest.raises(ValueError, match="mqtt://"):
        Gateway("localhost:1883", VIN)


def test_the_broker_of_the_house_knows_the_car_and_lets_it_speak_for_itself_only(
    broker: Mosquitto,
) -> None:
    mine, other = "1RWLN1F4XMN009901", "1RWLN1F4XMN009902"
    broker.add_vehicles([mine])
    service = Service(broker.url("ingest"))
    try:
        with Gateway(broker.vehicle_url(mine), mine, receipt_timeout_s=0.5) as gateway:
            gateway.send(frames(0, 20))
            assert gateway.flush(20)
            gateway.send_for(other, frames(0, 3))  # acknowledged by the broker, and dropped
            assert not gateway.flush(0.8)
            assert gateway.pending == 3
        assert other not in service.stored and len(set(service.stored[mine])) == 20
        with Gateway(broker.url("ingest").split("@")[-1].join(["mqtt://", ""]), mine,
                     password="wrong") as stranger:  # fmt: skip
            stranger.send(frames(0, 1))
            assert not stranger.flush(0.5) and not stranger.connected
    finally:
        service.close()
