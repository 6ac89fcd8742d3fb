"""Learning what works: on customers whose taste is known, and on rows that outlive processes."""

import random
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from care import __main__ as care_main
from care import compose, journey, law, learn, outreach, results, texts
from care.engine import turn
from care.learn import FLOOR, LEAST_SHARE
from care.outreach import Policy
from care.store import learn as store
from care.store import people
from care.store.learn import Group, Settings, Tally
from care.store.people import Dealer
from record.causes import CAUSES
from record.flow import Alert, Slot, Urgency
from tests.care.world import MONDAY, World, build, find, one, row, send
from tests.care.world import PAPER as LETTERHEAD

ARMS = ("a", "b", "c")
DAY = timedelta(days=1)
Taste = Callable[[str, dict[str, str]], float]


@dataclass
class Lived:
    """What came of a while with simulated customers."""

    pulls: list[str] = field(default_factory=list)
    held_out: int = 0
    regret: float = 0.0
    even: float = 0.0
    tallies: dict[tuple[str, bool], list[int]] = field(
        default_factory=lambda: defaultdict(lambda: [0, 0])
    )

    def share(self, arm: str, last: int) -> float:
        return self.pulls[-last:].count(arm) / last

    def lines(self) -> list[results.Line]:
        return [
            results.Line(arm, "", n, results.rate_of(wins, n))
            for (arm, held), (n, wins) in sorted(self.tallies.items())
            if not held
        ]


def live(taste: Taste, sends: int, seed: int, per_day: int = 25, adapt: bool = True) -> Lived:
    """Send to 5,000 customers; outcomes are known a week later, as in truth."""
    rng, lived = random.Random(seed), Lived()
    known: dict[tuple[str, tuple[tuple[str, str], ...]], list[int]] = defaultdict(lambda: [0, 0])
    pending: list[tuple[int, str, tuple[tuple[str, str], ...], int]] = []
    for n in range(sends):
        day = n // per_day
        if n % per_day == 0:
            for arm, about, won in (p[1:] for p in pending if p[0] == day):
                known[arm, about][0] += 1
                known[arm, about][1] += won
            groups = [Group(a, dict(about), *count) for (a, about), count in sorted(known.items())]
            shares: dict[object, dict[str, float]] = {}
        about = (
            ("answered", rng.choice(["yes", "no"])),
            ("days", "weekend" if day % 7 > 4 else "week"),
            ("part", rng.choice(["morning", "noon", "evening"])),
        )
        context = dict(about)
        held = learn.is_held_out(rng.randrange(5000), learn.HOLD_OUT)
        if held:
            lived.held_out += 1
            arm = ARMS[0]
        else:
            if about not in shares:
                shares[about] = learn.propensities(ARMS, groups if adapt else [], context)
            arm = learn.draw(shares[about], seed, n)
            lived.pulls.append(arm)
            best = max(taste(a, context) for a in ARMS)
            lived.regret += best - taste(arm, context)
            lived.even += best - sum(taste(a, context) for a in ARMS) / len(ARMS)
        won = int(rng.random() < taste(arm, context))
        if not held:
            pending.append((day + 7, arm, about, won))
        lived.tallies[arm, held][0] += 1
        lived.tallies[arm, held][1] += won
    return lived


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_best_text_wins_within_2500_sends(seed: int) -> None:
    lived = live(lambda arm, _: {"a": 0.10, "b": 0.13, "c": 0.28}[arm], 2500, seed)
    assert lived.share("c", 300) >= 0.8
    assert lived.regret < 0.6 * lived.even
    assert abs(lived.held_out / 2500 - learn.HOLD_OUT) < 0.025
    assert results.winner(lived.lines()) == "c"


def test_the_best_text_may_depend_on_whom() -> None:
    def taste(arm: str, context: dict[str, str]) -> float:
        liked = "b" if context["answered"] == "yes" else "c"
        return 0.28 if arm == liked else 0.10

    lived = live(taste, 3000, 4)
    assert lived.regret < 0.6 * lived.even


