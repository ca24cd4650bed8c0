"""A real SMTP server on loopback: clear text, STARTTLS or TLS, with or without AUTH; keeps what it is given."""

import asyncio
import logging
import ssl
import threading
import warnings
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Literal, Self, cast

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # what the server thinks of its settings is not our log
Mode = Literal["none", "tls", "ssl"]


@dataclass(frozen=True)
class Letter:
    """A letter as it arrived."""

    mail_from: str
    rcpt_to: str
    content: bytes

    @property
    def message(self) -> EmailMessage:
        """The letter, parsed."""
        parsed = message_from_bytes(self.content, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed


@dataclass
class MailServer:
    """Runs in a thread of its own while the `with` block lasts.

    Attributes:
        folder: Where the CA file is written.
        login: With `password`: AUTH is required.
        refused: Recipients with the answer they get.
        answers: Answers for the next letters, before any is accepted.
        delay_s: How long each letter is thought about before the answer.
        slow: Recipients a letter to whom is thought about for so many seconds more.
        client_ca: With it, clients must show a certificate of this authority.
        name: The name its certificate is for.
    """

    folder: Path
    mode: Mode = "none"
    login: str = ""
    password: str = ""
    refused: dict[str, str] = field(default_factory=dict[str, str])
    answers: list[str] = field(default_factory=list[str])
    delay_s: float = 0.0
    slow: dict[str, float] = field(default_factory=dict[str, float])
    client_ca: trustme.CA | None = None
    name: str = "localhost"
    letters: list[Letter] = field(default_factory=list[Letter])
    logins: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def __enter__(self) -> Self:
        self._sessions: list[SMTP] = []
        self.reading = threading.Event()
        self._context = self._tls() if self.mode != "none" else None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(5)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        async def end() -> None:
            self._server.close()
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            for session in self._sessions:
                if session.transport is not None:
                    cast("asyncio.Transport", session.transport).abort()
            await asyncio.sleep(0.05)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    @property
    def ca_file(self) -> str:
        """The certificate authority to trust."""
        return str(self.folder / "ca.pem") if self.mode != "none" else ""

    async def _listen(self) -> asyncio.Server:
        context = self._context if self.mode == "ssl" else None
        return await self._loop.create_server(self._session, "127.0.0.1", 0, ssl=context)

    def _session(self) -> SMTP:
        with warnings.catch_warnings():
            # aiosmtpd warns of AUTH without TLS, which is what some tests are about.
            warnings.simplefilter("ignore")
            session = self._make_session()
        self._sessions.append(session)
        return session

    def _make_session(self) -> SMTP:
        return SMTP(
            self,
            hostname="localhost",
            loop=self._loop,
            tls_context=self._context if self.mode == "tls" else None,
            require_starttls=self.mode == "tls",
            authenticator=self._check if self.login else None,
            auth_required=bool(self.login),
            auth_require_tls=False,
        )

    def _tls(self) -> ssl.SSLContext:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.folder / "ca.pem"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(self.name).configure_cert(context)
        if self.client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            self.client_ca.configure_trust(context)
        return context

    def _check(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        given = (data.login.decode(), data.password.decode())
        self.logins.append(given)
        return AuthResult(success=given == (self.login, self.password), handled=False)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd calls it so
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        """Refuse whom we are told to refuse."""
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Keep the letter, or give the next answer we are told to give."""
        self.reading.set()
        await asyncio.sleep(self.delay_s + sum(self.slow.get(to, 0.0) for to in envelope.rcpt_tos))
        if self.answers:
            return self.answers.pop(0)
        self.letters += [Letter(envelope.mail_from, to, envelope.content) for to in envelope.rcpt_tos]
        return "250 2.0.0 queued"
