"""What a message turns out to be: tables of examples, hostile ones first."""

import math
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ingest.decode
from ingest.decode import MAX_BYTES, MAX_FRAMES, decode, refuse
from record.flow import Message
from record.signals import SIGNALS, Refusal

VIN = "WVWZZZ1JZXW000001"
JSON = f"vehicles/{VIN}/frames"
MSGPACK = f"vehicles/{VIN}/frames/msgpack"
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
NOW_MS = round(NOW.timestamp() * 1000)
KNOWN = {VIN: 7}
GOOD = b'{"ts": %d, "signals": {"Vehicle.Speed": 50}}' % NOW_MS


def message(payload: bytes, topic: str = JSON) -> Message:
    return Message(topic, payload, NOW)


def frame(**changes: object) -> bytes:
    return msgspec.json.encode({"ts": NOW_MS, "signals": {"Vehicle.Speed": 50}} | changes)


HOSTILE: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "empty"),
    "an empty list": (b"[]", "empty"),
    "an empty frame": (b"{}", "wrong_type"),
    "no signals": (frame(signals={}), "empty"),
    "not UTF-8": (b"\xff\xfe\x00", "not_utf8"),
    "not UTF-8 in a text": (GOOD.replace(b"Speed", b"Sp\xffed"), "not_utf8"),
    "not JSON": (b"hello", "not_json"),
    "cut off": (GOOD[:-5], "not_json"),
    "10 MB": (b'{"ts": 1, "signals": {"x": "' + b"a" * 10_000_000 + b'"}}', "too_large"),
    "1,000 deep": (b"[" * 1000 + b"]" * 1000, "nested_too_deep"),
    "1,000 deep in a signal": (GOOD.replace(b"50", b"[" * 1000 + b"]" * 1000), "nested_too_deep"),
    "100,000 deep": (b'{"a":' * 100_000, "nested_too_deep"),
    "NaN": (b'{"ts": 1, "signals": {"Vehicle.Speed": NaN}}', "not_json"),
    "1e400": (b'{"ts": 1, "signals": {"Vehicle.Speed": 1e400}}', "number_out_of_range"),
    "time 1e400": (b'{"ts": 1e400, "signals": {}}', "number_out_of_range"),
    "a number": (b"42", "wrong_type"),
    "a list of numbers": (b"[1, 2, 3]", "wrong_type"),
    "signals are a list": (frame(signals=[1, 2]), "wrong_type"),
    "codes are numbers": (frame(dtcs=[301]), "wrong_type"),
    "seq is text": (frame(seq="7"), "wrong_type"),
    "seq is huge": (frame(seq=2**63), "wrong_type"),
    "time is true": (frame(ts=True), "wrong_type"),
    "time is words": (frame(ts="yesterday"), "bad_time"),
    "time has no zone": (frame(ts="2026-06-01T12:00:00"), "bad_time"),
    "100,000 frames": (b"[" + b",".join([GOOD] * 100_000) + b"]", "too_many_frames"),
    "100,000 tiny frames": (b"[" + b",".join([b'{"ts":1}'] * 100_000) + b"]", "too_many_frames"),
    "1970": (frame(ts=0), "clock_behind"),
    "seconds, not milliseconds": (frame(ts=NOW_MS // 1000), "clock_behind"),
    "before 1970": (frame(ts=-5), "clock_behind"),
    "the year one million": (frame(ts=10**17), "clock_ahead"),
    "time of 29 digits": (frame(ts=0).replace(b":0,", b":" + b"9" * 29 + b","), "clock_ahead"),
    "three years ago": (frame(ts="2023-06-01T00:00:00Z"), "clock_behind"),
    "2100": (frame(ts="2100-01-01T00:00:00Z"), "clock_ahead"),
    "another vehicle": (frame(vin="WVWZZZ1JZXW000002"), "other_vin"),
    "impossible values": (
        frame(signals={"Vehicle.Speed": 5000, "Vehicle.OBD.Status.IsMILOn": "yes"}),
        "nothing_usable",
    ),
    "1,001 signals": (frame(signals={f"A.{i}": i for i in range(1001)}), "too_many_signals"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_message_is_refused_with_a_reason(name: str) -> None:
    payload, code = HOSTILE[name]
    decoded = decode(message(payload), KNOWN, NOW)
    assert decoded.readings == []
    (reject,) = decoded.rejects
    assert reject.code == code, reject.reason
    assert reject.payload == payload
    assert reject.vin == VIN
    assert len(reject.reason) > 20 and reject.reason.isprintable()


HOSTILE_MSGPACK: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "empty"),
    "an empty list": (b"\x90", "empty"),
    "JSON": (GOOD, "wrong_type"),
    "an unknown byte": (b"\xc1", "not_msgpack"),
    "a list of four thousand million": (b"\xdd\xff\xff\xff\xff", "not_msgpack"),
    "1,000 deep": (b"\x91" * 1000, "nested_too_deep"),
    "not UTF-8": (b"\x82\xa2ts\x01\xa7signals\x81\xa1\xff\x01", "not_utf8"),
    "a key that is a number": (msgspec.msgpack.encode({"ts": 1, "signals": {1: 2}}), "wrong_type"),
    "only NaN": (
        msgspec.msgpack.encode({"ts": NOW_MS, "signals": {"Vehicle.Speed": math.nan}}),
        "nothing_usable",
    ),
    "a date": (
        msgspec.msgpack.encode({"ts": NOW_MS, "signals": {"Unknown.Path": NOW}}),
        "nothing_usable",
    ),
    "100,000 frames": (msgspec.msgpack.encode([{"ts": 1}] * 100_000), "too_many_frames"),
}


@pytest.mark.parametrize("name", HOSTILE_MSGPACK)
def test_hostile_messagepack_is_refused_with_a_reason(name: str) -> None:
    payload, code = HOSTILE_MSGPACK[name]
    decoded = decode(message(payload, MSGPACK), KNOWN, NOW)
    assert decoded.readings == []
    assert [reject.code for reject in decoded.rejects] == [code], decoded.rejects[0].reason


def test_who_is_not_registered_is_refused() -> None:
    (reject,) = decode(message(GOOD), {}, NOW).rejects
    assert (reject.code, reject.ts_ms) == ("unknown_vin", NOW_MS)
    assert VIN in reject.reason


@pytest.mark.parametrize("vin", ["wvwzzz1jzxw000001", "WVW", "WVWZZZ1JZXW00000O", "💣" * 17])
def test_a_topic_must_carry_a_vin(vin: str) -> None:
    (reject,) = decode(message(GOOD, f"vehicles/{vin}/frames"), KNOWN, NOW).rejects
    assert reject.code == "malformed_vin"


def test_other_topics_are_refused() -> None:
    (reject,) = decode(message(GOOD, "elsewhere"), KNOWN, NOW).rejects
    assert (reject.code, reject.vin) == ("unknown_topic", None)


def test_one_frame_becomes_one_reading() -> None:
    payload = frame(
        seq=9,
        dtcs=["P0128", "nonsense", "P0128"],
        signals={
            "Vehicle.Speed": 50,
            "Vehicle.TraveledDistance": 15_023_400.4,
            "Vehicle.OBD.Status.IsMILOn": True,
            "Vehicle.LowVoltageBattery.CurrentVoltage": 99.0,
            "Maker.Own.Count": 3,
            "Maker.Own.Nested": {"a": 1},
            "Maker.Own.Nul": "a\x00b",
            "Vehicle.OBD.EngineLoad": None,
        },
    )
    decoded = decode(message(payload), KNOWN, NOW)
    assert decoded.rejects == []
    assert decoded.times_ms == [NOW_MS]
    (reading,) = decoded.readings
    assert reading.frame.vehicle_id == 7
    assert reading.frame.ts_ms == NOW_MS
    assert reading.frame.signals == {"speed_kmh": 50.0, "odometer_m": 15_023_400, "mil_on": True}
    assert reading.frame.dtcs == ("P0128",)
    assert reading.seq == 9
    assert reading.other == {"Maker.Own.Count": 3}
    assert reading.rejected is not None
    assert set(reading.rejected) == {
        "Vehicle.LowVoltageBattery.CurrentVoltage",
        "Maker.Own.Nested",
        "Maker.Own.Nul",
        "dtcs",
    }
    assert reading.rejected["Vehicle.LowVoltageBattery.CurrentVoltage"] == (
        "99.0",
        "outside 0 to 65.535 V",
    )


@pytest.mark.parametrize(
    "signals",
    [
        {"Vehicle.Speed": 50, "Vehicle.OBD.Speed": 49},
        {"Vehicle.OBD.Speed": 49, "Vehicle.Speed": 50},
    ],
)
def test_the_catalogues_own_path_wins_over_its_alias(signals: dict[str, int]) -> None:
    (reading,) = decode(message(frame(signals=signals)), KNOWN, NOW).readings
    assert reading.frame.signals == {"speed_kmh": 50.0}


@pytest.mark.parametrize(
    "ts", [NOW_MS, float(NOW_MS), "2026-06-01T12:00:00Z", "2026-06-01T14:00:00+02:00"]
)
def test_times_in_both_forms(ts: object) -> None:
    (reading,) = decode(message(frame(ts=ts)), KNOWN, NOW).readings
    assert reading.frame.ts == NOW


@pytest.mark.parametrize(
    ("age", "code"),
    [
        (timedelta(days=-1), None),
        (timedelta(days=-1, milliseconds=-1), "clock_ahead"),
        (timedelta(days=730), None),
        (timedelta(days=730, milliseconds=1), "clock_behind"),
    ],
)
def test_clock_limits(age: timedelta, code: str | None) -> None:
    decoded = decode(message(frame(ts=(NOW - age).isoformat())), KNOWN, NOW)
    assert [reject.code for reject in decoded.rejects] == ([code] if code else [])


def test_a_bad_frame_in_a_list_costs_that_frame() -> None:
    frames = [frame(ts=NOW_MS + i) for i in range(4)]
    frames[1] = b'{"ts":0,"signals":{"Vehicle.Speed":1}}'
    frames[2] = b'{"ts":"x"}'
    decoded = decode(message(b"[" + b",".join(frames) + b"]"), KNOWN, NOW)
    assert [r.frame.ts_ms for r in decoded.readings] == [NOW_MS, NOW_MS + 3]
    assert [(r.code, r.payload) for r in decoded.rejects] == [
        ("clock_behind", frames[1]),
        ("bad_time", frames[2]),
    ]
    assert decoded.times_ms == [NOW_MS, 0, NOW_MS + 3]


def test_a_list_without_a_good_frame_is_kept_as_one() -> None:
    payload = b"[" + b",".join([frame(ts=i) for i in range(20)]) + b"]"
    (reject,) = decode(message(payload), KNOWN, NOW).rejects
    assert (reject.code, reject.payload) == ("clock_behind", payload)
    assert "None of the 20 frames" in reject.reason


def test_a_list_is_read_in_order_of_time() -> None:
    payload = b"[" + b",".join(frame(ts=NOW_MS - i) for i in range(5)) + b"]"
    readings = decode(message(payload), KNOWN, NOW).readings
    assert [r.frame.ts_ms for r in readings] == sorted(NOW_MS - i for i in range(5))
    assert refuse(readings[0], "x", "y").payload == frame(ts=NOW_MS - 4)


def test_the_largest_list_is_taken() -> None:
    payload = b"[" + b",".join(frame(ts=NOW_MS - i) for i in range(MAX_FRAMES)) + b"]"
    assert len(payload) < MAX_BYTES
    assert len(decode(message(payload), KNOWN, NOW).readings) == MAX_FRAMES


@pytest.mark.parametrize(("payload", "online"), [(b"online", True), (b"offline", False)])
def test_status(payload: bytes, online: bool) -> None:
    decoded = decode(message(payload, f"vehicles/{VIN}/status"), KNOWN, NOW)
    assert decoded.statuses == [(7, online, NOW, None)]


def test_unclear_status_is_refused() -> None:
    (reject,) = decode(message(b"sleeping", f"vehicles/{VIN}/status"), KNOWN, NOW).rejects
    assert reject.code == "bad_status"


@pytest.mark.parametrize("word", [b"online 4.1.2", b"online 3.3.006-12+e", b"online " + b"9" * 40])
def test_a_gateway_may_tell_its_firmware(word: bytes) -> None:
    (status,) = decode(message(word, f"vehicles/{VIN}/status"), KNOWN, NOW).statuses
    assert status.online and status.firmware == word.decode().partition(" ")[2]


@pytest.mark.parametrize(
    "word",
    [b"online ", b"online  4", b"offline 4.1", b"online 4.1\n", b"online " + b"9" * 41,
     b"online \x00", b"online <b>", "online ４".encode(), b"ONLINE 4"],
)  # fmt: skip
def test_what_is_no_firmware_is_refused(word: bytes) -> None:
    (reject,) = decode(message(word, f"vehicles/{VIN}/status"), KNOWN, NOW).rejects
    assert reject.code == "bad_status"


@given(st.binary(max_size=200), st.sampled_from([JSON, MSGPACK, f"vehicles/{VIN}/status"]))
def test_arbitrary_bytes_never_raise(payload: bytes, topic: str) -> None:
    decoded = decode(message(payload, topic), KNOWN, NOW)
    assert decoded.readings or decoded.rejects or decoded.statuses


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4)
    ),
    max_leaves=20,
)
paths = st.sampled_from([signal.path for signal in SIGNALS]) | st.text(max_size=30)


