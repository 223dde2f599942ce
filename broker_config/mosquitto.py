"""Mosquitto as a child process, for demo, scenarios and tests alike: one broker on a loopback port, with a directory of its own.

Measured on 2.0.11, and why the configuration looks as it does:
- `max_queued_messages 0` ("unlimited") cuts every client whose publish the ACL denies: a large positive number instead;
- `message_size_limit` cuts the client too; `max_packet_size` is announced on connecting, so that ours refuses before sending;
- started as root it drops to the user `mosquitto`, who cannot read a private directory: `user root` is said then;
- persistence is a snapshot: what came after the last one is lost with SIGKILL, so it is written every few seconds.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from pathlib import Path

from broker_config.render import CONF, render
from broker_config.server_process import free_port, listens
from broker_config.settings import BrokerSettings, Mqtt
from city_model.faults import Unavailable
from city_model.registry import City

_START_WITHIN_S = 10.0
_STOP_WITHIN_S = 10.0
_GET = "apt-get install mosquitto, or brew install mosquitto"


def find_mosquitto() -> Path:
    """The broker's program. Raises Unavailable saying where it was looked for and how to get it."""
    found = shutil.which("mosquitto") or shutil.which(
        "mosquitto", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin:/usr/local/opt/mosquitto/sbin"
    )
    if found is None:
        raise Unavailable(f"mosquitto: not on PATH and not in /usr/sbin or /usr/local/sbin: {_GET}")
    return Path(found)


class MosquittoServer:
    """One running broker. `url` is what `--mqtt` takes."""

    def __init__(self, conf: Path, port: int) -> None:
        self.conf = conf
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def start(cls, conf: Path, port: int) -> MosquittoServer:
        """Run Mosquitto with `conf`, whose listener is 127.0.0.1:`port`, and wait until it listens. Raises Unavailable."""
        server = cls(conf, port)
        server.run()
        return server

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Process id; 0 when it does not run."""
        return self._process.pid if self._process is not None else 0

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def run(self) -> None:
        """Start, or start again after `stop` or `kill` with the same files. Raises Unavailable."""
        program = find_mosquitto()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(program), "-c", str(self.conf)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.conf.parent,
                start_new_session=True,  # Ctrl-C goes to us, and we stop it after our clients
            )
        self._wait_until_it_listens()

    def stop(self) -> None:
        """SIGTERM: sessions are saved. Harmless when it is not running."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL, as a power cut would: what came after the last snapshot is gone."""
        self._end(signal.SIGKILL)

    def reload(self) -> None:
        """SIGHUP: passwords and ACL are read again; connections live on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGHUP)

    @property
    def _log(self) -> Path:
        return self.conf.with_name("mosquitto.log")

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _wait_until_it_listens(self) -> None:
        process = self._process
        deadline = time.monotonic() + _START_WITHIN_S
        while process is not None and time.monotonic() < deadline:
            if process.poll() is not None:
                self._process = None
                raise Unavailable(f"mosquitto: ended with code {process.returncode} while starting: {self._last_words()}")
            if listens(self.port):
                return
            time.sleep(0.02)
        self.kill()
        raise Unavailable(f"mosquitto: did not listen on 127.0.0.1:{self.port} within {_START_WITHIN_S:.0f} s; see {self._log}")

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()
        serious = [line for line in lines if "Error" in line]
        return f"{(serious or lines or ['nothing was logged'])[-1][:300]} (see {self._log})"


def start_for_city(city: City, directory: Path) -> MosquittoServer:
    """Render everything for `city` into `directory` and start a broker on a free loopback port. Raises Unavailable.

    Credentials are in `directory`/credentials/<user>.toml afterwards; the same directory started again keeps them and its sessions.
    """
    find_mosquitto()
    port = free_port()
    render(city, BrokerSettings(mqtt=Mqtt(port=port, autosave_s=1)), directory)
    return MosquittoServer.start(directory.resolve() / CONF, port)
