"""Another try for a frame in quarantine, from the page."""

from datetime import datetime

import psycopg

from ingest.replay import replay


def replay_one(conn: psycopg.Connection, row_id: int, now: datetime) -> tuple[bool, str]:
    """Try one row again, within the caller's transaction.

    Returns
    -------
    bool
        Whether it is stored now.
    str
        Why not, in words; empty if it is.
    """
    report = replay(conn, [row_id], now)
    return report.replayed > 0, "; ".join(report.refused)