@given(
    st.fixed_dictionaries(
        {"ts": st.just(NOW_MS) | anything, "signals": st.dictionaries(paths, anything, max_size=8)},
        optional={"dtcs": st.lists(st.text(max_size=10)) | anything, "seq": anything},
    )
)
def test_arbitrary_frames_never_raise_and_stay_storable(doc: dict[str, object]) -> None:
    try:
        payload = msgspec.msgpack.encode(doc)
    except OverflowError:  # MessagePack knows no integers beyond 64 bits
        return
    decoded = decode(message(payload, MSGPACK), KNOWN, NOW)
    for reading in decoded.readings:
        texts = [*(reading.other or {}), *reading.frame.dtcs]
        texts += [v for v in (reading.other or {}).values() if isinstance(v, str)]
        texts += [t for pair in (reading.rejected or {}).values() for t in pair]
        assert all(text.isprintable() for text in texts)
    for reject in decoded.rejects:
        assert reject.reason.isprintable()


@st.composite
def real_frames(draw: st.DrawFn) -> dict[str, object]:
    signals: dict[str, object] = {}
    for signal in draw(st.lists(st.sampled_from(SIGNALS), unique_by=lambda s: s.name, min_size=1)):
        if signal.sql == "boolean":
            signals[signal.path] = draw(st.booleans())
        elif signal.sql == "text":
            signals[signal.path] = draw(st.sampled_from(signal.allowed or ("P0420",)))
        elif signal.low is not None and signal.high is not None:
            number = st.floats(signal.low, signal.high)
            if signal.sql in ("smallint", "integer"):
                number = st.integers(math.ceil(signal.low), math.floor(signal.high))
            signals[signal.path] = draw(number)
    return {
        "ts": NOW_MS - draw(st.integers(0, 10**9)),
        "seq": draw(st.integers(0, 2**63 - 1)),
        "signals": signals,
        "dtcs": draw(st.lists(st.sampled_from(["P0128", "U3003-16", "C0035"]), unique=True)),
    }


