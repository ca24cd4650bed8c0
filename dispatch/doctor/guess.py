"""What a port speaks that does not speak what we expect."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiosmtplib import SMTPException

from dispatch.doctor.certificates import Certificate, lenient_context, shown_by
from dispatch.doctor.dialogue import READY, Dialogue
from dispatch.doctor.steps import FaultError
from dispatch.transcript import Transcript
from store.vocabulary import Encryption

Connect = Callable[[], Awaitable[socket.socket]]
"""Opens one more connection to the same address."""
GLANCE_S = 3.0
T = TypeVar("T")


async def speaks_tls(connect: Connect, server: str) -> bool:
    """Whether the port answers to TLS from the first byte."""
    return await _glance(_certificates_from_first_byte(connect, server)) is not None


async def speaks_clear_smtp(connect: Connect, server: str) -> tuple[str, bool] | None:
    """The port's greeting in clear text and whether it offers STARTTLS; `None` when it is no SMTP."""
    return await _glance(_clear(connect, server))


async def certificates(connect: Connect, server: str, encryption: Encryption) -> list[Certificate]:
    """The certificates the server shows, whatever they are worth."""
    way = _certificates_from_first_byte if encryption is Encryption.SSL else _certificates_after_starttls
    return await _glance(way(connect, server)) or []


async def refusal(
    connect: Connect, server: str, encryption: Encryption, context: ssl.SSLContext
) -> ssl.SSLCertVerificationError | None:
    """What a context has against the server's certificate; `None` also when that could not be found out."""
    way = _certificates_from_first_byte if encryption is Encryption.SSL else _certificates_after_starttls
    try:
        await _glance(way(connect, server, context))
    except ssl.SSLCertVerificationError as error:
        return error
    return None


async def alert(connect: Connect, server: str, context: ssl.SSLContext) -> ssl.SSLError | None:
    """Why the server hangs up after a handshake, before anything has been asked; `None` when it does not say."""

    async def listen() -> None:
        reader, writer = await asyncio.open_connection(sock=await connect(), ssl=context, server_hostname=server)
        try:
            await reader.read(1)
        finally:
            writer.transport.abort()

    try:
        await asyncio.wait_for(listen(), GLANCE_S)
    except ssl.SSLError as error:
        return error
    except (FaultError, OSError):
        pass
    return None


async def _glance(work: Awaitable[T]) -> T | None:
    try:
        return await asyncio.wait_for(work, GLANCE_S)
    except ssl.SSLCertVerificationError:
        raise
    except (FaultError, SMTPException, OSError):
        return None


async def _certificates_from_first_byte(
    connect: Connect, server: str, context: ssl.SSLContext | None = None
) -> list[Certificate]:
    connected = await connect()
    transport, _ = await asyncio.get_running_loop().create_connection(
        asyncio.Protocol, sock=connected, ssl=context or lenient_context(), server_hostname=server,
        ssl_handshake_timeout=GLANCE_S,
    )  # fmt: skip
    try:
        return shown_by(transport.get_extra_info("ssl_object"))
    finally:
        transport.abort()


async def _certificates_after_starttls(
    connect: Connect, server: str, context: ssl.SSLContext | None = None
) -> list[Certificate]:
    dialogue = Dialogue(server, Transcript(), GLANCE_S)
    try:
        await dialogue.open(await connect(), None)
        await dialogue.greeting()
        await dialogue.starttls(tls_context=context or lenient_context(), server_hostname=server)
        return shown_by(dialogue.tls)
    finally:
        dialogue.abort()


async def _clear(connect: Connect, server: str) -> tuple[str, bool] | None:
    dialogue = Dialogue(server, Transcript(), GLANCE_S)
    try:
        await dialogue.open(await connect(), None)
        greeting = await dialogue.greeting()
        if greeting.code != READY:
            return None
        await dialogue.ehlo()
        return f"{greeting}", dialogue.supports_extension("starttls")
    finally:
        dialogue.abort()


def is_cleartext(error: ssl.SSLError) -> bool:
    """Whether what came instead of a handshake was no TLS at all."""
    return (error.reason or "") in {
        "WRONG_VERSION_NUMBER",
        "HTTP_REQUEST",
        "PACKET_LENGTH_TOO_LONG",
        "RECORD_LAYER_FAILURE",
    }
