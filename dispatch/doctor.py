"""The connection doctor, first version: the connection step by step, the setting at fault and the remedy.

A login is tried once. Nothing is sent unless a recipient for a test letter is given.
"""

import asyncio
import secrets
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from dispatch.channels.envelope import Envelope
from dispatch.channels.smtp import SmtpSession
from dispatch.compose import to_html
from dispatch.errors import ConnectionDownError, DispatchError
from dispatch.letter import Head, encode_body, write_letter
from dispatch.remedies import FIELDS, STEPS
from store.addresses import envelope_address
from store.cards import MailConnection, Sending
from store.message_ids import message_id
from store.vocabulary import Encryption, Protocol

ORDER = ("name", "connect", "tls", "greeting", "authentication", "sender", "recipient", "letter")
STEP_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes:
        name: One of `ORDER`, or `protocol`.
        field: The setting at fault, empty when all is well.
        remedy: A key of `dispatch.remedies.REMEDIES`, empty when all is well.
    """

    name: str
    outcome: Literal["ok", "failed", "skipped", "warning"]
    detail: str = ""
    field: str = ""
    remedy: str = ""
    elapsed_ms: float = 0.0


def _failed(name: str, fault: str, detail: str, elapsed_ms: float = 0.0) -> Step:
    return Step(name, "failed", detail, FIELDS[fault], fault, elapsed_ms)


async def check(
    connection: MailConnection, secret: str, sending: Sending, to: str | None = None
) -> AsyncIterator[Step]:
    """Check a connection; ends with the first step that fails.

    `secret` is the password in clear; it appears in no step. With `to`, a test letter is sent to this address.
    """
    if connection.protocol is not Protocol.SMTP:
        yield _failed("protocol", "ews_later", connection.protocol.value)
        return
    begun = time.perf_counter()
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            connection.server, connection.port, type=socket.SOCK_STREAM
        )
    except OSError as error:
        yield _failed("name", "dns", str(error), _since(begun))
        return
    yield Step("name", "ok", ", ".join(sorted({str(one[4][0]) for one in found})), elapsed_ms=_since(begun))
    session = SmtpSession(connection, secret, timeout_s=STEP_TIMEOUT_S)
    try:
        async for step in _connected(session, connection):
            yield step
            if step.outcome == "failed":
                return
        async for step in _mail(session, connection, sending, to):
            yield step
    finally:
        await session.close()


async def _connected(session: SmtpSession, connection: MailConnection) -> AsyncIterator[Step]:
    """Connect, TLS, greeting and login: one call of the library, told apart by what failed."""
    begun = time.perf_counter()
    failed: Step | None = None
    try:
        await session.connect()
    except ConnectionDownError as error:
        fault = error.error_class
        if connection.encryption is Encryption.NONE and fault == "timeout":
            fault = "lost"  # a port that speaks TLS waits for us to begin
        failed = _failed(STEPS[fault], fault, error.answer, _since(begun))
    spent = _since(begun)
    for name in ORDER[1:5]:
        if failed is not None and failed.name == name:
            yield failed
            return
        encrypted, login = connection.encryption is not Encryption.NONE, connection.authentication
        skipped = (name == "tls" and not encrypted) or (name == "authentication" and not login)
        yield Step(name, "skipped" if skipped else "ok", elapsed_ms=0.0 if skipped else spent)


async def _mail(
    session: SmtpSession, connection: MailConnection, sending: Sending, to: str | None
) -> AsyncIterator[Step]:
    if sending.missing:
        yield _failed("sender", "sending_parameters", ", ".join(sending.missing))
        return
    sender = envelope_address(sending.system_address)
    begun = time.perf_counter()
    try:
        await session.probe(sender)
    except DispatchError as error:
        fault = "auth_required" if error.error_class == "auth_required" else "sender"
        yield _failed("sender", fault, error.answer, _since(begun))
        return
    yield Step("sender", "ok", sending.system_address, elapsed_ms=_since(begun))
    if to is None:
        return
    begun = time.perf_counter()
    try:
        await session.probe(sender, envelope_address(to))
    except DispatchError as error:
        yield _failed("recipient", "recipient", error.answer, _since(begun))
        return
    yield Step("recipient", "ok", to, elapsed_ms=_since(begun))
    begun = time.perf_counter()
    try:
        answer = await session.send(_letter(connection, sending, to))
    except DispatchError as error:
        yield _failed("letter", "letter", error.answer, _since(begun))
        return
    yield Step("letter", "ok", answer, elapsed_ms=_since(begun))


def _letter(connection: MailConnection, sending: Sending, to: str) -> Envelope:
    key, now = secrets.token_bytes(16), datetime.now(UTC)
    domain = envelope_address(sending.system_address).rpartition("@")[2]
    text = f"Проверка подключения «{connection.name}» прошла успешно.\n\nThe connection “{connection.name}” works."
    name = message_id(key, 0, domain)
    head = Head(sending.sender_name, sending.system_address, sending.support_address, "", to, now, name, name)
    body = encode_body("Vestnik: проверка почты / mail check", text, to_html(text, ""), sending.encoding)
    return Envelope(envelope_address(sending.system_address), envelope_address(to), write_letter(body, head))


def _since(begun: float) -> float:
    return (time.perf_counter() - begun) * 1000