@given(real_frames(), st.sampled_from([JSON, MSGPACK]))
def test_decode_gives_back_what_was_encoded(doc: dict[str, object], topic: str) -> None:
    encode = msgspec.json.encode if topic == JSON else msgspec.msgpack.encode
    (reading,) = decode(message(encode(doc), topic), KNOWN, NOW).readings
    by_name = {signal.name: signal for signal in SIGNALS}
    assert {by_name[n].path: v for n, v in reading.frame.signals.items()} == doc["signals"]
    assert reading.frame.ts_ms == doc["ts"]
    assert reading.seq == doc["seq"]
    assert list(reading.frame.dtcs) == doc["dtcs"]
    assert reading.other is None
    assert reading.rejected is None


@pytest.mark.parametrize("value", [0, 1, -1e9, 1e9, math.nan, math.inf, True, "LOW", "", None, []])
def test_the_short_cut_for_decimals_agrees_with_the_catalogue(value: object) -> None:
    for signal in SIGNALS:
        doc = {"ts": NOW_MS, "dtcs": ["P0128"], "signals": {signal.path: value}}
        payload = msgspec.msgpack.encode(doc)
        (reading,) = decode(message(payload, MSGPACK), KNOWN, NOW).readings
        accepted = signal.accept(value)
        if isinstance(accepted, Refusal):
            assert reading.frame.signals == {}
            assert (value is None) == (reading.rejected is None)
        else:
            assert reading.frame.signals == {signal.name: accepted}


