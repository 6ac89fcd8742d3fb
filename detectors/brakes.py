"""Brake pads that wear too fast: both of an axle, or one that a caliper does not free; or worn."""

import msgspec

from detectors.contract import Answer, Detector, time_of
from detectors.reading import DAY_MS, number
from record.flow import Evidence, Finding, FindingKind, Frame, Urgency

WHEELS = ("front left", "front right", "rear left", "rear right")
PADS = tuple(f"pad_wear_{wheel.replace(' ', '_')}_pct" for wheel in WHEELS)
OPPOSITE = (1, 0, 3, 2)

NEW_MM, WORN_OUT_MM = 12.0, 2.0
"""What 0 and 100 % stand for: pads come with 10 to 12 mm; 2 mm is where makers and German
inspections draw the line (British: 1.5 mm, MOT manual 1.1.13; US: 1/16 in, 49 CFR 393.47)."""

RENEW_PCT = 90.0
"""About 3 mm: workshops renew them at the next visit."""

MARKS = 4
"""Steps of 1 % that are remembered: three whole ones between them, each 0.1 mm."""

SHORT_KM = 100.0
"""A hundredth of a pad in less: a set would last 10,000 km. Towns and hills ask for a set in 20,000
to 30,000, ordinary use in 50,000 and more."""

FASTER_KM = 400.0
FASTER = 3.0
"""Where it is not so short: so many times faster than this wheel's own pads wore before. A trailer
half as heavy as the car, or miles for kilometres, make less than two of it. An electric car brakes
by its motor, and its pads last 100,000 km or more: faster is what would be ordinary elsewhere, up
to a set in 40,000 km."""

STEP_KM = 2_000.0
"""An odometer that goes further between two looks, or back, was replaced."""

RENEWED_PCT = 5.0
"""Pads grow no thicker by themselves."""

WELL_KM = 300.0

USE = (0.4, 0.9)
"""From the present wear to the days that are left: what has begun to wear pads goes on growing, and
hot pads wear faster still (exponentially above about 230 °C: Rhee, Wear 29, 1974), so that a line
through the last steps ends too late; weeks differ by a quarter."""


def _four() -> list[int]:
    return [0] * 4


class State(msgspec.Struct, array_like=True, gc=False):
    """What it remembers; lists go by `WHEELS`, in whole % and km (as they are stored: see
    `record.signals`); kilometres are counted from its first look on."""

    odometer_km: float | None = None
    looked_km: float | None = None
    km: float = 0.0
    since_ms: int = 0
    worn: list[int | None] = msgspec.field(default_factory=lambda: [None] * 4)
    worn_km: list[int] = msgspec.field(default_factory=_four)  # when each was looked at
    first: list[int] = msgspec.field(default_factory=_four)
    first_km: list[int] = msgspec.field(default_factory=_four)
    marks: list[list[int]] = msgspec.field(default_factory=lambda: [[], [], [], []])
    # what was said
    told: int = -1
    told_cause: str = ""
    told_ms: int = 0
    told_low: bool = False
    told_km: float = 0.0  # for 1 %


