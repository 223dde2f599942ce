"""Topics and the one partitioner."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city_model.faults import Rejected
from city_model.topics import LOG_TOPICS, STREAMS, mqtt_topic, parse_mqtt_topic, partition_of

_VECTORS = {  # org.apache.kafka.common.utils.UtilsTest.testMurmur2
    "21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536,
    "a-little-bit-longer-string": -1486304829, "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971, "abc": 479470107,
}  # fmt: skip


@pytest.mark.parametrize(("key", "hashed"), _VECTORS.items())
def test_the_partitioner_gives_the_published_murmur2_vectors(key: str, hashed: int) -> None:
    assert partition_of(key, 2**31) == hashed & 0x7FFFFFFF


@given(st.text(max_size=80), st.integers(1, 200))
def test_the_partitioner_agrees_with_the_kafka_clients(key: str, partitions: int) -> None:
    partitioner = pytest.importorskip("aiokafka.partitioner")
    everything = list(range(partitions))
    assert partition_of(key, partitions) == partitioner.DefaultPartitioner()(key.encode(), everything, everything)


@pytest.mark.parametrize("stream", sorted(STREAMS))
def test_a_topic_is_read_back_as_it_was_written(stream: str) -> None:
    site, device, again = parse_mqtt_topic(mqtt_topic("bridge", "cam-1", stream))  # type: ignore[arg-type]  # it is one of STREAMS
    assert (site, device, again) == ("bridge", "cam-1", stream)


@pytest.mark.parametrize("topic", ["", "city/v1/a/b", "city/v2/a/b/ack", "city/v1/a/b/c/ack", "city/v1/a/b/nothing", "x" * 70_000])
def test_a_foreign_topic_is_rejected_with_a_short_reason(topic: str) -> None:
    with pytest.raises(Rejected) as caught:
        parse_mqtt_topic(topic)
    assert caught.value.code == "bad_topic"
    assert len(str(caught.value)) < 300


def test_what_is_kept_for_ever_is_the_alarm_history_and_compacted_state() -> None:
    assert {topic.name for topic in LOG_TOPICS if topic.retention_ms is None} == {"alarm-events", "alarms", "checkpoints", "rules"}
    assert {topic.name for topic in LOG_TOPICS if topic.compacted} == {"alarms", "checkpoints", "rules"}
    assert {topic.name for topic in LOG_TOPICS if topic.flush_each} == {"inputs", "frames"}
