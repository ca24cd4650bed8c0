"""Servers for the doctor: mail servers that answer as they are told, with any certificate, and things that are none."""

import asyncio
import base64
import socket
import ssl
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Mode = Literal["none", "tls", "ssl"]
HANG_UP = "\x00"
"""As an answer: close the connection without a word."""
SILENCE = "\x01"
"""As an answer: none."""


@dataclass
class Scripted:
    """A mail server that answers each verb as it is told, else as a good one would; on the loop of the test.

    Attributes:
        answers: By verb; `` is the greeting, `AUTH.` the end of a login, `.` the end of a letter.
        offers: Extensions; STARTTLS is added where there is one.
        mode: `tls` offers STARTTLS; `ssl` speaks TLS from the first byte.
        log: Every line that came, `.` for a letter.
        silent: Set when a client is kept waiting for good.
        left: Set when such a client has hung up.
    """

    answers: dict[str, str] = field(default_factory=dict[str, str])
    offers: tuple[str, ...] = ("PIPELINING", "SIZE 10240000", "8BITMIME", "SMTPUTF8", "AUTH PLAIN LOGIN")
    mode: Mode = "none"
    context: ssl.SSLContext | None = None
    log: list[str] = field(default_factory=list[str])

    async def __aenter__(self) -> Self:
        self._tasks: set[asyncio.Task[None]] = set()
        self.silent, self.left = asyncio.Event(), asyncio.Event()
        context = self.context if self.mode == "ssl" else None
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            if await self._say(reader, writer, self.answers.get("", "220 mx.test ESMTP")):
                await self._talk(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client does not like us, which is what many tests are about
        finally:
            writer.transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        secure = False
        while line := await reader.readline():
            command = line.decode("utf-8", "replace").rstrip("\r\n")
            self.log.append(command)
            verb = command.split(" ")[0].upper()
            usual = {"DATA": "354 go on", "QUIT": "221 bye", "STARTTLS": "220 go on"}.get(verb, "250 2.0.0 ok")
            if verb == "EHLO":
                usual = self._extensions(secure=secure)
            if verb == "AUTH":
                await self._challenge(command, reader, writer)
                verb, usual = "AUTH.", "235 2.7.0 welcome"
            answer = self.answers.get(verb, usual)
            if not await self._say(reader, writer, answer) or verb == "QUIT":
                return
            if verb == "STARTTLS" and answer.startswith("220"):
                assert self.context is not None
                await writer.start_tls(self.context)
                secure = True
            if verb == "DATA" and answer.startswith("354"):
                while (await reader.readline()) not in {b".\r\n", b""}:
                    pass
                self.log.append(".")
                await self._say(reader, writer, self.answers.get(".", "250 2.0.0 queued"))

    def _extensions(self, *, secure: bool) -> str:
        offers = [*self.offers, *(["STARTTLS"] if self.mode == "tls" and not secure else [])]
        lines = ["mx.test", *offers]
        return "\r\n".join(f"250{' ' if place == len(lines) else '-'}{one}" for place, one in enumerate(lines, 1))

    async def _challenge(self, command: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mechanism = command.split(" ")[1].upper()
        challenges = {"LOGIN": b"Password:", "CRAM-MD5": b"<1@mx.test>"}
        if mechanism in challenges:
            await self._say(reader, writer, f"334 {base64.b64encode(challenges[mechanism]).decode()}")
            self.log.append((await reader.readline()).decode().rstrip())

    async def _say(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: str) -> bool:
        if answer == HANG_UP:
            return False
        if answer == SILENCE:
            self.silent.set()
            await reader.read()
            self.left.set()
            return False
        writer.write(answer.encode() + b"\r\n")
        await writer.drain()
        return True


@asynccontextmanager
async def web_page() -> AsyncGenerator[int]:
    """A web server in clear text."""
    talks: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.append(writer)
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in talks:
            writer.transport.abort()


@contextmanager
def refusing_handshakes(context: ssl.SSLContext) -> Generator[int]:
    """A port whose handshakes fail, and say why: asyncio's servers close before the alert has left."""

    def serve() -> None:
        try:
            while True:
                with listening.accept()[0] as client:
                    client.settimeout(5)
                    with suppress(OSError), context.wrap_socket(client, server_side=True) as talking:
                        talking.recv(100)
        except OSError:
            pass  # closed

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(5)


@contextmanager
def no_farewell(context: ssl.SSLContext) -> Generator[int]:
    """A port that offers STARTTLS, shakes hands once, and answers to nothing more; not to TLS's farewell either."""
    ended = threading.Event()

    def serve() -> None:
        with listening.accept()[0] as client, client.makefile("rb") as lines:
            client.sendall(b"220 at your service\r\n")
            for line in lines:
                client.sendall(b"220 go ahead\r\n" if line == b"STARTTLS\r\n" else b"250-here\r\n250 STARTTLS\r\n")
                if line == b"STARTTLS\r\n":
                    break
            with context.wrap_socket(client, server_side=True):
                ended.wait(5)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            ended.set()
            thread.join(5)


@contextmanager
def closed_port() -> Generator[int]:
    """A port that nobody listens on."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@contextmanager
def silent_port() -> Generator[int]:
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@contextmanager
def swallowing_port() -> Generator[int]:
    """A port that answers to nothing, as behind a firewall: its queue of connections is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listening:
        place = listening.getsockname()
        waiting: list[socket.socket] = []
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(place)
            waiting.append(one)
        try:
            yield place[1]
        finally:
            for one in waiting:
                one.close()


class Authorities:
    """Certificates good and bad."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = trustme.CA(organization_name="Own Authority")
        self.ca_file = self._write("ca.pem", self.authority.cert_pem.bytes())
        self.other_ca_file = self._write("other.pem", trustme.CA().cert_pem.bytes())
        self.not_pem = self._write("not.pem", b"no certificate")

    def shown(self, kind: str) -> dict[str, str]:
        """The files of a certificate of the client's: `good`, or what is wrong with it."""
        now, usual = datetime.now(UTC), self.authority
        ends = {"expired": timedelta(days=-2), "soon": timedelta(days=5, hours=1)}.get(kind)
        begins = now + (timedelta(days=2) if kind == "early" else -timedelta(days=30))
        issuer = trustme.CA() if kind == "strange" else usual
        leaf = issuer.issue_cert("robot.example.org", not_before=begins, not_after=now + ends if ends else None)
        key = leaf.private_key_pem.bytes()
        if kind == "other key":
            key = usual.issue_cert("another.example.org").private_key_pem.bytes()
        if kind == "locked":
            private = serialization.load_pem_private_key(key, None)
            lock = serialization.BestAvailableEncryption(b"passphrase")
            key = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)
        files = {
            "client_cert": self._write(f"{kind}.pem", leaf.cert_chain_pems[0].bytes()),
            "client_key": self._write(f"{kind}.key", key),
        }
        changes = {
            "none": ("client_cert", str(self.folder / "nothing.pem")),
            "no certificate": ("client_cert", self.not_pem),
            "no key file": ("client_key", str(self.folder / "nothing.key")),
            "no key": ("client_key", self.not_pem),
            "certificate alone": ("client_key", ""),
        }
        return files | dict([changes[kind]] if kind in changes else [])

    def _write(self, name: str, content: bytes) -> str:
        file = self.folder / name
        file.write_bytes(content)
        return str(file)

    def issued(
        self, *names: str, begins: timedelta = -timedelta(days=9), ends: timedelta | None = None
    ) -> ssl.SSLContext:
        """A certificate of the authority's, valid from and until so long from now."""
        now = datetime.now(UTC)
        leaf = self.authority.issue_cert(
            *(names or ("localhost",)), not_before=now + begins, not_after=now + ends if ends is not None else None
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        leaf.configure_cert(context)
        return context

    def through_another(self) -> ssl.SSLContext:
        """A certificate of an authority that the authority vouches for, with the whole chain."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.create_child_ca().issue_cert("localhost").configure_cert(context)
        return context

    def self_signed(self) -> ssl.SSLContext:
        """A certificate that vouches for itself; `self.own_file` holds it."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.corp.local")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=365))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .sign(key, hashes.SHA256())
        )
        self.fingerprint = certificate.fingerprint(hashes.SHA256()).hex(":").upper()
        own = certificate.public_bytes(serialization.Encoding.PEM)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self.own_file = self._write("self.pem", own)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._write("self-and-key.pem", own + private))
        return context

    def old(self) -> ssl.SSLContext:
        """A good certificate with a TLS of yesterday."""
        context = self.issued()
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")
        return context

    def demanding(self) -> ssl.SSLContext:
        """A good certificate, and it wants to see one too."""
        context = self.issued()
        context.verify_mode = ssl.CERT_REQUIRED
        self.authority.configure_trust(context)
        return context
