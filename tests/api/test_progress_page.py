"""The page on which a customer follows a repair: every state, every language, every bad link."""

import base64
from datetime import timedelta

import httpx
import pytest

from api import progress_texts, slot_texts
from care.links import progress_token, slot_token
from care.repair_states import STATES
from tests.api.conftest import SECRET, Console
from tests.api.showroom import NOW

ORDER = 2
"""Youssef Karim's, who speaks French; his Peugeot is being serviced."""


def link(console: Console, order: int = ORDER) -> str:
    customer = console.ask(
        "SELECT b.customer_id FROM repair_order r JOIN booking b ON b.id = r.booking_id"
        " WHERE r.id = %s",
        order,
    )
    assert isinstance(customer, int)
    return f"/r/{progress_token(SECRET, customer_id=customer, repair_order_id=order)}"


def estimate(console: Console, *lines: tuple[str, str, int, int]) -> None:
    wish = [{"kind": k, "title": t, "hundredths": h, "unit_minor": u} for k, t, h, u in lines]
    with console.client("advisor") as client:
        path = f"/api/v1/repair-orders/{ORDER}/estimate"
        assert client.post(path, json={"lines": wish}).status_code == 200
        assert client.post(f"{path}/send").status_code == 200


def test_all_languages_say_everything() -> None:
    assert set(progress_texts.LANGUAGES) == set(slot_texts.LANGUAGES)
    for texts in progress_texts.LANGUAGES.values():
        assert set(texts.states) == set(STATES)
        for name in texts.__slots__:
            value = getattr(texts, name)
            assert value, name
            if isinstance(value, str):
                value.format(car="c", n="1", stars=5, day="d", days=3, phone="p")


def test_following_a_repair(console: Console) -> None:
    console.do("UPDATE repair_note SET for_customer = true, body = 'Voici' WHERE id = 2")
    console.do(
        "INSERT INTO repair_step (repair_order_id, state, at, actor, note)"
        " VALUES (%s, 'open', %s, 'care', 'our words'), (%s, 'diagnosing', %s, 'staff:2', '')",
        ORDER, NOW - timedelta(hours=1), ORDER, NOW,
    )  # fmt: skip
    console.do("UPDATE repair_order SET state = 'diagnosing' WHERE id = %s", ORDER)
    console.do("UPDATE customer SET time_zone = 'Europe/Paris' WHERE name LIKE 'Youssef%%'")
    with console.client() as client:
        page = client.get(link(console))
        assert page.status_code == 200
        for words in (
            "Nous cherchons la cause", "Peugeot 308", "Voici", "Lakeside Motors", 'lang="fr"',
            'href="tel:+13125550100"', "4:20 pm", '<meta http-equiv="refresh" content="60',
            'name="robots" content="noindex"',
        ):  # fmt: skip
            assert words in page.text, words
        for words in ("our words", "Karim", "coolant light", "set-cookie", "Marek"):
            assert words not in page.text, words
        assert page.headers["x-robots-tag"] == "noindex"
        picture = client.get(f"{link(console)}/photos/2")
        assert picture.headers["content-type"] == "image/jpeg"
        assert picture.content.startswith(b"\xff\xd8")


