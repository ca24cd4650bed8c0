"""Who may come in over HTTP, and what the consoles behind it do; without a browser."""

import asyncio
import json
import os
import re
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import (
    ClientSession,
    ClientWebSocketResponse,
    CookieJar,
    TCPConnector,
    WSCloseCode,
    WSMsgType,
    WSServerHandshakeError,
)
from yarl import URL

from tests.desk import new_store_file
from tests.tui.web.served import alive, descendants, said_to, serving, until
from tui.web import console_process, server
from tui.web.door import Door
from tui.web.server import WebServer, listen, running

TOKEN = "t" * 40
PUBLIC = "https://desk.example.org/console/"
FOREIGN = "http://evil.example"


class Desk:
    """A server in this process, and a client that follows nothing by itself."""

    def __init__(self, origin: str, client: ClientSession) -> None:
        self.origin = origin
        self._client = client
        self._others = set(descendants(os.getpid()))

    @property
    def processes(self) -> list[int]:
        """The consoles of the server, and what is below them; servers of other tests may run beside them."""
        return [one for one in descendants(os.getpid()) if one not in self._others]

    async def get(self, path: str = "/", **headers: str) -> tuple[int, str, dict[str, str]]:
        """Status, text and headers of an answer."""
        async with self._client.get(URL(self.origin + path, encoded=True), headers=headers) as answer:
            return answer.status, await answer.text(errors="replace"), dict(answer.headers)

    async def come_in(self) -> dict[str, str]:
        """What a browser sends once it was let in."""
        _, _, headers = await self.get(f"/?token={TOKEN}")
        return {"Cookie": headers["Set-Cookie"].partition(";")[0], "Origin": self.origin}

    async def tab(self, headers: dict[str, str]) -> ClientWebSocketResponse:
        """Open a console."""
        return await self._client.ws_connect(f"{self.origin}/ws?width=100&height=30", headers=headers)


@pytest.fixture
def store_at(tmp_path: Path) -> str:
    return new_store_file(tmp_path / "vestnik.db")


@pytest.fixture
def public() -> str | None:
    """The address of the proxy in front."""
    return None


@pytest.fixture
def most() -> int:
    """Consoles at once."""
    return 8


def narrow() -> TCPConnector:
    """Connections that hold little of what nobody reads."""

    def connected(address: Any) -> socket.socket:
        made = socket.socket(family=address[0], type=address[1], proto=address[2])
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
        made.setblocking(False)
        return made

    return TCPConnector(socket_factory=connected)


@pytest.fixture
async def desk(store_at: str, public: str | None, most: int) -> AsyncIterator[Desk]:
    listening = listen("127.0.0.1", 0)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 14)
    web = WebServer(Door(TOKEN, 8470, public), store_at, language="en", most=most)
    async with running(web, listening), ClientSession(connector=narrow()) as client:
        yield Desk(f"http://127.0.0.1:{listening.getsockname()[1]}", client)


async def painted(tab: ClientWebSocketResponse, text: str) -> str:
    """Read what is painted until a text is there; gives all of it as it came."""
    came = ""
    async with asyncio.timeout(30):
        while text not in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", came):
            message = await tab.receive()
            assert message.type is WSMsgType.BINARY, (message, came)
            came += message.data.decode()
    return came


async def test_only_who_has_the_token_comes_in_and_is_known_afterwards(desk: Desk) -> None:
    for path in ("/", "/?token=", "/?token=wrong", "/?token=%ff%d0%96", "/static/page.js", "/ws", "/no-such-thing"):
        status, text, headers = await desk.get(path)
        assert status == 403, path
        assert "Доступ закрыт" in text
        assert "Refused" in text
        assert "Set-Cookie" not in headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
    status, page, headers = await desk.get(f"/?token={TOKEN}")
    assert status == 200
    assert TOKEN not in page
    cookie = headers["Set-Cookie"]
    assert TOKEN not in cookie
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    known = {"Cookie": cookie.partition(";")[0]}
    for path in ("/", *(f"/static/{name}" for name in server.ASSETS)):
        status, _, headers = await desk.get(path, **known)
        assert status == 200, path
        assert headers["X-Content-Type-Options"] == "nosniff"
    for path in ("/static/", "/static/page.html", "/static/..%2f..%2fserver.py", "/download/x"):
        assert (await desk.get(path, **known))[0] == 404, path
    assert (await desk.get("/?token=wrong", **known))[0] == 403


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8470", "127.0.0.1.evil.example", "desk.example.org", "[", ""]
)
async def test_a_name_of_somebody_elses_that_leads_here_is_refused(desk: Desk, host: str) -> None:
    status, text, _ = await desk.get(f"/?token={TOKEN}", Host=host)
    assert status in {400, 403}
    assert status == 400 or "--public-url" in text


@pytest.mark.parametrize("host", ["localhost:9000", "[::1]:8470", "127.0.0.1", "LOCALHOST:1"])
async def test_names_of_this_machine_do_on_any_port(desk: Desk, host: str) -> None:
    assert (await desk.get(f"/?token={TOKEN}", Host=host, Origin=f"http://{host}"))[0] == 200


@pytest.mark.parametrize("origin", [None, FOREIGN, "null", "http://127.0.0.1:1", "https://OUR"])
async def test_a_page_of_somebody_elses_cannot_open_a_console(desk: Desk, origin: str | None) -> None:
    headers = await desk.come_in()
    del headers["Origin"]
    if origin is not None:
        headers["Origin"] = origin.replace("OUR", desk.origin.removeprefix("http://"))
    with pytest.raises(WSServerHandshakeError) as refused:
        await desk.tab(headers)
    assert refused.value.status == 403