def test_where_there_is_no_difference_no_winner_is_named() -> None:
    """Twenty dealers with three equal texts, looked at in the end: one false winner at most."""
    named = [results.winner(live(lambda *_: 0.2, 1200, seed).lines()) for seed in range(20)]
    assert sum(arm is not None for arm in named) <= 1


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    rng = random.Random(7)
    inside = both = 0
    for _ in range(2000):
        wins = [sum(rng.random() < p for _ in range(60)) for p in (0.15, 0.25)]
        rate = results.rate_of(wins[0], 60)
        inside += rate.low <= 0.15 <= rate.high
        gain = results.gain_of(results.rate_of(wins[1], 60), rate)
        both += gain.low <= 0.1 <= gain.high
    assert 0.93 < inside / 2000 < 0.98 and 0.93 < both / 2000 < 0.98


contexts = st.fixed_dictionaries(
    {
        "answered": st.sampled_from(["yes", "no"]),
        "part": st.sampled_from(["morning", "noon", "evening", "night"]),
    }
)
outcomes = st.lists(
    st.tuples(st.sampled_from(ARMS), contexts, st.integers(1, 400), st.floats(0, 1)), max_size=20
).map(lambda rows: [Group(arm, about, n, round(n * p)) for arm, about, n, p in rows])


@given(outcomes, contexts)
def test_shares_sum_to_one_and_keep_their_floors(
    groups: Sequence[Group], context: dict[str, str]
) -> None:
    shares = learn.propensities(ARMS, groups, context)
    assert abs(sum(shares.values()) - 1) < 1e-9
    assert min(shares.values()) >= LEAST_SHARE - 1e-9
    seen = {arm: sum(g.count for g in groups if g.arm == arm) for arm in ARMS}
    if min(seen.values()) < FLOOR:
        assert set(shares.values()) == {1 / 3}
    assert shares == learn.propensities(ARMS, list(groups), dict(context))


def test_draws_follow_the_shares_and_nothing_else() -> None:
    shares = {"a": 0.6, "b": 0.3, "c": 0.1}
    drawn = [learn.draw(shares, "text", f"alert:{n}:0:first") for n in range(4000)]
    assert drawn == [learn.draw(shares, "text", f"alert:{n}:0:first") for n in range(4000)]
    for arm, share in shares.items():
        assert abs(drawn.count(arm) / 4000 - share) < 0.03


def test_a_larger_hold_out_only_adds_customers() -> None:
    small = {n for n in range(5000) if learn.is_held_out(n, 0.1)}
    large = {n for n in range(5000) if learn.is_held_out(n, 0.2)}
    assert small < large and abs(len(small) / 5000 - 0.1) < 0.02


@given(
    st.integers(0, 366 * 24 * 60).map(
        lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    ),
    st.sampled_from(
        [
            ("America/Chicago", None), ("America/Denver", "US-UT"), ("America/New_York", "US-RI"),
            ("Asia/Shanghai", "CN"), ("Australia/Lord_Howe", None), ("America/New_York", "US-ME"),
        ]
    ),
)  # fmt: skip
def test_no_message_is_moved_out_of_allowed_hours(
    now: datetime, home: tuple[str, str | None]
) -> None:
    where = law.places(home[0], home[1], "+13125550100")
    found = learn.moments(now, where)
    assert found.pop("now") == now
    for part, at in found.items():
        assert now <= at <= now + learn.DELAY
        since, until = learn.PARTS[part]
        assert since <= at.astimezone(where[0].zone).time() < until
        assert law.next_lawful(at, where, Policy().earliest, Policy().latest) == at


PLACEHOLDERS = ("{dealer}", "{name}", "{car}", "{plain}", "{choices}")
SLOT = Slot(1, 1, MONDAY + 2 * DAY + timedelta(hours=4, minutes=30), MONDAY + 3 * DAY)


