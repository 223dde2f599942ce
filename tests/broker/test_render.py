"""Files from the registry: complete, private, and the same when written again."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from broker_config.render import render
from broker_config.settings import BrokerSettings, Kafka, Mqtt, load_settings
from broker_config.topics import declared
from city_model.faults import ConfigError
from city_model.registry import Device
from city_model.topics import LOG_TOPICS, MAX_PAYLOAD_BYTES
from city_model.transport.credentials import load_credentials
from stream_processor.logs.kafka_client import new_topic
from tests.mosquitto_fixture import broker_city

DEFAULTS = BrokerSettings()


def contents(directory: Path) -> dict[str, str]:
    return {str(p.relative_to(directory)): p.read_text() for p in sorted(directory.rglob("*")) if p.is_file()}


def test_everything_is_written_and_writing_again_changes_nothing(tmp_path: Path) -> None:
    assert render(broker_city, DEFAULTS, tmp_path)
    first = contents(tmp_path)
    assert set(first) == {
        "mosquitto.conf", "acl", "passwords", "kafka-topics.json",
        "credentials/bridge.toml", "credentials/pole-1.toml", "credentials/air-2.toml",
    }  # fmt: skip
    assert render(broker_city, DEFAULTS, tmp_path) == []
    assert contents(tmp_path) == first


def test_secrets_are_for_their_owner_only(tmp_path: Path) -> None:
    render(broker_city, DEFAULTS, tmp_path)
    for name in ("passwords", "acl", "credentials/pole-1.toml"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "credentials").stat().st_mode) == 0o700
    secrets = [load_credentials(path).password for path in (tmp_path / "credentials").iterdir()]
    public = "".join(text for name, text in contents(tmp_path).items() if not name.startswith("credentials/"))
    assert len(set(secrets)) == 3
    assert not any(secret in public for secret in secrets)


def test_a_new_device_changes_nobody_elses_secret(tmp_path: Path) -> None:
    render(broker_city, DEFAULTS, tmp_path)
    before = contents(tmp_path)
    city = replace(broker_city, device=(*broker_city.device, Device("air-3", "bank", "air", quantities=("pm25",))))
    changed = {path.name for path in render(city, DEFAULTS, tmp_path)}
    assert changed == {"air-3.toml", "passwords", "acl"}
    after = contents(tmp_path)
    assert after["passwords"].startswith(before["passwords"])
    assert after["credentials/pole-1.toml"] == before["credentials/pole-1.toml"]


def test_the_broker_takes_more_than_the_platform_does_so_that_too_much_reaches_the_dead_letters(tmp_path: Path) -> None:
    render(broker_city, DEFAULTS, tmp_path)
    conf = dict(line.split(" ", 1) for line in contents(tmp_path)["mosquitto.conf"].splitlines() if " " in line and line[0] != "#")
    assert int(conf["max_packet_size"]) > 3 * MAX_PAYLOAD_BYTES
    assert int(conf["max_queued_messages"]) >= 100_000
    assert conf["allow_anonymous"] == "false"
    assert conf["listener"] == "1883 127.0.0.1"


def test_a_certificate_brings_tls_and_its_authority_reaches_the_clients(tmp_path: Path) -> None:
    pem = tmp_path / "pem"
    pem.touch()
    mqtt = Mqtt(address="0.0.0.0", cert_file=str(pem), key_file=str(pem), ca_file=str(pem))
    render(broker_city, BrokerSettings(mqtt=mqtt), tmp_path / "out")
    conf = (tmp_path / "out" / "mosquitto.conf").read_text()
    assert f"certfile {pem}\nkeyfile {pem}\ntls_version tlsv1.2\n" in conf
    assert load_credentials(tmp_path / "out" / "credentials" / "bridge.toml").ca_file == str(pem)


def test_the_topics_are_declared_with_retention_and_compaction(tmp_path: Path) -> None:
    render(broker_city, BrokerSettings(kafka=Kafka(partitions=4, replicas=3)), tmp_path)
    topics = {topic["name"]: topic for topic in json.loads((tmp_path / "kafka-topics.json").read_text())}
    assert set(topics) == {topic.name for topic in LOG_TOPICS}
    assert {(t["partitions"], t["replicas"]) for t in topics.values()} == {(4, 3)}
    assert topics["alarms"]["config"]["cleanup.policy"] == "compact"
    assert topics["alarm-events"]["config"]["retention.ms"] == "-1"
    inputs = topics["inputs"]["config"]
    assert (inputs["cleanup.policy"], inputs["retention.ms"], inputs["min.insync.replicas"]) == ("delete", "2592000000", "2")


def test_the_declaration_is_what_the_kafka_log_itself_would_make() -> None:
    for topic, ours in zip(LOG_TOPICS, declared(Kafka()), strict=True):
        theirs = new_topic(topic, 12, 1)
        assert (theirs.name, theirs.num_partitions, theirs.replication_factor) == (ours.name, ours.partitions, ours.replicas)
        assert {"cleanup.policy": "delete"} | theirs.topic_configs == ours.config


def test_with_one_replica_inputs_and_frames_are_flushed(tmp_path: Path) -> None:
    render(broker_city, DEFAULTS, tmp_path)
    topics = {topic["name"]: topic["config"] for topic in json.loads((tmp_path / "kafka-topics.json").read_text())}
    assert {name for name, config in topics.items() if config.get("flush.messages") == "1"} == {"inputs", "frames"}


def test_all_problems_of_the_settings_at_once(tmp_path: Path) -> None:
    path = tmp_path / "broker.toml"
    path.write_text(
        '[mqtt]\naddress = "10.0.0.5"\ncert_file = "nowhere.pem"\n[kafka]\npartitions = 0\nbootstrap = "localhost"\nreplica = 1\n'
    )  # fmt: skip
    with pytest.raises(ConfigError) as refusal:
        load_settings(path)
    assert {p.key for p in refusal.value.problems} == {
        "mqtt.cert_file",
        "kafka.partitions",
        "kafka.bootstrap",
        "kafka.replica",
    }
    path.write_text("[mqtt]\nmax_queued_messages = 0\n")
    with pytest.raises(ConfigError, match="max_queued_messages"):
        load_settings(path)


def test_plaintext_off_loopback_must_be_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "broker.toml"
    path.write_text('[mqtt]\naddress = "10.0.0.5"\n')
    with pytest.raises(ConfigError, match="plaintext"):
        load_settings(path)
    path.write_text('[mqtt]\naddress = "10.0.0.5"\nplaintext = "trusted_network"\n')
    assert load_settings(path).mqtt.address == "10.0.0.5"
