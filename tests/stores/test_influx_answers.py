"""What the store makes of each answer an InfluxDB, or a proxy before it, may give: one line, the right kind of failure, no secret in it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from city_model.faults import ConfigError, Rejected, Unavailable
from stream_processor.stores.influx import InfluxStore
from stream_processor.stores.influx_file import InfluxFile, load_influx_file, write_influx_file
from stream_processor.stores.open import open_store
from stream_processor.stores.port import Busy, SeriesStore
from tests.stores.rows import points

TOKEN = "canary-c0ffee-token"
Answer = tuple[int, dict[str, str], bytes]


class _Server(ThreadingHTTPServer):
    """Gives the answers it is told, in turn; the last again and again."""

    daemon_threads = True

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.silent = threading.Event()
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if not self.server.answers:
            self.server.silent.wait(20)
            return
        status, headers, body = self.server.answers[0] if len(self.server.answers) == 1 else self.server.answers.pop(0)
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST

    def log_message(self, format: str, *args: object) -> None:
        """Not on the tests' output."""


@pytest.fixture
def server() -> Iterator[_Server]:
    running = _Server()
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.silent.set()
    running.shutdown()
    thread.join()
    running.server_close()


@pytest.fixture
def file(server: _Server, tmp_path: Path) -> Path:
    write_influx_file(tmp_path / "influx.toml", InfluxFile(f"http://127.0.0.1:{server.server_port}", token=TOKEN), "test")
    return tmp_path / "influx.toml"


@pytest.fixture
def store(file: Path) -> Iterator[SeriesStore]:
    opened = open_store(f"influx:{file}")
    yield opened
    opened.close()


def said(status: int, message: str) -> Answer:
    return status, {"Content-Type": "application/json"}, f'{{"code":"x","message":"{message}"}}'.encode()


ONE = points([("a/pm25", 1_790_000_000_000, 1.0)])


@pytest.mark.parametrize(("status", "asked", "after_s"), [(429, "7", 7.0), (503, "2", 2.0), (503, "Wed, 21 Oct 2026 07:28:00 GMT", 0.0)])
def test_a_busy_server_is_waited_for_as_long_as_it_says(
    server: _Server, store: SeriesStore, status: int, asked: str, after_s: float
) -> None:
    server.answers = [(status, {"Retry-After": asked}, b"")]
    with pytest.raises(Busy, match=str(status)) as caught:
        store.write(ONE)
    assert caught.value.after_s == after_s


@pytest.mark.parametrize("body", [b"<html><h1>Bad Gateway</h1></html>", b"\xff\xfe", b"", b"[1]", b'"down"'])
def test_a_server_error_of_whatever_form_is_tried_again(server: _Server, store: SeriesStore, body: bytes) -> None:
    server.answers = [(502, {}, body)]
    with pytest.raises(Unavailable, match="502") as caught:
        store.write(ONE)
    assert "\n" not in str(caught.value)


def test_a_server_that_does_not_answer_in_time_is_busy(file: Path) -> None:
    store = InfluxStore(file, timeout_ms=200)
    with pytest.raises(Busy, match="no answer in time"):
        store.write(ONE)
    store.close()


def test_a_query_answered_with_a_page_is_unavailable(server: _Server, store: SeriesStore) -> None:
    server.answers = [(200, {}, b"<html>welcome to the hotel's network</html>")]
    with pytest.raises(Unavailable, match="no JSON"):
        store.latest()


@pytest.mark.parametrize(
    ("status", "message", "says"),
    [
        (401, "unauthorized access", "token: http://127.0.0.1:PORT does not know it"),
        (403, "insufficient permissions for write", "token: may not write bucket 'saola'"),
        (404, "organization name 'saola' not found", "organisation: saola is not on"),
        (404, "bucket 'saola' not found", "bucket: one of saola, saola_1m, saola_1h is not on"),
    ],
)  # fmt: skip
def test_a_wrong_token_or_name_at_first_is_one_line_of_configuration(
    server: _Server, store: SeriesStore, file: Path, status: int, message: str, says: str
) -> None:
    server.answers = [said(status, message)]
    with pytest.raises(ConfigError) as caught:
        store.write(ONE)
    (problem,) = caught.value.problems
    assert str(problem).startswith(f"{file}: {says.replace('PORT', str(server.server_port))}")
    assert TOKEN not in str(problem)


def test_a_token_revoked_while_we_work_is_waited_for(server: _Server, store: SeriesStore) -> None:
    server.answers = [(200, {}, b'{"results":[]}'), said(401, "unauthorized access")]
    assert store.raw("a/pm25", 0, 1)[0].tolist() == []
    with pytest.raises(Unavailable, match="token") as caught:
        store.write(ONE)
    assert TOKEN not in str(caught.value)


def test_nobody_listens(tmp_path: Path) -> None:
    write_influx_file(tmp_path / "gone.toml", InfluxFile("http://127.0.0.1:9", token=TOKEN), "test")
    gone = open_store(f"influx:{tmp_path / 'gone.toml'}")
    with pytest.raises(Unavailable, match="refused") as caught:
        gone.write(ONE)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200
    gone.close()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('url = "http://127.0.0.1:1"', "token: is empty"),
        ('url = "127.0.0.1:8086"\ntoken = "t"', "url: '127.0.0.1:8086'; expected http://HOST:PORT"),
        ('url = "http://influx.example:8086"\ntoken = "t"', "url: plaintext to influx.example"),
        ('url = "https://u:p@influx.example"\ntoken = "t"', "url:"),
        ('url = "http://127.0.0.1:1"\ntoken = "t"\nbuckets = "x"', "buckets: no such setting; expected 'bucket' perhaps"),
        ('url = "http://127.0.0.1:1"\ntoken = "a b"', "token: holds characters no token has"),
        ("url = 3", "url: 3; expected a text"),
    ],
)
def test_a_file_that_is_wrong_says_where(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "influx.toml"
    path.touch(0o600)
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_influx_file(path)
    assert f"{path}: {says}" in str(caught.value)


def test_a_file_others_may_read_is_refused(file: Path) -> None:
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        open_store(f"influx:{file}")


def test_values_that_are_no_numbers_are_rejected_before_anything_is_sent(store: SeriesStore) -> None:
    with pytest.raises(Rejected, match="not_finite"):
        store.write(points([("a/pm25", 1, float("nan"))]))
