"""The car itself says that something is wrong: a diagnostic trouble code."""

import msgspec

from detectors.contract import Answer, Detector, time_of
from detectors.reading import DAY_MS, MINUTE_MS, number, running
from detectors.volts import CHARGED_V, EMPTIED_V, FIRST_MS, FLAT_V, REST_MS, turns
from record import dtc
from record.flow import Evidence, Finding, FindingKind, Frame, Urgency

TRIP_GAP_MS = 10 * MINUTE_MS
"""A longer silence, or rest, ends a drive."""

DRIVE_MS = 10 * MINUTE_MS
"""Awake for so long without the code counts as a drive without it. Most monitors of the engine
control unit have run by then."""

FRAMES = 10
EMPTY_FRAMES = 3
"""Frames in a row that say "no code stored": one may have crossed a frame that lists a code."""

DRIVES_IF_SEEN_ONCE = 3
"""As the control unit itself does (OBD-II): its lamp goes out after three clean drives."""

MOST = 24
"""Codes kept for one car; a control unit holds fewer."""


FLAT_MS = 2 * DAY_MS
"""So long a flat battery explains codes: cars whose battery is empty are started soon, or not."""

HELD_MS = 14 * DAY_MS
"""A control unit forgets a code after 40 warm-ups without the fault (SAE J1979): two weeks."""


class Code(msgspec.Struct, array_like=True, gc=False):
    """One code that is, or was lately, present."""

    since_ms: int
    sightings: int = 1
    absent_frames: int = 0  # of this drive
    absent_ms: int = 0  # awake without it, this drive
    clean_drives: int = 0
    held: bool = False  # not told: it speaks of a flat battery
    cause: str = ""  # as it was told


class State(msgspec.Struct, array_like=True, gc=False):
    """What it remembers; times are the car's, in ms."""

    codes: dict[str, Code] = msgspec.field(default_factory=dict)
    awake_ms: int = 0
    empty_frames: int = 0
    rest_v: float = 0.0  # as it usually rests
    flat_ms: int = 0
    charges_v: float = 0.0  # at most, while the engine runs: in this drive,
    charged_v: float = 0.0  # and in the one before


