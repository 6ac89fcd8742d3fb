"""What the maker asks for, and how much of it is left."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """What the maker asks for, and when it was last done.

    Parameters
    ----------
    interval_m, interval, interval_h
        Distance in metres, time, and engine hours between services; None for a limit not set.
    done_at, done_odometer_m, done_engine_h
        The last service.
    """

    done_at: datetime
    done_odometer_m: float
    done_engine_h: float = 0.0
    interval_m: float | None = 15_000_000.0
    interval: timedelta | None = timedelta(days=365)
    interval_h: float | None = None

    def left(self, when: datetime, odometer_m: float, engine_h: float) -> float:
        """Share of the interval that is left of the limit that comes first; negative is overdue.

        >>> from datetime import UTC
        >>> plan = ServicePlan(datetime(2026, 1, 1, tzinfo=UTC), 30_000_000.0)
        >>> plan.left(datetime(2026, 1, 31, tzinfo=UTC), 43_500_000.0, 900.0)
        0.1
        """
        used = [0.0]
        if self.interval_m:
            used.append((odometer_m - self.done_odometer_m) / self.interval_m)
        if self.interval:
            used.append((when - self.done_at) / self.interval)
        if self.interval_h:
            used.append((engine_h - self.done_engine_h) / self.interval_h)
        return round(1 - max(used), 9)
