"""How long a series store keeps what: raw points for months, minutes for about a year, hours for ever."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from city_model.settings import between

HOUR_MS = 3_600_000
DAY_MS = 86_400_000
_LONGEST_DAYS = 36_500


@dataclass(frozen=True, slots=True)
class Keep:
    """Days; 0 is for ever."""

    raw_days: int = between(0, _LONGEST_DAYS, default=90)
    minute_days: int = between(0, _LONGEST_DAYS, default=400)
    hour_days: int = between(0, _LONGEST_DAYS, default=0)

    def check(self) -> Iterable[tuple[str, str, str]]:
        """A rollup is computed again from what it is made of, so it must not outlive its source the wrong way round."""
        if self.minute_days and (not self.raw_days or self.minute_days < self.raw_days):
            yield "minute_days", str(self.minute_days), f"0 or at least raw_days ({self.raw_days or 'for ever'})"
        if self.hour_days and (not self.minute_days or self.hour_days < self.minute_days):
            yield "hour_days", str(self.hour_days), f"0 or at least minute_days ({self.minute_days or 'for ever'})"

    def each_days(self) -> tuple[int, int, int]:
        """Of raw points, minutes and hours."""
        return self.raw_days, self.minute_days, self.hour_days


FOR_EVER = Keep(0, 0, 0)


def cut_ms(now_ms: int, days: int) -> int | None:
    """What is older than this goes; whole hours, so that no rollup is ever computed again from half its points. None: nothing goes."""
    return (now_ms - days * DAY_MS) // HOUR_MS * HOUR_MS if days else None
