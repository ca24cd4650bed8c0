"""What `vestnik web` refuses before it serves anything."""

import socket
import sys

import pytest

from tests.tui.cli.conftest import Vestnik

PUBLIC = ("--public-url", "https://desk.example.org/console")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "desk.example.org"])
@pytest.mark.parametrize("consent", [(), ("--allow-remote",), PUBLIC])
def test_other_machines_are_let_near_by_two_words_alone(vestnik: Vestnik, host: str, consent: tuple[str, ...]) -> None:
    done = vestnik("web", "--host", host, *consent)
    assert done.code == 2
    assert "--allow-remote" in done.err
    assert "ssh -L" in done.err


@pytest.mark.parametrize(
    "url",
    ["http://desk.example.org/", "desk.example.org", "https://", "https://u:p@desk.example.org/", "https://d/?a=b",
     "https://d:x/"],
)  # fmt: skip
def test_the_address_people_open_has_tls(vestnik: Vestnik, url: str) -> None:
    done = vestnik("web", "--public-url", url)
    assert done.code == 2
    assert "no address of a proxy with TLS" in done.err


def test_a_token_that_can_be_guessed_is_refused(vestnik: Vestnik, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VESTNIK_WEB_TOKEN", "secret")
    done = vestnik("web")
    assert done.code == 2
    assert "too short" in done.err
    assert "secret" not in done.err


def test_a_port_that_is_taken_is_told(vestnik: Vestnik) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        done = vestnik("web", "--port", str(other.getsockname()[1]))
    assert done.code == 1
    assert "cannot listen at 127.0.0.1" in done.err


@pytest.mark.parametrize("package", ["aiohttp", "textual_serve"])
def test_without_the_extra_it_says_what_to_install(
    vestnik: Vestnik, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    for name in ("tui.web.door", "tui.web.server"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    done = vestnik("web")
    assert done.code == 2
    assert package in done.err
    assert "pip install 'vestnik[web]'" in done.err


def test_a_store_that_cannot_be_reached_is_told_before_anything_is_served(vestnik: Vestnik) -> None:
    assert vestnik("web", "--store", "postgresql+psycopg://nobody@127.0.0.1:1/none").code == 3
