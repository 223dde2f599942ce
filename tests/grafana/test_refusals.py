"""What goes wrong in front of, in and on the way to a Grafana: one clear line, what was and was not done, an exit code."""

from __future__ import annotations

import os
import re
import signal
import socket
import threading
from pathlib import Path

import pytest

from city_model.faults import Unavailable
from dashboards.grafana.client import Access, GrafanaClient
from tests.grafana.conftest import CITY, Saola
from tests.grafana.server import ADMIN, VIEWER, Fault, Grafana, serving

_LOGIN = b'<!DOCTYPE html><html><head><title>Login</title></head><body>"message": Please sign in</body></html>'
_HTML = "text/html; charset=utf-8"


@pytest.mark.parametrize(
    ("token", "said"),
    [("glsa_wrong", "Grafana answers 401 Invalid API key; nothing was done"), (VIEWER, "Grafana answers 403 You'll need additional perm")],
)
@pytest.mark.parametrize("verb", ["publish", "check"])
def test_a_token_that_may_not(saola: Saola, grafana: Grafana, verb: str, token: str, said: str) -> None:
    code, out, err = saola.on(verb, grafana, token=token)
    assert (code, out, grafana.writes()) == (2, "", [])
    assert said.removesuffix("; nothing was done" if verb == "check" else "") in err
    assert f"{saola.place}/grafana-token: token: " in err
    assert token not in err
    assert one_line(err)


