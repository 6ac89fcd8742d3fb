"""The engine burns or loses more oil than it should, and runs short of it between services."""

import msgspec

from detectors.contract import Answer, Detector, time_of
from detectors.reading import DAY_MS, number
from record.flow import Evidence, FindingKind, Frame, Urgency

BETWEEN_MARKS_L = 1.0
"""From the dipstick's upper mark to its lower, in cars (owners' manuals: 0.8 to 1.2 l). A sensor
says LOW near the lower mark."""

CRITICAL_L = 1.7
"""Missing when a sensor says CRITICALLY_LOW: as far below the lower mark as a bend uncovers the
pickup."""

FAILS_L = (2.3, 3.2)
"""Missing when the pump draws air: about 60 % of the 4 to 5 l of a car."""

LIMIT_L_PER_1000KM = 0.5
"""What Volkswagen's owners' manuals allow at most; others allow up to 1. Healthy engines take less
than 0.1, so the oil lasts from one change to the next (10,000 to 15,000 km)."""

USUAL_L_PER_1000KM = (0.8, 2.4)
"""A rate that is not known yet: from what a workshop hears of to what smokes."""

KNOWN_WITHIN = 0.75
"""A rate that was measured between two marks holds within this factor."""

HEALTHY_L_PER_1000KM = 0.1

LONGEST_KM = 2_000.0
"""Between two readings: more is another instrument cluster."""

LONGEST_INTERVAL_KM = 50_000.0
"""Between two oil changes: more, and the recorded service is not this car's last."""

KM_A_DAY = 40.0
"""A car whose use we do not know yet: about 14,000 km a year."""

KNOWN_DAYS = 7.0

FULL = ("NORMAL", "HIGH", "CRITICALLY_HIGH")
LOW = ("LOW", "CRITICALLY_LOW")


class State(msgspec.Struct, array_like=True, gc=False):
    """What it remembers; times are the car's, in ms, 0 is never."""

    odometer_m: float | None = None
    first_ms: int = 0
    km: float = 0.0  # driven under our eyes
    full_km: float | None = None  # when it was last seen to be filled
    low_km: float | None = None  # when it was first seen to be low
    level: int | None = None  # as two drives confirmed it
    seen: int | None = None
    seen_drive_ms: int = 0
    told_ms: int = 0