class DtcRaised(Detector[State]):
    """A trouble code, with its meaning, system and urgency, once.

    How it shows: the frame lists it (SAE J1979 service 03: confirmed codes). Raised when first
    seen; a second code of the same cause refreshes.

    Gone is harder than come. Many gateways read codes once a drive or once an hour, and list none
    in the frames between; so a code's absence from a frame says nothing. It is gone when the
    control unit says that it holds no code at all (`dtc_count` 0 in three frames), or after a drive
    (10 minutes awake) that never listed it; where the gateway told of it only once, it may be one
    that tells of changes only, and three such drives are asked for.

    Innocent: a battery that was flat. Lamps left on, jump leads, and control units that restart one
    after the other store "system voltage low" and "lost communication"; that is held back for two
    weeks. Whether the battery itself is to blame is for `low_voltage` to say, by its voltages.

    But a system voltage that is low (P0562) in a car whose engine never brought it above 13.0 V, in
    this drive and the one before, is the alternator's: no battery at rest has as much, and any
    alternator that works gives it in the first minutes (14.2 V at 25 °C, Bosch, Automotive
    Handbook).

    >>> from record.flow import Vehicle
    >>> detector = DtcRaised(Vehicle(1, "WVWZZZ1KZAW000001", "VW", "Golf", 2019, "petrol"))
    >>> [finding] = detector.update(Frame(1, 0, {}, ("P0301",)))
    >>> finding.cause, finding.urgency.value, finding.summary
    ('dtc_p0301', 'soon', 'P0301: Cylinder 1 Misfire Detected')
    >>> detector.update(Frame(1, 1000, {}, ("P0301",)))  # it speaks once
    >>> empty = [detector.update(Frame(1, s * 1000, {"dtc_count": 0})) for s in (2, 3, 4)]
    >>> [finding] = empty[-1]
    >>> finding.kind.value, finding.summary
    ('recovered', 'P0301 is gone: the control unit holds no code')
    """

    name = "dtc_raised"
    version = 3
    signals = (
        "dtc_count",
        "engine_speed_rpm",
        "engine_running",
        "speed_kmh",
        "ignition",
        "battery_voltage_v",
    )
    reads_dtcs = True
    causes = ("dtc_*", *sorted(dtc.NAMED))
    State = State
    __slots__ = ()

    def update(self, frame: Frame) -> Answer:
        s = self.state
        codes = s.codes
        if not self.drive.since_ms or self.drive.begins:
            self._rests(frame)
        self._charges(frame)
        if not frame.dtcs:
            return self._absent(frame, ()) if codes else None
        listed = tuple(dict.fromkeys(code[:5] for code in map(_spelled, frame.dtcs) if code))
        s.empty_frames = 0
        findings = self._absent(frame, listed) or []
        for code in listed:
            known = codes.get(code)
            if known:
                known.sightings += 1
                known.absent_frames = known.absent_ms = known.clean_drives = 0
                if known.held and frame.ts_ms - known.since_ms >= HELD_MS:
                    known.cause = self._cause(code)
                    findings.append(self._raised(frame, code, known.cause))
                    known.held = False
            elif len(codes) < MOST:
                flat = s.flat_ms and frame.ts_ms - s.flat_ms < FLAT_MS
                held = bool(flat) and _of_voltage(code)
                cause = self._cause(code)
                if not held:
                    findings.append(self._raised(frame, code, cause))
                codes[code] = Code(frame.ts_ms, held=held, cause=cause)
        return findings or None

    def _rests(self, frame: Frame) -> None:
        """See whether the battery was emptied, while the car is parked."""
        s, drive = self.state, self.drive
        since_ms = drive.since_ms - drive.rested_ms if drive.begins else drive.parked_ms
        volt = number(frame, "battery_voltage_v", FLAT_V, CHARGED_V)
        if volt is None or turns(frame) or not since_ms or frame.ts_ms - since_ms < REST_MS:
            return
        if volt < s.rest_v - EMPTIED_V:
            s.flat_ms = frame.ts_ms
        else:
            s.rest_v += (volt - s.rest_v) * (0.1 if s.rest_v else 1.0)

    def _charges(self, frame: Frame) -> None:
        """See what the voltage reaches while the engine runs."""
        s, drive = self.state, self.drive
        if drive.begins:
            s.charged_v, s.charges_v = s.charges_v, 0.0
        if drive.engine_since_ms and frame.ts_ms - drive.engine_since_ms >= FIRST_MS:
            s.charges_v = max(s.charges_v, number(frame, "battery_voltage_v", FLAT_V, 18) or 0.0)

    def _cause(self, code: str) -> str:
        """Whom it speaks of, by the voltages too."""
        best_v = max(self.state.charges_v, self.state.charged_v)
        if code == "P0562" and 0 < best_v < CHARGED_V:
            return "alternator"
        return dtc.cause(code)

    def _absent(self, frame: Frame, listed: tuple[str, ...]) -> list[Finding] | None:
        s = self.state
        now = frame.ts_ms
        if not listed and number(frame, "dtc_count") == 0:
            s.empty_frames += 1
            if s.empty_frames >= EMPTY_FRAMES:
                s.empty_frames = 0
                return self._recovered(frame, list(s.codes), "the control unit holds no code")
        awake = running(frame) or number(frame, "speed_kmh", 1) is not None
        step = now - s.awake_ms if s.awake_ms else 0
        ended = step > TRIP_GAP_MS
        if awake:
            s.awake_ms = now
        findings: list[Finding] = []
        for code, known in list(s.codes.items()):
            if ended and known.absent_ms >= DRIVE_MS and known.absent_frames >= FRAMES:
                known.clean_drives += 1
            if ended:
                known.absent_frames = known.absent_ms = 0
            if code not in listed:
                if awake:
                    known.absent_frames += 1
                    known.absent_ms += 0 if ended else step
                needed = 1 if known.sightings > 1 else DRIVES_IF_SEEN_ONCE
                if known.clean_drives >= needed:
                    why = "a drive without it" if needed == 1 else f"{needed} drives without it"
                    findings += self._recovered(frame, [code], why)
        return findings

    def _raised(self, frame: Frame, code: str, cause: str) -> Finding:
        meaning = dtc.decode(code)
        where = meaning.system + (f", {meaning.subsystem}" if meaning.subsystem else "")
        return self.says(
            FindingKind.REFRESHED if self._speaks_of(cause) else FindingKind.RAISED,
            frame,
            cause,
            meaning.urgency,
            0.9 if meaning.generic else 0.7,
            f"{code}: {meaning.description}",
            Evidence(
                feature=f"trouble code {code}",
                signals=("dtc_count", "mil_on"),
                window_from=time_of(frame.ts_ms - 30 * MINUTE_MS),
                window_to=frame.ts,
                notes=(f"System: {where}", meaning.why),
            ),
        )

    def _recovered(self, frame: Frame, codes: list[str], why: str) -> list[Finding]:
        """Forget `codes`; a cause has recovered when the last code that speaks of it is gone."""
        findings = []
        for code in codes:
            known = self.state.codes.pop(code)
            cause = known.cause
            if not known.held and not self._speaks_of(cause):
                window = (time_of(known.since_ms), frame.ts)
                evidence = Evidence(f"trouble code {code}", None, None, "", (), *window)
                text = f"{code} is gone: {why}"
                kind = FindingKind.RECOVERED
                findings.append(self.says(kind, frame, cause, Urgency.INFO, 0.8, text, evidence))
        return findings

    def _speaks_of(self, cause: str) -> bool:
        codes = self.state.codes.values()
        return any(known.cause == cause and not known.held for known in codes)


def _of_voltage(code: str) -> bool:
    """Whether any control unit stores it when its supply breaks down (SAE J2012).

    Examples
    --------
    >>> [_of_voltage(code) for code in ("P0562", "U0100", "P0620", "P0301")]
    [True, True, False, False]
    """
    return "P0560" <= code <= "P0563" or "U0001" <= code <= "U02FF"


def _spelled(code: object) -> str | None:
    """The code in J2012 spelling, None for what is none: no reason to fall silent about others."""
    text = code.strip().upper() if isinstance(code, str) else ""
    return text if dtc.is_dtc(text) else None
