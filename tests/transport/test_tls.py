"""MQTT over TLS: a broker with a certificate of the city's own authority, and a client that does not trust it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker_config.mosquitto import MosquittoServer
from broker_config.render import render
from broker_config.server_process import free_port
from broker_config.settings import BrokerSettings, Mqtt
from city_model.faults import Unavailable
from city_model.transport.open import make_transport
from city_model.transport.port import Message
from tests.mosquitto_fixture import broker_city
from tests.servers import require

pytestmark = pytest.mark.live


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MosquittoServer]:
    if shutil.which("openssl") is None:
        require("mosquitto", "openssl is needed to make a certificate")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=test",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
    ]
    subprocess.run([*command, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    port = free_port()
    mqtt = Mqtt(port=port, cert_file=str(cert), key_file=str(key), ca_file=str(cert))
    render(broker_city, BrokerSettings(mqtt=mqtt), tmp_path / "broker")
    try:
        running = MosquittoServer.start(tmp_path / "broker" / "mosquitto.conf", port)
    except Unavailable as err:
        require("mosquitto", str(err))
    yield running
    running.stop()


# paho leaves the socket of a failed handshake to the garbage collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_client_that_knows_the_authority_speaks_tls_and_others_do_not_get_in(server: MosquittoServer, tmp_path: Path) -> None:
    secret = tmp_path / "broker" / "credentials" / "pole-1.toml"
    pole = make_transport(f"mqtts://127.0.0.1:{server.port}", secret)
    await pole.connect("pole-1")
    await pole.publish(Message("city/v1/ht-kt/air-1/telemetry", b"sealed"))
    await pole.close()
    blind = tmp_path / "blind.toml"
    blind.touch(0o600)
    blind.write_text("\n".join(line for line in secret.read_text().splitlines() if "ca_file" not in line))
    with pytest.raises(Unavailable, match="certificate"):
        await make_transport(f"mqtts://127.0.0.1:{server.port}", blind).connect("pole-1")