async def test_a_console_needs_the_cookie(desk: Desk) -> None:
    headers = await desk.come_in()
    for cookie in ("", "vestnik_8470=wrong", f"vestnik_8470={TOKEN}"):
        with pytest.raises(WSServerHandshakeError) as refused:
            await desk.tab(headers | {"Cookie": cookie})
        assert refused.value.status == 403


@pytest.mark.parametrize("public", [PUBLIC])
async def test_behind_a_proxy_the_public_address_is_ours_too(desk: Desk, public: str) -> None:
    there = {"Origin": "https://desk.example.org"}
    for host in ("desk.example.org", "127.0.0.1:8470"):  # as it came, and as nginx sends it by itself
        status, _, headers = await desk.get(f"/?token={TOKEN}", Host=host, **there)
        assert status == 200
        assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/console/"} <= set(headers["Set-Cookie"].split("; "))
    for headers in ({"Host": "desk.example.org.evil.example"}, {"Host": "desk.example.org", "Origin": FOREIGN}):
        assert (await desk.get(f"/?token={TOKEN}", **headers))[0] == 403
    plain = {"Host": "desk.example.org", "Origin": "http://desk.example.org"}
    assert (await desk.get(f"/?token={TOKEN}", **plain))[0] == 403


@pytest.mark.parametrize("most", [1])
async def test_consoles_come_and_go_with_their_tabs(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "PLACE_WITHIN_S", 0.2)
    monkeypatch.setattr(console_process, "END_WITHIN_S", 0.5)
    headers = await desk.come_in()
    first = await desk.tab(headers)
    await painted(first, "Nothing has happened yet")
    second = await desk.tab(headers)
    await painted(second, "Too many consoles")
    assert (await second.receive()).data == WSCloseCode.TRY_AGAIN_LATER
    processes = desk.processes
    assert processes
    monkeypatch.setattr(server, "PLACE_WITHIN_S", 30)
    await first.close()
    third = await desk.tab(headers)  # it waits for the place of the first
    await painted(third, "Nothing has happened yet")
    assert not alive(processes[:1]), "two consoles at once"
    await until(lambda: not alive(processes), "a dispatcher outlives its console")
    os.kill(desk.processes[0], signal.SIGSTOP)
    await third.close()
    await until(lambda: not desk.processes, "a console that hangs is not ended")


@pytest.mark.parametrize("most", [1])
async def test_the_console_of_a_browser_that_takes_nothing_any_more_ends(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "HEARTBEAT_S", 2)
    headers = await desk.come_in()
    tab = await desk.tab(headers)
    await painted(tab, "Nothing has happened yet")
    processes = desk.processes
    for number in range(40):  # each is painted whole, far more than the network holds
        await tab.send_json(["resize", {"width": 300 + number % 2, "height": 100}])
    await until(lambda: not alive(processes), "a console goes on for nobody")
    await tab.close()
    await painted(await desk.tab(headers), "Nothing has happened yet")


async def test_what_no_page_of_ours_says_ends_the_connection(desk: Desk) -> None:
    headers = await desk.come_in()
    for words in ("[]", "nonsense", '["stdin", 1]', '["resize", {"width": "x"}]', '["run", "rm"]', "[" * 100_000):
        tab = await desk.tab(headers)
        await tab.send_str(words)
        async with asyncio.timeout(30):
            while (await tab.receive()).type is WSMsgType.BINARY:
                pass
        assert tab.closed


async def test_a_console_in_a_browser_neither_calls_nor_saves_files(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "vestnik").mkdir()
    wishes = {"bell": ["dead"], "title": ["dead"], "desktop": ["dead"], "kind": "osc777"}
    (tmp_path / "vestnik" / "calls.json").write_text(json.dumps(wishes))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    tab = await desk.tab(await desk.come_in())
    came = await painted(tab, "Nothing has happened yet")
    await tab.send_json(["stdin", ""])
    for keys, seen in (
        ("9", "Dispatchers"),
        ("\x1b[20~", "Call me while"),  # F9
        ("\x1b[17~", "nothing to call by"),  # F6, a trial of all three ways
        ("\x1b", "Dispatchers"),
        ("\x10", "Search for"),  # Ctrl+P, the palette
        ("screenshot", "Save an SVG"),
        ("\r", "Failed to save"),
    ):
        await tab.send_json(["stdin", keys])
        came += await painted(tab, seen)
    shapes = {"\x1b]22;default\x07", "\x1b]22;text\x07"}  # of the pointer, by the framework
    assert set(re.findall(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)", came)) <= shapes
    assert came.count("\x07") == sum(map(came.count, shapes))
    await tab.close()


async def test_why_a_console_did_not_open_is_said_in_its_tab(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "vestnik.db").write_bytes(b"no database" * 1000)
    tab = await desk.tab(await desk.come_in())
    await painted(tab, "vestnik.db")


async def test_nothing_outlives_a_server_that_is_killed_and_nobody_learns_its_token(
    store_at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VESTNIK_WEB_TOKEN", TOKEN)
    with serving(store_at) as served:
        assert TOKEN not in served.url
        async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as client:  # which takes cookies from numbers
            await (await client.get(served.address, params={"token": TOKEN})).read()
            origin = {"Origin": served.address.rstrip("/")}
            async with client.ws_connect(f"{served.address}ws", headers=origin) as tab:
                await painted(tab, "Лента")
                await until(lambda: len(served.below()) > 1, "the console starts no dispatcher")
                processes = served.below()
                assert [pid for pid in processes if TOKEN in said_to(pid)] == []
                served.process.kill()
                await until(lambda: not alive(processes), "a console outlives its server")
