"""From faults of readings to work for technicians: one episode a sensor and quantity, with a beginning and an end.

A fault that lasts `hold_s` opens a maintenance alarm, subject `device/quantity`; a single spike does not. Another kind of fault makes it
worse. It clears when nothing was wrong for `clear_s`. Silence is told of the device as a whole, as soon as all its quantities are silent.
The evidence has an entry `fault_<name>` = 1 for each kind; the value is how long it had lasted, in seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from stream_processor.core.detectors.port import Rule, Verdict, rule_version
from stream_processor.core.sensors.port import Fault

_CODE_VERSION = "1"
RULE = "sensor_health"


@dataclass(slots=True)
class _Episode:
    """Of one subject."""

    since_ms: int
    sick_ms: int
    faults: int
    count: int = 0
    told: int = 0


class Health:
    """All episodes of one partition."""

    def __init__(self, hold_s: float, clear_s: float) -> None:
        self._hold_ms, self._clear_ms = round(hold_s * 1000), round(clear_s * 1000)
        self._episodes: dict[str, _Episode] = {}
        rule = Rule(RULE, rule_version(_CODE_VERSION, {"hold_s": hold_s, "clear_s": clear_s}), "maintenance", "medium", "s")
        self.rules: Mapping[str, Rule] = {RULE: rule}

    def is_open(self, subject: str) -> bool:
        """Whether anything is remembered of `subject`."""
        return subject in self._episodes

    def take(self, device: str, subject: str, at_ms: int, faults: int) -> Iterator[Verdict]:
        """One reading of a sensor, with the bits of `Fault` found in it (fog left out)."""
        episode = self._episodes.get(subject)
        if not faults:
            if episode is not None and at_ms - episode.sick_ms >= self._clear_ms:
                del self._episodes[subject]
                if episode.told:
                    yield _verdict("clear", device, subject, at_ms, episode)
            return
        if episode is None:
            episode = self._episodes[subject] = _Episode(at_ms, at_ms, 0)
        episode.sick_ms, episode.faults, episode.count = max(episode.sick_ms, at_ms), episode.faults | faults, episode.count + 1
        if episode.count >= 5 and at_ms - episode.since_ms >= self._hold_ms and episode.faults != episode.told:
            kind: Literal["onset", "worse"] = "worse" if episode.told else "onset"
            episode.told = episode.faults
            yield _verdict(kind, device, subject, at_ms, episode)

    def silent(self, device: str, subject: str, last_ms: int, now_ms: int) -> Iterator[Verdict]:
        """Nothing has come from `subject` (a device or one of its quantities) since `last_ms`."""
        episode = self._episodes[subject] = _Episode(last_ms, now_ms, int(Fault.SILENT), 1, int(Fault.SILENT))
        yield _verdict("onset", device, subject, now_ms, episode)

    def speaks(self, device: str, subject: str, at_ms: int) -> Iterator[Verdict]:
        """What was silent reports again."""
        episode = self._episodes.get(subject)
        if episode is not None and episode.faults & Fault.SILENT:
            del self._episodes[subject]
            yield _verdict("clear", device, subject, max(at_ms, episode.since_ms), episode)

    def snapshot(self) -> dict[str, Any]:
        """Plain values."""
        return {subject: asdict(episode) for subject, episode in self._episodes.items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue exactly."""
        self._episodes = {subject: _Episode(**row) for subject, row in state.items()}


def names_of(faults: int) -> list[str]:
    """Names of the bits, lower case."""
    return [str(fault.name).lower() for fault in Fault if faults & fault]


def _verdict(kind: Literal["onset", "worse", "clear"], device: str, subject: str, at_ms: int, episode: _Episode) -> Verdict:
    names = names_of(episode.faults)
    lasted_s = (at_ms - episode.since_ms) / 1000
    evidence = {f"fault_{name}": 1.0 for name in names}
    why = f"the sensor is sick ({', '.join(names).replace('_', ' ')})"
    return Verdict(kind, RULE, subject, device, at_ms, episode.since_ms, lasted_s, 0.0, 1.0, evidence, why)
