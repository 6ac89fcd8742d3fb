"""From messages to a batch: who the cars are, and what their odometers said before.

Everything that enters goes through here, live from the broker and again from the quarantine, so
that both follow the same rules.
"""

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg

from ingest import store
from ingest.decode import VIN, Decoded, Reading, decode, refuse, vin_of
from ingest.odometer import Odometer, follow
from record.flow import Message

FORGET_S = 300
"""A vehicle that was deleted, or whose VIN was corrected, is noticed after so long."""

MOST_ODOMETERS = 100_000
"""Odometers kept in memory, about 20 MB; beyond that all are read again as needed."""


@dataclass(slots=True)
class Prepared:
    """A batch, and what its senders will be told once it is stored.

    Parameters
    ----------
    batch : store.Batch
    receipts : dict of str to list of int
        Receipt topic to epoch milliseconds.
    duplicates : int
        Frames that came twice within the batch.
    """

    batch: store.Batch
    receipts: dict[str, list[int]]
    duplicates: int


class Intake:
    """Prepares batches; remembers vehicles and odometers in between."""

    def __init__(self) -> None:
        self._vehicles: dict[str, int] = {}
        self._forget_at_s = time.monotonic() + FORGET_S
        self._odometers: dict[int, Odometer | None] = {}

    def prepare(
        self, conn: psycopg.Connection, messages: Sequence[Message], now: datetime
    ) -> Prepared:
        """Decode messages and hold their frames against what is known.

        Can be repeated after a database error: nothing is remembered before all was read.
        """
        self._look_up_vehicles(conn, messages)
        decoded = [decode(message, self._vehicles, now) for message in messages]
        self._look_up_odometers(conn, decoded)

        batch = store.Batch([], [], [], messages[-1].received_at if messages else now)
        receipts: dict[str, list[int]] = defaultdict(list)
        seen: set[tuple[int, int]] = set()
        duplicates = 0
        for message, one in zip(messages, decoded, strict=True):
            batch.rejects += one.rejects
            batch.statuses += one.statuses
            for reading in one.readings:
                key = (reading.frame.vehicle_id, reading.frame.ts_ms)
                if key in seen:
                    duplicates += 1
                    continue
                seen.add(key)
                if refusal := self._odometer_refuses(reading):
                    batch.rejects.append(refuse(reading, "odometer_backwards", refusal))
                else:
                    batch.readings.append(reading)
            if message.receipt_to and one.times_ms and _may_have_receipt(message):
                receipts[message.receipt_to] += one.times_ms
        return Prepared(batch, receipts, duplicates)

    def _look_up_vehicles(self, conn: psycopg.Connection, messages: Sequence[Message]) -> None:
        """Ask for unknown VINs only, so that a car flows from the moment it is registered."""
        if time.monotonic() > self._forget_at_s:
            self._vehicles.clear()
            self._forget_at_s = time.monotonic() + FORGET_S
        vins = {vin for m in messages if (vin := vin_of(m.topic)) and vin not in self._vehicles}
        vins = {vin for vin in vins if VIN.fullmatch(vin)}
        if vins:
            self._vehicles |= store.vehicle_ids(conn, vins)

    def _look_up_odometers(self, conn: psycopg.Connection, decoded: Sequence[Decoded]) -> None:
        if len(self._odometers) > MOST_ODOMETERS:
            self._odometers.clear()
        unknown = {
            reading.frame.vehicle_id
            for one in decoded
            for reading in one.readings
            if reading.frame.vehicle_id not in self._odometers
            and "odometer_m" in reading.frame.signals
        }
        if unknown:
            found = store.odometers(conn, unknown)
            self._odometers |= {vehicle_id: found.get(vehicle_id) for vehicle_id in unknown}

    def _odometer_refuses(self, reading: Reading) -> str | None:
        frame = reading.frame
        reading_m = frame.signals.get("odometer_m")
        if reading_m is None:
            return None
        assert isinstance(reading_m, int)
        known = self._odometers.get(frame.vehicle_id)
        self._odometers[frame.vehicle_id], refusal = follow(known, frame.ts_ms, reading_m)
        return refusal


def _may_have_receipt(message: Message) -> bool:
    """A receipt goes to the vehicle that sent the frames, nowhere else."""
    return message.receipt_to == f"vehicles/{vin_of(message.topic)}/stored"
