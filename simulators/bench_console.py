"""The console's speed: server time of its pages with 100,000 vehicles and 1,000,000 alerts.

The time is what the console itself says in ``Server-Timing``: from the first byte of the request to
the head of the answer, database included, network not.
"""

import http.client
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import psutil
import psycopg

from record.local import PROJECT, free_port

VEHICLES = 100_000
ALERTS = 1_000_000
DEALERS = 10
EMAIL, PASSWORD = "bench@dealer.example", "only for the bench"


def fill(database_url: str, scale: float = 1.0) -> None:
    """Make dealers, customers, cars and alerts in a migrated database that has none yet."""
    cars = max(int(VEHICLES * scale), 1000)
    alerts = max(int(ALERTS * scale), 10_000)
    with psycopg.connect(database_url, autocommit=True) as conn:
        for statement in _STATEMENTS:
            conn.execute(
                statement,
                {"cars": cars, "alerts": alerts, "dealers": DEALERS, "open": alerts * 3 // 100},
            )
        conn.execute("VACUUM ANALYZE")


_STATEMENTS = (
    """INSERT INTO dealer (name, time_zone, phone)
       SELECT 'Dealer ' || g, 'America/Chicago', '+1312555' || (1000 + g)
       FROM generate_series(1, %(dealers)s::int) g""",
    """INSERT INTO customer (dealer_id, name, phone, time_zone)
       SELECT 1 + g %% %(dealers)s,
              (ARRAY['Maria','Jonas','Wei','Grace','Peter','Ruth'])[1 + g %% 6] || ' ' ||
              (ARRAY['Alvarez','Weber','Li','Okafor','Cole','Marsh','Smith'])[1 + g / 6 %% 7],
              '+1' || (2000000000 + g), 'America/Chicago'
       FROM generate_series(1, %(cars)s::int) g""",
    """INSERT INTO vehicle (vin, dealer_id, make, model, model_year, plate)
       SELECT upper('VSSZZZ5FZKR' || lpad(to_hex(g), 6, '0')), 1 + g %% %(dealers)s,
              (ARRAY['SEAT','Honda','Ford'])[1 + g %% 3], (ARRAY['Leon','Civic'])[1 + g / 3 %% 2],
              2019, chr(65 + g %% 26) || chr(65 + g / 26 %% 26) || ' ' || (1000 + g %% 9000)
       FROM generate_series(1, %(cars)s::int) g""",
    """INSERT INTO ownership (vehicle_id, customer_id, during)
       SELECT v.id, c.id, '[2020-01-01,)' FROM
         (SELECT id, row_number() OVER (ORDER BY id) AS n FROM vehicle
          WHERE vin LIKE 'VSSZZZ5F%%') v
         JOIN (SELECT id, row_number() OVER (ORDER BY id) AS n FROM customer) c USING (n)""",
    """INSERT INTO alert (vehicle_id, cause, state, urgency, confidence, summary, opened_at,
                          refreshed_at, closed_at, close_reason)
       SELECT v.id, 'dtc_p0' || (100 + g / %(cars)s),
              CASE WHEN g <= %(open)s THEN 'open' ELSE 'closed' END,
              (ARRAY['stop','soon','service','service'])[1 + g %% 4], 0.8,
              'The battery will soon not start the car.', now() - g * interval '30 s', now(),
              CASE WHEN g > %(open)s THEN now() END, CASE WHEN g > %(open)s THEN 'repaired' END
       FROM generate_series(1, %(alerts)s::int) g
       JOIN (SELECT id, row_number() OVER (ORDER BY id) AS n FROM vehicle
             WHERE vin LIKE 'VSSZZZ5F%%') v ON v.n = 1 + g %% %(cars)s""",
    """INSERT INTO finding (vehicle_id, detector, cause, kind, at, urgency, confidence, summary,
                            evidence, handled_at)
       SELECT vehicle_id, 'dtc_raised', cause, 'raised', opened_at, urgency, confidence, summary,
              '{"feature": "x", "signals": ["battery_voltage_v"]}', now() FROM alert""",
    """INSERT INTO task (dealer_id, alert_id, kind, title, next_action, priority, state,
                         created_at, deadline)
       SELECT v.dealer_id, a.id, CASE WHEN a.id %% 3 = 0 THEN 'call' ELSE 'watch' END, 'Battery',
              'Call', a.id %% 1000 / 10.0, 'open', now(), now() + interval '3 h'
       FROM alert a JOIN vehicle v ON v.id = a.vehicle_id WHERE a.state = 'open'""",
    """INSERT INTO detector_state (vehicle_id, judged_ts, versions, state)
       SELECT id, now() - interval '1 h', 'x', '' FROM vehicle""",
)


def measure(database_url: str, log: Path, requests: int = 60) -> tuple[dict[str, float], int]:
    """Server time of each page, 95th percentile in milliseconds.

    Parameters
    ----------
    database_url : str
        Filled by `fill`.
    log : Path
        Where the console's words go.
    requests : int
        For each page.

    Returns
    -------
    dict of str to float
        Page to milliseconds; ``all`` is over all requests.
    int
        Bytes of memory that the console held at the end.
    """
    port = free_port()
    env = {
        **os.environ,
        "DATABASE_URL": database_url,
        "SECRET_KEY": "only for the benchmark",
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "PORT": str(port),
        "STAFF_PASSWORD": PASSWORD,
    }
    api = [sys.executable, "-m", "api"]
    who = ["--dealer", "Dealer 1", "--name", "B", "--email", EMAIL, "--role", "manager"]
    subprocess.run([*api, "add-staff", *who], cwd=PROJECT, env=env, check=True, capture_output=True)
    with log.open("wb") as out:
        process = subprocess.Popen(api, cwd=PROJECT, env=env, stdout=out, stderr=out)
    try:
        p95_ms = _ask(port, requests, _own_vehicles(database_url))
        return p95_ms, psutil.Process(process.pid).memory_info().rss
    finally:
        process.terminate()
        process.wait(30)


def _own_vehicles(database_url: str) -> list[tuple[int, int, str]]:
    with psycopg.connect(database_url) as conn:
        return conn.execute(
            """
            SELECT v.id, w.customer_id, v.vin FROM vehicle v
            JOIN ownership w ON w.vehicle_id = v.id JOIN customer c ON c.id = w.customer_id
            JOIN dealer d ON d.id = v.dealer_id AND d.id = c.dealer_id
            WHERE d.name = 'Dealer 1' ORDER BY v.id LIMIT 5000
            """
        ).fetchall()


def _ask(port: int, requests: int, cars: list[tuple[int, int, str]]) -> dict[str, float]:
    draw = random.Random(1)
    cookie = _sign_in(port)
    pages: dict[str, Callable[[], str]] = {
        "inbox": lambda: "/",
        "watched": lambda: "/?view=watched",
        "vehicle": lambda: f"/vehicles/{draw.choice(cars)[0]}",
        "customer": lambda: f"/customers/{draw.choice(cars)[1]}",
        "vehicles": lambda: "/vehicles",
        "customers": lambda: "/customers",
        "search by name": lambda: "/search?q=alvarez",
        "search by VIN": lambda: f"/search?q={draw.choice(cars)[2][-6:]}",
        "bookings": lambda: "/bookings",
    }
    times: dict[str, list[float]] = {}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for turn in range(requests + 12):
        for name, path in pages.items():
            connection.request("GET", path(), headers={"Cookie": cookie})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200, f"{name}: {answer.status}"
            if turn >= 12:  # plans are made and caches filled by then
                took = answer.headers["Server-Timing"].partition("dur=")[2]
                times.setdefault(name, []).append(float(took))
    connection.close()
    times["all"] = [ms for one in times.values() for ms in one]
    return {name: statistics.quantiles(ms, n=20)[-1] for name, ms in times.items()}


def _sign_in(port: int) -> str:
    form = urlencode({"email": EMAIL, "password": PASSWORD})
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    deadline = time.monotonic() + 30
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("POST", "/sign-in", form, kind)
            answer = connection.getresponse()
            cookie = answer.headers["Set-Cookie"]
            assert answer.status == 303, answer.status
            return str(cookie).partition(";")[0]
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        finally:
            connection.close()
