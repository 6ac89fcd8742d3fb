"""``python -m simulators world``: the whole product lives through a world, and is scored."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import psycopg

from record.fetch import LocalError
from simulators.rooms import RoomError
from simulators.world import draw, dry, scenario, score
from simulators.world.driver import Driver, Progress
from simulators.world.plan import World

HEAD = """# Scorecard

What today's detectors and care engine make of a simulated world whose truth is known. `make
scorecard` writes this page anew: the whole product lives through the world, and
`simulators/world/score.py` compares what it believed and did with what really was; its docstring
says how. The numbers are as they came out.

"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``python -m simulators world``."""
    parser.add_argument("--vehicles", type=int, default=200)
    parser.add_argument("--days", type=float, default=90)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--faults", default="default", help="default, all, none, or kinds with commas between"
    )
    parser.add_argument("--scenario", type=Path, metavar="FILE", help="one exact story (YAML)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the scorecard, for programs")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="the scorecard, for people")
    parser.add_argument("--step", type=float, default=60, metavar="MINUTES", help="of the clock")
    parser.add_argument(
        "--dir", type=Path, help="servers and logs; default: a new folder in /var/tmp"
    )
    parser.add_argument("--dry", action="store_true", help="frames only, no product")
    parser.add_argument("--out", type=Path, metavar="FILE", help="of a dry run: Parquet")


def run(args: argparse.Namespace) -> int:
    """Live through it; 1 where a promise was broken."""
    try:
        world = _world(args)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    if args.dry or args.out:
        return dry.run(world, args.out)
    if args.dir is None:
        home = Path(tempfile.mkdtemp(prefix="roadworthy-world-", dir="/var/tmp"))
        home.chmod(0o755)
    else:
        home = args.dir.absolute()
    for line in world.notes:
        print(f"• {line}")
    print(f"• servers and logs in {home}", flush=True)
    driver = None
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # our servers end with us
    try:
        driver = Driver(world, home, timedelta(minutes=args.step))
        driver.run(_shown())
        with psycopg.connect(driver.owner_url, options="-c timezone=UTC") as conn:
            card = score.score(conn)
    except (RoomError, LocalError) as error:
        print(f"\n✗ {error}", file=sys.stderr)
        return 1
    finally:
        if driver is not None:
            driver.close()
    if args.json:
        args.json.write_text(json.dumps(card.json(), indent=2, sort_keys=True) + "\n")
    words = score.markdown(card)
    if args.markdown:
        args.markdown.write_text(HEAD + words)
    print("\n" + words)
    for promise in (broken := score.broken(card)):
        print(f"✗ {promise}", file=sys.stderr)
    return 1 if broken else 0


def _world(args: argparse.Namespace) -> World:
    if args.scenario is not None:
        return scenario.load(args.scenario)
    if args.vehicles < 1 or args.days <= 0 or args.step <= 0:
        raise ValueError("--vehicles, --days and --step must be more than nothing")
    return draw.draw(
        vehicles=args.vehicles, days=args.days, seed=args.seed, faults_wanted=args.faults
    )


class _shown:  # noqa: N801  a function with a memory
    """Shows progress: on a terminal in one line, elsewhere a line every ten seconds."""

    def __init__(self) -> None:
        self._shown_s = 0.0

    def __call__(self, one: Progress) -> None:
        now_s = time.monotonic()
        terminal = sys.stdout.isatty()
        if now_s - self._shown_s < (0.2 if terminal else 10.0) and one.share < 1:
            return
        self._shown_s = now_s
        left_s = one.wall_s / one.share - one.wall_s
        line = (
            f"{one.at:%d %b %H:%M}  {one.share:4.0%}  {one.frames:,} frames  {one.alerts} alerts  "
            f"{one.texts} texts  {one.wall_s / 60:.1f} min, {left_s / 60:.1f} to go"
        )
        print(f"\r{line}\033[K" if terminal else line, end="" if terminal else "\n", flush=True)
