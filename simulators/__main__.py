"""The simulators' front door: ``python -m simulators <command>``."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
from dataclasses import dataclass

from record.log import setup


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its module, imported only when it runs, has ``arguments`` and ``run``."""

    module: str
    help: str


COMMANDS = {
    "replay": Command("simulators.drives", "publish a real drive log as one vehicle"),
    "inject": Command("simulators.lives", "weeks of real drives, healthy and with faults put in"),
    "twilio": Command("simulators.twilio_standin.server", "stand in for Twilio's Messages API"),
    "fleet": Command("simulators.fleet", "cars that drive, park and fail, on one connection"),
    "world": Command("simulators.world.command", "the whole product in a world of known truth"),
    "marginals": Command("simulators.marginals", "simulated signals beside real drives"),
    "town": Command("simulators.town", "the demo's cars, customers and workshop"),
    "settle": Command("simulators.settle", "make the town for a demo in containers"),
    "demo": Command("simulators.demo", "the whole house with a simulated fleet"),
    "bench": Command("simulators.bench", "measure the pipeline"),
}


def main(words: list[str]) -> int:
    """Run one command; its exit status."""
    parser = argparse.ArgumentParser(prog="python -m simulators", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    chosen = next((name for name in words if not name.startswith("-")), None)
    for name, command in COMMANDS.items():
        sub = commands.add_parser(name, help=command.help)
        if name == chosen:
            importlib.import_module(command.module).arguments(sub)
    args = parser.parse_args(words)
    setup(os.environ.get("LOG_FORMAT", "text"))
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it tells each request
    status: int = importlib.import_module(COMMANDS[args.command].module).run(args)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
