"""What a played scenario is judged by: ledger, alarms, their hash, and whether what came is what the story expects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import msgspec

from city_model.events import Alarm
from simulators.ledger import Ledger
from simulators.story import ExpectPart, Story
from stream_processor.core.alarms import alarms_sha256


@dataclass(frozen=True, slots=True)
class Account:
    """The outcome of one run."""

    scenario: str
    profile: str
    ledger: Ledger
    alarms: Sequence[Alarm]
    surprises: Sequence[str]
    areas_by_worker: dict[str, list[str]]
    areas_by_worker_at_end: dict[str, list[str]]
    take_overs: int
    killed: str
    seconds: float
    stood_in: dict[str, str]
    dead_letters: dict[str, int]

    @property
    def alarms_sha256(self) -> str:
        """Over the canonical form: sorted, without processing times."""
        return alarms_sha256(self.alarms)

    @property
    def as_expected(self) -> bool:
        """Nothing lost, every expected alarm there, no other."""
        return self.ledger.lost == 0 and not self.surprises

    def to_json(self) -> dict[str, Any]:
        """Plain values for `--json`."""
        return {
            "scenario": self.scenario,
            "profile": self.profile,
            "ledger": asdict(self.ledger),
            "alarms": [msgspec.to_builtins(alarm) for alarm in sorted(self.alarms, key=lambda a: (a.onset_ms, a.rule, a.subject))],
            "alarms_sha256": self.alarms_sha256,
            "as_expected": self.as_expected,
            "surprises": list(self.surprises),
            "areas_by_worker": self.areas_by_worker,
            "areas_by_worker_at_end": self.areas_by_worker_at_end,
            "take_overs": self.take_overs,
            "killed": self.killed,
            "dead_letters": self.dead_letters,
            "seconds": round(self.seconds, 2),
            "stood_in": self.stood_in,
        }

    def to_text(self) -> str:
        """For people."""
        ledger = "  ".join(f"{name} {value}" for name, value in asdict(self.ledger).items())
        alarms = [f"  {a.rule:12} {a.subject:40} {a.condition}" for a in sorted(self.alarms, key=lambda a: a.onset_ms)]
        workers = [f"  {name}: {', '.join(areas) or 'no area'}" for name, areas in self.areas_by_worker.items()]
        verdict = "as expected" if self.as_expected else "NOT as expected: " + "; ".join(self.surprises or ("something was lost",))
        servers = [f"  {server}: {what}" for server, what in self.stood_in.items()]
        head = f"{self.scenario} ({self.profile}), {self.seconds:.1f} s: {verdict}"
        return "\n".join(
            [
                head,
                *servers,
                *workers,
                f"take-overs {self.take_overs}, killed: {self.killed or 'nobody'}",
                ledger,
                *alarms,
                f"alarms_sha256 {self.alarms_sha256}",
            ]
        )


def surprises(story: Story, alarms: Sequence[Alarm]) -> list[str]:
    """In words: expected alarms that did not come, and alarms that nobody expected."""
    left = list(alarms)
    found: list[str] = []
    for wanted in story.expect:
        match = next((a for a in left if _matches(story, wanted, a)), None)
        if match is None:
            found.append(f"missing: {wanted.rule} {wanted.subject}, opened {wanted.opened_min} min, cleared {wanted.cleared_min}")
        else:
            left.remove(match)
    return found + [f"unexpected: {a.rule} {a.subject}, opened at {_minutes(story, a.opened_ms):.1f} min" for a in left]


def _matches(story: Story, wanted: ExpectPart, alarm: Alarm) -> bool:
    if (wanted.rule, wanted.subject) != (alarm.rule, alarm.subject) or not _within(story, wanted.opened_min, alarm.opened_ms):
        return False
    if wanted.cleared_min is None:
        return alarm.cleared_ms is None
    return alarm.cleared_ms is not None and _within(story, wanted.cleared_min, alarm.cleared_ms)


def _within(story: Story, span_min: tuple[float, float], at_ms: int) -> bool:
    return span_min[0] <= _minutes(story, at_ms) <= span_min[1]


def _minutes(story: Story, at_ms: int) -> float:
    return (at_ms - story.live_ms) / 60_000
