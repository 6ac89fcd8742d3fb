"""A slot as a form's value. Whether the workshop really offers it is care's to check."""

from datetime import UTC, datetime

from care.errors import CareError
from record.flow import Slot


def slot_key(slot: Slot) -> str:
    """One word for a slot.

    Examples
    --------
    >>> at = datetime(2026, 12, 3, 8, 30, tzinfo=UTC)
    >>> slot_key(Slot(1, 2, at, at.replace(hour=9)))
    '1.2.1796286600.1796290200'
    """
    times = (int(slot.starts_at.timestamp()), int(slot.ends_at.timestamp()))
    return f"{slot.bay_id}.{slot.technician_id}.{times[0]}.{times[1]}"


def slot_of(key: str) -> Slot:
    """The slot that `slot_key` named.

    Raises
    ------
    CareError
        If it names none.

    Examples
    --------
    >>> slot_of("1.2.1796286600.1796288400").bay_id
    1
    >>> slot_of("1.2.x")
    Traceback (most recent call last):
    care.errors.CareError: Please choose one of the times.
    """
    numbers = [int(n) for n in key.split(".") if n.isascii() and n.isdigit() and len(n) < 11]
    if len(numbers) != 4 or max(numbers[:2]) >= 2**31 or max(numbers[2:]) > 32_503_680_000:
        raise CareError("Please choose one of the times.")
    bay_id, technician_id, starts, ends = numbers
    if not starts < ends:
        raise CareError("Please choose one of the times.")
    return Slot(
        bay_id,
        technician_id,
        datetime.fromtimestamp(starts, UTC),
        datetime.fromtimestamp(ends, UTC),
    )


def apart(slots: list[Slot], booked: list[tuple[datetime, datetime]]) -> list[Slot]:
    """The slots at which the car isn't in the workshop already, for other work.

    Examples
    --------
    >>> at = [datetime(2026, 12, 3, hour, tzinfo=UTC) for hour in (8, 9, 10, 11)]
    >>> offered = [Slot(1, 2, at[0], at[1]), Slot(1, 2, at[1], at[3])]
    >>> [s.starts_at.hour for s in apart(offered, [(at[2], at[3])])]
    [8]
    """
    return [s for s in slots if all(s.ends_at <= a or b <= s.starts_at for a, b in booked)]
