"""A person asks what we hold of them, or to be forgotten: GDPR articles 15, 17 and 20.

What erasing keeps, and why, is `KEPT`; `docs/decisions/0050-erasing-a-person.md` has the reasons.
"""

import json
import re
import zipfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from psycopg import Connection

from care.errors import CareError
from care.store import merging, people
from care.store import privacy as store

KEPT = (
    "repair orders and bookings with their dates and odometer readings, without a name: the books"
    " must be kept (GDPR article 17(3)(b))",
    "what was agreed to and when, without a name: proof of consent (article 7(1))",
    "alerts and findings: what was wrong with the car, without where it was",
    "that the number said STOP, as a salted digest: so that it still holds (article 17(3)(e))",
)
"""What is still there after erasing, for the person who asks."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What was done.

    Parameters
    ----------
    frames : int
        Telemetry rows that were deleted.
    kept : tuple of str
    """

    frames: int
    kept: tuple[str, ...]


def export(conn: Connection, customer_id: int, folder: Path, now: datetime) -> Path:
    """Write all that we hold of a person into one ZIP file.

    Parameters
    ----------
    conn : Connection
    customer_id : int
    folder : Path
        Made if it isn't there.
    now : datetime

    Returns
    -------
    Path
        ``person-12.zip``: ``person.json``, and a CSV file for each car and span of ownership.

    Raises
    ------
    CareError
        If there is no such customer, or the folder can't be written.
    """
    if people.customer(conn, customer_id) is None:
        raise CareError(f"There is no customer {customer_id}.")
    doc = store.document(conn, customer_id)
    path = folder / f"person-{customer_id}.zip"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            head = {"customer": customer_id, "written_at": now.isoformat(), "tables": doc}
            archive.writestr("person.json", json.dumps(head, ensure_ascii=False, indent=1))
            for number, span in enumerate(store.spans(conn, customer_id), start=1):
                name = re.sub(r"[^A-Z0-9]", "", span.vin)
                with archive.open(f"telemetry-{number}-{name}.csv", "w", force_zip64=True) as out:
                    for piece in store.telemetry(conn, span):
                        out.write(piece)
    except OSError as error:
        raise CareError(f"{folder} can't be written: {error.strerror}.") from None
    return path


def erase(conn: Connection, customer_id: int, actor: str, now: datetime) -> Erased:
    """Forget a person, with the records that were merged into theirs. The caller commits.

    Raises
    ------
    CareError
        If there is no such customer, they are erased already, or a message is on its way.
    """
    customer = people.customer(conn, customer_id, lock=True)
    if customer is None:
        raise CareError(f"There is no customer {customer_id}.")
    if merging.is_over(conn, customer_id):
        raise CareError("This record was merged into another, or erased, already.")
    everyone = (customer_id, *store.merged_into(conn, customer_id))
    if merging.sending(conn, everyone):
        raise CareError("A message is on its way to this person. Try again in a minute.")
    strange = store.unknown_tables(conn)
    if strange:
        raise CareError(f"Nobody has said how to erase from: {', '.join(strange)}.")
    phones = store.numbers(conn, list(everyone))
    for phone in phones:
        since = people.stopped(conn, phone)
        if since is not None:
            store.keep_stop(conn, phone, since)
        else:
            store.drop_stop(conn, phone)
        store.forget_number(conn, phone)
    frames = sum(store.forget_span(conn, span) for span in store.spans(conn, customer_id))
    for one in everyone:
        people.leave_household(conn, one)
        store.forget(conn, one, phones, now)
    people.audit(conn, now, actor, "erased", f"customer:{customer_id}", frames=frames)
    return Erased(frames, KEPT)
