"""From a message to the frames in it, and to the reasons why some can't be used.

Pure: the same message, vehicles and time give the same answer. One bad signal costs that signal, a
bad frame costs that frame, and nothing that arrives here raises.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from math import isfinite
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias

import msgspec

from record.dtc import is_dtc
from record.flow import Frame, Message, Reject, Value
from record.signals import BY_PATH, TEXT_LIMIT, Refusal

MAX_BYTES = 8_000_000
"""Largest message that is looked into: 10,000 frames of 40 signals."""

MAX_FRAMES = 10_000
"""Frames in one message: a day at a frame each 10 s. More would not fit into memory at once."""

SMALL = 1_000_000
"""A list of up to so many bytes is decoded at once, before anyone knows how many frames it has."""

MAX_SIGNALS = 1_000
"""Signals in one frame; the whole of VSS has about that many sensors."""

MAX_DTCS = 127
"""SAE J1979 can report no more."""

PATH_LIMIT = 200
"""Longest signal path, characters."""

AHEAD = timedelta(days=1)
"""How far a car's clock may run ahead of ours: a wrong time zone passes, a wrong day does not."""

OLDEST = timedelta(days=2 * 365)
"""How late a frame may come. Each day that is older would be a chunk of its own in the table."""

VIN = re.compile(r"[A-HJ-NPR-Z0-9]{17}")

_TOPIC = re.compile(r"vehicles/([^/]+)/(frames|frames/msgpack|status)")

_STATUS = re.compile(rb"offline|online(?: ([A-Za-z0-9][A-Za-z0-9._+-]{0,39}))?")
"""A gateway that comes online may tell which firmware it runs: ``online 4.1.2``."""

Refused: TypeAlias = tuple[str, str]
"""Code and sentence of a reject."""

_Rejected: TypeAlias = dict[str, tuple[str, str]]
"""Path to value as text and reason."""


class Reading(NamedTuple):
    """One frame on its way into the table, with what only the table keeps.

    Parameters
    ----------
    frame : Frame
    message : Message
        Where it came in ...
    place : int
        ... and which of its frames it is.
    seq : int or None
        The device's own counter.
    other : dict or None
        Signals that the catalogue doesn't know, by path.
    rejected : dict or None
        Path to value as text and reason.
    """

    frame: Frame
    message: Message
    place: int = 0
    seq: int | None = None
    other: dict[str, Value] | None = None
    rejected: dict[str, tuple[str, str]] | None = None


class Status(NamedTuple):
    """A car came online, maybe with the firmware that its gateway runs, or went offline."""

    vehicle_id: int
    online: bool
    at: datetime
    firmware: str | None = None


@dataclass(slots=True)
class Decoded:
    """What one message turned out to be.

    Parameters
    ----------
    readings : list of Reading
        In the order of their times.
    rejects : list of Reject
    statuses : list of Status
    times_ms : list of int
        Of every frame whose time could be read, used or not: what its receipt will name.
    """

    readings: list[Reading] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    statuses: list[Status] = field(default_factory=list)
    times_ms: list[int] = field(default_factory=list)


class _Wire(msgspec.Struct, gc=False):
    """A frame as it travels. Signals are typed one by one later, so that one can be refused."""

    ts: int | float | str
    signals: dict[str, Any] = {}
    seq: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = None
    dtcs: list[str] = []
    vin: str | None = None


class _Format(NamedTuple):
    name: str
    one: Any  # decoders of a frame, of a list of frames, and of a list of undecoded frames
    many: Any
    raw: Any


_JSON = _Format(
    "JSON",
    msgspec.json.Decoder(_Wire),
    msgspec.json.Decoder(list[_Wire]),
    msgspec.json.Decoder(list[msgspec.Raw]),
)
_MSGPACK = _Format(
    "MessagePack",
    msgspec.msgpack.Decoder(_Wire),
    msgspec.msgpack.Decoder(list[_Wire]),
    msgspec.msgpack.Decoder(list[msgspec.Raw]),
)


class _Usual(NamedTuple):
    """Decoders for what one sender usually says: types and ranges are checked on the way."""

    paths: tuple[str, ...]
    one: Any
    many: Any


