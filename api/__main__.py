"""``python -m api`` serves the console; ``python -m api add-staff`` adds a person who signs in."""

import argparse
import getpass
import logging
import os
import signal
import sys
from types import FrameType

import uvicorn

from api import auth
from api.app import create
from api.settings import ApiSettings
from api.store import staff
from record import db, log
from record.settings import Settings, SettingsError, load

logger = logging.getLogger("api")


class Server(uvicorn.Server):
    """Ends the pages' event streams first: uvicorn would wait for them."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.config.app.state.live.stop()  # type: ignore[union-attr]
        super().handle_exit(sig, frame)


def serve(settings: ApiSettings) -> int:
    """Answer until told to stop."""
    log.setup(settings.log_format)
    app = create(settings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=True,
        timeout_graceful_shutdown=5,
        timeout_keep_alive=30,
    )
    logger.info("console is served", extra={"url": settings.public_url, "port": settings.port})
    server = Server(config)
    for sign in (signal.SIGTERM, signal.SIGINT):
        # uvicorn hands the signal that ended it on to whoever had it before: we have ended well
        signal.signal(sign, server.handle_exit)
    server.run()
    return 0


def add_staff(args: argparse.Namespace) -> int:
    """Add a person, or give a known one a new password and role."""
    settings = load(Settings)
    password = os.environ.get("STAFF_PASSWORD") or getpass.getpass("Password: ")
    if len(password) < 10:
        print("The password must have at least 10 characters.", file=sys.stderr)
        return 2
    with db.connect(settings.database_url, "api add-staff") as conn:
        dealer_id = staff.dealer_named(conn, args.dealer, args.time_zone, args.phone)
        if dealer_id is None:
            print(
                f"There is no dealer {args.dealer!r}. To make it, add --time-zone and --phone.",
                file=sys.stderr,
            )
            return 2
        staff.add(
            conn,
            dealer_id=dealer_id,
            name=args.name,
            email=args.email,
            password_hash=auth.hash_password(password),
            role=args.role,
        )
    print(f"{args.name} may sign in as {args.email.lower()} ({args.role}, {args.dealer}).")
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m api", description=__doc__)
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("serve", help="serve the console (the default)")
    add = commands.add_parser(
        "add-staff",
        help="add a person, or give a known one a new password and role",
        description="The password comes from STAFF_PASSWORD, or is asked for.",
    )
    add.add_argument("--dealer", required=True, help="the dealer's name")
    add.add_argument("--name", required=True)
    add.add_argument("--email", required=True)
    add.add_argument("--role", required=True, choices=[r.value for r in auth.Role])
    add.add_argument("--time-zone", help="of a new dealer, as America/Chicago")
    add.add_argument("--phone", help="of a new dealer, as +13125550100")
    args = parser.parse_args(argv)
    try:
        if args.command == "add-staff":
            return add_staff(args)
        return serve(load(ApiSettings))
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
