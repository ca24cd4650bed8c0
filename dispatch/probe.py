"""The port a monitoring system asks at: some HTTP/1.1, on the dispatcher's own event loop.

GET and HEAD of a few pages, one request a connection, with limits on size, time and number. A page is made when it is
asked for; nothing runs while nobody asks.
"""

import asyncio
import contextlib
import logging
import re
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import IPv4Address, IPv6Address, ip_address

DEFAULT_HOST = "127.0.0.1"
MAX_HEAD_BYTES = 8 * 1024
REQUEST_S = 5.0
"""A request that takes longer to come, or an answer to be taken, is given up."""
MOST_AT_ONCE = 16
MOST_UNREAD = 16
"""So many pieces of a request that nobody wants to read are taken all the same."""
BACKLOG = 32
LAST_PORT = 65_535
IPV6 = 6
_REQUEST = re.compile(rb"(?P<method>[A-Z]+) (?P<path>/[!->@-~]*)(\?[!-~]*)? HTTP/1\.[01]\r\n")
"""The first line (RFC 9112, section 3); a `?` and what follows it changes nothing."""
_log = logging.getLogger(__name__)


class AddressError(ValueError):
    """It is no address to listen at; says what one looks like."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen."""

    host: IPv4Address | IPv6Address
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """An address as it is written: `127.0.0.1:9464`, `[::1]:9464`, or the port alone.

        Raises:
            AddressError: It is none.
        """
        host, _, port = text.strip().rpartition(":")
        host = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
        host = DEFAULT_HOST if host in {"", "localhost"} else host
        wrong = AddressError(f"{text!r} is no address to listen at. Examples: 127.0.0.1:9464, [::1]:9464, 9464")
        if not (port.isascii() and port.isdecimal() and int(port) <= LAST_PORT):
            raise wrong
        try:
            return cls(ip_address(host), int(port))
        except ValueError as error:
            raise wrong from error

    @property
    def is_local(self) -> bool:
        """Whether it is reached from this machine alone."""
        return self.host.is_loopback

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if self.host.version == IPV6 else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Page:
    """An answer."""

    body: bytes
    kind: str
    status: HTTPStatus = HTTPStatus.OK


Pages = Mapping[str, Callable[[], Awaitable[Page]]]
"""By path."""


def bind(address: Address) -> socket.socket:
    """A socket that listens there; before a dispatcher starts, so that a port that is taken is told at once.

    Raises:
        OSError: The port is taken, or may not be had.
    """
    listening = socket.socket(socket.AF_INET6 if address.host.version == IPV6 else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # else one that starts again waits a minute
        listening.bind((str(address.host), address.port))
        listening.listen(BACKLOG)
        listening.settimeout(0)
    except BaseException:
        listening.close()
        raise
    return listening


class Probe:
    """Serves pages on a socket."""

    def __init__(self, listening: socket.socket, pages: Pages) -> None:
        self._listening = listening
        self._pages = pages
        self._at_once = 0

    async def run(self) -> None:
        """Serve until cancelled."""
        async with asyncio.TaskGroup() as group:

            def come(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                if self._at_once >= MOST_AT_ONCE:
                    writer.transport.abort()
                else:
                    group.create_task(self._serve(reader, writer))

            server = await asyncio.start_server(come, sock=self._listening, limit=MAX_HEAD_BYTES)
            try:
                await server.serve_forever()
            finally:
                server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._at_once += 1
        try:
            async with asyncio.timeout(REQUEST_S):
                method, page = await self._answer(reader)
                writer.write(_head(page) + (b"" if method == "HEAD" else page.body))
                await writer.drain()
                # Closed with something unread, the answer would be lost on its way.
                writer.write_eof()
                for _ in range(MOST_UNREAD):
                    if not await reader.read(MAX_HEAD_BYTES):
                        break
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            pass  # whoever asked has gone, or never said what he wanted
        finally:
            self._at_once -= 1
            with contextlib.suppress(OSError):
                writer.close()

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[str, Page]:
        """Read a request; gives its method and the answer."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            return "", _plain(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        request = _REQUEST.match(head)
        if request is None:
            return "", _plain(HTTPStatus.BAD_REQUEST)
        method, path = request["method"].decode("ascii"), request["path"].decode("ascii")
        if method not in {"GET", "HEAD"}:
            return method, _plain(HTTPStatus.METHOD_NOT_ALLOWED)
        return method, await self._page(path)

    async def _page(self, path: str) -> Page:
        make = self._pages.get(path)
        if make is None:
            return _plain(HTTPStatus.NOT_FOUND)
        try:
            return await make()
        except Exception:  # noqa: BLE001 - a page that cannot be made must not end the dispatcher
            _log.exception("the page %s cannot be made", path)
            return _plain(HTTPStatus.INTERNAL_SERVER_ERROR)


def _plain(status: HTTPStatus) -> Page:
    return Page(f"{status.value} {status.phrase}\n".encode(), "text/plain; charset=utf-8", status)


def _head(page: Page) -> bytes:
    lines = [
        f"HTTP/1.1 {page.status.value} {page.status.phrase}",
        f"Content-Type: {page.kind}",
        f"Content-Length: {len(page.body)}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        "Connection: close",
    ]
    if page.status is HTTPStatus.METHOD_NOT_ALLOWED:
        lines.append("Allow: GET, HEAD")
    return "\r\n".join([*lines, "", ""]).encode("ascii")
