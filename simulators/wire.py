"""A frame as it travels from a car: what the simulators and the broker agree on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

import msgspec

Value = float | int | bool | str
Encoding = Literal["json", "msgpack"]


class Frame(NamedTuple):
    """One reading of one vehicle.

    Parameters
    ----------
    ts_ms
        When it was measured, milliseconds since 1970 in UTC: the form that travels, and with the
        VIN the natural key of the frame.
    signals
        VSS path to value.
    dtcs
        Trouble codes present, spelled as in SAE J2012 (``P0217``).
    """

    ts_ms: int
    signals: dict[str, Value]
    dtcs: tuple[str, ...] = ()

    @property
    def at(self) -> datetime:
        """The time of measurement as aware UTC.

        >>> Frame(1_500, {}).at
        datetime.datetime(1970, 1, 1, 0, 0, 1, 500000, tzinfo=datetime.timezone.utc)
        """
        return datetime.fromtimestamp(self.ts_ms / 1000, UTC)


def epoch_ms(at: datetime) -> int:
    """An aware time as milliseconds since 1970.

    >>> epoch_ms(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000
    """
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone")
    return round(at.timestamp() * 1000)


def topic(vin: str, encoding: Encoding = "json") -> str:
    """Where the frames of a vehicle are published.

    >>> topic("WVWZZZ1KZ8W000001", "msgpack")
    'vehicles/WVWZZZ1KZ8W000001/frames/msgpack'
    """
    return f"vehicles/{vin}/frames" + ("/msgpack" if encoding == "msgpack" else "")


def receipt_topic(vin: str) -> str:
    """Where the vehicle hears which of its frames are safe."""
    return f"vehicles/{vin}/stored"


def status_topic(vin: str) -> str:
    """Where ``online``, maybe with the firmware after a space, or ``offline`` is retained."""
    return f"vehicles/{vin}/status"


def encode(frames: Sequence[tuple[int, Frame]], encoding: Encoding = "json") -> bytes:
    """One message from one or several numbered frames.

    Parameters
    ----------
    frames
        Pairs of sequence number and frame. One frame travels as an object, several as a list.

    >>> encode([(7, Frame(1000, {"Vehicle.Speed": 50.0}, ("P0128",)))])
    b'{"ts":1000,"seq":7,"signals":{"Vehicle.Speed":50.0},"dtcs":["P0128"]}'
    """
    objects: list[dict[str, Any]] = []
    for seq, frame in frames:
        one: dict[str, Any] = {"ts": frame.ts_ms, "seq": seq, "signals": frame.signals}
        if frame.dtcs:
            one["dtcs"] = frame.dtcs
        objects.append(one)
    body = objects[0] if len(objects) == 1 else objects
    return msgspec.msgpack.encode(body) if encoding == "msgpack" else msgspec.json.encode(body)


class _Receipt(msgspec.Struct):
    ts: list[int]


_receipt_decoder = msgspec.json.Decoder(_Receipt)


def decode_receipt(payload: bytes) -> list[int]:
    """The times, in epoch milliseconds, that a receipt calls safe; of a spoiled receipt, none.

    >>> decode_receipt(b'{"ts": [1000, 2000]}'), decode_receipt(b"?")
    ([1000, 2000], [])
    """
    try:
        return _receipt_decoder.decode(payload).ts
    except msgspec.MsgspecError:
        return []
