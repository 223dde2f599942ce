"""Kafka as a child process: its jars fetched once through Maven, one broker on free loopback ports. For demo, scenarios and tests alike.

One process is broker and controller; data is in the directory it is given, so the same directory started again continues.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import uuid
from base64 import urlsafe_b64encode
from functools import partial
from importlib.resources import files
from pathlib import Path

from broker_config.server_process import ServerProcess, free_port, listens
from city_model.faults import Unavailable

_POM = files("broker_config") / "kafka_jars" / "pom.xml"
_JAVA_AT_LEAST = 17  # Kafka 4 brokers need it
_SERIOUS = (" ERROR ", " FATAL ", "Exception")
_FETCH_WITHIN_S = 600.0


def kafka_version() -> str:
    """The version the committed pom names."""
    found = re.search(r"<kafka\.version>([^<]+)<", _POM.read_text())
    if found is None:
        raise Unavailable("kafka: broker_config/kafka_jars/pom.xml names no kafka.version")
    return found.group(1)


def jars_directory() -> Path:
    """Where Kafka's jars are kept once they are fetched."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "saola" / f"kafka-{kafka_version()}"


def fetch_jars() -> Path:
    """The directory with Kafka's jars, downloaded by Maven the first time. Raises Unavailable naming what is missing and how to get it."""
    jars = jars_directory()
    cache = jars.parent
    if jars.is_dir():
        return jars
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with (cache / f"{jars.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # one process downloads, the others wait and find it done
            if not jars.is_dir():
                _download(jars)
    except OSError as err:
        raise Unavailable(
            f"kafka: cannot keep its jars in {cache}: {err.strerror}; set XDG_CACHE_HOME to a directory you may write to"
        ) from err
    return jars


def _download(jars: Path) -> None:
    mvn = shutil.which("mvn")
    if mvn is None:
        raise Unavailable(f"kafka: its jars are not in {jars} and Maven (mvn) to fetch them is missing: apt-get install maven")
    part = jars.with_name(f"{jars.name}.part-{uuid.uuid4().hex[:8]}")
    part.mkdir()
    try:
        (part / "pom.xml").write_text(_POM.read_text())
        command = [mvn, "-B", "-q", "-f", str(part / "pom.xml"), "dependency:copy-dependencies", "-DincludeScope=runtime"]
        done = subprocess.run([*command, f"-DoutputDirectory={part}"], capture_output=True, text=True, timeout=_FETCH_WITHIN_S, check=False)
        if done.returncode != 0:
            said = next((line for line in done.stdout.splitlines() if "ERROR" in line), f"exit code {done.returncode}")
            raise Unavailable(f"kafka: Maven could not fetch the jars: {said[:300]}; needs Maven Central or a mirror in ~/.m2/settings.xml")
        part.rename(jars)  # whole or not at all
    except subprocess.TimeoutExpired as err:
        raise Unavailable(f"kafka: Maven did not fetch the jars within {_FETCH_WITHIN_S:.0f} s; is Maven Central reachable?") from err
    finally:
        shutil.rmtree(part, ignore_errors=True)


def find_java() -> str:
    """Path of a Java that can run Kafka. Raises Unavailable."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin") if home else None
    java = java or shutil.which("java")
    get = f"apt-get install openjdk-{_JAVA_AT_LEAST}-jre-headless"
    if java is None:
        raise Unavailable(f"kafka: Java {_JAVA_AT_LEAST} or later is missing (no `java` on PATH or in JAVA_HOME): {get}")
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', said)
    if found is None or int(found.group(1)) < _JAVA_AT_LEAST:
        raise Unavailable(
            f"kafka: {java} is {said.splitlines()[0] if said else 'no Java'}; version {_JAVA_AT_LEAST} or later is needed: {get}"
        )
    return java


class KafkaServer(ServerProcess):
    """One running broker. `url` is what `--log` takes; `bootstrap` is what Kafka clients take."""

    def __init__(self, directory: Path, port: int | None = None) -> None:
        """Start with data in `directory` (continued if it was used before) and wait until it listens. Raises Unavailable."""
        java, jars = find_java(), fetch_jars()
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self.port, controller = (port or free_port()), free_port()
            (directory / "server.properties").write_text(_properties(directory / "data", self.port, controller))
            (directory / "log4j2.properties").write_text(_LOG4J2)
        except OSError as err:
            raise Unavailable(f"kafka: cannot write to {directory}: {err.strerror}") from err
        run = [java, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", f"-Dlog4j2.configurationFile={directory / 'log4j2.properties'}"]
        run += ["-cp", f"{jars}/*"]
        config = str(directory / "server.properties")
        if not (directory / "data" / "meta.properties").exists():
            _format([*run, "kafka.tools.StorageTool", "format", "--standalone", "-t", _cluster_id(), "-c", config])
        super().__init__("kafka", [*run, "-Xms128m", "-Xmx384m", "kafka.Kafka", config], directory, words=_SERIOUS)
        self.wait_until(partial(listens, self.port), f"did not listen on {self.bootstrap}")

    @classmethod
    def start(cls, directory: Path, port: int | None = None) -> KafkaServer:
        """The same, as the other servers are started."""
        return cls(directory, port)

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"kafka://{self.bootstrap}"


def _format(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Unavailable(f"kafka: could not format its data directory: {(done.stderr or done.stdout).strip()[-300:]}")


def _cluster_id() -> str:
    """16 random bytes as Kafka writes them: base64url without padding, never starting with a dash."""
    text = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    return _cluster_id() if text.startswith("-") else text


def _properties(data: Path, port: int, controller: int) -> str:
    """A broker of one. The short heartbeat lets it come back sooner after a SIGKILL than the default
    12 s; with 1.5 s a busy two-core machine fenced its own broker (both measured on 4.3.0)."""
    return f"""\
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
log.dirs={data}
broker.heartbeat.interval.ms=200
broker.session.timeout.ms=6000
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.segment.bytes=16777216
auto.create.topics.enable=false
"""


_LOG4J2 = """\
status = error
appender.console.type = Console
appender.console.name = out
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %p %m (%c)%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
"""
