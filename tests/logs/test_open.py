"""A log's URL: what is wrong with it is said before anything is touched, and an absent server is told apart from a wrong word."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from city_model.faults import ConfigError, Unavailable
from stream_processor.logs.embedded import EmbeddedLog
from stream_processor.logs.kafka import KafkaLog, Settings
from stream_processor.logs.open import check_url, open_log


@pytest.mark.parametrize("url", ["sqlite:/var/lib/saola/log", "sqlite:data", "kafka://127.0.0.1:9092", "kafka://a.example:1,[::1]:2"])
def test_a_good_url_has_no_problems(url: str) -> None:
    assert check_url(url) == []


@pytest.mark.parametrize("url", ["", "sqlite:", "kafka://", "kafka://host", "kafka://a:1,", "redis://x:1", "/just/a/path", "kafka://a b:1"])
async def test_a_bad_url_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigError) as told:
        await open_log(url)
    assert "sqlite:DIRECTORY" in str(told.value)


async def test_sqlite_opens_the_embedded_log_and_makes_its_directory(tmp_path: Path) -> None:
    log = await open_log(f"sqlite:{tmp_path / 'new' / 'log'}")
    assert isinstance(log, EmbeddedLog)
    await log.close()
    assert (tmp_path / "new" / "log").is_dir()


async def test_an_absent_kafka_is_told_with_where_it_was_looked_for_and_what_to_do() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))  # bound and not listening: whoever connects is refused
        port = probe.getsockname()[1]
        with pytest.raises(Unavailable) as told:
            await KafkaLog.open(f"127.0.0.1:{port}", Settings(answer_within_s=2.0))
    assert f"127.0.0.1:{port}" in str(told.value)
    assert "sqlite:" in str(told.value)
    assert "\n" not in str(told.value)