_FIELD: dict[str, type] = {
    "real": float,
    "double precision": float,
    "smallint": int,
    "integer": int,
    "boolean": bool,
}

_MOST_SENDERS = 100_000

_usual: dict[str, _Usual] = {}
"""By topic: cars say the same signals in frame after frame. Affects speed only."""


@lru_cache(maxsize=500)
def _usual_decoders(paths: tuple[str, ...], form: _Format) -> _Usual | None:
    """None where a path is unknown, or means what another means, or its text is free."""
    fields: list[tuple[str, Any]] = []
    for signal in (BY_PATH.get(path) for path in paths):
        if signal is None or (signal.sql == "text" and not signal.allowed):
            return None
        if signal.sql == "text":
            fields.append((signal.name, Literal[signal.allowed]))
        elif signal.low is None:
            fields.append((signal.name, _FIELD[signal.sql]))
        else:
            limits = msgspec.Meta(ge=signal.low, le=signal.high)
            fields.append((signal.name, Annotated[_FIELD[signal.sql], limits]))
    names = [name for name, _ in fields]
    if len(set(names)) < len(names):
        return None
    signals = msgspec.defstruct(
        "Signals",
        fields,
        rename=dict(zip(names, paths, strict=True)),
        forbid_unknown_fields=True,
        gc=False,
    )
    wire = msgspec.defstruct("Wire", [("signals", signals)], bases=(_Wire,), gc=False)
    decoder = msgspec.json.Decoder if form is _JSON else msgspec.msgpack.Decoder
    return _Usual(paths, decoder(wire), decoder(list[wire]))  # type: ignore[valid-type]


_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError, OverflowError)
"""All that decoders raise on hostile input; `UnicodeDecodeError` is a `ValueError`."""


def vin_of(topic: str) -> str | None:
    """The VIN that a topic claims, well formed or not.

    Examples
    --------
    >>> vin_of("vehicles/WVWZZZ1JZXW000001/frames")
    'WVWZZZ1JZXW000001'
    """
    address = _address(topic)
    return address[0] if address else None


@lru_cache(maxsize=20_000)
def _address(topic: str) -> tuple[str, str] | None:
    """VIN and kind of a topic."""
    match = _TOPIC.fullmatch(topic)
    return (match[1], match[2]) if match else None


def decode(message: Message, vehicles: Mapping[str, int], now: datetime) -> Decoded:
    """Take a message apart.

    Parameters
    ----------
    message : Message
    vehicles : mapping of str to int
        Our keys by VIN; at least those of the VINs at hand that we know.
    now : datetime
        What the cars' clocks are held against.

    Examples
    --------
    >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> payload = b'{"ts": 1767268800000, "signals": {"Vehicle.Speed": 50}}'
    >>> message = Message("vehicles/WVWZZZ1JZXW000001/frames", payload, noon)
    >>> decode(message, {"WVWZZZ1JZXW000001": 7}, noon).readings[0].frame.signals
    {'speed_kmh': 50.0}
    >>> decode(message, {}, noon).rejects[0].code
    'unknown_vin'
    """
    address = _address(message.topic)
    if address is None:
        return _whole(message, None, "unknown_topic", f"We take no messages on {message.topic!r}.")
    vin, kind = address
    vehicle_id = vehicles.get(vin)
    if vehicle_id is None and VIN.fullmatch(vin) is None:
        return _whole(
            message,
            vin[:PATH_LIMIT],
            "malformed_vin",
            "The topic's VIN must have 17 capital letters and digits, without I, O and Q.",
        )
    if kind == "status":
        return _status(message, vin, vehicle_id)
    if len(message.payload) > MAX_BYTES:
        return _whole(
            message,
            vin,
            "too_large",
            f"The message has {len(message.payload):,} bytes; {MAX_BYTES:,} are allowed. "
            "Send fewer frames in one message.",
        )
    form = _MSGPACK if kind == "frames/msgpack" else _JSON
    wires = _wires(message, vin, form)
    if isinstance(wires, Decoded):
        return wires
    return _frames(message, vin, vehicle_id, wires, form, now)


