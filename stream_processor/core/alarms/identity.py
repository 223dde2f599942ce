"""What makes two alarms the same, and two runs equal."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from city_model.events import Alarm

_PROCESSING_FIELDS = frozenset(
    (
        "version", "acknowledged_ms", "acknowledged_by", "response", "display", "settled_version", "responded_by", "assigned_to",
        "shelved_until_ms", "suppressed_by", "reason", "escalation", "group", "closed_ms", "closed_as",
    )
)  # fmt: skip
"""What people and the moment of processing decide: not part of what the data say."""

_encode = msgspec.json.Encoder(order="deterministic").encode


def alarm_id(rule: str, subject: str, onset_ms: int) -> str:
    """The same for the same episode, wherever and however often it is computed."""
    return hashlib.sha256(f"{rule}\n{subject}\n{onset_ms}".encode()).hexdigest()[:20]


def canonical(alarms: Iterable[Alarm]) -> bytes:
    """Alarms as one byte string: sorted, without processing times, so that two runs can be compared."""
    rows = [msgspec.to_builtins(alarm) for alarm in sorted(alarms, key=lambda a: (a.onset_ms, a.rule, a.subject))]
    return _encode([{k: v for k, v in row.items() if k not in _PROCESSING_FIELDS} for row in rows])


def alarms_sha256(alarms: Iterable[Alarm]) -> str:
    """Hash of the canonical form."""
    return hashlib.sha256(canonical(alarms)).hexdigest()
