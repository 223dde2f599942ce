"""Topic filters of MQTT: `+` for one level, `#` for all that follow, `$share/<group>/<filter>` for a group that shares the messages."""

from __future__ import annotations

from city_model.faults import Rejected


def matches(topic_filter: str, topic: str) -> bool:
    """Whether `topic` falls under `topic_filter`. Wildcards at the start do not match topics that begin with `$` (MQTT 5, 4.7.2)."""
    if topic[:1] == "$" and topic_filter[:1] in "+#":
        return False
    wanted, levels = topic_filter.split("/"), topic.split("/")
    for at, want in enumerate(wanted):
        if want == "#":
            return True
        if at >= len(levels) or want not in ("+", levels[at]):
            return False
    return len(wanted) == len(levels)


def check_topic(topic: str) -> None:
    """Raises Rejected unless `topic` is one to publish on: 1 to 65,535 bytes without wildcards and NUL."""
    if not topic or set("+#\0") & set(topic) or len(topic.encode()) > 0xFFFF:
        raise Rejected("bad_topic", f"{topic[:200]!r} is no topic to publish on")


def split_share(subscription: str) -> tuple[str, str]:
    """(group, filter) of a subscription; the group is empty when it shares with nobody. Raises Rejected for a bad filter."""
    group, topic_filter = "", subscription
    if subscription.startswith("$share/"):
        _, group, topic_filter = [*subscription.split("/", 2), "", ""][:3]
        if not group or set("+#") & set(group):
            raise Rejected("bad_filter", f"{subscription[:200]!r}: a group name without wildcards is expected after $share/")
    levels = topic_filter.split("/")
    whole = all(level in ("+", "#") or not set("+#") & set(level) for level in levels)
    if not topic_filter or not whole or "#" in levels[:-1]:
        raise Rejected("bad_filter", f"{subscription[:200]!r}: '+' and '#' stand for whole levels, '#' only at the end")
    return group, topic_filter
