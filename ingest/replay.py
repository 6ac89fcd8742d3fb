"""What was refused once is tried again, by today's rules and on the same path as live messages."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import psycopg

from ingest import store
from ingest.intake import Intake
from ingest.writer import store_all
from record.flow import Message


@dataclass(slots=True)
class Replayed:
    """What became of quarantined messages.

    Parameters
    ----------
    replayed : int
        Rows whose frames are stored now.
    frames : int
        Frames stored by that.
    refused : Counter of str
        Reasons of the rows that are refused still.
    """

    replayed: int = 0
    frames: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        """
        Examples
        --------
        >>> print(Replayed(12, 40, Counter({"Unknown VIN.": 3})))
        12 replayed (40 frames stored), 3 still refused:
             3 × Unknown VIN.
        """
        still = self.refused.total()
        head = f"{self.replayed} replayed ({self.frames} frames stored), {still} still refused"
        lines = [f"  {number:>4} × {reason}" for reason, number in self.refused.most_common(20)]
        return "\n".join([head + (":" if lines else ""), *lines])


def replay(
    conn: psycopg.Connection,
    ids: Iterable[int],
    now: datetime,
    intake: Intake | None = None,
) -> Replayed:
    """Try rows of the quarantine again; each is a transaction of its own, or the caller's.

    A row that is refused again stays, with today's reason and one attempt more. Of a list whose
    frames are good by now but some, the good ones are stored and the bad ones get their own rows.

    Parameters
    ----------
    conn : psycopg.Connection
        In autocommit mode each row is committed by itself.
    ids : iterable of int
        Of table ``quarantine``; those that were replayed already are passed over.
    now : datetime
    intake : Intake, optional
        To remember vehicles and odometers between calls.
    """
    intake = intake or Intake()
    report = Replayed()
    for row_id in ids:
        with conn.transaction():
            row = store.lock_waiting(conn, row_id)
            if row is None:
                continue
            message = Message(row.topic, row.payload, row.received_at)
            batch = intake.prepare(conn, [message], now).batch
            again = [reject for reject in batch.rejects if reject.payload == row.payload]
            if again:
                store.mark_refused(conn, row_id, again[0])
                report.refused[again[0].reason] += 1
                continue
            stored = store_all(conn, batch)
            refused = [reject for reject in stored.rejects if reject.payload == row.payload]
            if refused:  # by the database itself, which has the row waiting again
                store.mark_refused(conn, row_id, refused[0])
                report.refused[refused[0].reason] += 1
                continue
            store.mark_replayed(conn, row_id, now)
            report.replayed += 1
            report.frames += stored.frames
    return report
