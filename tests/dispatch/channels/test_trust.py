"""Certificates: those a server must show, and those it wants to see."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from dispatch.channels.envelope import Envelope
from dispatch.channels.ews import EwsSession
from dispatch.channels.sessions import open_session
from dispatch.channels.trust import tls_context
from dispatch.errors import ConnectionDownError
from store.cards import MailConnection
from store.vocabulary import Encryption, Protocol
from tests.dispatch.channels.ews_server import EwsServer
from tests.mail_server import MailServer, Mode

ENVELOPE = Envelope(
    "robot@example.org", "olga@example.org", b"From: robot@example.org\r\nTo: olga@example.org\r\n\r\nbody\r\n"
)


@dataclass(frozen=True)
class Ours:
    """A client's certificate in files: alone, its key, and both in one."""

    authority: trustme.CA
    cert: str
    key: str
    both: str
    locked: str
    """The key behind a passphrase."""


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Ours:
    folder = tmp_path_factory.mktemp("client")
    authority = trustme.CA()
    issued = authority.issue_cert("vestnik.example.org")
    files = {name: folder / f"{name}.pem" for name in ("cert", "key", "both", "locked")}
    issued.cert_chain_pems[0].write_to_path(str(files["cert"]))
    issued.private_key_pem.write_to_path(str(files["key"]))
    issued.private_key_and_cert_chain_pem.write_to_path(str(files["both"]))
    key = load_pem_private_key(issued.private_key_pem.bytes(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"passphrase"))
    files["locked"].write_bytes(locked)
    return Ours(authority, **{name: str(path) for name, path in files.items()})


@pytest.fixture(params=["tls", "ssl"])
def strict(request: pytest.FixtureRequest, tmp_path: Path, ours: Ours) -> Iterator[MailServer]:
    """A mail server that wants to see a certificate."""
    mode: Mode = request.param
    with MailServer(tmp_path, mode, client_ca=ours.authority) as server:
        yield server


def card(server: MailServer, **fields: object) -> MailConnection:
    base = MailConnection(
        "main", "localhost", port=server.port, encryption=Encryption(server.mode), ca_file=server.ca_file
    )
    return replace(base, **fields)


async def send(connection: MailConnection, secret: str = "") -> str:
    session = open_session(connection, secret)
    try:
        return await session.send(ENVELOPE)
    finally:
        await session.close()


async def test_a_client_certificate_is_shown_over_smtp(strict: MailServer, ours: Ours) -> None:
    await send(card(strict, client_cert=ours.cert, client_key=ours.key))
    await send(card(strict, client_cert=ours.both))
    assert len(strict.letters) == 2


async def test_without_the_client_certificate_a_server_wants_the_connection_is_down(strict: MailServer) -> None:
    with pytest.raises(ConnectionDownError) as caught:
        await send(card(strict))
    assert caught.value.error_class in {"tls", "lost"}
    assert not caught.value.in_doubt
    assert strict.letters == []


@pytest.mark.parametrize("shown", [True, False], ids=["shown", "kept"])
async def test_a_client_certificate_is_shown_over_https(tmp_path: Path, ours: Ours, shown: bool) -> None:
    with EwsServer(tmp_path, password="pw", client_ca=ours.authority) as server:
        connection = MailConnection(
            "m", server.host, protocol=Protocol.EWS, port=None, login=server.login, ca_file=server.ca_file,
            client_cert=ours.both if shown else "",
        )  # fmt: skip
        session = EwsSession(connection, "pw", timeout_s=5)
        if shown:
            await session.send(ENVELOPE)
        else:
            with pytest.raises(ConnectionDownError):
                await session.send(ENVELOPE)
        assert len(server.letters) == shown


@pytest.mark.parametrize(
    ("cert", "key"),
    [("missing.pem", ""), ("cert", ""), ("cert", "locked"), ("key", "key")],
    ids=["no file", "no key", "passphrase", "no certificate"],
)
async def test_a_client_certificate_that_cannot_be_used_is_named(
    strict: MailServer, ours: Ours, cert: str, key: str
) -> None:
    files = [getattr(ours, name, name) if name else "" for name in (cert, key)]
    with pytest.raises(ConnectionDownError) as caught:
        await send(card(strict, client_cert=files[0], client_key=files[1]))
    assert caught.value.error_class == "client_cert"
    assert files[0] in caught.value.answer


@pytest.mark.parametrize("mode", ["tls", "ssl"])
async def test_a_strange_certificate_is_taken_only_when_that_is_said(tmp_path: Path, mode: Mode) -> None:
    with MailServer(tmp_path, mode, "robot", "pw", name="mail.example.net") as server:
        known = card(server, authentication=True, login="robot")
        for strange in (known, replace(known, ca_file="")):  # another name; an unknown authority
            with pytest.raises(ConnectionDownError) as caught:
                await send(strange, "pw")
            assert caught.value.error_class == "tls"
            assert server.logins == []
        await send(replace(known, ca_file="", insecure=True), "pw")
        assert len(server.letters) == 1


async def test_a_strange_certificate_over_https_is_taken_only_when_that_is_said(tmp_path: Path) -> None:
    with EwsServer(tmp_path, password="pw", name="mail.example.net") as server:
        place = server.host.replace(server.name, "localhost")
        known = MailConnection("m", place, protocol=Protocol.EWS, port=None, login=server.login)
        with pytest.raises(ConnectionDownError):
            await send(known, "pw")
        assert server.hits == []
        await send(replace(known, insecure=True), "pw")
        assert len(server.letters) == 1


def test_certificates_and_names_are_checked_unless_said_otherwise() -> None:
    checked = tls_context(MailConnection("m", "h"))
    assert (checked.check_hostname, checked.verify_mode.name) == (True, "CERT_REQUIRED")