ORDINARY = {
    "Vehicle.Speed": 50.5,
    "Vehicle.TraveledDistance": 15_023_400,
    "Vehicle.LowVoltageSystemState": "ON",
    "Vehicle.OBD.Status.IsMILOn": True,
}
CHANGES: tuple[dict[str, object], ...] = (
    {},
    {"Vehicle.Speed": 50},
    {"Vehicle.Speed": float("nan")},
    {"Vehicle.Speed": 300.0},
    {"Vehicle.Speed": True},
    {"Vehicle.Speed": "50"},
    {"Vehicle.Speed": None},
    {"Vehicle.OBD.Speed": 40.0},
    {"Vehicle.TraveledDistance": 15_023_400.6},
    {"Vehicle.TraveledDistance": 2**63},
    {"Vehicle.LowVoltageSystemState": "BROKEN"},
    {"Vehicle.OBD.Status.IsMILOn": 1},
    {"Maker.Own": "ω"},
)


@pytest.mark.parametrize("change", CHANGES, ids=str)
@pytest.mark.parametrize("kind", ["frames", "frames/msgpack"])
def test_what_a_car_usually_says_changes_no_answer(kind: str, change: dict[str, object]) -> None:
    encode = msgspec.json.encode if kind == "frames" else msgspec.msgpack.encode
    topic = f"vehicles/{VIN}/{kind}"

    def answer(*frames: dict[str, object]) -> list[object]:
        docs = [{"ts": NOW_MS + i, "signals": one} for i, one in enumerate(frames)]
        decoded = decode(message(encode(docs[0] if len(docs) == 1 else docs), topic), KNOWN, NOW)
        return [
            *((r.frame, r.other, r.rejected) for r in decoded.readings),
            *((r.code, r.reason, r.payload) for r in decoded.rejects),
        ]

    usual = ingest.decode._usual
    for frames in ([ORDINARY | change], [ORDINARY, ORDINARY | change], [{"Vehicle.Speed": 1.0}]):
        usual.clear()
        expected = answer(*frames)
        usual.clear()
        answer(ORDINARY)
        assert topic in usual
        assert answer(*frames) == expected