def test_approving_line_by_line(console: Console) -> None:
    estimate(console, ("labour", "Purge", 150, 14_000), ("part", "Durite", 200, 2_050))
    with console.client() as client:
        page = client.get(link(console)).text
        assert "En attente de votre accord" in page and "251,00 $" in page
        assert 'http-equiv="refresh"' not in page, "a form half filled in must not be lost"
        old = client.post(f"{link(console)}/estimate", data={"version": 2, "approve": 1})
        assert old.status_code == 409 and "Le devis a changé" in old.text
        other = client.post(f"{link(console)}/estimate", data={"version": 1, "approve": [1, 9]})
        assert other.status_code == 409
        assert console.ask("SELECT count(*) FROM estimate_answer") == 0
        done = client.post(f"{link(console)}/estimate", data={"version": 1, "approve": 1})
        assert done.status_code == 303
        page = client.get(done.headers["location"]).text
        assert "Merci, nous avons votre réponse." in page and "refusé" in page
        assert "210,00 $" in page
    assert console.ask("SELECT wording FROM estimate_answer WHERE approved") == (
        "Purge, main-d'œuvre, 1,5 h: 210,00 $. J'accepte ce travail à ce prix, taxes comprises. "
        "(fr)"
    )
    assert console.ask("SELECT min(address) FROM estimate_answer") == "127.0.0.1"
    with console.client() as client:
        client.post(f"{link(console)}/estimate", data={"version": 1, "everything": "true"})
    assert console.ask("SELECT count(*) FROM estimate_answer") == 3, "only what is new is kept"
    console.do("UPDATE repair_order SET state = 'in_progress' WHERE id = %s", ORDER)
    with console.client() as client:
        late = client.post(f"{link(console)}/estimate", data={"version": 1})
        assert late.status_code == 409


def test_a_draft_is_nobodys_business(console: Console) -> None:
    with console.client("advisor") as client:
        wish = {"lines": [{"kind": "labour", "title": "Hidden price", "hundredths": 100}]}
        client.post(f"/api/v1/repair-orders/{ORDER}/estimate", json=wish)
    with console.client() as client:
        assert "Hidden price" not in client.get(link(console)).text
        answer = client.post(f"{link(console)}/estimate", data={"version": 1, "approve": 1})
        assert answer.status_code == 409


def test_rating_on_the_page(console: Console) -> None:
    with console.client() as client:
        early = client.post(f"{link(console)}/rating", data={"stars": 5})
        assert early.status_code == 409
    with console.client("manager") as client:
        done = {"cause": "c", "correction": "Vidange faite", "finding": "confirmed"}
        client.post(f"/api/v1/repair-orders/{ORDER}/close", json=done).raise_for_status()
        listed = client.get("/api/v1/repair-orders").json()
        assert ORDER in [one["id"] for one in listed]
    with console.client() as client:
        page = client.get(link(console)).text
        assert "Êtes-vous content" in page and "Vidange faite" in page
        for bad in (
            {"stars": 0},
            {"stars": 6},
            {"stars": "x"},
            {},
            {"stars": 5, "body": "x" * 1001},
        ):
            assert client.post(f"{link(console)}/rating", data=bad).status_code == 422
        low = client.post(f"{link(console)}/rating", data={"stars": 2, "body": "<b>bruit</b>"})
        assert low.status_code == 303
        assert "2 sur 5" in client.get(link(console)).text
        assert "&lt;b&gt;bruit" in client.get(f"{link(console)}?change=1").text
        client.post(f"{link(console)}/rating", data={"stars": 1, "body": "pire"})
    assert console.ask("SELECT count(*) FROM rating") == 1
    assert console.ask("SELECT count(*) FROM promotion_stop WHERE lifted_at IS NULL") == 1
    with console.client("advisor") as client:
        page = client.get(f"/repair-orders/{ORDER}").text
        assert "1 of 5" in page and "Promotions are stopped" in page
        client.post(f"/repair-orders/{ORDER}/promotions")
        assert "Promotions are stopped" not in client.get(f"/repair-orders/{ORDER}").text
    console.do("UPDATE rating SET first_at = first_at - interval '8 days'")
    with console.client() as client:
        late = client.post(f"{link(console)}/rating", data={"stars": 5})
        assert late.status_code == 409 and "une semaine" in late.text


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("watching", "nous surveillons"),
        ("verified", "9 jours de conduite"),
        ("came_back", "à nouveau le défaut"),
        ("no_data", "ne le montrent pas encore"),
    ],
)
def test_whether_it_holds(console: Console, state: str, words: str) -> None:
    console.do(
        "UPDATE repair_order SET state = 'closed', closed_at = %s, correction = 'c',"
        " finding = 'confirmed' WHERE id = %s",
        NOW, ORDER,
    )  # fmt: skip
    console.do(
        "INSERT INTO verification (repair_order_id, vehicle_id, alert_id, reopened, causes,"
        " began_at, until_at, state, decided_at, comeback_alert_id, evidence) SELECT id,"
        " vehicle_id, 1, 0, '{battery_12v}', %s, %s, %s, %s, %s, %s FROM repair_order WHERE id=%s",
        NOW, NOW + timedelta(days=14), state, None if state == "watching" else NOW,
        1 if state == "came_back" else None,
        '{"days_driven": 9, "frames": 1200, "distance_km": 310, "looked_at": ["Battery"]}',
        ORDER,
    )  # fmt: skip
    with console.client() as client:
        assert words in client.get(link(console)).text
    with console.client("technician") as client:
        assert "Does it hold?" in client.get(f"/repair-orders/{ORDER}").text
    console.do("DELETE FROM ownership")
    with console.client() as client:
        assert words not in client.get(link(console)).text, "sold: its data is the new owner's"


