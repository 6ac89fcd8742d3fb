"""What can be known of the containers without an engine; ``make test-compose`` runs them."""

import ast
import importlib
import importlib.metadata
import importlib.util
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from api.settings import ApiSettings
from care.settings import CareSettings
from detectors.__main__ import DetectorSettings
from ingest.__main__ import IngestSettings
from record import broker as record_broker
from record import local, users
from record.local import PROJECT
from record.settings import Settings, SettingsError, load
from tests.conftest import eventually

ROOMS = ("record", "ingest", "detectors", "care", "api", "simulators")
ONCE = ("migrate", "settle")
DEMO = ("settle", "phones", "town")
WORKERS = ("ingest", "detectors", "care")
SETTINGS: dict[str, type[Settings]] = {
    "migrate": Settings,
    "broker-users": users.UserSettings,
    "ingest": IngestSettings,
    "detectors": DetectorSettings,
    "care": CareSettings,
    "api": ApiSettings,
}
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|_SID")

COMPOSE: dict[str, Any] = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (PROJECT / "Dockerfile").read_text()
MOSQUITTO_CONF = (PROJECT / "record/mosquitto/mosquitto.conf").read_text()

each_service = pytest.mark.parametrize("name", SERVICES)


def environment(name: str) -> dict[str, str]:
    """A service's variables, as written."""
    variables: dict[str, str] = SERVICES[name].get("environment", {})
    return variables


def filled_in(name: str) -> dict[str, str]:
    """A service's variables with every ``${…}`` replaced by something fit for it."""
    fit = {
        "PUBLIC_URL": "https://care.example",
        "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_FROM": "+16175550199",
    }

    def value(match: re.Match[str]) -> str:
        variable, default = match[1], match[2]
        return default if default is not None else fit.get(variable, "0123456789abcdef" * 2)

    return {
        key: re.sub(r"\$\{(\w+)(?::-([^}]*)|:\?[^}]*)?\}", value, text)
        for key, text in environment(name).items()
    }


def test_everything_of_the_product_is_there() -> None:
    assert set(SERVICES) == {
        "database", "broker",
        "migrate", "broker-users", "ingest", "detectors", "care", "api", *DEMO,
    }  # fmt: skip
    assert {name for name in SERVICES if SERVICES[name].get("profiles")} == set(DEMO)


@each_service
def test_comes_back_and_says_how_it_is(name: str) -> None:
    service = SERVICES[name]
    if name in ONCE:
        assert service["restart"] == "no"
    else:
        assert service["restart"] == "unless-stopped"
        assert service.get("healthcheck", {}).get("test") or name == "town"  # it has no door to ask
    assert service["logging"]["options"]["max-size"], "a log without end fills the disk"


@each_service
def test_image_is_pinned(name: str) -> None:
    image = SERVICES[name]["image"]
    if image.startswith("roadworthy:"):
        assert SERVICES[name]["build"] == "."
    else:
        assert re.search(r":\d+\.\d+\.\d+", image), image


def test_base_images_are_pinned() -> None:
    origins = re.findall(r"^FROM (\S+)(?: AS (\w+))?", DOCKERFILE, re.M)
    stages = {stage for _, stage in origins}
    bases = [origin for origin, _ in origins if origin not in stages]
    assert bases
    assert all(re.search(r":\d+\.\d+\.\d+-slim", base) for base in bases), bases


@each_service
def test_secrets_come_from_the_environment(name: str) -> None:
    for variable, text in environment(name).items():
        if SECRET.search(variable):
            assert re.fullmatch(r"\$\{\w+(:\?[^}]+|:-)\}", text), f"{variable}: {text}"
        assert not re.search(r"://\w+:(?!\$\{)", text), f"{variable} holds a password"


def test_a_missing_secret_is_named() -> None:
    text = (PROJECT / "docker-compose.yml").read_text()
    demanded = re.findall(r"\$\{(\w+):\?([^}]+)\}", text)
    assert {variable for variable, _ in demanded} >= {
        "POSTGRES_PASSWORD", "DATABASE_PASSWORD", "INGEST_MQTT_PASSWORD", "MQTT_VEHICLE_SECRET",
        "SECRET_KEY", "PUBLIC_URL", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM",
    }  # fmt: skip
    assert all(message.startswith(f"{variable} is not set") for variable, message in demanded)