def refuse(reading: Reading, code: str, reason: str) -> Reject:
    """Turn a frame that was read well into a reject, for a reason that only shows later."""
    message = reading.message
    payload = message.payload
    form = _MSGPACK if message.topic.endswith("/msgpack") else _JSON
    if _is_list(payload, form):
        payload = bytes(form.raw.decode(payload)[reading.place])
    return Reject(code, reason, message.topic, payload, vin_of(message.topic), reading.frame.ts_ms)


def _status(message: Message, vin: str, vehicle_id: int | None) -> Decoded:
    said = _STATUS.fullmatch(message.payload)
    if said is None:
        return _whole(
            message,
            vin,
            "bad_status",
            "A status must be offline or online, the latter maybe with a firmware version of up to"
            " 40 letters, digits and ._+- after a space.",
        )
    if vehicle_id is None:
        return _whole(message, vin, *_unknown(vin))
    firmware = said[1].decode() if said[1] else None
    online = message.payload != b"offline"
    return Decoded(statuses=[Status(vehicle_id, online, message.received_at, firmware)])


def _unknown(vin: str) -> Refused:
    return (
        "unknown_vin",
        f"No vehicle with the VIN {vin} is registered. Register it, then replay.",
    )


def _wires(message: Message, vin: str, form: _Format) -> list[_Wire | Refused] | Decoded:
    """The frames of a message, each decoded or refused; or the answer for the whole message."""
    payload = message.payload
    if not payload:
        return _whole(message, vin, "empty", "The message is empty.")
    if usual := _usual.get(message.topic):
        try:
            if not _is_list(payload, form):
                return [usual.one.decode(payload)]
            if len(payload) <= SMALL and 0 < len(wires := usual.many.decode(payload)) <= MAX_FRAMES:
                return list(wires)
        except _UNREADABLE:
            del _usual[message.topic]
    try:
        if not _is_list(payload, form):
            return [form.one.decode(payload)]
        if len(payload) <= SMALL:
            wires = form.many.decode(payload)
            if 0 < len(wires) <= MAX_FRAMES:
                return list(wires)
    except _UNREADABLE as error:
        if not _is_list(payload, form):
            return _whole(message, vin, *_explain(error, payload, form))
    # A large list, or one with a bad frame: split it without decoding, then look at each.
    try:
        parts = form.raw.decode(payload)
    except _UNREADABLE as error:
        return _whole(message, vin, *_explain(error, payload, form))
    if not parts:
        return _whole(message, vin, "empty", "The message is an empty list: it has no frames.")
    if len(parts) > MAX_FRAMES:
        return _whole(
            message,
            vin,
            "too_many_frames",
            f"The message has {len(parts):,} frames; {MAX_FRAMES:,} are allowed in one.",
        )
    answers: list[_Wire | Refused] = []
    for part in parts:
        try:
            answers.append(form.one.decode(part))
        except _UNREADABLE as error:
            answers.append(_explain(error, bytes(part), form))
    return answers


def _is_list(payload: bytes, form: _Format) -> bool:
    if form is _JSON:
        return payload.lstrip(b" \t\r\n")[:1] == b"["
    return 0x90 <= payload[0] <= 0x9F or payload[0] in (0xDC, 0xDD)


def _explain(error: Exception, payload: bytes, form: _Format) -> Refused:
    """Which code and sentence a decoder's complaint deserves."""
    if isinstance(error, RecursionError):
        return "nested_too_deep", "The message has lists or objects nested hundreds deep."
    if isinstance(error, UnicodeDecodeError) or (form is _JSON and not _is_utf8(payload)):
        return "not_utf8", "The message has bytes that are not UTF-8 text."
    words = str(error)[:300]
    if words.startswith("Number out of range"):
        return "number_out_of_range", f"A number is too large to be stored. ({words})"
    if isinstance(error, msgspec.ValidationError):
        return "wrong_type", f"Something is missing or of another type than agreed: {words}"
    code = "not_json" if form is _JSON else "not_msgpack"
    return code, f"The message is not {form.name}, or it was cut off: {words}"


def _is_utf8(payload: bytes) -> bool:
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True


