"""A broker of one's own, and somebody who stands where ingest stands."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from record.settings import parse_mqtt_url


class Broker:
    """One Mosquitto of our own, which may be killed and started again on the same port."""

    def __init__(self, binary: str, port: int, folder: Path) -> None:
        self.url = f"mqtt://127.0.0.1:{port}"
        self.port = port
        self._config = folder / "mosquitto.conf"
        self._config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
        self._binary = binary
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [self._binary, "-c", str(self._config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Service:
    """Stands where ingest stands: stores what arrives and, if told to, sends receipts."""

    def __init__(self, url: str) -> None:
        self.receipts = True
        self.stored: dict[str, list[int]] = {}
        self.messages: list[mqtt.MQTTMessage] = []
        self.status: list[tuple[str, str]] = []
        self.ready = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        address = parse_mqtt_url(url)
        if address.username:
            self._client.username_pw_set(address.username, address.password)
        self._client.on_connect = self._subscribe
        self._client.on_subscribe = lambda *_: self.ready.set()
        self._client.on_message = self._store
        self._client.reconnect_delay_set(1, 1)
        deadline = time.monotonic() + 10
        while True:
            try:
                self._client.connect(address.host, address.port)
                break
            except OSError:
                assert time.monotonic() < deadline, "the broker did not start"
                time.sleep(0.05)
        self._client.loop_start()
        assert self.ready.wait(10)

    def _subscribe(self, client: mqtt.Client, *_: Any) -> None:
        client.subscribe([("vehicles/+/frames/#", 1), ("vehicles/+/status", 1)])

    def _store(self, client: mqtt.Client, _: Any, message: mqtt.MQTTMessage) -> None:
        vin = message.topic.split("/")[1]
        if message.topic.endswith("/status"):
            self.status.append((vin, message.payload.decode()))
            return
        self.messages.append(message)
        decode = msgspec.msgpack.decode if "msgpack" in message.topic else msgspec.json.decode
        body = decode(message.payload)
        times = [one["ts"] for one in (body if isinstance(body, list) else [body])]
        self.stored.setdefault(vin, []).extend(times)
        if self.receipts and message.properties is not None:
            answer = getattr(message.properties, "ResponseTopic", None)
            if answer == f"vehicles/{vin}/stored":
                client.publish(answer, json.dumps({"ts": times}), qos=1)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
