"""The server: the page, what belongs to it, and a console for each WebSocket."""

import asyncio
import contextlib
import json
import signal
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from html import escape
from importlib.resources import files
from pathlib import Path

from aiohttp import WSCloseCode, WSMsgType, web

from store.vocabulary import Language
from tui.texts import Texts
from tui.web.console_process import END_WITHIN_S, ConsoleProcess
from tui.web.door import HEADERS, Door

PLACE_WITHIN_S = 15.0
"""How long a tab waits for a place: one that was reloaded may still be ending."""
HEARTBEAT_S = 30.0
"""A browser that is silent for this long is gone."""
LARGEST_MESSAGE = 1 << 20
"""Bytes: what may be pasted at once."""
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
OURS = Path(str(files("tui.web"))) / "assets"
TERMINAL = Path(str(files("textual_serve"))) / "static"
ASSETS = {
    "page.js": ("text/javascript", OURS / "page.js"),
    "page.css": ("text/css", OURS / "page.css"),
    "icon.svg": ("image/svg+xml", OURS / "icon.svg"),
    "terminal.js": ("text/javascript", TERMINAL / "js/textual.js"),
    "terminal.css": ("text/css", TERMINAL / "css/xterm.css"),
    "mono.ttf": ("font/ttf", TERMINAL / "fonts/RobotoMono-VariableFont_wght.ttf"),
    "mono-italic.ttf": ("font/ttf", TERMINAL / "fonts/RobotoMono-Italic-VariableFont_wght.ttf"),
}
"""What the page loads: type, file. Nothing else is served, and nothing is fetched from elsewhere."""


def both(key: str, break_: str = "\n") -> str:
    """A text in both languages: who looks at it has not chosen one yet."""
    return break_.join(Texts(language)(key) for language in Language)


class WebServer:
    """Serves consoles to browsers.

    Args:
        door: Who may come in.
        store_url: The store the consoles work on.
        language: Theirs; the company's by default.
        most: Consoles at once.
    """

    def __init__(self, door: Door, store_url: str, *, language: str | None = None, most: int = 8) -> None:
        self._door = door
        self._store_url = store_url
        self._language = language
        self._places = asyncio.Semaphore(most)
        self._tabs: dict[web.WebSocketResponse, asyncio.Future[None]] = {}
        self._page = _page()

    def application(self) -> web.Application:
        """The aiohttp application."""
        application = web.Application(middlewares=[self._guard])
        application.on_response_prepare.append(_forbid)
        application.on_shutdown.append(self._end_all)
        application.router.add_get("/", self._show_page)
        application.router.add_get("/static/{name}", self._show_asset)
        application.router.add_get("/ws", self._serve_tab)
        return application

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        refusal = self._door.refusal(request)
        if refusal is not None:
            return web.Response(status=403, text=both(refusal) + "\n")
        return await handler(request)

    async def _show_page(self, request: web.Request) -> web.Response:
        response = web.Response(text=self._page, content_type="text/html")
        self._door.welcome(request, response)
        return response

    async def _show_asset(self, request: web.Request) -> web.StreamResponse:
        if request.match_info["name"] not in ASSETS:
            raise web.HTTPNotFound
        kind, path = ASSETS[request.match_info["name"]]
        return web.FileResponse(path, headers={"Content-Type": kind})

    async def _serve_tab(self, request: web.Request) -> web.WebSocketResponse:
        """A tab: its console starts with it and ends with it."""
        tab = web.WebSocketResponse(heartbeat=HEARTBEAT_S, timeout=2, max_msg_size=LARGEST_MESSAGE)
        await tab.prepare(request)
        ended = self._tabs[tab] = asyncio.get_running_loop().create_future()
        try:
            try:
                async with asyncio.timeout(PLACE_WITHIN_S):
                    await self._places.acquire()
            except TimeoutError:
                with contextlib.suppress(ConnectionError):
                    await _last_words(tab, both("web.full"), WSCloseCode.TRY_AGAIN_LATER)
                return tab
            try:
                await self._run_console(tab, _number(request, "width", 80), _number(request, "height", 24))
            finally:
                self._places.release()
        finally:
            del self._tabs[tab]
            ended.set_result(None)
        return tab

    async def _run_console(self, tab: web.WebSocketResponse, width: int, height: int) -> None:
        console = ConsoleProcess(self._store_url, self._language)
        await console.start(width, height)

        async def paint() -> None:
            with contextlib.suppress(ConnectionError):
                code = await console.paint(tab.send_bytes)
                await _last_words(tab, console.last_words if code else "", WSCloseCode.OK)

        painting = asyncio.create_task(paint())
        try:
            await _read(tab, console)
        finally:
            # It may be waiting for a browser that takes nothing any more.
            painting.cancel()
            await asyncio.wait([painting])
            await console.stop()

    async def _end_all(self, _application: web.Application) -> None:
        """Close every tab and wait for its console."""
        tabs = dict(self._tabs)
        await asyncio.gather(*(tab.close(code=WSCloseCode.GOING_AWAY) for tab in tabs))
        if tabs:
            await asyncio.wait(tabs.values())


async def _read(tab: web.WebSocketResponse, console: ConsoleProcess) -> None:
    """Hand on what is typed and clicked until the tab is closed, or says what its page would not."""
    async for message in tab:
        if message.type is not WSMsgType.TEXT:
            break
        try:
            match json.loads(message.data):
                case ["stdin", str(text)]:
                    console.type_in(text)
                case ["resize", {"width": int(width), "height": int(height)}]:
                    console.resize(width, height)
                case ["focus" | "blur" as what, *_]:
                    console.focus(gained=what == "focus")
                case ["ping", str(stamp)]:
                    await tab.send_json(["pong", stamp[:32]])
                case _:
                    break
        except (ValueError, RecursionError, BufferError, ConnectionError):
            break
    await tab.close()


async def _last_words(tab: web.WebSocketResponse, words: str, code: int) -> None:
    """Say why there is no console any more, in the terminal, and close the tab's connection.

    Raises:
        ConnectionError: The browser is gone.
    """
    if words:
        text = words.replace("\n", "\r\n")
        await tab.send_bytes(f"\x1b[0m\x1b[2J\x1b[H\r\n{text}\r\n".encode())
    await tab.close(code=code)


async def _forbid(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


def _number(request: web.Request, name: str, otherwise: int) -> int:
    try:
        return int(request.query.get(name, otherwise))
    except ValueError:
        return otherwise


def _page() -> str:
    text = (OURS / "page.html").read_text("utf-8")
    for key in ("web.opening", "web.ended", "web.again"):
        text = text.replace(f"{{{key}}}", escape(both(key, " · ")))
    return text


def listen(host: str, port: int) -> socket.socket:
    """Listen at an address; port 0 is any free one.

    Raises:
        OSError: It is taken, or not ours.
    """
    return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)


@contextlib.asynccontextmanager
async def running(server: WebServer, listening: socket.socket) -> AsyncGenerator[None]:
    """Serve meanwhile; every console has ended afterwards."""
    runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=END_WITHIN_S + 5)
    await runner.setup()
    try:
        await web.SockSite(runner, listening).start()
        yield
    finally:
        await runner.cleanup()


async def serve(server: WebServer, listening: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until a signal ends it."""
    over = asyncio.Event()
    for number in ENDING:
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    async with running(server, listening):
        ready()
        await over.wait()