def test_links_that_cannot_be_used(console: Console) -> None:
    good = link(console)
    raw = base64.urlsafe_b64decode(good[3:] + "==")
    other_order = raw[:4] + (3).to_bytes(8, "big") + raw[12:]
    forged = f"/r/{base64.urlsafe_b64encode(other_order).decode().rstrip('=')}"
    other_kind = slot_token(SECRET, customer_id=9, vehicle_id=9, alert_id=None, now=NOW)
    not_theirs = progress_token(SECRET, customer_id=1, repair_order_id=ORDER)
    other_secret = progress_token("another secret", customer_id=9, repair_order_id=ORDER)
    gone = progress_token(SECRET, customer_id=9, repair_order_id=2**62)
    german = {"Accept-Language": "de"}
    with console.client() as client:
        for bad in (
            forged, f"/r/{other_kind}", f"/r/{not_theirs}", f"/r/{other_secret}", f"/r/{gone}",
            good[:-1], good + "A", "/r/x", "/r/" + "A" * 30, "/r/%00", "/r/é",
        ):  # fmt: skip
            answer = client.get(bad, headers=german)
            assert answer.status_code == 404 and "unvollständig" in answer.text, bad
            assert client.post(f"{bad}/rating", data={"stars": 1}).status_code == 404
            assert client.post(f"{bad}/estimate", data={"version": 1}).status_code == 404
            assert client.get(f"{bad}/photos/2").status_code == 404
        assert client.get(f"/b/{good[3:]}").status_code == 404, "nor the other way round"
        assert client.get(f"{good}/photos/2").status_code == 404, "not for the customer"
        console.do("UPDATE repair_note SET for_customer = true")
        for other in (1, 3, 4, 10**6):
            assert client.get(f"{good}/photos/{other}").status_code == 404, "another order's"
        console.do(
            "UPDATE repair_order SET state = 'closed', closed_at = %s, correction = 'c',"
            " finding = 'confirmed' WHERE id = %s",
            NOW - timedelta(days=60), ORDER,
        )  # fmt: skip
        assert client.get(good).status_code == 200
        console.do("UPDATE repair_order SET closed_at = closed_at - interval '1 s'")
        assert client.get(good).status_code == 410
        assert client.post(f"{good}/rating", data={"stars": 5}).status_code == 410
        assert client.get(f"{good}/photos/2").status_code == 410


def test_the_booking_page_leads_here(console: Console) -> None:
    token = slot_token(SECRET, customer_id=9, vehicle_id=9, alert_id=None, now=NOW)
    with console.client() as client:
        page = client.get(f"/b/{token}").text
    assert "Suivre la réparation" in page and link(console) in page


def test_no_cookie_is_needed_or_given(gallery: Console) -> None:
    assert "set-cookie" not in httpx.get(gallery.url + link(gallery)).headers
