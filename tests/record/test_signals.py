"""The signal catalogue agrees with itself, with the table, and with what sensors may say."""

import math
import re

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from record.signals import BY_NAME, BY_PATH, SIGNALS, TEXT_LIMIT, Refusal, Signal, check

NUMERIC = [s for s in SIGNALS if s.low is not None]
FRAME_COLUMNS = {"vehicle_id", "ts", "seq", "dtcs", "other", "rejected", "received_at"}

UNITS = {
    "°C": "_c", "V": "_v", "A": "_a", "%": "_pct", "km/h": "_kmh", "rpm": "_rpm", "kPa": "_kpa",
    "Pa": "_pa", "m": "_m", "km": "_km", "s": "_s", "min": "_min", "h": "_h", "°": "_deg",
    "Nm": "_nm", "kW": "_kw", "g/s": "_g_s", "l/h": "_l_h", "l/100 km": "_l_100km", "λ": "_ratio",
    "": "",
}  # fmt: skip


def test_catalogue_is_large_enough_and_unambiguous() -> None:
    assert len(SIGNALS) >= 45
    assert len(BY_NAME) == len(SIGNALS)
    assert len(BY_PATH) == sum(1 + len(s.aliases) for s in SIGNALS)


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda s: s.name)
def test_every_signal_is_well_formed(signal: Signal) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", signal.name)
    assert signal.name.endswith(UNITS[signal.unit])
    for path in (signal.path, *signal.aliases):
        assert re.fullmatch(r"Vehicle(\.[A-Z][A-Za-z0-9]*)+", path)
    assert signal.source in ("J1979", "VSS", "engineering")
    assert signal.description
    assert signal.pid is None or re.fullmatch(r"01 [0-9A-F]{2}", signal.pid)
    if signal.sql in ("boolean", "text"):
        assert signal.low is None and signal.high is None
    else:
        assert signal.low is not None and signal.high is not None
        assert signal.low < signal.high
    if signal.sql in ("smallint", "integer"):
        bits = 15 if signal.sql == "smallint" else 31
        assert signal.low is not None and signal.high is not None
        assert -(2**bits) <= signal.low and signal.high < 2**bits


def test_columns_of_the_table_are_the_catalogue(db: psycopg.Connection) -> None:
    rows = db.execute(
        "SELECT column_name, data_type FROM information_schema.columns"
        " WHERE table_name = 'telemetry' AND table_schema = 'public'"
    ).fetchall()
    columns = {name: kind for name, kind in rows if name not in FRAME_COLUMNS}
    assert columns == {s.name: s.sql for s in SIGNALS}
    assert {name for name, _ in rows} >= FRAME_COLUMNS


def test_ends_of_every_range_can_be_stored(db: psycopg.Connection) -> None:
    names = [s.name for s in NUMERIC]
    marks = ", ".join(["%s"] * len(names))
    ends = [[check(s, s.low) for s in NUMERIC], [check(s, s.high) for s in NUMERIC]]
    for vehicle_id, values in enumerate(ends, start=1):
        db.execute(
            f"INSERT INTO telemetry (vehicle_id, ts, {', '.join(names)})"  # noqa: S608
            f" VALUES ({vehicle_id}, now(), {marks})".encode(),
            values,
        )
    stored = db.execute(
        f"SELECT {', '.join(names)} FROM telemetry ORDER BY vehicle_id".encode()  # noqa: S608
    ).fetchall()
    for sent, got in zip(ends, stored, strict=True):
        # float4 keeps seven digits
        assert list(got) == pytest.approx(sent, rel=1e-6)


def test_telemetry_is_a_hypertable_with_its_key_as_only_index(db: psycopg.Connection) -> None:
    dimensions = db.execute(
        "SELECT column_name, time_interval = '1 day' FROM timescaledb_information.dimensions"
        " WHERE hypertable_name = 'telemetry'"
    ).fetchall()
    assert dimensions == [("ts", True)]
    indexes = db.execute("SELECT indexname FROM pg_indexes WHERE tablename = 'telemetry'")
    assert indexes.fetchall() == [("telemetry_pkey",)]


@pytest.mark.parametrize("signal", NUMERIC, ids=lambda s: s.name)
def test_numbers_are_believed_in_range_only(signal: Signal) -> None:
    assert signal.low is not None and signal.high is not None
    for inside in (signal.low, signal.high):
        got = check(signal, inside)
        assert type(got) is (float if signal.sql in ("real", "double precision") else int)
        assert got == inside if type(got) is float else got == round(inside)
    outside = (math.nextafter(signal.low, -math.inf), math.nextafter(signal.high, math.inf))
    for wrong in (*outside, 10**400, -(10**400)):
        answer = check(signal, wrong)
        assert type(answer) is Refusal
        assert answer.startswith("outside ")


@pytest.mark.parametrize("signal", NUMERIC, ids=lambda s: s.name)
@pytest.mark.parametrize("value", [True, False, "90", None, [], {}, b"1", 1j])
def test_what_is_no_number_is_refused(signal: Signal, value: object) -> None:
    assert check(signal, value) == Refusal("not a number")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_infinite_and_nan_are_refused(value: float) -> None:
    assert {check(s, value) for s in NUMERIC} == {Refusal("not a finite number")}


def test_whole_number_columns_round() -> None:
    assert check(BY_NAME["odometer_m"], 12.6) == 13
    assert type(check(BY_NAME["odometer_m"], 12.0)) is int


@pytest.mark.parametrize("value", [0, 1, 1.0, "true", None])
def test_flags_are_only_true_or_false(value: object) -> None:
    assert check(BY_NAME["mil_on"], True) is True
    assert type(check(BY_NAME["mil_on"], value)) is Refusal


@pytest.mark.parametrize("value", ["on", "", "NOPE", True, 1, None, ["ON"], "ON\x00"])
def test_enumerations_are_exact(value: object) -> None:
    assert check(BY_NAME["ignition"], "ON") == "ON"
    assert type(check(BY_NAME["ignition"], value)) is Refusal


@pytest.mark.parametrize("value", ["P0301\x00", "\ud800", "x" * (TEXT_LIMIT + 1), 301, None])
def test_text_that_cannot_be_stored_is_refused(value: object) -> None:
    assert check(BY_NAME["freeze_dtc"], "P0301") == "P0301"
    assert type(check(BY_NAME["freeze_dtc"], value)) is Refusal


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(signal=st.sampled_from(SIGNALS), value=JSON)
def test_any_value_gets_an_answer_that_its_column_can_hold(signal: Signal, value: object) -> None:
    answer = check(signal, value)
    if type(answer) is Refusal:
        assert answer
    else:
        kinds = {"boolean": bool, "text": str, "smallint": int, "integer": int}
        assert type(answer) is kinds.get(signal.sql, float)
        assert check(signal, answer) == answer
