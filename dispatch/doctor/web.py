"""The steps over HTTPS: Exchange Web Services and Microsoft Graph."""

import asyncio
import contextlib
import socket
from typing import Any
from urllib.parse import urlsplit

from dispatch.channels.ews import EwsSession, endpoint_of
from dispatch.channels.graph import GraphSession, base_of
from dispatch.channels.own_thread import in_own_thread
from dispatch.doctor import encrypted, guess, network
from dispatch.doctor.certificates import strict_context
from dispatch.doctor.login import Work
from dispatch.doctor.retirement import retirements
from dispatch.doctor.steps import FaultError, Found
from dispatch.doctor.trial_letter import trial_letter
from dispatch.doctor.visit import Visit
from dispatch.errors import DispatchError
from dispatch.remedies import REMEDIES
from dispatch.tokens import TokenProvider
from store.addresses import AddressError, envelope_address
from store.cards import MailConnection, Sending
from store.vocabulary import Protocol

MAX_HEAD = 64 * 1024
UNAUTHORIZED, FORBIDDEN, SERVER_ERROR = 401, 403, 500
_ONLINE = "outlook.office365.com"
_LOGIN = {"auth_failed", "auth_unavailable", "auth_password_expired"}
_SENDER = {"send_as_denied", "impersonation_denied", "access_denied", "mailbox_unknown", "mailbox_disabled"}


class WebExamination:
    """One connection over HTTPS, taken from its name to a letter."""

    def __init__(self, visit: Visit, card: MailConnection, secret: str, sending: Sending, to: str | None) -> None:
        self._visit = visit
        self._card = card
        self._secret = secret
        self._sending = sending
        self._to = to
        self._url = self._endpoint()
        parts = urlsplit(self._url)
        self._host, self._port = parts.hostname or card.server, parts.port or 443
        self._tokens = TokenProvider(card, secret, timeout_s=visit.limits.answer_s) if card.oauth2 else None
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
        if self._card.oauth2:
            steps.append(("token", self._token))
        steps.append(("sender", self._sender))
        return [*steps, ("letter", self._letter)] if self._to is not None else steps

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
        context = strict_context(self._card.ca_file)
        connected, self._socket = self._socket, None
        try:
            self._reader, self._writer = await asyncio.open_connection(
                sock=connected, ssl=context, server_hostname=self._host, limit=MAX_HEAD,
                ssl_handshake_timeout=self._visit.limits.answer_s,
            )  # fmt: skip
        except OSError as error:
            transcript = self._visit.transcript
            raise await encrypted.handshake_fault(error, self._card, self._host, self._again, transcript) from None
        return encrypted.settled(self._writer.get_extra_info("ssl_object"), self._visit.transcript)

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
            raise FaultError("not_https", type(error).__name__) from None
        self._visit.transcript.server(head)
        status, headers = _parsed(head)
        body = b""
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(guess.GLANCE_S):
                body = await self._reader.read(MAX_HEAD)
        return self._verdict(status, headers, body)

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
            raise FaultError("ews_blocked" if self._host == _ONLINE else "access_denied", told, login=self._card.login)
        if status != UNAUTHORIZED:
            raise FaultError("ews_endpoint", told)
        words = {scheme.lower() for scheme in schemes}
        if not self._card.oauth2 and not words & {"basic", "ntlm", "negotiate"}:
            raise FaultError("auth_oauth2_only", told, offered=", ".join(schemes) or "?")
        if self._card.oauth2 and words and "bearer" not in words:
            raise FaultError("no_oauth2", told, offered=", ".join(schemes))
        return Found(told, retirements(self._card))

    async def _token(self) -> Found:
        assert self._tokens is not None  # noqa: S101 - the step is there with OAuth2 only
        token = await self._blocking(self._tokens.token, "token")
        self._visit.transcript.hide(token)
        return Found(self._card.application_id)

    async def _sender(self) -> Found:
        missing = self._sending.missing
        if missing:
            raise FaultError("sending_parameters", ", ".join(missing), field=missing[0])
        try:
            return Found(envelope_address(self._sending.system_address))
        except AddressError as error:
            raise FaultError("bad_address", str(error), address=self._sending.system_address) from None

    async def _letter(self) -> Found:
        kind: Any = GraphSession if self._card.protocol is Protocol.GRAPH else EwsSession
        session = kind(
            self._card, self._secret, tokens=self._tokens,
            timeout_s=self._visit.limits.answer_s, total_s=self._visit.limits.total_s,
        )  # fmt: skip
        try:
            return Found(await session.send(trial_letter(self._card.name, self._sending, str(self._to))))
        except DispatchError as error:
            raise self._fault(error, "letter") from None
        finally:
            await session.close()

    async def _blocking(self, work: Any, step: str) -> Any:
        try:
            return await in_own_thread(work, self._visit.limits.total_s)
        except DispatchError as error:
            raise self._fault(error, step) from None

    def _fault(self, error: DispatchError, step: str) -> FaultError:
        """What a channel's refusal means here."""
        word = error.error_class
        if word.startswith("token_"):
            step, word = "token", word if word in REMEDIES else "token_refused"
        elif word == "auth_failed" and self._card.oauth2:
            step, word = "authentication", "token_refused"
        step = "authentication" if word in _LOGIN else "sender" if word in _SENDER else step
        field = "login" if word == "mailbox_unknown" else ""
        remedy = word if word in REMEDIES else "letter"
        params = {"address": self._sending.system_address, "login": self._card.login, "limit": "?"}
        return FaultError(remedy, error.answer, field=field, step=step, **params)


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