def test_every_variable_is_explained() -> None:
    used = set(re.findall(r"\$\{(\w+)", (PROJECT / "docker-compose.yml").read_text()))
    example = (PROJECT / ".env.example").read_text()
    explained = set(re.findall(r"^#?(\w+)=", example, re.M)) | {"COMPOSE_PROFILES"}
    assert used - explained == {"ROADWORTHY_VERSION", "DEMO_RATE"}
    assert explained - used == {"COMPOSE_PROFILES"}
    filled = dict(re.findall(r"^(\w+)=(.*)$", example, re.M))
    assert not any(filled.values()), "the example must not be usable as it is"


def test_only_broker_and_api_are_published() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {
        "broker": ["${MQTT_PORT:-1883}:1883"],
        "api": ["${API_PORT:-8000}:8000"],
    }


@pytest.mark.parametrize("name", WORKERS)
def test_worker_can_be_scaled(name: str) -> None:
    assert not {"container_name", "hostname", "ports", "volumes"} & set(SERVICES[name])


@each_service
def test_starts_when_what_it_needs_is_ready(name: str) -> None:
    for needed, how in SERVICES[name].get("depends_on", {}).items():
        ready = "service_completed_successfully" if needed in ONCE else "service_healthy"
        assert how == {"condition": ready}
        assert needed in ONCE or "healthcheck" in SERVICES[needed]
    if name in (*WORKERS, "api", "broker-users"):
        assert "migrate" in SERVICES[name]["depends_on"]


@each_service
def test_runs_with_few_rights(name: str) -> None:
    service = SERVICES[name]
    assert not service.get("privileged")
    if name != "database":  # its entry script changes owners
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"]
        assert service["security_opt"] == ["no-new-privileges:true"]
    assert re.search(r"^USER (?!root)\w+", DOCKERFILE, re.M)


@pytest.mark.parametrize("name", SETTINGS)
def test_room_understands_its_environment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = SETTINGS[name]
    for field in kind.model_fields:
        monkeypatch.delenv(field.upper(), raising=False)
    given = filled_in(name)
    for variable, value in given.items():
        monkeypatch.setenv(variable, value)
    settings = load(kind)
    assert settings.database_url.endswith("@database:5432/roadworthy")
    unknown = set(given) - {field.upper() for field in kind.model_fields}
    assert not unknown, "a misspelt variable would be ignored without a word"


@pytest.mark.parametrize("name", [n for n in SERVICES if "build" in SERVICES[n]])
def test_command_exists(name: str) -> None:
    python, flag, room, *arguments = SERVICES[name]["command"]
    assert (python, flag) == ("python", "-m")
    assert importlib.util.find_spec(f"{room}.__main__")
    if arguments:
        front_door = importlib.import_module(f"{room}.__main__").main
        with pytest.raises(SystemExit) as end:
            front_door([arguments[0], "--help"])
        assert end.value.code == 0


def test_image_holds_every_room() -> None:
    for room in ROOMS:
        assert f"COPY {room}/ {room}/\n" in DOCKERFILE
    kept = (PROJECT / ".dockerignore").read_text().split()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.M)
    for path in " ".join(copied).split():
        assert (PROJECT / path).exists(), path
        assert f"!{Path(path).parts[0]}" in kept, f"{path} doesn't reach the build"


def test_image_holds_every_package_that_a_room_imports() -> None:
    installed = {
        re.sub(r"[-_.]+", "-", name).lower()
        for name in re.findall(
            r"^([\w.-]+)==", (PROJECT / "requirements.txt").read_text(), re.M
        )
    }  # fmt: skip
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()  # whoever wants one installs it
    installed |= {re.split(r"\W", name)[0] for extra in extras for name in extra}
    providers = importlib.metadata.packages_distributions()
    missing = set()
    for room in ROOMS:
        for file in (PROJECT / room).rglob("*.py"):
            if file.name.startswith(("bench", "dry", "marginals")):
                continue  # these measure and write files with the tools of development
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Import):
                    modules = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    modules = [node.module or ""]
                else:
                    continue
                for module in {name.partition(".")[0] for name in modules}:
                    names = {re.sub(r"[-_.]+", "-", n).lower() for n in providers.get(module, ())}
                    if names and not names & installed:
                        missing.add((module, str(file.relative_to(PROJECT))))
    assert not missing


