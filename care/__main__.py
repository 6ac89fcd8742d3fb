"""Whom do we tell, and what do we book?

    python -m care
    python -m care import FILE.csv --dealer 1 [--dry-run]
    python -m care export-person 12 --out DIR
    python -m care erase-person 12
    python -m care results
    python -m care dry-run --customer 12

The commands need DATABASE_URL alone; the room also SECRET_KEY, PUBLIC_URL, TWILIO_ACCOUNT_SID,
TWILIO_AUTH_TOKEN, TWILIO_FROM; `care.settings` tells of the others. SIGTERM ends it after the step
that is under way.
"""

import logging
import signal
import sys

from care import commands
from care.engine import Engine
from care.settings import CareSettings
from record import health
from record import log as record_log
from record.settings import SettingsError, load


def main() -> int:
    """Run the room, or one command. Returns its exit status."""
    args = commands.parser().parse_args()
    if args.command:
        return commands.run(args)
    try:
        settings = load(CareSettings)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    record_log.setup(settings.log_format)
    for noisy in ("apscheduler", "twilio", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    engine = Engine(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: engine.stop())
    health.serve(settings.health_host, settings.health_port, engine.health)
    engine.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
