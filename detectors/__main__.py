"""``python -m detectors``: a worker that judges what the cars say. Start as many as you like.

``python -m detectors backtest`` tries a detector on stored history instead, and
``python -m detectors scan`` tells what is strange in any CSV file.
"""

import logging
import signal
import sys
import threading
import time
from typing import Any

from psycopg import errors
from pydantic import Field

from detectors import metrics
from detectors.worker import Limits, Worker
from record import db, health, log
from record.settings import Settings, SettingsError, load

logger = logging.getLogger(__name__)

STUCK_S = 60


class DetectorSettings(Settings):
    """What this room needs besides.

    Parameters
    ----------
    checkpoint_s : float
        ``CHECKPOINT_S``: seconds between checkpoints; a raised finding is committed at once.
    vehicles_in_memory : int
        ``VEHICLES_IN_MEMORY``: banks a worker keeps, about 10 KB each.
    """

    checkpoint_s: float = Field(default=2.0, gt=0)
    vehicles_in_memory: int = Field(default=50_000, ge=1)


class Door:
    """Keeps a worker at work: a new one, on a new connection, whenever one was lost."""

    def __init__(self, settings: DetectorSettings) -> None:
        self.settings = settings
        self.limits = Limits(
            checkpoint_s=settings.checkpoint_s, vehicles=settings.vehicles_in_memory
        )
        self.stop = threading.Event()
        self.worker: Worker | None = None

    def run(self) -> None:
        """Work until asked to stop."""
        pause = 0.1
        while not self.stop.is_set():
            try:
                with db.connect(self.settings.database_url, "detectors", autocommit=True) as conn:
                    self.worker = Worker(conn, self.limits)
                    pause = 0.1
                    logger.info("worker has begun")
                    self.worker.run(self.stop.is_set)
            except (*db.BAD_MOMENT, errors.ForeignKeyViolation) as error:
                metrics.LOST.inc()
                logger.warning("states are thrown away, will begin again", extra={"why": error})
                self.stop.wait(pause)
                pause = min(pause * 2, 5.0)
            finally:
                self.worker = None

    def health(self) -> dict[str, Any]:
        """How we are: fine while a worker has a connection and its rounds don't stall."""
        worker = self.worker
        if worker is None:
            return {"ok": False, "why": "no connection to the database yet"}
        quiet_s = time.monotonic() - worker.beat_at
        return {
            "ok": quiet_s < STUCK_S,
            "shards": sorted(worker.shards),
            "last_round_s_ago": round(quiet_s, 1),
            "frames_not_yet_saved": worker.pending_frames,
        }


def main() -> int:
    """Run one worker, or what was asked for instead, and return the exit status."""
    if sys.argv[1:2] == ["backtest"]:
        from detectors.backtest import command  # with pandas, which a worker has no use for

        return command.main(sys.argv[2:])
    if sys.argv[1:2] == ["scan"]:
        from detectors import scan

        return scan.main(sys.argv[2:])
    if sys.argv[1:]:
        print(
            f"unknown: {sys.argv[1]}; there is backtest, scan, or no word at all", file=sys.stderr
        )
        return 2
    try:
        settings = load(DetectorSettings)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    log.setup(settings.log_format)
    door = Door(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: door.stop.set())
    health.serve(settings.health_host, settings.health_port, door.health)
    door.run()
    logger.info("worker has ended, all is saved")
    return 0


if __name__ == "__main__":
    sys.exit(main())
