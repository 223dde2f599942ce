"""What is said: a line and a few facts, Vietnamese or English. The key is the same however often a message is sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from city_model.events import Alarm, AlarmEvent
from city_model.registry import City
from stream_processor.notify.settings import Channel

_TOLD = {"opened": "opened", "escalated": "reminder", "cleared": "cleared"}
_WORDS = {
    "vi": {
        "opened": "Cảnh báo", "reminder": "Nhắc lại: chưa ai nhận", "cleared": "Đã hết", "high": "ưu tiên cao", "medium": "ưu tiên vừa",
        "low": "ưu tiên thấp", "congestion": "ùn tắc", "pollution": "ô nhiễm", "stopped_vehicle": "xe dừng trên làn",
        "wrong_way": "xe đi ngược chiều", "incident": "sự cố", "maintenance": "bảo trì", "since": "từ",
    },
    "en": {
        "opened": "Alarm", "reminder": "Reminder: nobody has taken it", "cleared": "Over", "high": "high priority",
        "medium": "medium priority", "low": "low priority", "congestion": "congestion", "pollution": "pollution",
        "stopped_vehicle": "stopped vehicle", "wrong_way": "wrong-way vehicle", "incident": "incident", "maintenance": "maintenance",
        "since": "since",
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Message:
    """`key` names what is said of which alarm: a receiver that knows it already may drop it."""

    key: str
    what: Literal["opened", "reminder", "cleared"]
    title: str
    text: str
    alarm: Alarm


def message_for(event: AlarmEvent, channel: Channel, city: City) -> Message | None:
    """What `channel` is told of this transition; None: nothing."""
    alarm, what = event.alarm, _TOLD.get(event.transition)
    if what is None or alarm.display != "shown" or alarm.priority not in channel.priorities:
        return None
    if (channel.kinds and alarm.kind not in channel.kinds) or (channel.areas and alarm.area not in channel.areas):
        return None
    if (what == "reminder" and alarm.escalation > channel.reminders) or (what == "cleared" and not channel.ends):
        return None
    number = alarm.escalation if what == "reminder" else alarm.recurrences
    title, text = _said(what, alarm, channel.language, city)
    return Message(f"{alarm.id}:{what}:{number}", what, title, text, alarm)  # type: ignore[arg-type]  # a value of _TOLD


def _said(what: str, alarm: Alarm, language: str, city: City) -> tuple[str, str]:
    words, site = _WORDS[language], city.sites[alarm.site]
    place = (site.vi or site.en) if language == "vi" else (site.en or site.vi)
    since = datetime.fromtimestamp(alarm.onset_ms / 1000, ZoneInfo(city.timezone))
    figure = f"{alarm.worst_value:g} {alarm.unit}" if alarm.unit else ""
    title = f"{words[what]}: {words[alarm.kind]}, {place}"
    facts = [words[alarm.priority], figure, f"{words['since']} {since:%H:%M %d/%m}", alarm.subject, alarm.title]
    return title, " · ".join(fact for fact in facts if fact)
