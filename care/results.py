"""What each text and hour brought: rates with intervals, and no winner before there is one.

Of rates close to none a simple interval says nonsense; Wilson's doesn't, nor Newcombe's for the
difference of two (Statist. Med. 17, 1998, methods 3 and 10).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt

from psycopg import Connection

from care.learn import FLOOR
from care.store import learn as store
from care.store.learn import Tally
from care.texts import DEFAULT, LIBRARY, VARIANTS
from record.share import LIKELY, wilson

SURE = 2.81
"""For naming a winner, which several arms may seem to be, and one looks often: 99.5 of 100."""

TITLES = {
    "alert.soon": "A fault that can't wait long",
    "alert.service": "Maintenance due",
    "alert.follow_up": "Follow-up",
}

HOURS = {
    "now": "as soon as allowed",
    "morning": "9 to 11",
    "noon": "12 to 14",
    "evening": "17 to 19",
}


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of messages that led to a booking, and where it may lie in truth.

    Parameters
    ----------
    wins, known : int
    rate, low, high : float
        `low` and `high` 95 times of 100.
    """

    wins: int
    known: int
    rate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Gain:
    """By how much one rate is above another, and where that may lie in truth."""

    by: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Line:
    """One arm: its letter or hour, its words, and what it brought."""

    arm: str
    words: str
    sent: int
    rate: Rate

    @property
    def enough(self) -> bool:
        """Whether its rate says anything yet."""
        return self.rate.known >= FLOOR


@dataclass(frozen=True, slots=True)
class Section:
    """One template's texts or hours.

    Parameters
    ----------
    lines : sequence of Line
        Of customers for whom we chose.
    chosen, held_out : Rate
        Of all for whom we chose, and of those who always get the default.
    gain : Gain or None
        What the choosing brought; None while there is not enough to say.
    verdict : str
    """

    template: str
    title: str
    kind: str
    lines: Sequence[Line]
    chosen: Rate
    held_out: Rate
    held_out_sent: int
    gain: Gain | None
    verdict: str


def rate_of(wins: int, known: int, z: float = LIKELY) -> Rate:
    """A rate with Wilson's interval.

    Examples
    --------
    >>> one = rate_of(0, 20)
    >>> one.low, round(one.high, 3)
    (0.0, 0.161)
    >>> rate_of(0, 0).high
    1.0
    """
    low, high = wilson(wins, known, z)
    return Rate(wins, known, wins / known if known else 0.0, low, high)


def gain_of(one: Rate, other: Rate, z: float = LIKELY) -> Gain:
    """By how much `one` is above `other`, with Newcombe's interval.

    Examples
    --------
    >>> gain = gain_of(rate_of(56, 70), rate_of(48, 80))
    >>> round(gain.by, 4), round(gain.low, 4), round(gain.high, 4)
    (0.2, 0.0524, 0.3339)
    """
    a, b = rate_of(one.wins, one.known, z), rate_of(other.wins, other.known, z)
    by = a.rate - b.rate
    return Gain(
        by,
        by - sqrt((a.rate - a.low) ** 2 + (b.high - b.rate) ** 2),
        by + sqrt((a.high - a.rate) ** 2 + (b.rate - b.low) ** 2),
    )


def winner(lines: Sequence[Line]) -> str | None:
    """The arm that is surely better than every other; None where there is none."""
    if len(lines) < 2 or not all(line.enough for line in lines):
        return None
    best = max(lines, key=lambda line: line.rate.rate)
    others = (line for line in lines if line is not best)
    sure = all(gain_of(best.rate, other.rate, SURE).low > 0 for other in others)
    return best.arm if sure else None


def sections(tallies: Sequence[Tally]) -> Iterator[Section]:
    """The report: for each template its texts, then its hours."""
    for template in VARIANTS:
        for kind in ("text", "hour"):
            about = [t for t in tallies if (t.template, t.kind) == (template, kind)]
            if about:
                yield _section(template, kind, about)


def _section(template: str, kind: str, about: Sequence[Tally]) -> Section:
    lines = [
        Line(t.arm, _words(template, kind, t.arm), t.sent, rate_of(t.wins, t.known))
        for t in about
        if not t.held_out
    ]
    held = [t for t in about if t.held_out]
    chosen = rate_of(sum(line.rate.wins for line in lines), sum(x.rate.known for x in lines))
    held_out = rate_of(sum(t.wins for t in held), sum(t.known for t in held))
    enough = min(chosen.known, held_out.known) >= FLOOR
    return Section(
        template=template,
        title=TITLES.get(template, template),
        kind=kind,
        lines=lines,
        chosen=chosen,
        held_out=held_out,
        held_out_sent=sum(t.sent for t in held),
        gain=gain_of(chosen, held_out) if enough else None,
        verdict=_verdict(kind, lines),
    )


def _verdict(kind: str, lines: Sequence[Line]) -> str:
    short = [line.arm for line in lines if not line.enough]
    if len(lines) < 2 or short:
        missing = f": {', '.join(short)} short of it" if short and len(lines) > 1 else ""
        return f"Not enough yet: each needs {FLOOR} known outcomes{missing}."
    best = winner(lines)
    if best is None:
        return "No difference that chance could not have made."
    what = f"Text {best}" if kind == "text" else f"The hour “{HOURS.get(best, best)}”"
    return f"{what} leads to more bookings than the others."


def _words(template: str, kind: str, arm: str) -> str:
    if kind == "hour":
        return HOURS.get(arm, arm)
    default = LIBRARY["en"][template]
    return default if arm == DEFAULT else VARIANTS[template].get("en", {}).get(arm, "")


def report(conn: Connection, dealer_id: int) -> list[Section]:
    """What each text and hour brought at a dealer's."""
    return list(sections(store.tallies(conn, dealer_id)))


def written(dealer: str, found: Sequence[Section]) -> str:
    """The report as text, for the terminal."""
    if not found:
        return f"{dealer}\n  Nothing was tried yet.\n"
    out = [dealer]
    for one in found:
        out.append(f"  {one.title}, {one.kind}s: {one.verdict}")
        for line in one.lines:
            bar = "#" * round(20 * line.rate.rate)
            out.append(f"    {line.arm:<8} {line.sent:6} sent  {_rate(line.rate):<38} {bar}")
        if one.held_out.known or one.held_out_sent:
            out.append(f"    {'held out':<8} {one.held_out_sent:6} sent  {_rate(one.held_out)}")
        if one.gain is not None:
            low, high = 100 * one.gain.low, 100 * one.gain.high
            out.append(
                f"    choosing brought {100 * one.gain.by:+.1f} points ({low:+.1f} to {high:+.1f})"
            )
    return "\n".join(out) + "\n"


def _rate(rate: Rate) -> str:
    if rate.known < FLOOR:
        return f"{rate.wins:4} of {rate.known} booked, not enough yet"
    return (
        f"{rate.wins:4} of {rate.known} booked, {100 * rate.rate:.0f} % "
        f"({100 * rate.low:.0f} to {100 * rate.high:.0f})"
    )
