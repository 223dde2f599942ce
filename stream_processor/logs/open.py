"""One word for which log: `sqlite:DIRECTORY` or `kafka://host:port[,host:port]`."""

from __future__ import annotations

import re
from pathlib import Path

from city_model.faults import ConfigError, Problem, Unavailable
from stream_processor.logs.embedded import EmbeddedLog
from stream_processor.logs.port import EventLog

EXPECTED = "sqlite:DIRECTORY or kafka://host:port[,host:port]"

_SERVER = r"(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}"
_KAFKA = re.compile(rf"kafka://({_SERVER}(?:,{_SERVER})*)/?")


def check_url(url: str, file: str = "--log", key: str = "url") -> list[Problem]:
    """What is wrong with a log's URL, for a configuration's list of problems; touches neither disk nor network."""
    if (url.startswith("sqlite:") and url.removeprefix("sqlite:").strip()) or _KAFKA.fullmatch(url):
        return []
    return [Problem(file, key, repr(url[:200]), EXPECTED)]


async def open_log(url: str) -> EventLog:
    """The log at `url`. Raises ConfigError for a URL that is none, Unavailable when the server or the directory does not answer."""
    if problems := check_url(url):
        raise ConfigError(problems)
    if url.startswith("sqlite:"):
        return await EmbeddedLog.open(Path(url.removeprefix("sqlite:")).expanduser())
    try:
        from stream_processor.logs.kafka import KafkaLog  # here: an embedded city runs without aiokafka
    except ModuleNotFoundError as err:
        raise Unavailable(f"{url}: needs {err.name}, not installed here: pip install 'saola-city[stream]'") from err
    servers = _KAFKA.fullmatch(url)
    assert servers is not None  # check_url saw to it
    return await KafkaLog.open(servers.group(1))
