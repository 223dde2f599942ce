"""Figures in the text format that Prometheus reads (exposition format 0.0.4), written here so that a pole needs no further package."""

from __future__ import annotations

from collections.abc import Mapping

from city_model import __version__
from city_model.service.about import GAUGES

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_HELP = {
    "received": "Items or records taken in.",
    "errors": "What could not be used: dead letters, refusals, faults.",
    "batches": "Batches worked on.",
    "busy_s": "Seconds spent on batches.",
    "cpu_s": "Processor seconds of all threads.",
    "memory_mb": "Resident memory, 10^6 bytes.",
    "up_s": "Seconds since the start.",
    "lag_items": "Records still to be read from the log.",
    "outbox_items": "Items accepted and not acknowledged.",
    "partitions": "Partitions of the log that this process owns.",
    "viewers": "Pages that follow live.",
    "canary_ms": "Milliseconds from the newest canary reading to its observation.",
}


def exposition(service: str, figures: Mapping[str, float], ready: bool) -> str:
    """Every figure as one metric `saola_<name>` with the label `service`; counts end in `_total` as the format's readers expect."""
    lines = [
        "# HELP saola_ready Whether the service can work now.", "# TYPE saola_ready gauge", f"saola_ready{_labels(service)} {int(ready)}",
        "# HELP saola_info The version that runs.", "# TYPE saola_info gauge",
        f'saola_info{{service="{_escaped(service)}",version="{_escaped(__version__)}"}} 1',
    ]  # fmt: skip
    for name, value in sorted(figures.items()):
        metric, kind = (f"saola_{name}", "gauge") if name in GAUGES else (f"saola_{name}_total", "counter")
        lines += [f"# HELP {metric} {_HELP.get(name, name.replace('_', ' ').capitalize() + ', since the start.')}"]
        lines += [f"# TYPE {metric} {kind}", f"{metric}{_labels(service)} {value:.17g}"]
    return "\n".join(lines) + "\n"


def _labels(service: str) -> str:
    return f'{{service="{_escaped(service)}"}}'


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
