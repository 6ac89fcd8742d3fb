"""Two records, one person? A person decides; nothing is merged in silence."""

from datetime import datetime

from psycopg import Connection

from care import csv_import
from care.errors import CareError
from care.store import imports, merging, people

DECISIONS = ("same", "apart", "sold")


def settle(
    conn: Connection, dealer_id: int, duplicate_id: int, decision: str, actor: str, now: datetime
) -> None:
    """Do what a person decided about a row of a file.

    Parameters
    ----------
    decision : str
        ``same``: it is the customer whom we know; gaps are filled, the car is theirs.
        ``apart``: somebody else; a new customer without the number or car that is taken.
        ``sold``: the car is the new person's from now on.

    Raises
    ------
    CareError
        If it is decided already, or the decision doesn't fit.
    """
    imports.one_at_a_time(conn)
    found = imports.duplicate(conn, dealer_id, duplicate_id)
    if found is None:
        raise CareError("There is no such row to decide about.")
    if found.data is None:
        raise CareError("Somebody has decided about this row already.")
    if decision not in DECISIONS or (decision == "sold" and found.kind != "vin"):
        raise CareError("Choose one of the buttons.")
    row = csv_import.from_json(found.data)
    kept = people.customer(conn, found.customer_id, lock=True)
    assert kept is not None
    car = imports.car(conn, row.vin, now) if row.vin else None
    car_is_ours = car is None or car.dealer_id == dealer_id
    if decision == "same":
        customer_id = kept.id
        imports.fill_gaps(conn, customer_id, row.phone, row.email)
        csv_import.add_consents(conn, row, customer_id, now)
        takes_car = car is None or (car_is_ours and car.owner_id is None)
    else:
        free = row.phone is not None and imports.by_phone(conn, row.phone) is None
        customer_id = csv_import.create(conn, row, dealer_id, actor, now, phone=free)
        takes_car = car is None or (car_is_ours and (car.owner_id is None or decision == "sold"))
    if row.vin is not None and takes_car:
        csv_import.give_car(conn, row, dealer_id, customer_id, now)
    imports.decide(conn, duplicate_id, decision, actor, now)
    people.audit(
        conn, now, actor, f"import decided: {decision}", f"customer:{customer_id}",
        duplicate=duplicate_id,
    )  # fmt: skip


def merge(conn: Connection, keep_id: int, gone_id: int, actor: str, now: datetime) -> None:
    """Two records are one person: all that belongs to `gone_id` moves to `keep_id`.

    The record that goes stays as a sign-post. A STOP of either number holds for both.

    Raises
    ------
    CareError
        If the two are one record, of two dealers, or one has gone already.
    """
    if keep_id == gone_id:
        raise CareError("This is one and the same record.")
    for one in sorted((keep_id, gone_id)):
        people.customer(conn, one, lock=True)
    keep, gone = people.customer(conn, keep_id), people.customer(conn, gone_id)
    if keep is None or gone is None or keep.dealer_id != gone.dealer_id:
        raise CareError("There is no such customer at your dealer.")
    if merging.is_over(conn, keep_id) or merging.is_over(conn, gone_id):
        raise CareError("One of the two records was merged or erased already.")
    if merging.sending(conn, (keep_id, gone_id)):
        raise CareError("A message is on its way to one of them. Try again in a minute.")
    stops = [people.stopped(conn, phone) for phone in (keep.phone, gone.phone) if phone is not None]
    moved = merging.move(conn, keep_id, gone_id)
    merging.close(conn, keep_id, gone_id)
    people.leave_household(conn, gone_id)
    after = people.customer(conn, keep_id)
    if after and after.phone and any(stops) and people.stopped(conn, after.phone) is None:
        people.add_suppression(conn, after.phone, True, "merge: the other number said STOP", now)
    people.audit(
        conn, now, actor, "merged", f"customer:{keep_id}", gone=gone_id, moved=moved
    )  # fmt: skip
    people.audit(conn, now, actor, "merged away", f"customer:{gone_id}", into=keep_id)
