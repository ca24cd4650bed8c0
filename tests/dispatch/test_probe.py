"""The port a monitoring system asks at, asked by hand: what it takes, what it refuses, whom it does not wait for."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from dispatch import probe
from dispatch.probe import Address, AddressError, Page, Pages, Probe, bind


async def hello() -> Page:
    return Page(b"hello\n", "text/plain")


async def broken() -> Page:
    raise RuntimeError("s3cret")


@asynccontextmanager
async def served(pages: Pages | None = None) -> AsyncGenerator[int]:
    listening = bind(Address.parse("127.0.0.1:0"))
    task = asyncio.create_task(Probe(listening, pages or {"/hello": hello, "/broken": broken}).run())
    try:
        yield listening.getsockname()[1]
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def ask(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    try:
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n", b"200 OK"),
        (b"GET /hello?x=1 HTTP/1.0\r\n\r\n", b"200 OK"),
        (b"GET / HTTP/1.1\r\n\r\n", b"404 Not Found"),
        (b"GET /../etc/passwd HTTP/1.1\r\n\r\n", b"404 Not Found"),
        (b"POST /hello HTTP/1.1\r\n\r\n", b"405 Method Not Allowed"),
        (b"GET http://evil.example.org/hello HTTP/1.1\r\n\r\n", b"400 Bad Request"),
        (b"GET /hello HTTP/2.0\r\n\r\n", b"400 Bad Request"),
        (b"GET /hello\x00 HTTP/1.1\r\n\r\n", b"400 Bad Request"),
        (b"\xff\xfe\x00\r\n\r\n", b"400 Bad Request"),
        (b"GET /hello HTTP/1.1\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", b"431 Request Header Fields Too Large"),
        (b"GET /broken HTTP/1.1\r\n\r\n", b"500 Internal Server Error"),
    ],
)
async def test_a_request_gets_its_answer(request_: bytes, status: bytes) -> None:
    async with served() as port:
        answer = await ask(port, request_)
    assert answer.startswith(b"HTTP/1.1 " + status + b"\r\n")
    assert b"s3cret" not in answer
    head, _, body = answer.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head


async def test_head_has_the_length_and_no_body() -> None:
    async with served() as port:
        answer = await ask(port, b"HEAD /hello HTTP/1.1\r\n\r\n")
    assert b"Content-Length: 6\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")


async def test_whoever_says_nothing_is_given_up_and_too_many_at_once_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(probe, "REQUEST_S", 0.3)
    monkeypatch.setattr(probe, "MOST_AT_ONCE", 3)
    async with served() as port:
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        assert await ask(port, b"GET /hello HTTP/1.1\r\n\r\n") == b""
        assert [await reader.read() for reader, _ in silent] == [b"", b"", b""]
        for _, writer in silent:
            writer.close()
        assert (await ask(port, b"GET /hello HTTP/1.1\r\n\r\n")).endswith(b"hello\n")


@pytest.mark.parametrize(
    ("text", "shown", "local"),
    [
        ("9464", "127.0.0.1:9464", True),
        ("localhost:1", "127.0.0.1:1", True),
        ("127.0.0.5:9464", "127.0.0.5:9464", True),
        ("[::1]:9464", "[::1]:9464", True),
        ("0.0.0.0:9464", "0.0.0.0:9464", False),
        ("[::]:9464", "[::]:9464", False),
        ("192.0.2.1:80", "192.0.2.1:80", False),
    ],
)
def test_an_address_is_read_and_known_to_be_local(text: str, shown: str, local: bool) -> None:
    address = Address.parse(text)
    assert (str(address), address.is_local) == (shown, local)


@pytest.mark.parametrize("text", ["", "127.0.0.1", "127.0.0.1:", "desk.example.org:80", "1:65536", "::1:x", "²"])
def test_what_is_no_address_is_refused_with_examples(text: str) -> None:
    with pytest.raises(AddressError, match=r"Examples: 127\.0\.0\.1:9464"):
        Address.parse(text)


def test_a_port_that_is_taken_is_refused_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        bind(Address.parse(f"127.0.0.1:{taken.getsockname()[1]}"))
