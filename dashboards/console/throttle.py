"""Slows guessing down: after a few failures each further try has to wait, per account and per address."""

from __future__ import annotations

from collections import OrderedDict

FREE_TRIES = 5
FIRST_WAIT_S = 2.0
LONGEST_WAIT_S = 900.0
FORGET_S = 3600.0
_MOST = 10_000


class Throttle:
    """Failures by key, bounded: the ones unheard of for longest are forgotten first. Seconds come in and only rise."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait_s(self, keys: tuple[str, ...], now_s: float) -> float:
        """How long whoever has one of `keys` must still wait; 0: may try."""
        return max((self._wait_s(key, now_s) for key in keys), default=0.0)

    def failed(self, keys: tuple[str, ...], now_s: float) -> None:
        for key in keys:
            count, last_s = self._failures.pop(key, (0, now_s))
            self._failures[key] = (1 if now_s - last_s > FORGET_S else count + 1, now_s)
        while len(self._failures) > _MOST:
            self._failures.popitem(last=False)

    def succeeded(self, keys: tuple[str, ...]) -> None:
        for key in keys:
            self._failures.pop(key, None)

    def _wait_s(self, key: str, now_s: float) -> float:
        count, last_s = self._failures.get(key, (0, 0.0))
        if count < FREE_TRIES:
            return 0.0
        wait_s = min(FIRST_WAIT_S * 2.0 ** min(count - FREE_TRIES, 20), LONGEST_WAIT_S)
        return max(0.0, last_s + wait_s - now_s)