def _frames(
    message: Message,
    vin: str,
    vehicle_id: int | None,
    wires: list[_Wire | Refused],
    form: _Format,
    now: datetime,
) -> Decoded:
    decoded = Decoded()
    refused: list[tuple[int, Refused, int | None]] = []
    low_ms, high_ms = _limits(now)
    for place, wire in enumerate(wires):
        ts_ms: int | None = None
        if isinstance(wire, tuple):
            answer: Reading | Refused = wire
        else:
            time = _time(wire.ts)
            if isinstance(time, tuple):
                answer = time
            else:
                ts_ms = time
                decoded.times_ms.append(ts_ms)
                if wire.vin is not None and wire.vin != vin:
                    answer = _other_vin(wire.vin, vin)
                elif not low_ms <= ts_ms <= high_ms:
                    answer = _clock(ts_ms, low_ms)
                elif vehicle_id is None:
                    answer = _unknown(vin)
                else:
                    answer = _reading(message, place, vehicle_id, ts_ms, wire)
        if isinstance(answer, Reading):
            decoded.readings.append(answer)
        else:
            refused.append((place, answer, ts_ms))
    # Detectors judge in order of time; a device that sends its newest first would lose the rest.
    if len(wires) > 1:
        decoded.readings.sort(key=lambda reading: reading.frame.ts_ms)
    if not refused:
        _learn(message.topic, wires, form)
    else:
        decoded.rejects = _rejects(message, vin, refused, len(wires), form)
    return decoded


def _learn(topic: str, wires: list[_Wire | Refused], form: _Format) -> None:
    """Read the sender's next message quicker if all frames of this one have the same signals."""
    first = wires[0]
    if isinstance(first, tuple) or type(first.signals) is not dict or len(first.signals) > 200:
        return
    paths = tuple(first.signals)
    if all(type(wire) is _Wire and tuple(wire.signals) == paths for wire in wires):
        if len(_usual) == _MOST_SENDERS:
            _usual.clear()
        if usual := _usual_decoders(paths, form):
            _usual[topic] = usual


def _reading(
    message: Message, place: int, vehicle_id: int, ts_ms: int, wire: _Wire
) -> Reading | Refused:
    said: Any = wire.signals
    other: dict[str, Value] | None = None
    rejected: _Rejected | None = None
    if type(said) is not dict:
        signals = msgspec.structs.asdict(said)  # decoded as usual: all known, all possible
    elif len(said) > MAX_SIGNALS:
        return (
            "too_many_signals",
            f"The frame has {len(said):,} signals; {MAX_SIGNALS:,} are allowed.",
        )
    else:
        signals, other, rejected = _sort_out(said)
    dtcs, rejected = _dtcs(wire.dtcs, rejected) if wire.dtcs else ((), rejected)
    if not signals and not dtcs and not other:
        if rejected is None:
            return "empty", "The frame has no signals and no trouble codes."
        return (
            "nothing_usable",
            "No value in the frame is possible: "
            + "; ".join(f"{path} = {was}: {why}" for path, (was, why) in [*rejected.items()][:5]),
        )
    return Reading(
        Frame(vehicle_id, ts_ms, signals, dtcs), message, place, wire.seq, other, rejected
    )


def _sort_out(
    said: dict[str, Any],
) -> tuple[dict[str, Value], dict[str, Value] | None, _Rejected | None]:
    """Known, unknown and refused ones among any frame's signals."""
    signals: dict[str, Value] = {}
    other: dict[str, Value] = {}
    rejected: _Rejected = {}
    for path, value in said.items():
        signal = BY_PATH.get(path)
        accepted = signal.accept(value) if signal else _unknown_signal(path, value)
        if type(accepted) is Refusal:
            if value is not None:  # null: the device has nothing to say
                rejected[_printable(path)] = (_printable(value), str(accepted))
        elif signal is None:
            other[path] = accepted
        elif path == signal.path or signal.name not in signals:  # of several, the catalogue's own
            signals[signal.name] = accepted
    return signals, other or None, rejected or None


def _dtcs(codes: list[str], rejected: _Rejected | None) -> tuple[tuple[str, ...], _Rejected | None]:
    good = tuple(dict.fromkeys(code for code in codes if len(code) <= 8 and is_dtc(code)))
    bad = [code for code in codes if len(code) > 8 or not is_dtc(code)]
    if len(good) > MAX_DTCS:
        bad += good[MAX_DTCS:]
        good = good[:MAX_DTCS]
    if bad:
        reason = "not a trouble code as in SAE J2012, or too many"
        rejected = (rejected or {}) | {"dtcs": (_printable(", ".join(bad[:20])), reason)}
    return good, rejected


