"""The steps over HTTPS: Exchange Web Services and Microsoft Graph."""

import asyncio
import contextlib
import socket
import ssl
from urllib.parse import urlsplit

from dispatch.channels.ews import endpoint_of
from dispatch.channels.graph import base_of
from dispatch.doctor import encrypted, guess, network
from dispatch.doctor.grant import Grant
from dispatch.doctor.login import Work
from dispatch.doctor.mailbox import Mailbox
from dispatch.doctor.retirement import retirements
from dispatch.doctor.steps import FaultError, Found
from dispatch.doctor.visit import Visit
from store.cards import MailConnection, Sending
from store.connection_checks import is_exchange_online
from store.vocabulary import Protocol

MAX_HEAD = 64 * 1024
UNAUTHORIZED, FORBIDDEN, SERVER_ERROR = 401, 403, 500
_PASSWORD_SCHEMES = {"basic", "ntlm", "negotiate"}


class WebExamination:
    """One connection over HTTPS, taken from its name to a letter."""

    def __init__(self, visit: Visit, card: MailConnection, secret: str, sending: Sending, to: str | None) -> None:
        self._visit = visit
        self._card = card
        self._to = to
        self._grant = Grant(card, secret, visit) if card.oauth2 else None
        self._mailbox = Mailbox(visit, card, secret, sending, to, self._grant)
        self._url = self._endpoint()
        parts = urlsplit(self._url)
        self._host, self._port = parts.hostname or card.server, parts.port or 443
        self._addresses: list[network.Address] = []
        self._address: network.Address | None = None
        self._socket: socket.socket | None = None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    def steps(self) -> list[tuple[str, Work]]:
        """The steps in order."""
        steps: list[tuple[str, Work]] = [
            ("name", self._name), ("connect", self._connect), ("tls", self._tls), ("endpoint", self._ask),
        ]  # fmt: skip
        if self._grant is not None:
            steps.append(("token", self._grant.step))
        steps += [("authentication", self._mailbox.authentication), ("sender", self._mailbox.sender)]
        return [*steps, ("letter", self._mailbox.letter)] if self._to is not None else steps

    async def close(self, *, politely: bool) -> None:
        """Let go."""
        del politely
        if self._writer is not None:
            self._writer.transport.abort()
        if self._socket is not None:
            self._socket.close()

    def _endpoint(self) -> str:
        if self._card.protocol is Protocol.GRAPH:
            return f"{base_of(self._card.server)}/v1.0/users"
        return endpoint_of(self._card.server)

    async def _name(self) -> Found:
        self._addresses = await network.resolve(self._host, self._port, self._visit.limits.answer_s)
        return network.told(self._host, self._addresses)

    async def _connect(self) -> Found:
        limit_s = self._visit.limits.answer_s
        self._socket, self._address, warnings = await network.open_socket(self._addresses, limit_s)
        return Found(f"{self._address}, {self._port}", warnings)

    async def _again(self) -> socket.socket:
        assert self._address is not None  # noqa: S101 - `_connect` found it
        connected, _, _ = await network.open_socket([self._address], guess.GLANCE_S)
        return connected

    async def _tls(self) -> Found:
        context = encrypted.context_of(self._card)
        connected, self._socket = self._socket, None
        try:
            self._reader, self._writer = await asyncio.open_connection(
                sock=connected, ssl=context, server_hostname=self._host, limit=MAX_HEAD,
                ssl_handshake_timeout=self._visit.limits.answer_s,
            )  # fmt: skip
        except OSError as error:
            transcript = self._visit.transcript
            raise await encrypted.handshake_fault(error, self._card, self._host, self._again, transcript) from None
        tls = self._writer.get_extra_info("ssl_object")
        return await encrypted.settled(tls, self._card, self._host, self._again, self._visit.transcript)

    async def _ask(self) -> Found:
        """Ask without a password: the refusal tells whether it is the right place."""
        parts = urlsplit(self._url)
        request = (
            f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUser-Agent: Vestnik\r\nConnection: close\r\n\r\n"
        )
        assert self._reader is not None  # noqa: S101 - `_tls` opened it
        assert self._writer is not None  # noqa: S101 - `_tls` opened it
        self._visit.transcript.client(request.rstrip().encode())
        try:
            async with asyncio.timeout(self._visit.limits.answer_s):
                self._writer.write(request.encode())
                head = await self._reader.readuntil(b"\r\n\r\n")
        except TimeoutError:
            raise FaultError("silent", "no answer to an HTTP request", field="server") from None
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise await self._unanswered(error) from None
        self._visit.transcript.server(head)
        status, headers = _parsed(head)
        body = b""
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(guess.GLANCE_S):
                body = await self._reader.read(MAX_HEAD)
        return self._verdict(status, headers, body)

    async def _unanswered(self, error: Exception) -> FaultError:
        """No answer: what is there speaks TLS and no HTTP, or wants to see a certificate, and may have said so."""
        if not isinstance(error, ssl.SSLError):
            # What it said is lost when it hung up before it had read our request.
            error = await guess.alert(self._again, self._host, encrypted.context_of(self._card)) or error
        fault = encrypted.own_certificate_fault(error, self._card) if isinstance(error, ssl.SSLError) else None
        return fault or FaultError("not_https", type(error).__name__)

    def _verdict(self, status: int, headers: list[tuple[str, str]], body: bytes) -> Found:
        schemes = [value.split(" ")[0] for name, value in headers if name == "www-authenticate"]
        told = f"HTTP {status}" + (f", {', '.join(schemes)}" if schemes else "")
        where = dict(headers).get("location", "")
        if where:
            raise FaultError("endpoint_moved", told, location=where)
        if status >= SERVER_ERROR:
            raise FaultError("endpoint_down", told)
        if self._card.protocol is Protocol.GRAPH:
            if status == UNAUTHORIZED and (b'"error"' in body or "Bearer" in schemes):
                return Found(told, retirements(self._card))
            raise FaultError("graph_endpoint", told)
        if status == FORBIDDEN:
            raise FaultError("ews_blocked" if is_exchange_online(self._url) else "endpoint_forbidden", told)
        if status != UNAUTHORIZED:
            raise FaultError("ews_endpoint", told)
        words = {scheme.lower() for scheme in schemes}
        if not self._card.oauth2 and not words & _PASSWORD_SCHEMES:
            remedy = "auth_oauth2_only" if "bearer" in words else "ews_no_password"
            raise FaultError(remedy, told, offered=", ".join(schemes) or "—")
        if self._card.oauth2 and words and "bearer" not in words:
            raise FaultError("no_oauth2", told, offered=", ".join(schemes))
        return Found(told, retirements(self._card))


def _parsed(head: bytes) -> tuple[int, list[tuple[str, str]]]:
    """The status and the headers of an answer, names in lower case.

    Raises:
        FaultError: It is no HTTP.
    """
    status, *lines = head.decode("latin-1").split("\r\n")
    words = status.split(" ")
    if not words[0].startswith("HTTP/") or len(words) < 2 or not words[1].isdigit():  # noqa: PLR2004 - version, status
        raise FaultError("not_https", status)
    pairs = (line.partition(":") for line in lines if ":" in line)
    return int(words[1]), [(name.strip().lower(), value.strip()) for name, _, value in pairs]
