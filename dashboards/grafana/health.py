"""Rules for Grafana about the platform's own health. Road and air alarms have one home, ours, so nobody is called twice for one thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from city_model.registry import City
from dashboards.boards.flux import flux
from dashboards.boards.panel import Text
from dashboards.boards.question import Latest, Of
from dashboards.grafana.wanted import HEALTH, SOURCE_UID, Json, mark, rule_mark

GROUP = "saola-platform"
_WINDOW_S = 600
_EXPRESSIONS = "__expr__"


@dataclass(frozen=True, slots=True)
class Health:
    """The newest value of a quantity of ours, of each service or host, within `within_s`, should not be above `above` for `for_s`.

    `silence` says what it means that nobody tells: `tell` for what must always be there, `ignore` for what not everyone has.
    """

    name: str
    quantity: str
    above: float
    within_s: int
    for_s: int
    title: Text
    summary: Text
    silence: Literal["tell", "ignore"] = "ignore"


HEALTH_RULES = (
    Health(
        "canary", "canary_ms", 5_000, 120, 120,
        Text("Số đo thử tới chậm hoặc không tới", "The canary reading is slow or missing"),
        Text("Từ lúc đo đến khi thấy được mất hơn 5 giây, hoặc số đo thử không tới: mọi số liệu trên trang đều trễ.",
             "From reading to sight takes over 5 s, or the canary does not arrive: everything on the pages is late."),
        "tell",
    ),
    Health(
        "errors", "errors_per_s", 0.1, 300, 300,
        Text("Dịch vụ báo lỗi liên tục", "A service keeps failing"),
        Text("Hơn một lỗi trong mười giây, suốt năm phút.", "More than one error in ten seconds, for five minutes."),
    ),
    Health(
        "lag", "lag_items", 10_000, 300, 600,
        Text("Dịch vụ xử lý không kịp", "A service falls behind"),
        Text("Hơn 10.000 mục còn chờ, suốt mười phút.", "More than 10,000 items wait, for ten minutes."),
    ),
    Health(
        "disk", "disk_ratio", 0.9, 300, 600,
        Text("Đĩa sắp đầy", "A disk is nearly full"),
        Text("Hơn 90 % đĩa đã dùng.", "More than 90 % of a disk is used."),
    ),
    Health(
        "memory", "memory_ratio", 0.95, 300, 600,
        Text("Bộ nhớ sắp hết", "Memory is nearly used up"),
        Text("Hơn 95 % bộ nhớ đã dùng.", "More than 95 % of the memory is used."),
    ),
)  # fmt: skip


def health_rules(city: City, bucket: str = "saola") -> tuple[Json, ...]:
    """The rules as Grafana's HTTP API takes them, each with its mark."""
    return tuple(_rule(one, city, bucket) for one in HEALTH_RULES)


def _rule(health: Health, city: City, bucket: str) -> Json:
    question = Latest(Of((health.quantity,), scope="all"), within_s=health.within_s)
    rule: dict[str, Any] = {
        "uid": f"saola-{health.name}",
        "orgID": 1,  # of the token, whatever stands here
        "folderUID": HEALTH.uid,
        "ruleGroup": GROUP,
        "title": f"{health.title.vi} / {health.title.en}",
        "condition": "C",
        "for": f"{health.for_s // 60}m",
        "noDataState": "NoData" if health.silence == "tell" else "OK",
        "execErrState": "Error",
        "isPaused": False,
        "labels": {"platform": "saola", "quantity": health.quantity},
        "annotations": {"summary": f"{health.summary.vi} / {health.summary.en}"},
        "data": [
            _query("A", SOURCE_UID, "influxdb", query=flux(question, city, bucket)),
            _query("B", _EXPRESSIONS, _EXPRESSIONS, type="reduce", expression="A", reducer="last"),
            _query("C", _EXPRESSIONS, _EXPRESSIONS, type="threshold", expression="B", conditions=[_above(health.above)]),
        ],
    }
    rule["annotations"]["saola"] = rule_mark(rule) + mark(rule["annotations"] | {"labels": rule["labels"], "for": rule["for"]})
    return rule


def _query(ref: str, source_uid: str, source_type: str, **model: object) -> Json:
    window = {"from": _WINDOW_S, "to": 0}
    about = {"refId": ref, "datasource": {"type": source_type, "uid": source_uid}, "intervalMs": 60_000, "maxDataPoints": 1_000}
    return {"refId": ref, "datasourceUid": source_uid, "queryType": "", "relativeTimeRange": window, "model": {**about, **model}}


def _above(value: float) -> Json:
    return {"evaluator": {"type": "gt", "params": [value]}}
