"""Results of learning, and the rights of customers, as people at the dealer's meet them."""

import pytest

from tests.api.conftest import Console
from tests.api.showroom import NOW


def tried(console: Console) -> None:
    """Messages whose outcomes are known: text c leads to twice as many bookings as a."""
    console.do(
        """
        WITH sent AS (
            INSERT INTO outreach (customer_id, channel, purpose, template, dedupe_key, body, state,
                to_phone, planned_at, not_before, sent_at, provider_sid)
            SELECT %s, 'sms', 'service', 'alert.soon', 'try' || n, 'x', 'delivered', '+13125550000',
                %s, %s, %s, 'SMtry' || n
            FROM generate_series(1, 900) AS n RETURNING id, dedupe_key
        )
        INSERT INTO choice (outreach_id, kind, dealer_id, template, arm, context, propensity,
            held_out, chosen_at, look_at, reward, rewarded_at)
        SELECT id, 'text', %s, 'alert.soon', CASE WHEN id %% 10 = 0 THEN 'a'
            ELSE (ARRAY['a', 'b', 'c'])[1 + id %% 3] END, '{}', 0.33, id %% 10 = 0, %s, %s, 0, %s
        FROM sent
        """,
        *(console.room.customers[0], NOW, NOW, NOW, console.room.dealer, NOW, NOW, NOW),
    )
    console.do(
        """
        WITH won AS (
            INSERT INTO booking (vehicle_id, customer_id, dealer_id, bay_id, technician_id, during,
                op_code, state, source, created_at)
            SELECT %s, %s, %s, (SELECT min(id) FROM bay), (SELECT min(id) FROM technician),
                tstzrange(%s::timestamptz + n * interval '1 hour',
                          %s::timestamptz + n * interval '1 hour' + interval '1 minute'),
                'DIAG', 'cancelled', 'reply', %s
            FROM generate_series(1, 300) AS n RETURNING id
        ), numbered AS (SELECT id, row_number() OVER () AS n FROM won),
        good AS (
            SELECT outreach_id, row_number() OVER () AS n FROM choice
            WHERE NOT held_out AND (arm = 'c' AND outreach_id %% 2 = 0
                                 OR arm = 'b' AND outreach_id %% 8 = 0
                                 OR arm = 'a' AND outreach_id %% 27 = 0)
        )
        UPDATE choice AS c SET reward = 1, booking_id = numbered.id
        FROM good JOIN numbered USING (n) WHERE c.outreach_id = good.outreach_id
        """,
        *(console.room.vehicles[0], console.room.customers[0], console.room.dealer),
        *(NOW, NOW, NOW),
    )


def test_a_manager_turns_learning_on_and_reads_what_it_brought(console: Console) -> None:
    with console.client("manager") as client:
        page = client.get("/results").text
        assert "Nothing was tried yet" in page and "Learning is off" in page
        answer = client.post("/results/learning", data={"texts": "true", "hold_out": "15"})
        assert answer.status_code == 303
        page = client.get("/results").text
        assert "Other texts are tried." in page and "Learning is on" in page
        assert 'value="15"' in page
        assert console.ask("SELECT hours FROM learning") is False
        tried(console)
        page = client.get("/results").text
        assert "Text c leads to more bookings than the others." in page
        assert "Choosing brought <b>+" in page and "<svg" in page
        client.post("/results/learning", data={})
        assert "Learning is off" in client.get("/results").text


@pytest.mark.parametrize("hold_out", ["-1", "51", "abc", "1e9"])
def test_a_hold_out_is_a_share(console: Console, hold_out: str) -> None:
    with console.client("manager") as client:
        answer = client.post("/results/learning", data={"texts": "true", "hold_out": hold_out})
        assert answer.status_code == 422
    assert console.ask("SELECT count(*) FROM learning") == 0


def test_an_advisor_takes_down_what_customers_ask(console: Console) -> None:
    who = console.room.customers[1]
    with console.client("advisor") as client:
        page = client.get(f"/customers/{who}").text
        assert "They want no more messages" in page
        client.post(f"/customers/{who}/requests", data={"kind": "erasure", "how": "by letter"})
        page = client.get(f"/customers/{who}").text
        assert "Wants to be erased" in page and "answer until" in page
        assert "Dec 18, 2026" in client.get("/requests").text
        request = console.ask("SELECT max(id) FROM privacy_request")
        assert client.post(f"/requests/{request}/answer", data={"reason": ""}).status_code == 422
        client.post(f"/requests/{request}/answer", data={"reason": "Erased <b>all</b>"})
        assert "Erased &lt;b&gt;all" in client.get("/requests").text
        client.post(f"/customers/{who}/revoke", data={"how": "by phone", "channel": ""})
        page = client.get(f"/customers/{who}").text
        assert "This number said STOP" in page and "told us by phone" in page
        for how, channel in (("", ""), ("by phone", "fax"), ("x" * 41, ""), ("\x00", "")):
            answer = client.post(f"/customers/{who}/revoke", data={"how": how, "channel": channel})
            assert answer.status_code in (409, 422)


def test_where_a_car_is_shows_only_with_consent_in_china(console: Console) -> None:
    car, who = console.room.vehicles[0], console.room.customers[0]
    console.do(
        "UPDATE telemetry SET latitude_deg = 31.2, longitude_deg = 121.5 WHERE vehicle_id = %s", car
    )
    paths = (
        f"/vehicles/{car}/telemetry.json?signals=latitude_deg,speed_kmh&span=90d",
        f"/api/v1/vehicles/{car}/telemetry?signals=longitude_deg,speed_kmh"
        "&since=2026-08-20T00:00:00Z&until=2026-11-19T00:00:00Z",
    )

    def shown() -> list[list[str]]:
        with console.client("manager") as client:
            return [[s["name"] for s in client.get(path).json()["series"]] for path in paths]

    assert shown() == [["latitude_deg", "speed_kmh"], ["longitude_deg", "speed_kmh"]]
    console.do("UPDATE dealer SET country = 'CN'")
    assert shown() == [["speed_kmh"], ["speed_kmh"]]
    with console.client("advisor") as client:
        agree = {"granted": "true", "how": "in person"}
        assert client.post(f"/customers/{who}/location", data=agree).status_code == 303
        assert "Where the car is" in client.get(f"/customers/{who}").text
    assert shown() == [["latitude_deg", "speed_kmh"], ["longitude_deg", "speed_kmh"]]
