"""Whether a car is used hard, as makers mean it when they ask for service twice as often."""

import msgspec

from detectors.drive import Drive
from detectors.reading import MINUTE_MS, number, running
from record.flow import Frame

SHORT_M, COLD_SHORT_M = 8_000.0, 16_000.0
COLD_C, HOT_C = 0.0, 35.0
STANDS = 0.5
TRIPS, MEMORY_TRIPS = 40, 60
MAINLY, NO_MORE = 0.6, 0.4
"""Trips below 8 km, or below 16 km in the cold, over 35 °C, extensive idling: "if the vehicle is
mainly driven under one or more of the conditions" (Honda Australia, *Driving conditions*; the same
in Kia's owner's manuals). Water and fuel stay in oil that does not get hot; soot and heat come of
standing with the engine on. What makers leave open is ours: how many trips are mainly, how much of
a trip is extensive."""


class HardUse(msgspec.Struct, array_like=True, gc=False):
    """What the car's drives are like.

    Attributes
    ----------
    trips : int
        Drives seen, up to `MEMORY_TRIPS`.
    short, heat, stands, hard : float
        Shares of recent drives that were too short, in heat, mostly standing, any of it.
    now : bool
        Whether it is used hard at present.
    """

    trips: int = 0
    short: float = 0.0
    heat: float = 0.0
    stands: float = 0.0
    hard: float = 0.0
    now: bool = False
    m: float = 0.0
    ms: int = 0
    standing_ms: int = 0

    def see(self, frame: Frame, drive: Drive) -> None:
        """Take a frame that the drive has seen."""
        if drive.ends:
            self._learn(drive.ambient_c)
        if drive.begins or drive.ends:
            self.m, self.ms, self.standing_ms = 0.0, 0, 0
        if not drive.step_ms:
            return
        speed_kmh = number(frame, "speed_kmh", 0, 500)
        if speed_kmh is None:
            return
        self.ms += drive.step_ms
        self.m += speed_kmh * drive.step_ms / 3600
        if speed_kmh < 1 and running(frame):
            self.standing_ms += drive.step_ms

    def _learn(self, ambient_c: float | None) -> None:
        if self.ms < MINUTE_MS:
            return
        cold = ambient_c is not None and ambient_c < COLD_C
        short = self.m < (COLD_SHORT_M if cold else SHORT_M)
        heat = ambient_c is not None and ambient_c > HOT_C
        stands = self.standing_ms > STANDS * self.ms
        self.trips = min(self.trips + 1, MEMORY_TRIPS)
        self.short += (short - self.short) / self.trips
        self.heat += (heat - self.heat) / self.trips
        self.stands += (stands - self.stands) / self.trips
        self.hard += ((short or heat or stands) - self.hard) / self.trips
        if self.trips >= TRIPS:
            self.now = self.hard > (NO_MORE if self.now else MAINLY)

    def why(self) -> str:
        """In words, what is hard about it."""
        shares = (
            (self.short, "too short to warm the oil"),
            (self.heat, "in great heat"),
            (self.stands, "mostly standing with the engine on"),
        )
        share, what = max(shares)
        return f"{share:.0%} of its drives are {what}: the maker asks for service sooner"
