"""Every channel against a real server of its kind, behind one surface for the conformance test."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any, Self

from dispatch.channels.ews import EwsSession
from dispatch.channels.graph import GraphSession
from dispatch.channels.sessions import Session
from dispatch.channels.smtp import SmtpSession
from dispatch.tokens import TokenProvider
from store.cards import MailConnection
from store.vocabulary import Encryption, Protocol
from tests.dispatch.channels.ews_server import EwsServer, response
from tests.dispatch.channels.graph_server import GraphServer, graph_error
from tests.dispatch.channels.https_server import Answer
from tests.dispatch.channels.token_server import APPLICATION, SECRET, TENANT, TokenServer
from tests.mail_server import Letter, MailServer
from tests.postfix_server import LOGIN, PASSWORD, PostfixServer, Trouble


class Bench(ABC):
    """A channel with its server."""

    secret: str = PASSWORD

    @abstractmethod
    def __enter__(self) -> Self: ...

    @abstractmethod
    def __exit__(self, *_: object) -> None: ...

    @abstractmethod
    def session(self, secret: str = "", *, patience_s: float = 5.0) -> Session:
        """A new session with the right secret, or another."""

    @abstractmethod
    def next_letter(self, trouble: Trouble) -> None:
        """What happens to the next letter."""

    @contextmanager
    def gone(self) -> Generator[None]:
        """The server is not there for a while."""
        self.__exit__()
        yield
        self.__enter__()

    @property
    @abstractmethod
    def letters(self) -> list[Letter]:
        """What has arrived."""

    @property
    @abstractmethod
    def reading(self) -> Event:
        """Set when a letter was read."""


@dataclass
class OddMailServer(MailServer):
    """Also hangs, and drops connections after the final dot."""

    troubles: list[Trouble] = field(default_factory=list[Trouble])

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd calls it so
        trouble = self.troubles.pop(0) if self.troubles else ""
        answers = {"transient": "451 4.7.1 later", "permanent": "554 5.6.0 never", "throttled": "421 4.3.2 too many"}
        if trouble == "hang":
            self.reading.set()
            await self._loop.create_future()
        if trouble == "drop":
            server.transport.abort()
        if trouble in answers:
            return answers[trouble]
        return "250 lost" if trouble else await super().handle_DATA(server, session, envelope)


class SmtpBench(Bench):
    """SMTP with STARTTLS and a login."""

    def __init__(self, folder: Path) -> None:
        self._server = OddMailServer(folder, "tls", "robot", PASSWORD)

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()

    def session(self, secret: str = "", *, patience_s: float = 5.0) -> Session:
        card = MailConnection(
            "m", "localhost", port=self._server.port, encryption=Encryption.TLS, authentication=True, login="robot",
            ca_file=self._server.ca_file,
        )  # fmt: skip
        return SmtpSession(card, secret or self.secret, timeout_s=patience_s)

    def next_letter(self, trouble: Trouble) -> None:
        self._server.troubles.append(trouble)

    @property
    def letters(self) -> list[Letter]:
        return self._server.letters

    @property
    def reading(self) -> Event:
        return self._server.reading


class PostfixBench(Bench):
    """Debian's Postfix with Cyrus SASL: STARTTLS and a login. It runs for all tests of a process."""

    def __init__(self, server: PostfixServer) -> None:
        self._server = server

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.clear()

    @contextmanager
    def gone(self) -> Generator[None]:
        with self._server.stopped():
            yield

    def session(self, secret: str = "", *, patience_s: float = 5.0) -> Session:
        card = MailConnection(
            "m", "localhost", port=self._server.submission, encryption=Encryption.TLS, authentication=True,
            login=LOGIN, ca_file=self._server.ca_file,
        )  # fmt: skip
        return SmtpSession(card, secret or self.secret, timeout_s=patience_s)

    def next_letter(self, trouble: Trouble) -> None:
        self._server.policy.troubles.append(trouble)

    @property
    def letters(self) -> list[Letter]:
        return self._server.letters()

    @property
    def reading(self) -> Event:
        return self._server.policy.reading


class _WebBench(Bench):
    """What the channels over HTTPS share."""

    server: Any

    def __enter__(self) -> Self:
        self.server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.__exit__()

    def next_letter(self, trouble: Trouble) -> None:
        busy = Answer(429, b"", (("Retry-After", "7"),))
        self.server.answers.append({
            "transient": self.transient, "permanent": self.permanent, "throttled": busy,
            "drop": Answer(silence="drop"), "hang": Answer(silence="hang"),
        }[trouble])  # fmt: skip

    transient: Answer
    permanent: Answer

    @property
    def letters(self) -> list[Letter]:
        return self.server.letters

    @property
    def reading(self) -> Event:
        return self.server.reading


class EwsBench(_WebBench):
    """Exchange with a password."""

    transient = response("ErrorMailboxStoreUnavailable", "The mailbox database is offline.")
    permanent = response("ErrorInvalidRecipients", "At least one recipient isn't valid.")

    def __init__(self, folder: Path) -> None:
        self.server = EwsServer(folder, password=PASSWORD)

    def session(self, secret: str = "", *, patience_s: float = 5.0) -> Session:
        card = MailConnection(
            "m", self.server.host, protocol=Protocol.EWS, port=None, login=self.server.login,
            ca_file=self.server.ca_file,
        )  # fmt: skip
        return EwsSession(card, secret or self.secret, timeout_s=patience_s)


class _TokenBench(_WebBench):
    """Those with tokens."""

    secret = SECRET
    protocol = Protocol.EWS
    tokens: TokenServer

    def __enter__(self) -> Self:
        self.tokens.__enter__()
        return super().__enter__()

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self.tokens.__exit__()

    def card(self) -> MailConnection:
        return MailConnection(
            "m", self.server.host, protocol=self.protocol, port=None, oauth2=True, application_id=APPLICATION,
            directory_id=TENANT, authority=self.tokens.url, ca_file=self.server.ca_file,
        )  # fmt: skip

    def session(self, secret: str = "", *, patience_s: float = 5.0) -> Session:
        kind = EwsSession if self.protocol is Protocol.EWS else GraphSession
        card, secret = self.card(), secret or self.secret
        return kind(card, secret, tokens=TokenProvider(card, secret), timeout_s=patience_s)


class EwsTokenBench(_TokenBench):
    """Exchange with tokens and impersonation."""

    transient, permanent = EwsBench.transient, EwsBench.permanent

    def __init__(self, folder: Path) -> None:
        self.tokens = TokenServer(folder)
        self.server = EwsServer(folder, schemes=("Bearer",), tokens=self.tokens.issued)


class GraphBench(_TokenBench):
    """Microsoft Graph."""

    protocol = Protocol.GRAPH
    transient = graph_error(500, "ErrorInternalServerError")
    permanent = graph_error(400, "ErrorInvalidRecipients")

    def __init__(self, folder: Path) -> None:
        self.tokens = TokenServer(folder)
        self.server = GraphServer(folder, tokens=self.tokens.issued)


BENCHES: dict[str, Callable[[Path], Bench]] = {
    "smtp": SmtpBench, "ews-password": EwsBench, "ews-oauth2": EwsTokenBench, "graph": GraphBench,
}  # fmt: skip
