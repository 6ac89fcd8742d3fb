"""Makes the demo's town where the servers are somebody else's: ``python -m simulators settle``.

``docker-compose.yml`` runs it once, before ``town``; what was there last time is still there.
"""

import argparse
import os
import sys

import psycopg

from record import clock
from simulators import town
from simulators.demo import next_morning


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``python -m simulators settle``: none, the environment says it all."""


def run(_: argparse.Namespace) -> int:
    """Make people and cars unless they are there, and set the story's clock to a working morning.

    The clock stands until the town has told its past, see `simulators.town`.
    """
    password = os.environ.get("DEMO_PASSWORD", "")
    if len(password) < 8:
        print("DEMO_PASSWORD is not set, or shorter than 8 characters.", file=sys.stderr)
        return 2
    with psycopg.connect(os.environ["DATABASE_URL"], options="-c timezone=UTC") as conn:
        if not town.exists(conn):
            town.create(conn, now=clock.wall(), password=password)
        story = next_morning(town.story_end(conn) or clock.wall())
        clock.set_scale(conn, clock.Scale(clock.wall(), story, 0.0))
    print(f"the town is settled, its clock stands at {story:%a %Y-%m-%d %H:%M} UTC")
    return 0
