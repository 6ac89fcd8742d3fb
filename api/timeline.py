"""A car's story as lanes over time: where each bar and mark goes. Values in, values out.

The template draws it as SVG on the server. Sizes are in the drawing's own units, one CSS pixel at
its full width; a style attribute would need a weaker policy, so all shapes are plain attributes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from api.words import Place, day

ROW = 32.0
"""Height of a row of bars, each with its words above; a lane has as many as its bars need."""

MARKS = 20.0
"""Height of a lane that has only marks."""

BAR = 10.0
LANE_GAP = 12.0
TOP = 30.0
LABEL = 18.0
"""A narrow drawing has each lane's name above it."""

LETTER = 5.9
"""About the width of a letter at 11 px, to keep words inside the drawing."""

STEPS_DAYS = (1, 2, 7, 14, 28, 56, 112, 224)


@dataclass(frozen=True, slots=True)
class Span:
    """Something that lasted; without an end it still does, or nobody knows."""

    lane: str
    begins: datetime
    ends: datetime | None
    tone: str
    words: str


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened."""

    lane: str
    at: datetime
    shape: str
    tone: str
    words: str
    on: Span | None = None  # the bar that it lies on


@dataclass(frozen=True, slots=True)
class Bar:
    """A span in the drawing, its words above it, and where its part still to come begins."""

    x: float
    y: float
    width: float
    ahead_x: float
    tone: str
    words: str
    words_x: float
    anchor: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment in the drawing; x and y are its middle."""

    x: float
    y: float
    shape: str
    tone: str
    words: str


@dataclass(frozen=True, slots=True)
class Lane:
    """One lane: its name, where it lies, and what is in it."""

    name: str
    label_y: float
    y: float
    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """A date on the axis."""

    x: float
    words: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything, ready to be drawn."""

    width: float
    height: float
    left: float
    lanes: tuple[Lane, ...]
    ticks: tuple[Tick, ...]
    now_x: float | None
    now_anchor: str


def stretch(
    spans: Sequence[Span], moments: Sequence[Moment], now: datetime
) -> tuple[datetime, datetime]:
    """From when to when a drawing must reach to show everything and `now`, with a margin.

    What ends far in the future is cut: the past shall keep two thirds of the drawing.
    """
    times = [s.begins for s in spans] + [m.at for m in moments] + [now]
    times += [s.ends for s in spans if s.ends]
    since = min(times)
    until = min(max(times), now + max((now - since) / 2, timedelta(days=7)))
    margin = max((until - since) / 40, timedelta(hours=6))
    return since - margin, until + margin


def draw(
    lanes: Sequence[str],
    spans: Sequence[Span],
    moments: Sequence[Moment],
    *,
    since: datetime,
    until: datetime,
    now: datetime,
    place: Place,
    width: float,
    left: float,
) -> Drawing:
    """Lay it out.

    Parameters
    ----------
    lanes : sequence of str
        Their names from top to bottom; one without anything in it is left out.
    spans, moments
    since, until : datetime
        The ends of the axis.
    now : datetime
    place : Place
        Whose midnights the axis marks.
    width : float
    left : float
        Room for the lanes' names; 0 puts each above its lane.
    """
    inner = width - left - 8

    def x(at: datetime) -> float:
        share = (at - since) / (until - since)
        return round(left + inner * min(max(share, 0.0), 1.0), 1)

    def words_at(span: Span) -> tuple[float, str, float]:
        """Where a bar's words stand, how they are anchored, and where bar and words end."""
        wide = len(span.words) * LETTER
        begins, ends = x(span.begins), max(x(span.ends or until), x(span.begins) + 3)
        if begins + wide <= width:
            return begins, "start", max(ends, begins + wide + LETTER)
        at = max(ends, left + wide)
        return at, "end", at

    made = []
    y = TOP
    for name in lanes:
        own = sorted((s for s in spans if s.lane == name), key=lambda s: (s.begins, s.words))
        points = [m for m in moments if m.lane == name and since <= m.at <= until]
        if not own and not points:
            continue
        label_y = y + 14
        if not left:
            y += LABEL
        placed = [words_at(span) for span in own]
        taken = [
            (
                min(x(span.begins), words_x - (len(span.words) * LETTER if anchor == "end" else 0)),
                end,
            )
            for span, (words_x, anchor, end) in zip(own, placed, strict=True)
        ]
        rows = _rows(taken)
        middle = {
            id(span): y + ROW * row + ROW - BAR / 2 - 5 for span, row in zip(own, rows, strict=True)
        }
        bars = tuple(
            Bar(
                x(span.begins),
                middle[id(span)] - BAR / 2,
                max(x(span.ends or until) - x(span.begins), 3.0),
                max(x(now), x(span.begins)),
                span.tone,
                span.words,
                words_x,
                anchor,
            )
            for span, (words_x, anchor, _) in zip(own, placed, strict=True)
        )
        alone = y + (MARKS if not own else ROW) / 2
        marks = tuple(
            Mark(x(m.at), middle.get(id(m.on), alone), m.shape, m.tone, m.words) for m in points
        )
        height = ROW * (max(rows) + 1) if rows else MARKS
        made.append(Lane(name, label_y, y, bars, marks))
        y += height + LANE_GAP
    now_x = x(now) if since <= now <= until else None
    return Drawing(
        width,
        y,
        left,
        tuple(made),
        _ticks(since, until, place, x, inner),
        now_x,
        "end" if now_x is not None and now_x > width - 40 else "middle",
    )


def _rows(taken: Sequence[tuple[float, float]]) -> list[int]:
    """The first row in which each has room, in order of their beginning.

    Parameters
    ----------
    taken : sequence of (float, float)
        From where to where.

    Examples
    --------
    >>> _rows([(1, 4), (2, 3), (5, 9)])
    [0, 1, 0]
    """
    ends: list[float] = []
    rows = []
    for begins, end in taken:
        row = next((i for i, until in enumerate(ends) if until <= begins), len(ends))
        if row == len(ends):
            ends.append(begins)
        ends[row] = end
        rows.append(row)
    return rows


def _ticks(
    since: datetime,
    until: datetime,
    place: Place,
    x: Callable[[datetime], float],
    inner: float,
) -> tuple[Tick, ...]:
    """Midnights at a step that leaves room for the dates."""
    room = 8 * LETTER
    days = (until - since) / timedelta(days=1)
    step = next((n for n in STEPS_DAYS if inner * n / days > room), STEPS_DAYS[-1])
    first = place.local(since).replace(hour=0, minute=0, second=0, microsecond=0)
    ticks = []
    at = first + timedelta(days=1)  # in local time: a day of 23 hours is a day
    while at <= until:
        where = x(at)
        if room / 2 < where < x(until) - room / 2:
            ticks.append(Tick(where, day(at, place)))
        at += timedelta(days=step)
    return tuple(ticks)
