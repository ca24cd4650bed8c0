"""A real HTTPS server on loopback for tests: keeps what it is asked, and can misbehave in every way a server can."""

import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal, Self, cast

import trustme

Silence = Literal["", "drop", "hang", "drip"]


@lru_cache(maxsize=1)
def authority() -> trustme.CA:
    """The certificate authority of all test servers: making one takes longer than a test."""
    return trustme.CA()


@dataclass(frozen=True)
class Hit:
    """A request as it came. `connection` is shared by all requests of one connection."""

    method: str
    path: str
    headers: Message
    body: bytes
    connection: dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What a request gets.

    Attributes:
        silence: Instead of an answer: `drop` closes the connection, `hang` says nothing until the server ends,
            `drip` sends a header that never ends.
    """

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    silence: Silence = ""


@dataclass
class HttpsServer:
    """Runs in threads of its own while the `with` block lasts.

    Attributes:
        folder: Where the CA file is written.
        answers: What the next requests of interest get, whatever they are.
        client_ca: With it, clients must show a certificate of this authority.
        reading: Set when such a request was read.
        demands: Wants to see a certificate of the authority.
        name: Whose certificate it has; another than `localhost` has to be led here by the test.
    """

    folder: Path
    answers: list[Answer] = field(default_factory=list[Answer])
    client_ca: trustme.CA | None = None
    hits: list[Hit] = field(default_factory=list[Hit])
    reading: threading.Event = field(default_factory=threading.Event)
    ending: threading.Event = field(default_factory=threading.Event)
    name: str = "localhost"
    demands: bool = False

    def __enter__(self) -> Self:
        authority().cert_pem.write_to_path(str(self.folder / "ca.pem"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority().issue_cert(self.name).configure_cert(context)
        if self.demands:
            context.verify_mode = ssl.CERT_REQUIRED
            authority().configure_trust(context)
        if self.client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            self.client_ca.configure_trust(context)
        self._server = _Server(self, context)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ending.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    @property
    def ca_file(self) -> str:
        """The certificate authority to trust."""
        return str(self.folder / "ca.pem")

    @property
    def host(self) -> str:
        """Name and port."""
        return f"{self.name}:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """The server without a path."""
        return f"https://{self.host}"

    def respond(self, hit: Hit) -> Answer:
        """What a request gets; subclasses know."""
        raise NotImplementedError


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, owner: HttpsServer, context: ssl.SSLContext) -> None:
        self.owner = owner
        self._context = context
        super().__init__(("127.0.0.1", 0), _Handler)

    def get_request(self) -> tuple[Any, Any]:
        sock, address = super().get_request()
        # The handshake happens in the handler's thread, on its first read.
        return self._context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.state: dict[str, Any] = {}

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the library's
        """Say nothing."""

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        owner = cast("_Server", self.server).owner
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        hit = Hit(self.command, self.path, self.headers, body, self.state)
        owner.hits.append(hit)
        answer = owner.respond(hit)
        if answer.silence:
            self._misbehave(answer.silence, owner)
            return
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
            if name.lower() == "connection" and value == "close":
                self.close_connection = True
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def _misbehave(self, silence: Silence, owner: HttpsServer) -> None:
        self.close_connection = True
        if silence == "hang":
            owner.ending.wait(20)
        with suppress(OSError):
            while silence == "drip" and not owner.ending.wait(0.05):
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Drip: 1" if "dripped" not in self.state else b"1")
                self.wfile.flush()
                self.state["dripped"] = True
