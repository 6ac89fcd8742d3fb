"""Who is signed in, and what may they do? Values in, values out; the database is in ``store``.

A session is one signed cookie with the person's id, the epoch of their sessions and the time of
issue. Raising ``staff.session_epoch`` ends them all at once. Sessions count wall time: a story's
clock may run a thousand times faster.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from itsdangerous import BadSignature, URLSafeSerializer
from pwdlib import PasswordHash

SESSION = timedelta(hours=12)
"""A working day; then one signs in again."""

TOKEN = timedelta(days=90)
"""Life of a bearer token for programs."""

MAX_FAILURES_PER_PERSON = 8
MAX_FAILURES_PER_ADDRESS = 40
FAILURE_WINDOW = timedelta(minutes=15)
"""Wrong passwords within this time are counted; a whole dealership may share one address."""


class Role(StrEnum):
    ADVISOR = "advisor"
    TECHNICIAN = "technician"
    INSURANCE = "insurance"
    MANAGER = "manager"
    ADMIN = "admin"


class May(StrEnum):
    """One thing that a person may be allowed to do."""

    LOOK = "look"  # inbox, vehicles, alerts, bookings, repair orders
    SEE_CUSTOMERS = "see customers"  # conversations, consent, phone numbers
    WORK = "work tasks"  # claim, done, snooze, hand over, dismiss, write to customers
    LEAD = "lead the team"  # take over, assign, set budgets
    BOOK = "book"  # hold, confirm, cancel, no-show
    RECEIVE = "receive cars"  # a booked car has arrived
    REPAIR = "repair"  # start and close repair orders
    KEEP_RECORDS = "keep records"  # read files in, merge, export and erase people
    SORT_OUT = "sort out"  # frames in quarantine
    SET_PRICES = "set prices"  # what labour costs, and its tax
    PLAN = "plan outreach"  # journeys, campaigns
    CHANGE_JOURNEYS = "change journeys"  # all dealers share them
    MOVE_DETECTORS = "move detectors"  # into force, on probation, aside
    SEE_WORLD = "see the simulated world"  # in a demo: truth beside belief


OFFICE = frozenset({Role.ADVISOR, Role.MANAGER, Role.ADMIN})
WORKSHOP = frozenset({Role.TECHNICIAN, Role.MANAGER, Role.ADMIN})
EVERYBODY = frozenset(Role)
DEALERSHIP = EVERYBODY - {Role.INSURANCE}

PERMISSIONS: dict[May, frozenset[Role]] = {
    May.LOOK: EVERYBODY,
    May.SEE_CUSTOMERS: OFFICE,
    May.WORK: OFFICE,
    May.LEAD: frozenset({Role.MANAGER, Role.ADMIN}),
    May.BOOK: OFFICE,
    May.RECEIVE: DEALERSHIP,
    May.REPAIR: WORKSHOP,
    May.KEEP_RECORDS: frozenset({Role.MANAGER, Role.ADMIN}),
    May.SORT_OUT: frozenset({Role.MANAGER, Role.ADMIN}),
    May.SET_PRICES: frozenset({Role.MANAGER, Role.ADMIN}),
    May.PLAN: frozenset({Role.MANAGER, Role.ADMIN}),
    May.CHANGE_JOURNEYS: frozenset({Role.ADMIN}),
    May.MOVE_DETECTORS: frozenset({Role.MANAGER, Role.ADMIN}),
    May.SEE_WORLD: frozenset({Role.MANAGER, Role.ADMIN}),
}
"""Who may do what; always within their own dealer."""


@dataclass(frozen=True, slots=True)
class Staff:
    """A person of a dealer's, with what pages need of the dealer."""

    id: int
    dealer_id: int
    name: str
    email: str
    role: str
    active: bool
    session_epoch: int
    dealer_name: str
    dealer_time_zone: str
    dealer_phone: str
    dealer_country: str

    def may(self, what: str) -> bool:
        """Whether the person's role allows it."""
        return Role(self.role) in PERMISSIONS[May(what)]

    @property
    def actor(self) -> str:
        """How the audit trail names the person."""
        return f"staff:{self.id}"

    @property
    def initials(self) -> str:
        """Two letters for a small round picture."""
        return initials(self.name)


def initials(name: str) -> str:
    """Two letters that stand for a name.

    Examples
    --------
    >>> initials("Ana María Ruiz"), initials("王伟")
    ('AR', '王伟')
    """
    words = name.split()
    if len(words) < 2:
        return name[:2].upper()
    return (words[0][0] + words[-1][0]).upper()


@dataclass(frozen=True, slots=True)
class Session:
    """What a session cookie or a bearer token says once its signature is right."""

    staff_id: int
    epoch: int
    issued_at: datetime


class Signer:
    """Signs and reads the small texts that we hand to browsers.

    Parameters
    ----------
    secret : str
        ``SECRET_KEY``.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def _serializer(self, purpose: str) -> URLSafeSerializer:
        return URLSafeSerializer(
            self._secret,
            salt=f"roadworthy {purpose}",
            signer_kwargs={"digest_method": hashlib.sha256},
        )

    def sign(self, purpose: str, value: object) -> str:
        """Text that only we could have made, for this purpose alone."""
        return str(self._serializer(purpose).dumps(value))

    def read(self, purpose: str, text: str) -> object | None:
        """What `sign` was given; None if the text isn't ours or is for another purpose."""
        try:
            value: object = self._serializer(purpose).loads(text)
        except BadSignature:
            return None
        return value

    def session(self, purpose: str, staff: Staff, now: datetime) -> str:
        """A session cookie (purpose ``session``) or bearer token (``token``)."""
        return self.sign(purpose, [staff.id, staff.session_epoch, int(now.timestamp())])

    def read_session(self, purpose: str, text: str, now: datetime) -> Session | None:
        """The session in `text`, None if forged, damaged or too old."""
        value = self.read(purpose, text)
        if not (isinstance(value, list) and len(value) == 3):
            return None
        issued_at = datetime.fromtimestamp(int(value[2]), UTC)
        if not issued_at <= now + timedelta(minutes=1):
            return None
        if now - issued_at > (SESSION if purpose == "session" else TOKEN):
            return None
        return Session(int(value[0]), int(value[1]), issued_at)


_passwords = PasswordHash.recommended()
_NOBODY = _passwords.hash("nobody has this password")


def hash_password(password: str) -> str:
    """Argon2id with pwdlib's recommended cost."""
    return _passwords.hash(password)


def right_password(password: str, known_hash: str | None) -> bool:
    """Whether the password is right; an unknown person takes as long as a known one."""
    right = _passwords.verify(password, known_hash or _NOBODY)
    return right and known_hash is not None
