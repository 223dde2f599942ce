"""The indices once more, one number at a time in decimal arithmetic, written from the texts and sharing nothing with the core."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from functools import cache

Value = Decimal | None
HALF, ONE, ZERO = Decimal("0.5"), Decimal(1), Decimal(0)

VN_INDEX = (0, 50, 100, 150, 200, 300, 400, 500)
VN = {
    "o3_1h": (0, 160, 200, 300, 400, 800, 1000, 1200),
    "o3_8h": (0, 100, 120, 170, 210, 400),
    "co": (0, 10_000, 30_000, 45_000, 60_000, 90_000, 120_000, 150_000),
    "so2": (0, 125, 350, 550, 800, 1600, 2100, 2630),
    "no2": (0, 100, 200, 700, 1200, 2350, 3100, 3850),
    "pm10": (0, 50, 150, 250, 350, 420, 500, 600),
    "pm25": (0, 25, 50, 80, 150, 250, 350, 500),
}
US_PM25 = (
    ("0.0", "9.0", 0, 50), ("9.1", "35.4", 51, 100), ("35.5", "55.4", 101, 150), ("55.5", "125.4", 151, 200),
    ("125.5", "225.4", 201, 300), ("225.5", "325.4", 301, 500),
)  # fmt: skip
EAQI = {
    "pm25": (5, 15, 50, 90, 140), "pm10": (15, 45, 120, 195, 270), "no2": (10, 25, 60, 100, 150), "o3": (60, 100, 120, 160, 180),
    "so2": (20, 40, 125, 190, 275),
}  # fmt: skip


def half_up(value: Decimal) -> int:
    """Rounded, a half going up."""
    return int(value.quantize(Decimal(1), ROUND_HALF_UP))


@cache
def vn_index(pollutant: str, c: Value) -> Value:
    """Table 2 of Decision 1459, before rounding."""
    if c is None:
        return None
    edges = VN[pollutant]
    for i in range(len(edges) - 1):
        if c <= edges[i + 1]:
            rise, run = VN_INDEX[i + 1] - VN_INDEX[i], edges[i + 1] - edges[i]
            return rise * (c - edges[i]) / run + VN_INDEX[i]
    return None if pollutant == "o3_8h" else Decimal(500)


@cache
def vn_rounded(pollutant: str, c: Value) -> int | None:
    index = vn_index(pollutant, c)
    return None if index is None else half_up(index)


def nowcast(newest_first: Sequence[Value]) -> tuple[Value, Value]:
    """(normalised, literal) of up to twelve hours."""
    if sum(c is not None for c in newest_first[:3]) < 2:
        return None, None
    there = [c for c in newest_first if c is not None]
    highest = max(there)
    w = max(min(there) / highest, HALF) if highest else ONE
    total, weights, power = ZERO, ZERO, ONE
    for c in newest_first:
        if c is not None:
            total += power * c
            weights += power
        power *= w
    normalised = total / weights
    return normalised, total / 2 if w == HALF else normalised


def vn_hourly(pm: dict[str, Value], gases: dict[str, Value]) -> tuple[int, str] | None:
    """(index, dominant pollutant) from NowCasts and the hour's means."""
    if all(c is None for c in pm.values()):
        return None
    exact = {name: vn_index("o3_1h" if name == "o3" else name, c) for name, c in {**pm, **gases}.items()}
    rounded = {name: half_up(index) for name, index in exact.items() if index is not None}
    worst = max(rounded.values())
    equal = [name for name, index in rounded.items() if index == worst]
    return worst, max(equal, key=lambda name: (exact[name] or Decimal(0), -equal.index(name)))


@cache
def us_pm25(c: Decimal) -> int:
    """EPA, 2024, within the table; the last segment continued above it."""
    cut = c.quantize(Decimal("0.1"), ROUND_DOWN)
    for low, high, below, above in US_PM25:
        if cut <= Decimal(high) or high == "325.4":
            return half_up(Decimal(above - below) / (Decimal(high) - Decimal(low)) * (cut - Decimal(low)) + below)
    raise AssertionError("unreachable")


@cache
def european(quantity: str, c: Decimal) -> int:
    """1..6."""
    return 1 + sum(c > edge for edge in EAQI[quantity])
