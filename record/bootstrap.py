"""Makes the virtual environment: ``python3 -m record.bootstrap .venv``.

Uses nothing but the standard library. Debian puts ``ensurepip`` into a package of its own, which
only root can install (``python3-venv``); where it is missing, pip's wheel is fetched by way of apt.
"""

import importlib.util
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from record.fetch import Apt, LocalError


def make(folder: Path) -> None:
    """Make a virtual environment with pip, in place of what may be there.

    Raises
    ------
    LocalError
        If there is neither ensurepip nor apt.
    """
    if importlib.util.find_spec("ensurepip"):
        venv.create(folder, with_pip=True, clear=True, symlinks=True)
        return
    venv.create(folder, clear=True, symlinks=True)
    with tempfile.TemporaryDirectory() as scratch:
        wheel = fetch_pip(Path(scratch))
        pip = (folder / "bin/python", wheel / "pip", "install", "--quiet", "--no-index", wheel)
        subprocess.run(pip, check=True)


def fetch_pip(scratch: Path) -> Path:
    """Fetch pip's wheel by way of apt; needs no rights."""
    try:
        apt = Apt(scratch / "apt")
        apt.get("update")
        apt.get("install", "--download-only", "--yes", "--no-install-recommends", "python3-pip-whl")
        for deb in (scratch / "apt/archives").glob("python3-pip-whl_*.deb"):
            subprocess.run(("dpkg-deb", "--extract", deb, scratch), check=True)
        return next(scratch.glob("usr/share/python-wheels/pip-*.whl"))
    except (OSError, LocalError, StopIteration) as error:
        raise LocalError(
            f"This Python can't make virtual environments ({error}). Install python3-venv."
        ) from error


if __name__ == "__main__":
    try:
        make(Path(sys.argv[1]))
    except LocalError as problem:
        sys.exit(str(problem))
