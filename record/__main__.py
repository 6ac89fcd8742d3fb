"""``python -m record``: the schema, the local servers, and the broker's users."""

import argparse
import sys
from pathlib import Path

from record.fetch import LocalError, fetch
from record.local import LocalServers, default_home, erase


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m record", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("migrate", help="bring the schema of DATABASE_URL up to date")
    commands.add_parser("users", help="keep the users of a broker in a container of its own")
    local = commands.add_parser("local", help="PostgreSQL and Mosquitto on this machine")
    local.add_argument(
        "action",
        choices=("fetch", "start", "stop", "restart", "status", "env", "add-vehicles", "erase"),
        help="erase stops them and removes their data; env prints settings, to be used as: "
        "export $(python -m record local env)",
    )
    local.add_argument("vin", nargs="*", help="for add-vehicles; - reads them from standard input")
    local.add_argument("--dir", type=Path, default=default_home(), help="default: %(default)s")
    args = parser.parse_args(argv)
    try:
        if args.command == "migrate":
            return _migrate()
        if args.command == "users":
            return _users()
        if args.action == "fetch":
            fetch()
            return 0
        if args.action == "erase":
            erase(args.dir)
            return 0
        return _local(args.action, LocalServers(args.dir), args.vin)
    except LocalError as error:
        print(error, file=sys.stderr)
        return 1


def _local(action: str, servers: LocalServers, vins: list[str]) -> int:
    if action in ("stop", "restart"):
        servers.stop()
    if action in ("start", "restart"):
        servers.start()
    if action == "add-vehicles":
        servers.mosquitto.add_vehicles(sys.stdin.read().split() if vins == ["-"] else vins)
    elif action == "env":
        for name, value in servers.environment.items():
            print(f"{name}={value}")
    else:
        _print_status(servers)
    return 0 if action != "status" or all(s.pid for s in servers.servers) else 1


def _print_status(servers: LocalServers) -> None:
    for server in servers.servers:
        pid = server.pid
        state = f"runs as process {pid} on port {server.port}" if pid else "is stopped"
        print(f"{server.name:9} {state} | {server.version()} | log {server.log}")


def _migrate() -> int:
    from record import db, log
    from record.settings import Settings, SettingsError, load

    try:
        settings = load(Settings)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    log.setup(settings.log_format)
    names = db.migrate(settings.database_url)
    print(f"schema is up to date, {len(names)} applied now" + "".join(f"\n  {n}" for n in names))
    return 0


def _users() -> int:
    from record import log, users
    from record.settings import SettingsError, load

    try:
        settings = load(users.UserSettings)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    log.setup(settings.log_format)
    users.run(settings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
