"""How did we do? One to five, with words. Who is unhappy gets a call, and no more adverts."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg import Connection

from care import journey, loyalty, outreach, repair_texts, task
from care.errors import CareError
from care.hours import add_working_time
from care.store import bookings, people, ratings, repairs
from care.store.outbox import NewReply
from care.store.people import Customer
from care.store.ratings import Rating
from record.flow import RepairOrder

CHANGEABLE = timedelta(days=7)
"""How long a customer may think better of it."""

QUESTION_STANDS = timedelta(days=7)
"""How long "5" still answers our question."""

LOW = 2
"""And below: the manager calls."""

CALL_WITHIN = timedelta(hours=2)
"""Of the workshop's opening hours."""

MOST_WORDS = 1000

_STARS = re.compile(
    r"""\s*(?P<stars>[1-5])
        (?:\s*(?:/|of|out\ of|von|de|sur)\s*5)?
        (?:\s*(?:stars?|sterne?|estrellas?|étoiles?|points?|分|星|颗星))?
        (?=$|[\s.,;:!?—–()"“'·。,!?;:-])
        (?!\s*(?:[.:,h]\s*\d|[ap]\.?m\b|o'?clock|uhr|heures?|点|[/-]\s*\d))
        \s*[.,;:!?—–·。,!;:-]*\s*(?P<words>.*)""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Said:
    """A rating as somebody said it."""

    stars: int
    words: str


def rating_of(body: str) -> Said | None:
    """The rating that an answer begins with; None where it isn't one.

    Only for what answers our question: "2" may as well be a choice.

    Examples
    --------
    >>> rating_of("1 still rattles"), rating_of("5/5 - great!"), rating_of("★★★★☆")
    (Said(stars=1, words='still rattles'), Said(stars=5, words='great!'), Said(stars=4, words=''))
    >>> rating_of("2 pm is fine"), rating_of("10"), rating_of("3:30 please"), rating_of("hello 5")
    (None, None, None, None)
    """
    text = unicodedata.normalize("NFKC", body).replace("\ufe0f", "").replace("\u20e3", "")
    text = re.sub(r"\s{2,}", " ", text).strip()
    drawn = re.match("[★⭐\U0001f31f]{1,5}(?![★⭐\U0001f31f])", text)
    if drawn:
        return Said(len(drawn[0]), text[drawn.end() :].lstrip("☆ ").strip()[:MOST_WORDS])
    found = _STARS.fullmatch(text)
    if found is None:
        return None
    return Said(int(found["stars"]), found["words"].strip()[:MOST_WORDS])


def ask_rating(conn: Connection, order: RepairOrder, now: datetime) -> None:
    """Ask the customer how we did. Once for each order; it passes the checks of every text.

    Raises
    ------
    CareError
        If the car has not been picked up.
    """
    if order.state != "closed":
        raise CareError("Ask once the car has been picked up.")
    booking = bookings.get(conn, order.booking_id)
    assert booking is not None
    outreach.plan(
        conn,
        customer_id=booking.customer_id,
        template=repair_texts.ASKS_RATING,
        purpose="service",
        dedupe_key=f"repair:{order.id}:rating",
        booking_id=booking.id,
        body=repair_texts.draft(conn, repair_texts.ASKS_RATING, booking),
        now=now,
    )


def rate(
    conn: Connection, repair_order_id: int, stars: int, words: str, source: str, now: datetime
) -> Rating:
    """Keep a customer's rating of a repair. The same again changes nothing.

    Parameters
    ----------
    source : str
        ``link`` or ``reply``.

    Raises
    ------
    CareError
        If the car has not been picked up, or a week has passed since the first rating.
    """
    if not 1 <= stars <= 5:
        raise CareError("Choose from 1 to 5.")
    order = repairs.get(conn, repair_order_id)
    if order is None:
        raise CareError(f"There is no repair order {repair_order_id}.")
    if order.state != "closed":
        raise CareError("The repair is not finished yet.")
    booking = bookings.get(conn, order.booking_id)
    assert booking is not None
    clean = words.replace("\x00", "").strip()[:MOST_WORDS]
    before = ratings.of_order(conn, order.id)
    if before is not None and (before.stars, before.words) == (stars, clean):
        return before
    if before is not None and now > before.first_at + CHANGEABLE:
        raise CareError("A rating can be changed for a week. Please call us.")
    customer = people.customer(conn, booking.customer_id)
    assert customer is not None
    kept = ratings.put(conn, order.id, customer.id, stars, clean, source, now)
    people.audit(
        conn,
        now,
        f"customer:{customer.id}",
        "rated",
        f"repair_order:{order.id}",
        stars=stars,
        source=source,
    )
    loyalty.earn(conn, customer.id, "feedback", f"repair_order:{order.id}", now)
    if stars <= LOW and (before is None or before.stars > LOW):
        _low_rating(conn, order, customer, kept, now)
    elif stars > LOW:
        ratings.lift_stop(conn, customer.id, order.id, f"customer:{customer.id}", now)
    return kept


def _low_rating(
    conn: Connection, order: RepairOrder, customer: Customer, rating: Rating, now: datetime
) -> None:
    """An unhappy customer: the manager calls, promotions stop, and the journey says sorry."""
    dealer = people.dealer(conn, customer.dealer_id)
    car = people.car(conn, order.vehicle_id)
    assert dealer is not None and car is not None
    words = f": “{rating.words[:200]}”" if rating.words else ""
    ratings.stop_promotions(
        conn, customer.id, order.id, f"Rated repair order {order.id} {rating.stars} of 5", now
    )
    repairs.add_task(
        conn,
        dealer_id=dealer.id,
        customer_id=customer.id,
        owner_id=repairs.manager_of(conn, dealer.id),
        kind="call",
        title=f"Rated {rating.stars} of 5: {task.name_of(car)}",
        next_action=f"Call {customer.name} about repair order {order.id}{words}. "
        "Promotions are stopped.",
        priority=90,
        deadline=add_working_time(now, CALL_WITHIN, dealer),
        at=now,
    )
    journey.begin(
        conn,
        "rating.low",
        customer_id=customer.id,
        vehicle_id=order.vehicle_id,
        repair_order_id=order.id,
        now=now,
    )
    people.audit(conn, now, "care", "promotions stopped", f"repair_order:{order.id}")


def take_reply(conn: Connection, reply: NewReply, customer: Customer, now: datetime) -> str | None:
    """Take an answer for a rating, where that was the last thing we asked.

    Returns
    -------
    str or None
        Its meaning; None where the answer is about something else.
    """
    said = rating_of(reply.body)
    if said is None:
        return None
    order_id = ratings.asked_of(conn, reply.id, reply.from_phone, now - QUESTION_STANDS)
    if order_id is None:
        return None
    try:
        rate(conn, order_id, said.stars, said.words, "reply", now)
    except CareError:
        return None
    if "?" in said.words:
        task.ask_person(
            conn,
            customer,
            f"{customer.name} asks beside a rating",
            f"Answer {customer.name}: “{said.words[:200]}”",
            now,
        )
    return f"rating {said.stars}"
