"""Whom do we tell, and what do we book?

    python -m care
    python -m care results    what each text and hour brought, by dealer; needs DATABASE_URL alone

Needs DATABASE_URL, SECRET_KEY, PUBLIC_URL, TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, TWILIO_FROM;
`care.settings` tells of the others. SIGTERM ends it after the step that is under way.
"""

import logging
import signal
import sys

from care import results
from care.engine import Engine
from care.settings import CareSettings
from care.store import people
from record import db, health
from record import log as record_log
from record.settings import Settings, SettingsError, load


def print_results() -> int:
    """Print what each text and hour brought. Returns the exit status."""
    try:
        settings = load(Settings)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    with db.connect(settings.database_url, "care results") as conn:
        for dealer in people.dealers(conn):
            print(results.written(dealer.name, results.report(conn, dealer.id)))
    return 0


def main() -> int:
    """Run the room. Returns its exit status."""
    if sys.argv[1:] == ["results"]:
        return print_results()
    if sys.argv[1:]:
        print(__doc__, file=sys.stderr)
        return 2
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
