"""The product's rooms as processes of ours, each with its log, and stopped when we end."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from record.local import PROJECT, free_port

UP_S = 60.0
"""How long a room may take to come up."""


class RoomError(RuntimeError):
    """A room ended, or never came up; the message names its log."""


class Rooms:
    """Processes that live as long as a ``with`` block.

    Parameters
    ----------
    logs
        Folder for one log a room.
    environment
        Of every room; each gets a ``HEALTH_PORT`` of its own.
    """

    def __init__(self, logs: Path, environment: Mapping[str, str]) -> None:
        self._logs = logs
        self._environment = dict(environment)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, **environment: str) -> None:
        """Start ``python -m name`` and wait until it is healthy.

        Raises
        ------
        RoomError
            If it does not come up.
        """
        port = free_port()
        log = self._logs / f"{name}.log"
        with log.open("ab") as out:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", name],
                cwd=PROJECT,
                env=self._environment | {"HEALTH_PORT": str(port)} | environment,
                stdout=out,
                stderr=out,
            )
        port = int(environment.get("PORT", port))
        deadline = time.monotonic() + UP_S
        while not _healthy(f"http://127.0.0.1:{port}/health"):
            self.check()
            if time.monotonic() > deadline:
                raise RoomError(f"{name} is not up after {UP_S:.0f} s, see {log}")
            time.sleep(0.05)

    def check(self) -> None:
        """All of them live.

        Raises
        ------
        RoomError
            If one ended by itself.
        """
        for name, process in self._processes.items():
            if process.poll() is not None:
                raise RoomError(
                    f"{name} ended with status {process.returncode}, see "
                    f"{self._logs / f'{name}.log'}"
                )

    def kill(self, name: str) -> None:
        """End one as a power cut would."""
        process = self._processes.pop(name)
        process.kill()
        process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self._processes.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  our own address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