def _unknown_signal(path: str, value: object) -> Value | Refusal:
    """What the catalogue doesn't know is kept as it is, if the database can keep it."""
    if len(path) > PATH_LIMIT or not path.isprintable():
        return Refusal("not the path of a signal")
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**63 else Refusal("too large a number")
    if isinstance(value, float):
        return value if isfinite(value) else Refusal("not a finite number")
    if not isinstance(value, str):
        return Refusal("not a number, text or flag")
    if len(value) > TEXT_LIMIT:
        return Refusal(f"longer than {TEXT_LIMIT} characters")
    # PostgreSQL stores neither NUL nor half a surrogate pair.
    return value if value.isprintable() else Refusal("has characters that cannot be printed")


def _printable(value: object) -> str:
    """A refused value as text that a person can read and PostgreSQL can store."""
    if isinstance(value, str):
        text = value[:PATH_LIMIT]
        return text if text.isprintable() else ascii(text)
    if isinstance(value, bool | float):
        return repr(value)
    if isinstance(value, int):
        return str(value) if abs(value) < 10**40 else "a very large number"
    if isinstance(value, list):
        return "a list"
    return "an object" if isinstance(value, dict) else type(value).__name__


def _time(ts: int | float | str) -> int | Refused:
    """The frame's time in epoch milliseconds."""
    if isinstance(ts, int):
        return ts
    if isinstance(ts, float):
        if isfinite(ts):
            return round(ts)
        return "bad_time", "The frame's time is not a finite number."
    try:
        at = msgspec.convert(ts, datetime)
    except msgspec.ValidationError:
        return (
            "bad_time",
            f"The frame's time {_printable(ts[:40])!r} is neither milliseconds since 1970 "
            "nor like 2026-01-31T12:00:00Z.",
        )
    if at.tzinfo is None:
        return "bad_time", f"The frame's time {ts} has no time zone; add Z for UTC."
    return _ms(at)


@lru_cache(maxsize=2)
def _limits(now: datetime) -> tuple[int, int]:
    return _ms(now - OLDEST), _ms(now + AHEAD)


def _ms(at: datetime) -> int:
    return round((at - _EPOCH) / timedelta(milliseconds=1))


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _clock(ts_ms: int, low_ms: int) -> Refused:
    try:
        shown = f"{_EPOCH + timedelta(milliseconds=ts_ms):%Y-%m-%d %H:%M} UTC"
    except OverflowError:
        shown = f"{_printable(ts_ms)} ms"
    if ts_ms > low_ms:
        return (
            "clock_ahead",
            f"The car's clock says {shown}, which is more than a day in the future.",
        )
    seconds = " Perhaps it sends seconds where milliseconds are due."
    hint = seconds if low_ms <= ts_ms * 1000 else ""
    return (
        "clock_behind",
        f"The car's clock says {shown}, which is more than two years ago.{hint}",
    )


def _other_vin(said: str, vin: str) -> Refused:
    return (
        "other_vin",
        f"The frame says that it is from {_printable(said[:40])!r}, but it came in under {vin}.",
    )


def _rejects(
    message: Message,
    vin: str,
    refused: list[tuple[int, Refused, int | None]],
    total: int,
    form: _Format,
) -> list[Reject]:
    """One reject for each bad frame; one for the message, where all of its frames are bad."""
    _, (code, reason), ts_ms = refused[0]
    if len(refused) == total:
        if total > 1:
            reason = f"None of the {total:,} frames can be used. The first: {reason}"
        return [Reject(code, reason, message.topic, message.payload, vin, ts_ms)]
    parts = form.raw.decode(message.payload)
    return [
        Reject(code, reason, message.topic, bytes(parts[place]), vin, ts_ms)
        for place, (code, reason), ts_ms in refused
    ]


def _whole(message: Message, vin: str | None, code: str, reason: str) -> Decoded:
    return Decoded(rejects=[Reject(code, reason, message.topic, message.payload, vin)])
