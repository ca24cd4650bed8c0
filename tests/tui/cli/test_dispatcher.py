"""`dispatch` as an administrator starts it: where it listens, how its log looks."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError

import pytest

from dispatch import logs
from tests.tui.cli.conftest import Vestnik
from tui.cli import output

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """The log of this process is nobody else's business."""
    yield
    logs.end()
    output.speak(None)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--listen", "desk.example.org"), "is no address to listen at. Examples: 127.0.0.1:9464"),
        (("--listen", "0.0.0.0:9464"), "Listen at 127.0.0.1:9464 and let an agent"),
        (("--log-level", "loud"), "--log-level"),
    ],
)
def test_what_cannot_be_is_refused_with_the_remedy(vestnik: Vestnik, words: tuple[str, str], said: str) -> None:
    done = vestnik("dispatch", "--until-idle", *words)
    assert (done.code, done.out) == (2, "")
    assert said in " ".join(done.err.split())


def test_a_port_that_is_taken_is_named_with_the_remedy(vestnik: Vestnik, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("VESTNIK_LISTEN", place)
        done = vestnik("dispatch", "--until-idle")
    assert (done.code, done.out) == (2, "")
    assert f"cannot listen at {place}: Address already in use" in done.err
    assert "give this one another port" in done.err


def test_without_the_library_it_says_what_to_install(vestnik: Vestnik, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    done = vestnik("dispatch", "--until-idle", "--listen", "0")
    assert (done.code, "pip install 'vestnik[metrics]'" in done.err) == (2, True)


def test_in_json_whatever_is_said_on_standard_error_is_a_document_a_line(vestnik: Vestnik) -> None:
    done = vestnik("dispatch", "--until-idle", "--log-format", "json", "--log-level", "info")
    documents = [json.loads(line) for line in done.err.splitlines()]
    assert [one["logger"] for one in documents] == ["dispatch.daemon", "dispatch.daemon"]
    refused = vestnik("--log-format", "json", "dispatch", "--listen", "x")
    (document,) = [json.loads(line) for line in refused.err.splitlines()]
    assert (document["level"], document["logger"], "Examples" in document["message"]) == ("error", "vestnik", True)
    assert vestnik("dispatch", "--listen", "x").err.startswith("--listen: 'x' is no address")


def test_a_monitoring_system_asks_a_dispatcher(url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        place = f"127.0.0.1:{free.getsockname()[1]}"
    environment = {**os.environ, "VESTNIK_LISTEN": place, "VESTNIK_LOG_LEVEL": "info"}
    command = [sys.executable, "-m", "tui", "--store", url, "dispatch"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert "has begun on" in process.stderr.readline()
        with urllib.request.urlopen(f"http://{place}/metrics", timeout=10) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            assert b"\nvestnik_store_up 1.0\n" in answer.read()
        with pytest.raises(URLError, match="503"):  # nothing is set up yet, so nothing would be sent
            urllib.request.urlopen(f"http://{place}/healthz", timeout=10)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
