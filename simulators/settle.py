"""Makes the demo's town where the servers are somebody else's: ``python -m simulators settle``.

``docker-compose.yml`` runs it once, before ``town``; what was there last time is still there.
"""

import argparse
import os
import sys

import psycopg

from simulators import town


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``python -m simulators settle``: none, the environment says it all."""


def run(_: argparse.Namespace) -> int:
    """Settle it with the password in the environment, see `simulators.town.settle`."""
    password = os.environ.get("DEMO_PASSWORD", "")
    if len(password) < 8:
        print("DEMO_PASSWORD is not set, or shorter than 8 characters.", file=sys.stderr)
        return 2
    with psycopg.connect(os.environ["DATABASE_URL"], options="-c timezone=UTC") as conn:
        story = town.settle(conn, password)
    print(f"the town is settled, its clock stands at {story:%a %Y-%m-%d %H:%M} UTC")
    return 0
