"""What Grafana puts into a query before it sends it: the viewer's choices in the browser, the time range and interval in its back end."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from dashboards.boards.question import Span

_VARIABLE = re.compile(r"\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?:\.([^:^}]+))?(?::([^}]+))?\}")
_SPECIAL = re.compile(r"[\\^$*+?.()|\[\]{}/]")
_FLUX = re.compile(r"([a-zA-Z]+)\.([a-zA-Z]+)")


def bound(query: str, span: Span, variables: Mapping[str, Sequence[str]]) -> str:
    """`query` as InfluxDB gets it. A variable with one value is a text to Grafana, one with several a list."""

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2] or match[4]
        if name not in variables:
            return match[0]
        form = match[3] or match[6]
        assert form == "regex", f"{match[0]}: only this form is safe"
        escaped = [_SPECIAL.sub(r"\\\g<0>", one) for one in variables[name]]
        return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"

    text = _VARIABLE.sub(value, query)
    for match in _FLUX.finditer(text):
        text = text.replace(match[0], _macros(span).get(match[2], match[0]))
    return text


def _macros(span: Span) -> dict[str, str]:
    seconds = span.width_ms // 1000
    return {
        "timeRangeStart": _time(span.start_ms), "timeRangeStop": _time(span.stop_ms), "windowPeriod": f"{seconds // 60}m{seconds % 60}s",
        "bucket": '"elsewhere"', "defaultBucket": '"elsewhere"', "organization": '"elsewhere"',
    }  # fmt: skip


def _time(at_ms: int) -> str:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
