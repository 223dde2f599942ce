"""The status port: Prometheus can read it, readiness has reasons, strangers get nothing."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from city_model.faults import Unavailable
from city_model.service.about import About, numbers
from city_model.service.logs import JsonLines, TextLines
from city_model.service.metrics import exposition
from city_model.service.serve import answer_to, telling
from edge_agent.counts import AgentCounts
from stream_processor.bridge import BridgeCounts
from stream_processor.engine import EngineCounts
from stream_processor.logs.embedded import EmbeddedLog
from stream_processor.logs.port import Record
from stream_processor.sink import SinkCounts
from stream_processor.told import about_counter, about_engine, about_sink


def head(path: str, host: str = "127.0.0.1:9000", verb: str = "GET") -> bytes:
    return f"{verb} {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()


def about(reasons: list[str]) -> About:
    async def lag() -> float:
        if reasons:
            raise Unavailable("kafka: away")
        return 7.0

    return About("bridge", lambda: {"received": 3.0, "busy_s": 0.5}, lambda: reasons, lambda: {"partitions": 2.0}, lag)


async def asked(port: int, request: bytes) -> tuple[str, str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = (await reader.read()).decode()
    writer.close()
    first, _, rest = answer.partition("\r\n")
    return first, rest.partition("\r\n\r\n")[2]


async def test_prometheus_reads_every_figure() -> None:
    text = (await answer_to(about([]), head("/metrics")))[2]
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert families["saola_received"].type == "counter"
    assert families["saola_received"].samples[0].value == 3.0
    assert families["saola_received"].samples[0].labels == {"service": "bridge"}
    assert families["saola_lag_items"].type == "gauge"
    assert families["saola_lag_items"].samples[0].value == 7.0
    assert families["saola_ready"].samples[0].value == 1.0
    assert families["saola_memory_mb"].samples[0].value > 1.0
    assert all(family.documentation for family in families.values())


def test_a_name_with_quotes_and_line_ends_breaks_no_line() -> None:
    text = exposition('a"b\\c\nd', {"received": 1.0}, ready=True)
    (family,) = [f for f in text_string_to_metric_families(text) if f.name == "saola_received"]
    assert family.samples[0].labels == {"service": 'a"b\\c\nd'}


async def test_readiness_says_why_not_and_health_does_not_depend_on_it() -> None:
    status, _, body = await answer_to(about(["not connected to the broker"]), head("/readyz"))
    assert status == 503
    assert json.loads(body) == {"service": "bridge", "ready": False, "reasons": ["not connected to the broker"]}
    assert (await answer_to(about(["not connected to the broker"]), head("/healthz")))[0] == 200
    assert (await answer_to(about([]), head("/readyz")))[0] == 200


async def test_a_log_that_is_away_leaves_the_lag_out_instead_of_saying_none() -> None:
    assert "lag_items" not in await about(["away"]).figures()
    assert (await about([]).figures())["lag_items"] == 7.0


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (head("/other"), 404), (head("/metrics", verb="POST"), 405), (head("/metrics", host="evil.example"), 403),
        (head("/metrics", host="evil.example:9000"), 403), (b"", 400), (b"\xff\xfe\r\n\r\n", 400), (b"GET /metrics\r\n\r\n", 400),
        (head("/metrics?x=1", host="localhost:9000"), 200),
    ],
)  # fmt: skip
async def test_what_is_not_asked_rightly_is_refused(request_head: bytes, status: int) -> None:
    assert (await answer_to(about([]), request_head))[0] == status


async def test_it_listens_on_loopback_and_stops_with_the_block() -> None:
    async with telling(about([]), 0) as port:
        assert port is not None
        first, body = await asked(port, head("/healthz", f"127.0.0.1:{port}"))
        assert (first, body) == ("HTTP/1.1 200 OK", "ok\n")
        assert (await asked(port, head("/healthz", f"127.0.0.1:{port}", "HEAD")))[1] == ""
        assert (await asked(port, b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n"))[0] == "HTTP/1.1 400 Bad Request"
        with pytest.raises(Unavailable, match="--status"):
            async with telling(about([]), port):
                pass
    with pytest.raises(OSError, match=str(port)):
        await asyncio.open_connection("127.0.0.1", port)
    async with telling(about([]), None) as nothing:
        assert nothing is None


async def test_lag_is_what_stands_between_a_worker_and_the_end_of_the_log(tmp_path: Path) -> None:
    from city_model.topics import ALARM_EVENTS, INPUTS, LOG_TOPICS, OBSERVATIONS

    event_log = await EmbeddedLog.open(tmp_path)
    await event_log.ensure_topics(LOG_TOPICS, 2)
    await event_log.append(INPUTS, [(0, Record(b"k", b"v"))] * 5 + [(1, Record(b"k", b"v"))] * 3)
    await event_log.append(OBSERVATIONS, [(1, Record(b"k", b"v"))] * 4)
    engine = EngineCounts(assigned=frozenset({0, 1}), owned={0}, reached={0: 2})
    told = about_engine(engine, event_log)
    assert (await told.figures())["lag_items"] == 3.0
    assert list(told.reasons()) == ["partitions not taken over yet: 1"]
    await event_log.append(ALARM_EVENTS, [(1, Record(b"k", b"v"))] * 2)
    sink = SinkCounts(reached={(OBSERVATIONS, 1): 1, (ALARM_EVENTS, 1): 1}, away={(OBSERVATIONS, 1): "influxdb: refused"})
    assert (await about_sink(sink, event_log).figures())["lag_items"] == 4.0
    assert list(about_sink(sink, event_log).reasons()) == ["cannot write: influxdb: refused"]
    await event_log.close()


def test_counts_by_name_become_received_and_errors() -> None:
    counts = Counter({"frames": 9, "dead_bad_jpeg": 2, "child_deaths": 1, "samples": 4})
    is_failure: Callable[[str], bool] = lambda name: name.startswith("dead_") or name == "child_deaths"  # noqa: E731 - one line
    told = about_counter("vision", counts, "frames", is_failure, lambda: True).counts()
    assert (told["received"], told["errors"], told["samples"]) == (9.0, 3.0, 4.0)


@pytest.mark.parametrize("counts", [BridgeCounts(), EngineCounts(), SinkCounts(), AgentCounts()])
def test_every_class_of_counts_becomes_numbers(counts: object) -> None:
    found = numbers(counts)
    assert found
    assert set(found.values()) == {0.0}


def test_a_log_line_is_one_object_with_its_facts() -> None:
    record = logging.makeLogRecord({"name": "saola.sink", "levelname": "WARNING", "levelno": 30, "msg": "cannot\nwrite %s", "args": ("x",)})
    record.partition, record.service = 3, "cannot overwrite"
    try:
        raise ValueError("why")
    except ValueError:
        record.exc_info = sys.exc_info()
    text = JsonLines("sink").format(record)
    line = json.loads(text)
    assert "\n" not in text
    assert line["at"].endswith("Z")
    assert (line["service"], line["level"], line["message"], line["partition"]) == ("sink", "warning", "cannot\nwrite x", 3)
    assert "ValueError: why" in line["error"]


def test_the_same_facts_stand_in_text_for_people() -> None:
    record = logging.makeLogRecord({"name": "saola.sink", "levelname": "WARNING", "msg": "cannot write", "partition": 3})
    assert TextLines().format(record).endswith("WARNING saola.sink: cannot write partition=3")