class OilConsumption(Detector[State]):
    """Oil is low before the next change: rings, valve seals, turbocharger, a gasket.

    What fails: worn rings or valve seals let oil into the combustion, a turbocharger's shaft seal
    into the intake, or a gasket onto the road. How it shows: `oil_level` falls from NORMAL to LOW
    and on, where a healthy engine stays NORMAL from change to change. A level sensor knows only
    these words, so we ask after how many kilometres: since the last oil change or filling (a step
    up, or a recorded service) a litre is gone at LOW, and from LOW to CRITICALLY_LOW 0.7 l more.
    The rate, in l for each 1000 km, against what makers allow, says how bad it is, and with the
    car's daily use when the pump will draw air.

    A level counts when two drives in a row tell it: in a bend, on a slope, or minutes after a stop
    any sensor is fooled. Raised at LOW, refreshed (stop!) at CRITICALLY_LOW, recovered
    when it is NORMAL again; if it was only topped up, the next LOW gives the rate exactly.

    >>> from record.flow import Vehicle
    >>> car = Vehicle(1, "WVWZZZ1KZAW000001", "VW", "Golf", 2019, "petrol")
    >>> detector = OilConsumption(car)
    >>> for day in range(50):
    ...     level = "NORMAL" if day < 20 else "LOW" if day < 40 else "CRITICALLY_LOW"
    ...     frame = Frame(1, (day + 1) * DAY_MS, {"oil_level": level, "odometer_m": day * 50_000})
    ...     detector.drive.see(Frame(1, frame.ts_ms, {"ignition": "ON"}))
    ...     finding = detector.update(frame)
    ...     if finding:
    ...         print(day, finding.kind, finding.urgency, finding.summary)
    21 raised soon Oil low long before it is due
    41 refreshed stop Oil critically low 1000 km after it was low: 0.7 l/1000 km
    """

    name = "oil_consumption"
    version = 1
    signals = ("oil_level", "odometer_m")
    causes = ("oil_consumption",)
    State = State
    __slots__ = ()

    def update(self, frame: Frame) -> Answer:
        s = self.state
        self._drive(frame)
        told = frame.signals.get("oil_level")
        if not self.drive.since_ms or (told not in FULL and told not in LOW):
            return None
        level = 0 if told in FULL else LOW.index(str(told)) + 1
        if level != s.seen:
            s.seen, s.seen_drive_ms = level, self.drive.since_ms
            return None
        if level == s.level or self.drive.since_ms == s.seen_drive_ms:
            return None
        before, s.level = s.level, level
        return self._changed(frame, before, level)

    def _drive(self, frame: Frame) -> None:
        """Add up what the car drives; a new instrument cluster does not count."""
        s = self.state
        odometer_m = number(frame, "odometer_m", 0)
        if odometer_m is None:
            return
        s.first_ms = s.first_ms or frame.ts_ms
        if s.odometer_m is not None and 0 < odometer_m - s.odometer_m < LONGEST_KM * 1000:
            s.km += (odometer_m - s.odometer_m) / 1000
        s.odometer_m = odometer_m

    def _changed(self, frame: Frame, before: int | None, level: int) -> Answer:
        s = self.state
        if level == 0:
            if before:
                s.full_km, s.low_km = s.km, None
            return self._recovered(frame) if s.told_ms else None
        since_low_km = None if s.low_km is None else max(s.km - s.low_km, 1.0)
        if s.low_km is None:
            s.low_km = s.km
        if level == 1 and s.told_ms:
            return None  # it was critical: somebody added a little
        return self._low(frame, level == 2, since_low_km)

    def _low(self, frame: Frame, critical: bool, since_low_km: float | None) -> Answer:
        s = self.state
        gone_l = CRITICAL_L if critical else BETWEEN_MARKS_L
        what = "critically low" if critical else "low"
        full_km = self._since_full()
        if critical and since_low_km is not None:
            rate = (CRITICAL_L - BETWEEN_MARKS_L) / since_low_km * 1000
            rates = (rate * KNOWN_WITHIN, rate / KNOWN_WITHIN)
            sure, since = 0.9, f"{since_low_km:.0f} km after it was low: {rate:.1f} l/1000 km"
        elif full_km is not None:
            rate = gone_l / full_km * 1000
            rates = (max(rate, USUAL_L_PER_1000KM[0]), max(1.5 * rate, USUAL_L_PER_1000KM[1]))
            sure = (
                0.85 if rate > LIMIT_L_PER_1000KM else 0.75 if rate > HEALTHY_L_PER_1000KM else 0.6
            )
            since = f"{full_km:.0f} km after it was full: {rate:.1f} l/1000 km or more of late"
        else:
            rate, rates, sure = None, USUAL_L_PER_1000KM, 0.6
            since = "long before it is due"
        days = [
            (left_l - gone_l) / rate * 1000 / self._km_a_day(frame)
            for left_l, rate in zip(FAILS_L, reversed(rates), strict=True)
        ]
        kind = FindingKind.REFRESHED if s.told_ms else FindingKind.RAISED
        s.told_ms = s.told_ms or frame.ts_ms
        notes = (
            f"About {gone_l:.1f} l is missing; makers allow up to {LIMIT_L_PER_1000KM} l/1000 km",
            "Look for a leak first; then crankcase ventilation, turbocharger, compression",
        )
        return self.says(
            kind,
            frame,
            self.causes[0],
            Urgency.STOP if critical else Urgency.SOON,
            sure,
            f"Oil {what} {since}",
            self._evidence(frame, rate, frame.ts_ms - 60 * DAY_MS, notes),
            expect_from=time_of(frame.ts_ms + int(days[0] * DAY_MS)),
            expect_to=time_of(frame.ts_ms + int(days[1] * DAY_MS)),
        )

    def _since_full(self) -> float | None:
        """Kilometres since the oil was last known to be full; None if it never was."""
        s = self.state
        known = [] if s.full_km is None else [s.km - s.full_km]
        service_m = self.vehicle.last_service_odometer_m
        if service_m is not None and s.odometer_m is not None:
            since_km = (s.odometer_m - service_m) / 1000
            if 0 <= since_km < LONGEST_INTERVAL_KM:
                known.append(since_km)
        return max(min(known), 1.0) if known else None

    def _km_a_day(self, frame: Frame) -> float:
        """What this car drives, between what any car does and what we saw of it."""
        s = self.state
        days = (frame.ts_ms - s.first_ms) / DAY_MS if s.first_ms else 0.0
        return max((KM_A_DAY * KNOWN_DAYS + s.km) / (KNOWN_DAYS + days), 1.0)

    def _recovered(self, frame: Frame) -> Answer:
        s = self.state
        told_ms, s.told_ms = s.told_ms, 0
        return self.says(
            FindingKind.RECOVERED,
            frame,
            self.causes[0],
            Urgency.INFO,
            0.8,
            "Oil is at its level again",
            self._evidence(frame, None, told_ms, ()),
        )

    def _evidence(
        self, frame: Frame, rate: float | None, from_ms: int, notes: tuple[str, ...]
    ) -> Evidence:
        return Evidence(
            feature="oil consumption",
            value=None if rate is None else round(rate, 2),
            expected=HEALTHY_L_PER_1000KM,
            unit="l/1000 km",
            signals=("oil_level", "oil_pressure_kpa", "odometer_m"),
            window_from=time_of(from_ms),
            window_to=frame.ts,
            notes=notes,
        )