class Brakes(Detector[State]):
    """Brake pads that will not last, by their wear sensors and the kilometres.

    What fails: pads are used up, 2 mm of 12 are the end. Ordinary ones last 30,000 to 70,000 km, so
    a sensor moves by 1 % in 300 to 700 km. How it shows: the next hundredths come within tens of
    kilometres. Where both wheels of an axle do that, somebody drives hard, tows, or the brake is
    ill-adjusted; where one does and the one opposite does not, its caliper does not let go (seized
    piston or guide pin): disc and tire run hot, and the car burns more.

    Raised when three hundredths in a row came within 100 km each, or within 400 and three times as
    fast as this wheel's pads wore before; or when pads reach 90 % (3 mm). The window says when they
    will be at 100 %, by the car's own use. Recovered when the pads are new, or last again.

    Innocent look-alikes: an odometer that was replaced (such steps are left out) or goes over to
    miles, a trailer. A car without wear sensors says nothing: its fluid level sinks with the pads,
    but a leak does the same.

    >>> from record.flow import Vehicle
    >>> detector = Brakes(Vehicle(1, "WVWZZZ1KZAW000001", "VW", "Golf", 2019, "petrol"))
    >>> for day in range(60):
    ...     km = 40 * day
    ...     front_pct = 30 + km / 400
    ...     left_pct = front_pct + max(0, km - 1200) / 40
    ...     worn = zip(PADS, map(round, (left_pct, front_pct, 20 + km / 800, 20 + km / 800)))
    ...     frame = Frame(1, day * DAY_MS + 1, {"odometer_m": 42_000_000 + km * 1000, **dict(worn)})
    ...     finding = detector.update(frame)
    ...     if finding and finding.kind == FindingKind.RAISED:
    ...         print(day, finding.cause, "|", finding.summary)
    33 stuck_caliper | Front left brake pad wears 1 % in 40 km; worn out in 26 to 58 days
    """

    name = "brakes"
    version = 2
    signals = (*PADS, "odometer_m")
    causes = ("brake_wear", "stuck_caliper")
    State = State
    __slots__ = ()

    def update(self, frame: Frame) -> Answer:
        s = self.state
        odometer_m = number(frame, "odometer_m", 0, 4e9)
        if odometer_m is not None:
            s.odometer_km = odometer_m / 1000
        if s.odometer_km is None or frame.signals.keys().isdisjoint(PADS):
            return None
        if s.looked_km is None:
            s.since_ms = frame.ts_ms
        elif 0 <= s.odometer_km - s.looked_km <= STEP_KM:
            s.km += s.odometer_km - s.looked_km
        s.looked_km = s.odometer_km
        found: Answer = None
        for n, name in enumerate(PADS):
            worn_pct = number(frame, name, 0, 100)
            if worn_pct is not None:
                found = self._look(frame, n, round(worn_pct)) or found
        return found

    def _look(self, frame: Frame, n: int, worn_pct: int) -> Answer:
        s = self.state
        km = round(s.km)
        before = s.worn[n]
        renewed = before is not None and worn_pct <= before - RENEWED_PCT
        if before is None or renewed:
            s.worn[n], s.first[n] = worn_pct, worn_pct
            s.first_km[n] = s.worn_km[n] = km
            s.marks[n] = []
            if s.told == n and renewed:
                return self._recovered(frame, "are new")
        elif worn_pct > before:
            steps = worn_pct - before
            way_km = km - s.worn_km[n]
            marks = [s.worn_km[n] + round(way_km * step / steps) for step in range(1, steps + 1)]
            s.marks[n] = (s.marks[n] + marks)[-MARKS:]
            s.worn[n] = worn_pct
            s.worn_km[n] = km
            return self._judge(frame, n)
        elif worn_pct == before:
            s.worn_km[n] = km
            since_km = km - (s.marks[n][-1] if s.marks[n] else s.first_km[n])
            if s.told == n and before < RENEW_PCT and since_km > max(WELL_KM, 4 * s.told_km):
                return self._recovered(frame, "wear as slowly as others again")
        return None

    def _judge(self, frame: Frame, n: int) -> Answer:
        """A step further: how far apart were the last ones, and what do the neighbours do?"""
        s = self.state
        worn = s.worn[n] or 0
        marks = s.marks[n]
        low = worn >= RENEW_PCT
        a_step_km = (marks[-1] - marks[0]) / (len(marks) - 1) if len(marks) > 1 else 0.0
        fast = len(marks) == MARKS and (
            a_step_km < SHORT_KM or a_step_km < min(FASTER_KM, self._before_km(n) / FASTER)
        )
        if s.told >= 0:
            if not low or s.told_low:
                return None
        elif not low and not fast:
            return None
        alone = fast and self._alone(n)
        now_km = (marks[-1] - marks[-3]) / 2 if len(marks) > 2 else a_step_km
        return self._says(frame, n, self.causes[1] if alone else self.causes[0], now_km)

    def _before_km(self, n: int) -> float:
        """How far 1 % of these pads lasted before the last steps, at least."""
        s = self.state
        steps = (s.worn[n] or 0) - (MARKS - 1) - s.first[n]
        return (s.marks[n][0] - s.first_km[n]) / max(steps, 1)

    def _alone(self, n: int) -> bool:
        """Whether the pads of the wheel opposite lasted while these did not."""
        s = self.state
        other = OPPOSITE[n]
        if s.worn[other] is None:
            return False
        return sum(mark >= s.marks[n][0] for mark in s.marks[other]) < MARKS / 2

    def _says(self, frame: Frame, n: int, cause: str, a_step_km: float) -> Finding:
        s = self.state
        now = frame.ts_ms
        kind = FindingKind.RAISED
        if s.told >= 0:
            kind, cause = FindingKind.REFRESHED, s.told_cause
        worn = s.worn[n] or 0
        s.told_low = worn >= RENEW_PCT
        s.told, s.told_cause, s.told_ms, s.told_km = n, cause, now, a_step_km
        km_day = s.km / max((now - s.since_ms) / DAY_MS, 1.0)
        wheel = WHEELS[n].capitalize()
        if s.told_low:
            left_mm = NEW_MM + (WORN_OUT_MM - NEW_MM) * worn / 100
            summary = f"{wheel} brake pad is {worn:.0f} % worn: about {left_mm:.0f} mm left"
        else:
            summary = f"{wheel} brake pad wears 1 % in {max(a_step_km, 1):.0f} km"
        expect = {}
        if a_step_km and km_day:
            days = min((100 - worn) * a_step_km / km_day, 365.0)
            low, high = (share * days for share in USE)
            summary += f"; worn out in {low:.0f} to {max(high, 1):.0f} days"
            ends = (time_of(now + int(one * DAY_MS)) for one in (low, high))
            expect = dict(zip(("expect_from", "expect_to"), ends, strict=True))
        urgency = Urgency.SERVICE
        if cause == self.causes[1] or s.told_low:
            urgency = Urgency.STOP if worn >= 100 else Urgency.SOON
        evidence = self._evidence(frame, n)
        return self.says(kind, frame, cause, urgency, 0.85, summary, evidence, **expect)

    def _recovered(self, frame: Frame, how: str) -> Finding:
        s = self.state
        evidence = self._evidence(frame, s.told)
        summary = f"{WHEELS[s.told].capitalize()} brake pads {how}"
        kind, cause = FindingKind.RECOVERED, s.told_cause
        s.told, s.told_cause, s.told_low = -1, "", False
        return self.says(kind, frame, cause, Urgency.INFO, 0.9, summary, evidence)

    def _evidence(self, frame: Frame, n: int) -> Evidence:
        s = self.state
        other = s.worn[OPPOSITE[n]]
        known = "has no sensor" if other is None else f"is {other:.0f} % worn"
        return Evidence(
            feature=f"wear of the {WHEELS[n]} brake pad",
            value=s.worn[n],
            expected=RENEW_PCT,
            unit="%",
            signals=(*PADS, "odometer_m"),
            window_from=time_of(frame.ts_ms - 30 * DAY_MS),
            window_to=frame.ts,
            notes=(
                f"The pad opposite {known}; a caliper that sticks wears one, hard use both",
                f"{s.km:.0f} km were looked at",
            ),
        )
