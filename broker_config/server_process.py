"""A server that we start: on a free loopback port, its data in one directory and its words in a log beside them, stopped by its pid."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from city_model.faults import Unavailable

START_WITHIN_S = 60.0
STOP_WITHIN_S = 10.0


class ServerProcess:
    """A running server `name`; its log is `directory/name.log`. `words`: which lines of it tell why it ended, where there are any."""

    def __init__(
        self, name: str, command: Sequence[str], directory: Path, env: Mapping[str, str] | None = None, words: tuple[str, ...] = ()
    ) -> None:
        """Start `command` in `directory`. Raises Unavailable."""
        self.name = name
        self.directory = directory
        self._words = words
        try:
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    list(command),
                    cwd=directory,  # configuration that lies elsewhere is not ours
                    env=None if env is None else dict(env),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # Ctrl-C goes to us, and we stop it after our clients
                )
        except OSError as err:
            raise Unavailable(f"{name}: cannot start {command[0]} in {directory}: {err.strerror}") from err

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def wait_until(self, is_ready: Callable[[], bool], what: str) -> None:
        """Return when `is_ready`. Raises Unavailable when the server ends first, or takes too long (it is killed then)."""
        deadline = time.monotonic() + START_WITHIN_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise Unavailable(f"{self.name}: ended with code {self._process.returncode} while starting: {self._last_words()}")
            if is_ready():
                return
            time.sleep(0.05)
        self.kill()
        raise Unavailable(f"{self.name}: {what} within {START_WITHIN_S:.0f} s; see {self._log}")

    def stop(self) -> None:
        """SIGTERM, and SIGKILL when it has not ended after a while. Harmless when it is not running."""
        self._process.terminate()
        try:
            self._process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        self._process.kill()
        self._process.wait()

    @property
    def _log(self) -> Path:
        return self.directory / f"{self.name}.log"

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()
        serious = [line for line in lines if any(word in line for word in self._words)]
        return f"{(serious or lines or ['nothing was logged'])[-1][:300]} (see {self._log})"


def listens(port: int) -> bool:
    """Whether something does on loopback."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
