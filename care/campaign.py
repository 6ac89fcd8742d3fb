"""Campaigns: one message to many, a recall or a seasonal check, with a group that is left out.

A campaign begins a journey for each car that its conditions choose, but for a share of customers
who are left out on purpose: the difference in bookings between the two tells what it brought.
"""

import hashlib
from datetime import datetime

from psycopg import Connection
from pydantic import BaseModel, ConfigDict, Field

from care import journey
from care.errors import CareError
from care.store import campaigns, people

KINDS = {"recall": "Recall", "seasonal": "Seasonal check"}
"""What a campaign may be; each has its trigger, ``campaign.recall`` and so on."""

MOST_CARS = 20_000


class Conditions(BaseModel):
    """Which cars; what is not given chooses all.

    Parameters
    ----------
    make, model
        As in the records, whatever the case.
    year_from, year_to
        Model years.
    powertrain
    km_from, km_to
        By the last odometer that the car reported within 90 days.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    make: str = Field(default="", max_length=60)
    model: str = Field(default="", max_length=60)
    year_from: int | None = Field(default=None, ge=1950, le=2100)
    year_to: int | None = Field(default=None, ge=1950, le=2100)
    powertrain: str = Field(default="", pattern="^(petrol|diesel|hybrid|electric)?$")
    km_from: int | None = Field(default=None, ge=0, le=2_000_000)
    km_to: int | None = Field(default=None, ge=0, le=2_000_000)


def held_out(title: str, customer_id: int, share: float) -> bool:
    """Whether a customer is left out: by lot, and always the same.

    Examples
    --------
    >>> sum(held_out("Winter", n, 0.2) for n in range(10_000)) // 100
    20
    """
    digest = hashlib.sha256(f"{title}:{customer_id}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32 < share


def start(
    conn: Connection,
    *,
    dealer_id: int,
    kind: str,
    title: str,
    conditions: Conditions,
    hold_out: float,
    actor: str,
    now: datetime,
) -> int:
    """Send a campaign out. Every message still passes the checks of its moment.

    Parameters
    ----------
    kind : str
        A key of `KINDS`.
    title : str
        In the customers' words: "the front brake hoses", "winter is coming".
    hold_out : float
        Share of customers who are left out; a recall leaves nobody out.

    Returns
    -------
    int
        The campaign's number.

    Raises
    ------
    CareError
        If something is missing, or it chooses no car, or too many.
    """
    words = " ".join(title.replace("\x00", "").split())
    if kind not in KINDS:
        raise CareError(f"A campaign is one of {', '.join(KINDS)}.")
    if not 3 <= len(words) <= 80:
        raise CareError("Say in 3 to 80 letters what it is about.")
    if not 0 <= hold_out <= 0.5:
        raise CareError("Leave out no more than half.")
    if kind == "recall" and hold_out:
        raise CareError("A recall is about safety: nobody is left out.")
    cars = campaigns.chosen(conn, dealer_id, conditions.model_dump(), now)
    if not cars:
        raise CareError("No car of a customer fits these conditions.")
    if len(cars) > MOST_CARS:
        raise CareError(f"{len(cars)} cars are too many at once; {MOST_CARS} is the most.")
    campaign_id = campaigns.insert(
        conn,
        dealer_id=dealer_id,
        kind=kind,
        title=words,
        conditions=conditions.model_dump(exclude_defaults=True),
        hold_out=hold_out,
        actor=actor,
        at=now,
    )
    for vehicle_id, customer_id in cars:
        out = held_out(words, customer_id, hold_out)
        campaigns.add_car(conn, campaign_id, vehicle_id, customer_id, out)
        if not out:
            journey.begin(
                conn,
                f"campaign.{kind}",
                customer_id=customer_id,
                vehicle_id=vehicle_id,
                campaign_id=campaign_id,
                now=now,
            )
    people.audit(conn, now, actor, "campaign sent out", f"campaign:{campaign_id}", cars=len(cars))
    return campaign_id
