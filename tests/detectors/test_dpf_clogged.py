"""A filter that can't burn free: of itself, or because the engine stays cold."""

from datetime import timedelta

import pytest

from detectors.bank import Bank, detect
from detectors.dpf_clogged import DpfClogged
from simulators import cycles
from simulators.faults import Fault
from simulators.faults.dpf_clogged import DpfClogged as Clogged
from simulators.faults.thermostat_stuck_open import ThermostatStuckOpen
from simulators.habits import Habits
from simulators.vehicle import Vehicle
from tests.detectors.cars import START, profile, received

ONSET = START + timedelta(days=20)


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (Clogged(ONSET, timedelta(days=8)), "dpf_clogged"),
        (ThermostatStuckOpen(ONSET, timedelta(days=1)), "thermostat_stuck_open"),
    ],
)
def test_it_names_what_keeps_the_filter_from_burning_free(fault: Fault, cause: str) -> None:
    car = Vehicle(
        "1RWLN6D44MN000001",
        start=START,
        seed=3,
        model="lane_16d",
        faults=[fault],
        habits=Habits(commute=(cycles.MIXED,)),
        drive_period_s=20,
    )
    bank = Bank(profile(), kinds=(DpfClogged,))
    found = detect(bank, received(car.frames(START + timedelta(days=45))))
    assert bank.set_aside == []
    assert found[0].cause == cause
    assert found[0].at > ONSET
    assert {one.cause for one in found} == {cause}
