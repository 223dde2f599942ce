"""What no detector says: incidents that people report, and devices that people take out of service."""

from __future__ import annotations

from typing import Any

from city_model.events import Alarm, Command
from city_model.faults import Rejected
from city_model.registry import City
from stream_processor.core.alarms.acts import MOST_TEXT
from stream_processor.core.alarms.identity import alarm_id

INCIDENT = "incident"


def incident(city: City, command: Command) -> Alarm:
    """The alarm that `open_incident` makes; its reporter has it. Raises Rejected for an unknown site or no words."""
    site = city.sites.get(command.subject)
    if site is None:
        raise Rejected("unknown_site", f"command {command.id[:40]!r}: no site {command.subject[:63]!r}")
    if not 0 < len(command.note.strip()) <= MOST_TEXT:
        raise Rejected("needs_reason", f"an incident needs 1 to {MOST_TEXT} characters that say what happened")
    return Alarm(
        id=alarm_id(INCIDENT, command.id, command.at_ms), rule=INCIDENT, rule_version="1", kind="incident", subject=site.id, device="",
        site=site.id, area=site.area, priority=command.priority, onset_ms=command.at_ms, opened_ms=command.at_ms, value=0.0, unit="",
        threshold=0.0, worst_value=0.0, worst_ms=command.at_ms, confidence=1.0, evidence={}, response="acknowledged",
        acknowledged_by=command.by, acknowledged_ms=command.at_ms, responded_by=command.by, title=command.note.strip(),
    )  # fmt: skip


class OutOfService:
    """Devices that people took out of service, with the reason; their alarms are hidden until they are back."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._reasons: dict[str, str] = {}

    def set(self, command: Command) -> str:
        """Carry out `out_of_service` or `in_service`; gives the device. Raises Rejected."""
        device = command.subject
        if device not in self._city.devices:
            raise Rejected("unknown_device", f"command {command.id[:40]!r}: no device {device[:63]!r}")
        if command.kind == "in_service":
            self._reasons.pop(device, None)
        elif not 0 < len(command.note.strip()) <= MOST_TEXT:
            raise Rejected("needs_reason", "taking a device out of service needs a reason")
        else:
            self._reasons[device] = command.note.strip()
        return device

    def hides(self, device: str) -> tuple[str, ...]:
        """What an alarm of `device` is hidden by."""
        return ("out_of_service",) if device in self._reasons else ()

    def snapshot(self) -> dict[str, Any]:
        return dict(self._reasons)

    def restore(self, state: dict[str, Any]) -> None:
        self._reasons = dict(state)
