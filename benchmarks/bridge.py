"""MQTT → log, messages per second: packed batches of 64 readings of 50 stations, drained from a real Mosquitto's queue.

Beside it, on the same queue and in turns: a bare paho subscriber that only counts, and one that reads the envelope as a bridge must.
Run: python -m benchmarks.bridge [--json] [--messages N]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from benchmarks.machine import machine
from broker_config.kafka import KafkaServer
from broker_config.mosquitto import MosquittoServer, start_for_city
from city_model.clock import WallClock
from city_model.codec import cloudevents, packed
from city_model.events import Event, EventType, Readings
from city_model.faults import Unavailable
from city_model.registry import Area, City, Device, Site
from city_model.topics import LOG_TOPICS, mqtt_topic
from city_model.transport.credentials import load_credentials
from city_model.transport.open import make_transport
from city_model.transport.port import Message
from stream_processor.bridge import BATCH, STREAMS, BridgeCounts, run_bridge
from stream_processor.logs.open import open_log

STATIONS, READINGS, ROUNDS = 50, 64, 3
START_MS = 1_795_600_800_000
FILTERS = [f"city/v1/+/+/{stream}" for stream in STREAMS]


def city() -> City:
    """One agent that carries STATIONS stations in four areas."""
    areas = tuple(Area(f"area-{n}") for n in range(4))
    sites = tuple(Site(f"site-{n}", f"area-{n}", "Đo", "Bench", 21.0, 105.8) for n in range(4))
    stations = tuple(Device(f"air-{n}", f"site-{n % 4}", "air", "load", ("pm25", "humidity")) for n in range(STATIONS))
    return City("Đo", "Bench", area=areas, site=sites, device=(Device("load", "site-0", "agent"), *stations))


def messages(count: int) -> list[Message]:
    """Batches of all stations in turn, as agents send them."""
    out = []
    index = np.arange(READINGS, dtype=np.uint16) % 2
    for n in range(count):
        site, device, seq = f"site-{n % STATIONS % 4}", f"air-{n % STATIONS}", n // STATIONS * READINGS
        times = START_MS + (seq + np.arange(READINGS)) * 1000
        data = packed.encode(Readings(("pm25", "humidity"), index, times, np.asarray(20.0 + np.arange(READINGS) % 7, np.float64)))
        event = Event(EventType.READINGS, site, device, "0192f0-ab", seq, READINGS, int(times[-1]), packed.CONTENT_TYPE, data)
        out.append(Message(mqtt_topic(site, device, "telemetry"), data, packed.CONTENT_TYPE, cloudevents.attributes(event)))
    return out


async def fill(server: MosquittoServer, client_id: str, sent: list[Message]) -> None:
    """Leave all messages waiting in the broker for `client_id`."""
    bridge = make_transport(server.url, _secret(server, "bridge"))
    await bridge.connect(client_id)
    await bridge.subscribe(FILTERS)
    await bridge.close()
    load = make_transport(server.url, _secret(server, "load"))
    await load.connect("load")
    for start in range(0, len(sent), 500):
        await asyncio.gather(*(load.publish(one) for one in sent[start : start + 500]))
    await load.close()


def drain_bare(server: MosquittoServer, client_id: str, count: int, *, envelope: bool) -> float:
    """Seconds a paho subscriber needs for `count` messages; with `envelope` it looks at each message's user properties."""
    done, left = threading.Event(), [count]

    def on_message(_client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        if envelope:
            dict(message.properties.UserProperty)  # type: ignore[union-attr]  # paho's class is untyped
        left[0] -= 1
        if not left[0]:
            done.set()

    client = paho.Client(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTProtocolVersion.MQTTv5)
    credentials = load_credentials(_secret(server, "bridge"))
    client.username_pw_set(credentials.user, credentials.password)
    client.on_message = on_message
    session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's class is untyped
    session.SessionExpiryInterval = 3600
    start_s = time.perf_counter()
    client.connect("127.0.0.1", server.port, clean_start=False, properties=session)
    client.loop_start()
    done.wait(300)
    took_s = time.perf_counter() - start_s
    client.disconnect()
    client.loop_stop()
    return took_s


async def drain_bridge(server: MosquittoServer, client_id: str, count: int, log_url: str) -> float:
    """Seconds the bridge needs until `count` messages are durable in the log, answered and acked."""
    log = await open_log(log_url)
    await log.ensure_topics(LOG_TOPICS, 4)
    stop, counts, registry = asyncio.Event(), BridgeCounts(), city()
    transport = make_transport(server.url, _secret(server, "bridge"), receive_maximum=BATCH)
    start_s = time.perf_counter()
    work = asyncio.ensure_future(run_bridge(transport, log, lambda: registry, WallClock(), stop, client_id=client_id, counts=counts))
    while counts.stored < count:
        await asyncio.sleep(0.002)
    took_s = time.perf_counter() - start_s
    stop.set()
    await work
    await log.close()
    return took_s


async def measure(count: int, directory: Path) -> dict[str, float]:
    """Messages per second by name, medians of ROUNDS in turns."""
    server = start_for_city(city(), directory / "mosquitto")
    kafka = _kafka(directory)
    sent = messages(count)
    ways: dict[str, Callable[[str, int], Awaitable[float]]] = {
        "bare paho, counting": lambda name, n: asyncio.to_thread(drain_bare, server, name, n, envelope=False),
        "bare paho, reading the envelope": lambda name, n: asyncio.to_thread(drain_bare, server, name, n, envelope=True),
        "bridge → embedded log": lambda name, n: drain_bridge(server, name, n, f"sqlite:{directory / 'log'}"),
    }
    if kafka is not None:
        ways["bridge → Kafka"] = lambda name, n: drain_bridge(server, name, n, kafka.url)
    took: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for number, (name, drain) in enumerate(ways.items()):
            await fill(server, f"drain-{number}", sent)
            took[name].append(await drain(f"drain-{number}", count))
            await _forget(server, f"drain-{number}")
    if kafka is not None:
        kafka.stop()
    server.stop()
    return {name: round(count / statistics.median(seconds)) for name, seconds in took.items()}


async def _forget(server: MosquittoServer, client_id: str) -> None:
    """End the session, so that the next round's messages are not queued for it too."""
    client = make_transport(server.url, _secret(server, "bridge"), session_expiry_s=0)
    await client.connect(client_id)
    await client.close()


def _secret(server: MosquittoServer, user: str) -> Path:
    return server.conf.parent / "credentials" / f"{user}.toml"


def _kafka(directory: Path) -> KafkaServer | None:
    try:
        return KafkaServer.start(directory / "kafka")
    except Unavailable:
        return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--messages", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="saola-bench-") as directory:
        rates = asyncio.run(measure(options.messages, Path(directory)))
    if options.json:
        print(json.dumps({"machine": machine(), "messages": options.messages, "readings_each": READINGS, "messages_per_s": rates}))
        return
    print(
        f"MQTT → log, {options.messages} messages of {READINGS} readings from {STATIONS} stations, QoS 1, medians of {ROUNDS}; {machine()}"
    )
    for name, rate in rates.items():
        print(f"  {name:32} {rate:8,.0f} messages/s  {rate * READINGS:12,.0f} readings/s")


if __name__ == "__main__":
    main()