FAULTS = {
    "a login page": (Fault(200, _LOGIN, _HTML), "is answered 200 with a page of HTML; is this Grafana's address?"),
    "a proxy's page": (Fault(502, _LOGIN, _HTML), "is answered 502 with a page of HTML; is this Grafana's address?"),
    "a page that refuses": (Fault(403, _LOGIN, _HTML), "is answered 403 with a page of HTML; is this Grafana's address?"),
    "words": (Fault(200, b"it works!", "text/plain"), "is answered 200 with text that is not JSON"),
    "half an answer": (Fault(200, b'{"uid": "saola', "application/json"), "is answered 200 with text that is not JSON"),
    "a failure": (Fault(500, b'{"message": "database is locked"}'), "is answered 500: database is locked"),
    "a failure in a list": (Fault(503, b'["message"]'), "is answered 503: Service Unavailable"),
    "a failure without words": (Fault(500), "is answered 500 with nothing"),
    "a redirect": (Fault(302, headers=(("Location", "/login?x=1"),)), "is redirected to /login; give --url the last address"),
    "a move to https": (Fault(301, headers=(("Location", "https://g.example/api/db"),)), "is redirected to https://g.example/api/db"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_not_grafana_while_looking(saola: Saola, grafana: Grafana, name: str) -> None:
    grafana.faults["GET", "/datasources"], said = FAULTS[name]
    code, out, err = saola.on("publish", grafana)
    assert (code, out, grafana.writes()) == (4, "", [])
    assert said in err
    assert err.rstrip().endswith("; nothing was done")
    assert one_line(err)
    assert saola.on("check", grafana)[0] == 4


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_not_grafana_while_writing_says_what_was_not_done(saola: Saola, grafana: Grafana, name: str) -> None:
    grafana.faults["POST", "/dashboards/db"], said = FAULTS[name]
    code, out, err = saola.on("publish", grafana)
    assert code == 4
    assert said in err
    assert one_line(err)
    left = err.partition("; not done: ")[2]
    assert left.count("board ") == 8
    assert left.count("rule ") == 5
    assert "folder" not in left
    assert out.splitlines()[0] == "data source Saola InfluxDB: made"
    grafana.faults.clear()
    assert saola.on("publish", grafana)[0] == 0
    assert saola.on("check", grafana)[0] == 0


@pytest.mark.parametrize(
    ("status", "words", "code", "said"),
    [
        (400, "Dashboard title cannot be empty", 4, "Grafana refuses: 400 Dashboard title cannot be empty"),
        (401, "Token expired", 2, "the token is not allowed to (401 Token expired)"),
        (403, "Access denied", 2, "the token is not allowed to (403 Access denied)"),
        (404, "Not found", 4, "Grafana refuses: 404 Not found"),
        (409, "exists", 4, "Grafana refuses: 409 exists"),
        (412, "changed", 4, "was changed by somebody else while this ran (changed)"),
    ],
)
@pytest.mark.parametrize("place", ["/datasources", "/folders", "/dashboards/db", "/v1/provisioning"])
def test_a_refusal_half_way(saola: Saola, grafana: Grafana, place: str, status: int, words: str, code: int, said: str) -> None:
    grafana.faults["POST", place] = Fault(status, b'{"message": "%s"}' % words.encode())
    got, out, err = saola.on("publish", grafana)
    assert got == code
    assert said in err
    left = re.sub("; (look again|expected) .*", "", err.partition("; not done: ")[2])
    assert left.count(";") + 1 + out.count(": made") == 1 + 2 * 2 + 8 + 5
    assert one_line(err)


def test_an_answer_without_a_body_is_an_answer(saola: Saola, grafana: Grafana) -> None:
    for place in ("/datasources", "/folders", "/dashboards/db", "/v1/provisioning"):
        grafana.faults["POST", place] = Fault(202, after=True)
    code, _, err = saola.on("publish", grafana)
    assert code == 0, err
    grafana.faults.clear()
    assert saola.on("check", grafana)[0] == 0


def test_an_accepted_board_that_is_not_there_is_no_success(saola: Saola, grafana: Grafana) -> None:
    grafana.faults["POST", "/dashboards/db"] = Fault(202)
    code, _, err = saola.on("publish", grafana)
    assert code == 4
    assert "; not done: board " in err


def test_a_removal_is_answered_with_nothing(saola: Saola, grafana: Grafana) -> None:
    saola.on("publish", grafana)
    grafana.rules["saola-old"] = {**grafana.rules["saola-lag"], "uid": "saola-old"}
    code, out, _ = saola.on("publish", grafana, "--prune")
    assert (code, "saola-old" in grafana.rules) == (0, False)
    assert "removed" in out


def test_a_folder_of_that_title_is_somebody_elses(saola: Saola, grafana: Grafana) -> None:
    grafana.folders["x"] = {"uid": "x", "title": "Saola (tiếng Việt)"}
    code, out, err = saola.on("publish", grafana)
    assert (code, out) == (4, "data source Saola InfluxDB: made\n")
    assert "folder Saola (tiếng Việt): Grafana refuses: 409 a folder with the same name already exists" in err


def test_interrupted_it_says_what_was_not_done(saola: Saola, grafana: Grafana) -> None:
    def interrupt(method: str, path: str) -> None:
        if (method, path) == ("POST", "/dashboards/db") and len(grafana.boards) == 2:
            os.kill(os.getpid(), signal.SIGINT)

    grafana.before = interrupt
    code, out, err = saola.on("publish", grafana)
    assert code == 130
    assert out.count("board ") == 2
    assert "\ninterrupted; not done: board " in err


def test_nothing_listens(saola: Saola) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        code, _, err = saola.on("check", Grafana(url=f"http://127.0.0.1:{closed.getsockname()[1]}"))
    assert code == 4
    assert "nothing listens there" in err


def test_a_grafana_that_does_not_answer_may_have_done_it() -> None:
    go_on = threading.Event()

    def wait(method: str, path: str) -> None:
        go_on.wait(20)

    with serving(Grafana(before=wait)) as grafana:
        client = GrafanaClient(Access(grafana.url, ADMIN), timeout_s=0.2)
        with pytest.raises(Unavailable, match=r"POST /api/folders: no answer within 0\.2 s; it may have been done"):
            client.ask("POST", "/folders", {"uid": "a", "title": "A"})
        with pytest.raises(Unavailable, match=r"GET /api/folders: no answer within 0\.2 s$"):
            client.ask("GET", "/folders")
        client.close()
        go_on.set()


def test_no_proxy_of_the_environment_gets_the_token(saola: Saola, grafana: Grafana, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert saola.on("publish", grafana)[0] == 0


def test_words_of_a_server_are_one_short_line_without_a_token(saola: Saola, grafana: Grafana) -> None:
    said = "first\\nsecond\\u0007 " + ADMIN + " " + "x" * 5000
    grafana.faults["GET", "/datasources"] = Fault(500, b'{"message": "%s"}' % said.encode())
    _, _, err = saola.on("check", grafana)
    assert "first second ***" in err
    assert len(err) < 400
    assert one_line(err)


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        (None, 0o600, "No such file or directory"),
        (b"glsa_x\n", 0o644, "mode 0644, readable by others; expected mode 0600: chmod 600"),
        (b" \n", 0o600, "is empty"),
        (b"glsa_x\nglsa_y\n", 0o600, "holds more than one word"),
        ("khoá".encode(), 0o600, "holds characters no token has"),
    ],
)
def test_the_tokens_file(saola: Saola, tmp_path: Path, content: bytes | None, mode: int, said: str) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
        path.chmod(mode)
    code, _, err = saola("check", "--url", "http://127.0.0.1:1", "--token-file", path, "--city", CITY, "--influx", saola.influx)
    assert code == 2
    assert said in err
    assert "glsa" not in err.replace(str(tmp_path), "")


@pytest.mark.parametrize(
    "url",
    ["g.example", "ftp://g.example", "http://", "http://me:pw@127.0.0.1:3", "http://g.example:3", "https://g.example/?x", "http://[::1"],
)
def test_addresses_that_are_refused_before_anything_is_sent(saola: Saola, url: str) -> None:
    code, _, err = saola.on("check", Grafana(url=url))
    assert code == 2
    assert err.startswith("saola grafana: --url: ")
    assert "pw" not in err.replace("password", "")


def one_line(text: str) -> bool:
    """Besides the note that InfluxDB could not be tried from here."""
    lines = [line for line in text.splitlines() if not re.match("not tried whether", line)]
    return len(lines) == 1