@pytest.mark.parametrize("template", sorted(texts.VARIANTS))
def test_variants_say_the_same_in_other_words(template: str) -> None:
    assert set(texts.VARIANTS[template]) == set(texts.LIBRARY)
    for language, variants in texts.VARIANTS[template].items():
        original = texts.LIBRARY[language][template]
        assert len({original, *variants.values()}) == len(variants) + 1 >= 3
        assert set(variants) == set("bcd"[: len(variants)])
        for words in variants.values():
            for one_of in PLACEHOLDERS:
                assert words.count(one_of) == original.count(one_of), words
            asked = words.lower()
            assert not any(word in asked.split() for word in texts.INSTEAD_OF_ENDED)


DEALER = Dealer(1, "Lakeside Motors", "America/Chicago", "+13125550199", MONDAY.time(),
                MONDAY.time(), [1])  # fmt: skip


@pytest.mark.parametrize("template", sorted(texts.VARIANTS))
@pytest.mark.parametrize("cause", [*CAUSES, "dtc_p0301", "dtc_p0626", "dtc_p1234"])
@pytest.mark.parametrize("variant", ["b", "c"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_variant_is_as_short_as_its_original(
    template: str, cause: str, variant: str, language: str
) -> None:
    def written(letter: str) -> str:
        return texts.text(
            template,
            language,
            letter,
            dealer=DEALER.name,
            name=" Christopher",
            car="Toyota Corolla",
            plain=texts.plain(cause, language),
            choices=compose.choices([SLOT] * 3, DEALER, language),
        ).replace("{link}", "https://lakeside.example/b/" + "x" * 32)

    body = written(variant)
    assert language != "en" or texts.is_gsm7(body)
    assert texts.segments(body) <= max(2, texts.segments(written("a")))


# On rows, in a real database.


def learning(conn: psycopg.Connection, customers: int, hours: bool = True) -> World:
    world = build(conn, customers=customers, bays=30, technicians=30)
    learn.set_learning(conn, world.dealer_id, Settings(True, hours, 0.1), "staff:1", MONDAY)
    conn.commit()
    return world


def alert_for(
    conn: psycopg.Connection, vehicle_id: int, at: datetime, urgency: str,
    cause: str = "battery_12v",
) -> int:  # fmt: skip
    return one(
        conn,
        """INSERT INTO alert (vehicle_id, cause, state, urgency, confidence, summary, opened_at,
               refreshed_at) VALUES (%s, %s, 'open', %s, 0.8, 'weak', %s, %s)
           RETURNING id""",
        vehicle_id, cause, urgency, at, at,
    )  # fmt: skip


def plan_all(conn: psycopg.Connection, world: World, template: str = "alert.soon") -> None:
    for customer, vehicle in zip(world.customers, world.vehicles, strict=True):
        alert = alert_for(conn, vehicle, MONDAY, template.removeprefix("alert."))
        outreach.plan(
            conn, customer_id=customer, template=template, purpose="service",
            dedupe_key=f"alert:{customer}:0:first", alert_id=alert, now=MONDAY,
        )  # fmt: skip
    conn.commit()


def choices_made(conn: psycopg.Connection) -> list[tuple[object, ...]]:
    return conn.execute(
        """SELECT customer_id, kind, arm, propensity, held_out, not_before, body
           FROM choice JOIN outreach ON id = outreach_id ORDER BY customer_id, kind"""
    ).fetchall()


def test_off_means_the_usual_at_once(db: psycopg.Connection) -> None:
    world = build(db, customers=3)
    plan_all(db, world)
    assert one(db, "SELECT count(*) FROM choice") == 0
    assert one(db, "SELECT count(*) FROM outreach WHERE not_before = planned_at") == 3
    assert one(db, "SELECT count(*) FROM outreach WHERE body LIKE '%%check it soon%%'") == 3


def test_words_and_hours_are_tried_evenly_at_first(db: psycopg.Connection) -> None:
    world = learning(db, 60)
    plan_all(db, world)
    made = choices_made(db)
    assert len(made) == 120
    treated = [m for m in made if not m[4]]
    assert {m[2] for m in treated if m[1] == "text"} == {"a", "b", "c"}
    assert {m[2] for m in treated if m[1] == "hour"} == {"now", "morning", "noon", "evening"}
    for customer, kind, arm, propensity, held, not_before, body in made:
        assert held == learn.is_held_out(int(str(customer)), 0.1)
        assert propensity == (1 if held else pytest.approx(1 / (3 if kind == "text" else 4)))
        if held:
            assert arm in ("a", "now")
        assert isinstance(not_before, datetime) and not_before <= MONDAY + DAY
        if kind == "text":
            said = {"a": "check it soon", "b": "spare you worse", "c": "we saw it"}[str(arm)]
            assert said in str(body)
        elif arm in learn.PARTS:
            local = not_before.astimezone(ZoneInfo("America/Chicago")).time()
            assert learn.PARTS[str(arm)][0] <= local < learn.PARTS[str(arm)][1]
    reason = row(db, "SELECT DISTINCT reason FROM outreach WHERE not_before > planned_at")
    assert reason == ("Held for an hour that may suit.",)


def test_a_crash_changes_no_choice(db: psycopg.Connection, database: str) -> None:
    """Planned and lost before the commit, planned again by another process: the same."""
    world = learning(db, 30)
    for n, group in enumerate((0, 1, 2)):
        groups = [["abc"[group], {"answered": "no"}, 100, (10, 14, 30)[n]]]
        db.execute(
            """INSERT INTO learned VALUES (%s, 'alert.soon', 'text', %s, %s)
               ON CONFLICT (dealer_id, template, kind, day) DO UPDATE
               SET groups = learned.groups || excluded.groups""",
            (world.dealer_id, MONDAY.date(), psycopg.types.json.Jsonb(groups)),
        )
    db.commit()
    plans = []
    for again in range(2):
        with psycopg.connect(database, options="-c timezone=UTC") as other:
            for customer, vehicle in zip(world.customers, world.vehicles, strict=True):
                alert = alert_for(other, vehicle, MONDAY, "soon")
                outreach.plan(
                    other, customer_id=customer, template="alert.soon", purpose="service",
                    dedupe_key=f"alert:{customer}:0:first", alert_id=alert, now=MONDAY,
                )  # fmt: skip
            plans.append(choices_made(other))
            if not again:
                other.rollback()
    assert plans[0] == plans[1] and len(plans[0]) == 60
    shares = {m[3] for m in plans[0] if m[1] == "text" and not m[4]}
    assert len(shares) > 1, "it had learned"


@pytest.mark.parametrize("which", ["alert.stop", "help", "confirmed"])
def test_what_is_urgent_or_an_answer_is_never_moved(db: psycopg.Connection, which: str) -> None:
    world = learning(db, 2)
    alert = alert_for(db, world.vehicle_id, MONDAY, "stop")
    planned = outreach.plan(
        db, customer_id=world.customer_id, template=which, purpose="service",
        dedupe_key="k", alert_id=alert, now=MONDAY, body="x" if which == "confirmed" else None,
    )  # fmt: skip
    assert planned is not None and planned.not_before == MONDAY
    assert one(db, "SELECT count(*) FROM choice") == 0


def test_a_car_that_may_fail_soon_is_written_of_at_once(db: psycopg.Connection) -> None:
    world = learning(db, 20)
    for customer, vehicle in zip(world.customers, world.vehicles, strict=True):
        alert = alert_for(db, vehicle, MONDAY, "soon")
        db.execute("UPDATE alert SET expect_from = %s WHERE id = %s", (MONDAY + 2 * DAY, alert))
        outreach.plan(
            db, customer_id=customer, template="alert.soon", purpose="service",
            dedupe_key=f"k{customer}", alert_id=alert, now=MONDAY,
        )  # fmt: skip
    assert row(db, "SELECT DISTINCT kind FROM choice") == ("text",)
    assert one(db, "SELECT count(*) FROM outreach WHERE not_before > planned_at") == 0


def book(conn: psycopg.Connection, world: World, who: int, at: datetime) -> int:
    bay, hand = row(
        conn, "SELECT (SELECT min(id) FROM bay) + %s, (SELECT min(id) FROM technician) + %s",
        who, who,
    )  # fmt: skip
    return one(
        conn,
        """INSERT INTO booking (vehicle_id, customer_id, dealer_id, bay_id, technician_id, during,
               op_code, state, source, created_at)
           VALUES (%s, %s, %s, %s, %s, tstzrange(%s, %s), 'BATT-TEST', 'booked', 'reply', %s)
           RETURNING id""",
        world.vehicles[who], world.customers[who], world.dealer_id, bay, hand,
        at + 3 * DAY, at + 3 * DAY + timedelta(minutes=30), at,
    )  # fmt: skip


def test_a_booking_is_owed_to_one_message(db: psycopg.Connection) -> None:
    world = learning(db, 4, hours=False)
    plan_all(db, world)
    for n in range(4):
        send(db, MONDAY, n + 1)
    db.execute("UPDATE outreach SET state = 'dropped', reason = 'x' WHERE customer_id = %s",
               (world.customers[3],))  # fmt: skip
    # the first is told again two days later, and books then; the second a day too late
    alert = alert_for(db, world.vehicles[0], MONDAY, "service", "service_due")
    outreach.plan(
        db, customer_id=world.customers[0], template="alert.service", purpose="service",
        dedupe_key="again", alert_id=alert, now=MONDAY + 2 * DAY,
    )  # fmt: skip
    db.commit()
    send(db, MONDAY + 2 * DAY, 9)
    booked = book(db, world, 0, MONDAY + 3 * DAY)
    book(db, world, 1, MONDAY + 8 * DAY)
    for hours in (1, 73, 74, 24 * 7 + 2, 24 * 7 + 4, 24 * 10, 24 * 11):
        turn(db, lambda hours=hours: MONDAY + timedelta(hours=hours))  # type: ignore[misc]
    got = db.execute(
        """SELECT o.dedupe_key, c.reward, c.booking_id, c.rewarded_at IS NOT NULL FROM choice AS c
           JOIN outreach AS o ON o.id = c.outreach_id WHERE c.kind = 'text' ORDER BY o.id"""
    ).fetchall()
    keys = [f"alert:{c}:0:first" for c in world.customers]
    assert got[:5] == [
        (keys[0], 0, None, True),
        (keys[1], 0, None, True),
        (keys[2], 0, None, True),
        (keys[3], None, None, True),
        ("again", 1, booked, True),
    ]
    assert learn.reward(db, MONDAY + 30 * DAY) == 0, "nothing is rewarded twice"


def test_a_day_rests_on_what_was_known_when_it_began(db: psycopg.Connection) -> None:
    world = learning(db, 3, hours=False)
    plan_all(db, world)
    db.execute(
        """UPDATE choice SET reward = 0, rewarded_at = %s, held_out = (outreach_id %% 3 = 0)""",
        (MONDAY + timedelta(hours=2),),
    )
    late, since = MONDAY.replace(hour=0) + 2 * DAY, MONDAY - 300 * DAY
    first = store.groups(db, world.dealer_id, "alert.soon", "text", since, MONDAY.replace(hour=0))
    assert first == []
    second = store.groups(db, world.dealer_id, "alert.soon", "text", since, late)
    assert sum(group.count for group in second) == 2, "the held out don't count"
    db.execute("UPDATE choice SET reward = NULL, rewarded_at = NULL")
    assert store.groups(db, world.dealer_id, "alert.soon", "text", since, late) == second


def test_words_stay_when_times_change(db: psycopg.Connection) -> None:
    """Every slot is taken before the message goes: other times, and the same variant."""
    world = learning(db, 12, hours=False)
    plan_all(db, world)
    before = {c[0]: str(c[6]) for c in choices_made(db)}
    db.execute("DELETE FROM offer")
    db.commit()
    for n in range(12):
        send(db, MONDAY + timedelta(minutes=n), n + 1)
    for customer, body in db.execute("SELECT customer_id, body FROM outreach WHERE state = 'sent'"):
        assert body.split(". ")[0] == before[customer].split(". ")[0]
    assert LETTERHEAD.public_url.startswith("https")


def test_a_finding_leads_to_a_choice(db: psycopg.Connection) -> None:
    """The whole way: detector, desk, journey, message."""
    world = learning(db, 8)
    for number, vehicle in enumerate(world.vehicles):
        find(db, vehicle, MONDAY, cause=f"dtc_p1{number:03d}")  # each its own: no fleet incident
    journey.install(db, MONDAY)
    for n in range(4):
        turn(db, lambda n=n: MONDAY + timedelta(minutes=n))  # type: ignore[misc]
    assert one(db, "SELECT count(DISTINCT outreach_id) FROM choice") == 8


@pytest.mark.parametrize(
    ("known", "wins", "expected"),
    [
        ((29, 40), (3, 9), "Not enough yet: each needs 30 known outcomes: a short of it."),
        ((300, 300), (60, 66), "No difference that chance could not have made."),
        ((400, 400), (40, 120), "Text b leads to more bookings than the others."),
        ((400,), (40,), "Not enough yet: each needs 30 known outcomes."),
    ],
)
def test_what_the_results_dare_say(
    known: tuple[int, ...], wins: tuple[int, ...], expected: str
) -> None:
    tallies = [
        Tally("alert.soon", "text", arm, False, n + 5, n, won)
        for arm, n, won in zip("ab", known, wins, strict=False)
    ]
    (section,) = results.sections([*tallies, Tally("alert.soon", "text", "a", True, 40, 31, 2)])
    assert section.verdict == expected
    assert section.gain is not None and section.gain.low < section.gain.by < section.gain.high
    few = [*tallies, Tally("alert.soon", "text", "a", True, 40, 29, 2)]
    assert next(results.sections(few)).gain is None
    assert "not enough yet" in results.written("Lakeside", list(results.sections(few)))


def test_the_results_on_the_command_line(
    db: psycopg.Connection, database: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    world = learning(db, 3)
    monkeypatch.setenv("DATABASE_URL", database)
    monkeypatch.setattr(sys, "argv", ["care", "results"])
    assert care_main.main() == 0
    assert capsys.readouterr().out == "Lakeside\n  Nothing was tried yet.\n\n"
    plan_all(db, world)
    for n in range(3):
        send(db, MONDAY + timedelta(hours=30), n + 1)
    assert care_main.main() == 0
    assert "A fault that can't wait long, texts: Not enough yet" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["care", "nonsense"])
    with pytest.raises(SystemExit, match="2"):
        care_main.main()


def test_an_alert_makes_a_context() -> None:
    alert = Alert(1, 1, "dtc_p0301", "open", Urgency.SOON, 0.8, "x", MONDAY, MONDAY)
    customer = people.Customer(1, 1, None, "Li Wei", None, "zh-Hans", "Asia/Shanghai")
    saturday = datetime(2026, 11, 28, 2, tzinfo=UTC)
    zone = ZoneInfo("Asia/Shanghai")
    assert learn.context_of(customer, alert, True, saturday, zone) == {
        "urgency": "soon", "family": "dtc", "language": "zh", "answered": "yes",
        "days": "weekend", "part": "morning",
    }  # fmt: skip
    late = learn.context_of(replace(customer, language="fr"), alert, False, MONDAY, zone)
    assert (late["part"], late["language"]) == ("night", "en")
