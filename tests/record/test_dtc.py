"""Trouble codes: the table is whole, the structure is J2012's, the urgencies hold up."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from record.causes import CAUSES, cause_of
from record.dtc import _CAUSES, _RULES, TABLE, DtcError, cause, decode, is_dtc
from record.flow import Urgency

CODES = st.from_regex(r"[PCBU][0-3][0-9A-F]{3}(-[0-9A-F]{2})?", fullmatch=True)


def test_table_is_whole_sorted_and_licensed() -> None:
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    codes = [row["code"] for row in rows]
    assert len(rows) == 9340
    assert codes == sorted(set(codes))
    assert all(is_dtc(code) and decode(code).generic for code in codes)
    assert all(row["description"] == row["description"].strip() != "" for row in rows)
    assert "MIT License" in (TABLE.parent / "LICENSE").read_text()


@pytest.mark.parametrize(
    ("code", "system", "subsystem", "generic", "urgency"),
    [
        ("P0128", "powertrain", "fuel and air metering", True, Urgency.SERVICE),
        ("P0217", "powertrain", "fuel and air metering", True, Urgency.STOP),
        ("P0118", "powertrain", "fuel and air metering", True, Urgency.SOON),
        ("P0524", "powertrain", "speed, idle and auxiliary inputs", True, Urgency.STOP),
        ("P0300", "powertrain", "ignition and misfire", True, Urgency.SOON),
        ("P0312", "powertrain", "ignition and misfire", True, Urgency.SOON),
        ("P0313", "powertrain", "ignition and misfire", True, Urgency.SERVICE),
        ("P0420", "powertrain", "emissions", True, Urgency.SERVICE),
        ("P0455", "powertrain", "emissions", True, Urgency.INFO),
        ("P0562", "powertrain", "speed, idle and auxiliary inputs", True, Urgency.SOON),
        ("P0700", "powertrain", "transmission", True, Urgency.SOON),
        ("P0A7E", "powertrain", "hybrid and electric drive", True, Urgency.STOP),
        ("P0AA6", "powertrain", "hybrid and electric drive", True, Urgency.STOP),
        ("P1234", "powertrain", "", False, Urgency.SERVICE),
        ("P2135", "powertrain", "fuel and air metering", True, Urgency.SOON),
        ("P3300", "powertrain", "", False, Urgency.SERVICE),
        ("P3400", "powertrain", "cylinder deactivation", True, Urgency.SERVICE),
        ("C0035", "chassis", "", True, Urgency.SOON),
        ("C1095", "chassis", "", False, Urgency.SERVICE),
        ("B0001", "body", "", True, Urgency.SOON),
        ("U0100", "network", "network communication", True, Urgency.SOON),
        ("U0155", "network", "network communication", True, Urgency.SERVICE),
        ("U3003", "network", "control units and their power supply", True, Urgency.SOON),
    ],
)
def test_codes_that_a_workshop_knows(
    code: str, system: str, subsystem: str, generic: bool, urgency: Urgency
) -> None:
    dtc = decode(code)
    assert (dtc.system, dtc.subsystem, dtc.generic) == (system, subsystem, generic)
    assert dtc.urgency is urgency
    assert dtc.why


def test_descriptions_come_from_the_table_or_say_that_they_do_not() -> None:
    assert decode("P0301").description == "Cylinder 1 Misfire Detected"
    assert decode("U0100").description == "Lost Communication With ECM/PCM A"
    assert decode("C1234").description == "Maker's own chassis code"
    assert decode("P3FFF").description == "Unlisted powertrain code"


@pytest.mark.parametrize(
    "bad",
    ["", "P", "P01", "P01280", "X0128", "P4128", "P012G", "P0128-1", "P0128-1G", "P0128-111",
     "0128", "P٠128", "P0128\x00", "P0 128", "x" * 100_000],
)  # fmt: skip
def test_what_is_no_code_is_refused_in_words(bad: str) -> None:
    assert not is_dtc(bad)
    for ask in (decode, cause):
        with pytest.raises(DtcError, match="is not a trouble code") as caught:
            ask(bad)
        assert len(str(caught.value)) < 200


def test_trailing_newline_is_no_code_but_is_forgiven() -> None:
    assert not is_dtc("P0128\n")
    assert decode(" p0128\n").code == "P0128"


@given(CODES)
def test_every_possible_code_is_explained(code: str) -> None:
    dtc = decode(code)
    assert dtc.code == code
    assert dtc.description and dtc.why
    assert bool(dtc.subsystem) <= dtc.generic
    assert cause(code) in (*CAUSES, f"dtc_{code[:5].lower()}")
    assert cause(code) == cause(code[:5])
    assert cause_of(cause(code)).title


def test_rules_are_ranges_of_one_system_and_none_is_hidden_by_an_earlier_one() -> None:
    for place, rule in enumerate(_RULES):
        assert is_dtc(rule.first) and is_dtc(rule.last)
        assert rule.first <= rule.last and rule.first[0] == rule.last[0]
        for earlier in _RULES[:place]:
            assert not (earlier.first <= rule.first and rule.last <= earlier.last), rule


def test_mapped_causes_exist() -> None:
    assert set(_CAUSES.values()) <= set(CAUSES)
    assert cause("U3003-16") == "battery_12v"