def settings_of(conf: str) -> dict[str, str]:
    """Keys and values of a ``mosquitto.conf``, without those of the log."""
    lines = [line.split(maxsplit=1) for line in conf.splitlines() if re.match(r"\w", line)]
    return {key: value for key, value in lines if not key.startswith("log_")}


def test_broker_keeps_what_it_takes_and_lets_nobody_in_unnamed() -> None:
    conf = settings_of(MOSQUITTO_CONF)
    assert conf["allow_anonymous"] == "false"
    assert conf["password_file"] == "/mosquitto/users/passwords"
    assert conf["acl_file"] == "/mosquitto/users/acl"
    assert conf["persistence"] == "true"
    mounts = dict(volume.split(":")[:2] for volume in SERVICES["broker"]["volumes"])
    assert mounts["broker"] == conf["persistence_location"].rstrip("/")
    assert mounts["broker-users"] == str(Path(conf["password_file"]).parent)
    assert int(conf["autosave_interval"]) > 0
    assert int(conf["max_inflight_messages"]) > 0
    assert int(conf["max_queued_messages"]) > 0


def test_broker_is_set_as_the_local_one(broker: local.Mosquitto) -> None:
    places = {"listener", "password_file", "acl_file", "persistence_location"}
    here = settings_of((broker.data / "mosquitto.conf").read_text())
    there = settings_of(MOSQUITTO_CONF)
    assert {k: v for k, v in here.items() if k not in places} == {
        k: v for k, v in there.items() if k not in places
    }


def test_volumes_are_declared_and_files_exist() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (PROJECT / source).exists(), source
            else:
                assert source in COMPOSE["volumes"]


def test_scripts_are_shell() -> None:
    for script, shell in (
        ("record/mosquitto/start.sh", "sh"),
        ("tests/standin-images.sh", "sh"),
        ("tests/compose.sh", "bash"),
    ):
        done = subprocess.run([shell, "-n", PROJECT / script], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert (PROJECT / script).stat().st_mode & 0o111


def test_without_an_engine_the_check_says_so(tmp_path: Path) -> None:
    done = subprocess.run(
        ["bash", PROJECT / "tests/compose.sh"],
        env={"PATH": "/usr/bin:/bin", "DOCKER_HOST": f"unix://{tmp_path}/no.sock"},
        capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert done.returncode == 1
    assert "No container engine answers. Install Docker" in done.stderr


# -- the keeper of the broker's users ----------------------------------------------------------


def test_users_follow_the_vehicles(
    db: psycopg.Connection, database: str, tmp_path: Path, room: Any
) -> None:
    def add(vin: str) -> None:
        db.execute("INSERT INTO vehicle (vin) VALUES (%s)", (vin,))
        db.commit()

    def named() -> list[str]:
        passwords = tmp_path / "passwords"
        if not passwords.exists():
            return []
        return [line.partition(":")[0] for line in passwords.read_text().splitlines()]

    add("WVWZZZ1KZAW000001")
    keeper = room(
        "record", "users",
        BROKER_USERS_DIR=str(tmp_path),
        LOOK_EVERY_S="0.2",
        INGEST_MQTT_PASSWORD="0123456789abcdef",
        MQTT_VEHICLE_SECRET="fedcba9876543210",
    )  # fmt: skip
    assert named() == ["ingest", "WVWZZZ1KZAW000001"]
    assert (tmp_path / "acl").read_text() == record_broker.ACCESS
    assert (tmp_path / "passwords").stat().st_mode & 0o777 == 0o600
    before = (tmp_path / "passwords").read_text()
    add("WVWZZZ1KZAW000002")
    eventually(lambda: len(named()) == 3, "the new vehicle may sign in")
    assert (tmp_path / "passwords").read_text().startswith(before), "known ones keep their line"
    db.execute("DELETE FROM vehicle WHERE vin = 'WVWZZZ1KZAW000001'")
    db.commit()
    eventually(lambda: named() == ["ingest", "WVWZZZ1KZAW000002"], "the gone one may not")
    assert keeper.stop() == 0


def test_short_broker_secret_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in filled_in("broker-users").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MQTT_VEHICLE_SECRET", "short")
    with pytest.raises(SettingsError, match="MQTT_VEHICLE_SECRET: must have at least 16"):
        load(users.UserSettings)
