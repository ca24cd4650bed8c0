"""EWS and Graph: what can be wrong, tried against HTTPS servers of the tests. Run with `-v` it reads as the table."""

import asyncio
import base64
import json
import logging
import socket
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace
from dataclasses import field as attribute
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dispatch.doctor import Limits, Step, check
from dispatch.doctor.grant import roles_of
from dispatch.remedies import advice
from store.cards import MailConnection, Sending
from store.vocabulary import Protocol
from tests.desk import SENDING
from tests.dispatch.channels.ews_server import FOLDER, EwsServer, fault, folder_refusal, response
from tests.dispatch.channels.graph_server import GraphServer, graph_error
from tests.dispatch.channels.https_server import Answer
from tests.dispatch.channels.token_server import APPLICATION, EXPIRED, JSON, SECRET, TENANT, TokenServer, refusal
from tests.dispatch.doctor.servers import Authorities, closed_port

LIMITS = Limits(answer_s=5.0, silence_s=0.2, total_s=20.0)
IMPATIENT = Limits(answer_s=0.3, silence_s=0.2, total_s=20.0)
GRAPH, EWS = Protocol.GRAPH, Protocol.EWS
PASSWORD = EwsServer.password
ONLINE = "outlook.office365.com"
BASIC, NTLM = 'Basic realm="x"', "NTLM"
DENIED = graph_error(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
NOBODY = Answer(401, b"", (("WWW-Authenticate", "Bearer"),))
FOUND = graph_error(400, "ErrorInvalidRecipients")
"""What Graph answers when the mailbox is there and letters may leave from it."""


def right(_: TokenServer, __: Any) -> None:
    """Nothing is wrong with the servers."""


def tokens_answer(*answers: Answer) -> Callable[[TokenServer, Any], None]:
    """The token service answers so."""
    return lambda tokens, _: tokens.answers.extend(answers)


def discovery(answer: Answer) -> Callable[[TokenServer, Any], None]:
    """The token service's description of itself."""
    return lambda tokens, _: tokens.discovery.append(answer)


def permits(*roles: str, then: tuple[Answer, ...] = ()) -> Callable[[TokenServer, Any], None]:
    """Tokens with these permissions; and what the mail server answers."""

    def set_up(tokens: TokenServer, server: Any) -> None:
        tokens.roles = list(roles)
        server.answers.extend(then)

    return set_up


def answers(*said: Answer) -> Callable[[TokenServer, Any], None]:
    """The mail server answers so: Exchange to operations, Graph to whatever comes."""
    return lambda _, server: server.answers.extend(said)


def offers(*schemes: str) -> Callable[[TokenServer, Any], None]:
    """Exchange offers these ways to log in."""

    def set_up(_: TokenServer, server: Any) -> None:
        server.schemes = schemes

    return set_up


@dataclass(frozen=True)
class Row:
    """A misconfiguration, and what the doctor is to say of it.

    Attributes:
        servers: Changes the servers.
        card: The connection's fields; the rest is right.
        any: The server answers to whatever comes, as a proxy in front would.
        password: Without OAuth2, with the password.
        words: Must occur in the advice, in either language.
    """

    what: str
    protocol: Protocol
    servers: Callable[[TokenServer, Any], None]
    step: str
    field: str
    remedy: str
    card: dict[str, Any] = attribute(default_factory=dict[str, Any])
    secret: str = ""
    path: str = ""
    any: bool = False
    password: bool = False
    name: str = "localhost"
    demands: bool = False
    sending: Sending = SENDING
    to: str | None = None
    limits: Limits = LIMITS
    words: str = ""
    outcome: str = "failed"

    def __str__(self) -> str:
        return f"{self.what} -> {self.step}: {self.field} ({self.remedy})"


TODAY = datetime.now(UTC).date()
TO: dict[str, Any] = {"to": "boss@example.org"}
LOGIN: dict[str, Any] = {"password": True}
ROWS = [
    # token
    Row("AADSTS7000215, wrong client secret", GRAPH, right, "token", "client_secret", "token_secret", secret="not-it"),
    Row("AADSTS7000222, client secret expired", GRAPH, tokens_answer(EXPIRED), "token", "client_secret",
        "token_secret_expired"),
    Row("AADSTS700016, unknown application", GRAPH, right, "token", "application_id", "token_application",
        {"application_id": "other"}),
    Row("AADSTS90002, unknown directory", GRAPH, right, "token", "directory_id", "token_directory",
        {"directory_id": "other"}),
    Row("no client secret", GRAPH, right, "token", "client_secret", "client_secret_missing", secret="-"),
    Row("token service down", EWS, right, "token", "directory_id", "token_unreachable", {"authority": "closed"},
        words="localhost:"),
    Row("token service silent", EWS, tokens_answer(Answer(silence="hang")), "token", "directory_id",
        "token_unreachable", limits=IMPATIENT),
    Row("token service drips", EWS, tokens_answer(Answer(silence="drip")), "token", "directory_id",
        "token_unreachable", limits=IMPATIENT),
    Row("token service hangs up", EWS, tokens_answer(Answer(silence="drop")), "token", "directory_id",
        "token_unreachable"),
    Row("token service answers with an error page", EWS, tokens_answer(Answer(503, b"<html>down</html>")), "token",
        "directory_id", "token_unreachable"),
    Row("token service answers with a web page", EWS, tokens_answer(Answer(200, b"<html>log in</html>")), "token",
        "application_id", "token_refused"),
    Row("token service answers without a token", EWS, tokens_answer(Answer(200, b"{}", JSON)), "token",
        "application_id", "token_refused"),
    Row("token service describes itself as a web page", EWS, discovery(Answer(200, b"<html>hotel</html>")), "token",
        "directory_id", "token_directory"),
    Row("token service asks to wait", EWS, tokens_answer(refusal(429, "slow", 90055, "x", ("Retry-After", "1"))),
        "token", "application_id", "token_throttled"),
    Row("client secret about to expire", GRAPH, right, "token", "secret_expires", "secret_expires",
        {"secret_expires": TODAY + timedelta(days=7)}, outcome="warning", words="7"),
    Row("client secret expires today", EWS, right, "token", "secret_expires", "secret_expires",
        {"secret_expires": TODAY}, outcome="warning", words="0"),
    Row("client secret should have expired", GRAPH, right, "token", "secret_expires", "secret_date_passed",
        {"secret_expires": TODAY - timedelta(days=2)}, outcome="warning"),
    # the service
    Row("EWS: checks off, unknown authority", EWS, right, "tls", "insecure", "insecure",
        {"insecure": True, "ca_file": "", "authority": "", "oauth2": False}, password=True, outcome="warning"),
    Row("EWS: checks off, all is well", EWS, right, "tls", "insecure", "insecure_needless", {"insecure": True},
        outcome="warning"),
    Row("EWS: server wants a client certificate", EWS, right, "tls", "client_cert", "client_certificate",
        demands=True),
    Row("EWS: client certificate of an unknown authority", EWS, right, "tls", "client_cert", "client_cert_refused",
        {"shows": "strange"}, demands=True),
    Row("own authority, no CA file", GRAPH, right, "tls", "ca_file", "unknown_ca", {"ca_file": ""}),
    Row("not Graph", GRAPH, answers(Answer(200, b"hello")), "endpoint", "server", "graph_endpoint"),
    Row("EWS: not there", EWS, right, "endpoint", "server", "ews_endpoint", path="/autodiscover/x"),
    Row("EWS: moved", EWS, answers(Answer(302, b"", (("Location", "https://owa.example.org/"),))), "endpoint", "server",
        "endpoint_moved", any=True),
    Row("EWS: server down", EWS, answers(Answer(503)), "endpoint", "server", "endpoint_down", any=True),
    Row("EWS: a proxy forbids", EWS, answers(Answer(403)), "endpoint", "server", "endpoint_forbidden", any=True),
    Row("EWS: off for the tenant, told before the login", EWS, answers(Answer(403)), "endpoint", "protocol",
        "ews_blocked", any=True, name=ONLINE, words="EwsAllowedAppIDs"),
    Row("EWS: OAuth2 chosen, server takes passwords only", EWS, offers(NTLM), "endpoint", "oauth2", "no_oauth2"),
    Row("EWS: password chosen, server takes tokens only", EWS, offers("Bearer"), "endpoint", "oauth2",
        "auth_oauth2_only", **LOGIN),
    Row("EWS: password chosen, no login offered", EWS, offers(), "endpoint", "server", "ews_no_password", **LOGIN),
    Row("EWS: password chosen, Digest offered", EWS, offers("Digest"), "endpoint", "server", "ews_no_password",
        words="Digest", **LOGIN),
    # login
    Row("EWS: wrong password, Basic", EWS, offers(BASIC), "authentication", "password", "auth_failed", secret="wrong",
        **LOGIN),
    Row("EWS: wrong password, NTLM", EWS, offers(NTLM), "authentication", "password", "auth_failed", secret="wrong",
        **LOGIN),
    Row("EWS: wrong password, NTLM and Basic", EWS, offers("Negotiate", NTLM, BASIC), "authentication", "password",
        "auth_failed", secret="wrong", **LOGIN),
    Row("EWS: no password", EWS, offers(BASIC), "authentication", "password", "password_missing", secret="-", **LOGIN),
    Row("EWS: password expired", EWS, answers(fault("ErrorPasswordExpired")), "authentication", "password",
        "auth_password_expired", **LOGIN),
    Row("EWS: not for this account", EWS, answers(Answer(403)), "authentication", "login", "account_denied",
        words="EwsEnabled", **LOGIN),
    Row("EWS: off for the tenant", EWS, answers(Answer(403)), "authentication", "protocol", "ews_blocked",
        name=ONLINE, words="EwsAllowedAppIDs"),
    Row("EWS: token without full_access_as_app, 403", EWS, permits(then=(Answer(403),)), "authentication",
        "application_id", "permission_missing", words="full_access_as_app"),
    Row("EWS: token without full_access_as_app, 401", EWS, permits("EWS.Other", then=(Answer(401), Answer(401))),
        "authentication", "application_id", "permission_missing", words="full_access_as_app"),
    Row("EWS: token refused", EWS, permits("full_access_as_app", then=(Answer(401), Answer(401))), "authentication",
        "application_id", "token_refused"),
    Row("EWS: server busy", EWS, answers(fault("ErrorServerBusy")), "authentication", "server", "throttled"),
    Row("EWS: mailbox store down", EWS, answers(folder_refusal("ErrorMailboxStoreUnavailable")), "authentication",
        "server", "endpoint_down"),
    Row("EWS: too old", EWS, answers(fault("ErrorInvalidServerVersion")), "authentication", "server", "ews_version"),
    Row("EWS: refused for another reason", EWS, answers(folder_refusal("ErrorNoDestinationCASDueToVersionMismatch")),
        "authentication", "login", "mailbox_refused", words="robot@example.org"),
    Row("EWS: silent after the login", EWS, answers(Answer(silence="hang")), "authentication", "server", "timeout",
        limits=IMPATIENT),
    Row("Graph: token without Mail.Send", GRAPH, permits("Mail.Read", then=(NOBODY, DENIED)),
        "authentication", "application_id", "permission_missing", words="Mail.Send"),
    Row("Graph: right given in Exchange alone", GRAPH, permits(), "authentication", "application_id",
        "permission_elsewhere", outcome="warning", words="RBAC"),
    # mailbox
    Row("Graph: no such mailbox", GRAPH, right, "sender", "login", "mailbox_unknown", {"login": "nobody@example.org"}),
    Row("Graph: no Mail.Send, token does not say", GRAPH, answers(NOBODY, DENIED),
        "sender", "application_id", "access_denied"),
    Row("Graph: mailbox out of the policy", GRAPH,
        permits("Mail.Send", then=(NOBODY, DENIED)),
        "sender", "login", "mailbox_out_of_scope", words="robot@example.org"),
    Row("EWS: mailbox out of the policy", EWS,
        permits("full_access_as_app", then=(folder_refusal("ErrorAccessDenied"),)), "sender", "login",
        "mailbox_out_of_scope", words="robot@example.org"),
    Row("EWS: impersonation denied", EWS, answers(fault("ErrorImpersonateUserDenied")), "sender", "login",
        "impersonation_denied"),
    Row("EWS: no such mailbox", EWS, answers(fault("ErrorNonExistentMailbox")), "sender", "login", "mailbox_unknown"),
    Row("EWS: mailbox disabled", EWS, answers(fault("ErrorAccountDisabled")), "sender", "login", "mailbox_disabled"),
    Row("Graph: no system address", GRAPH, right, "sender", "system_address", "sending_parameters", {"login": ""},
        sending=replace(SENDING, system_address="")),
    # letter
    Row("Graph: SendAs denied", GRAPH, answers(NOBODY, FOUND, graph_error(403, "ErrorSendAsDenied")), "sender",
        "system_address", "send_as_denied", **TO),
    Row("EWS: SendAs denied", EWS, answers(FOLDER, response("ErrorSendAsDenied")), "sender", "system_address",
        "send_as_denied", **TO),
    Row("EWS: recipient refused", EWS, answers(FOLDER, response("ErrorInvalidRecipients")), "letter", "to",
        "bad_address", **TO),
    Row("EWS: quota of letters", EWS, answers(FOLDER, response("ErrorQuotaExceeded")), "letter", "server",
        "rate_limited", **TO),
]  # fmt: skip


async def examined(folder: Path, row: Row) -> list[Step]:
    """Check a connection with a mistake."""
    ews = row.protocol is EWS and not row.any
    kind: Any = EwsServer if ews else GraphServer
    with (
        TokenServer(folder) as tokens,
        kind(folder, tokens=tokens.issued, name=row.name, demands=row.demands) as server,
    ):
        if ews:
            server.schemes = (BASIC,) if row.password else ("Bearer",)
        row.servers(tokens, server)
        given = {"-": "", "": PASSWORD if row.password else SECRET}.get(row.secret, row.secret)
        card = MailConnection(
            "m", f"https://{server.host}{row.path}", protocol=row.protocol, port=None, login="robot@example.org",
            ca_file=server.ca_file, oauth2=not row.password, application_id=APPLICATION, directory_id=TENANT,
            authority=tokens.url,
        )  # fmt: skip
        changes = dict(row.card)
        if kind := changes.pop("shows", ""):
            changes |= _authorities(folder).shown(kind)
        card = replace(card, **changes)
        with closed_port() as nobody:
            if card.authority == "closed":
                card = replace(card, authority=f"https://localhost:{nobody}")
            steps = [step async for step in check(card, given, row.sending, row.to, row.limits)]
        assert not [one for one in [given, *tokens.issued] if one and one in repr(steps)]
        if row.secret == "wrong":
            assert _attempts(server) == 1
        return steps


def _authorities(folder: Path) -> Authorities:
    place = folder / "authorities"
    place.mkdir()
    return Authorities(place)


def _attempts(server: EwsServer) -> int:
    """How often a password was shown: for NTLM the last of its three messages."""
    shown = [hit.headers.get("Authorization", "").split(" ") for hit in server.hits]
    return sum(one[0] == "Basic" or (len(one) > 1 and one[1].startswith("TlRMTVNTUAAD")) for one in shown)


@pytest.fixture
def corp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NTLM knows the account, and Microsoft's names lead here."""
    (tmp_path / "users").write_text(f":robot@example.org:{PASSWORD}\n")
    monkeypatch.setenv("NTLM_USER_FILE", str(tmp_path / "users"))
    real = socket.getaddrinfo

    def here(host: Any, *rest: Any, **more: Any) -> Any:
        return real("127.0.0.1" if host == ONLINE else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", here)


@pytest.mark.usefixtures("corp")
@pytest.mark.parametrize("row", ROWS, ids=str)
async def test_misconfiguration(tmp_path: Path, row: Row) -> None:
    steps = await examined(tmp_path, row)
    found = steps[-1] if row.outcome == "failed" else next(step for step in steps if step.remedy == row.remedy)
    assert (found.name, found.field, found.remedy, found.outcome) == (row.step, row.field, row.remedy, row.outcome)
    assert all(step.outcome != "failed" for step in steps[:-1])
    for language in ("ru", "en"):
        words = advice(found.remedy, language, found.params)
        assert "?" not in words
        assert row.words in words


def test_no_two_rows_are_alike() -> None:
    assert len({row.what for row in ROWS}) == len(ROWS)


WELL = ["name", "connect", "tls", "endpoint", "token", "authentication", "sender"]


@pytest.mark.parametrize("roles", [None, ["Mail.Send"], ["full_access_as_app", "Mail.Send"]])
@pytest.mark.parametrize("to", [None, "boss@example.org"])
@pytest.mark.parametrize("protocol", [GRAPH, EWS])
async def test_a_good_connection_passes_every_step_and_sends_when_asked(
    tmp_path: Path, protocol: Protocol, to: str | None, roles: list[str] | None
) -> None:
    letters: list[Any] = []

    def watch(tokens: TokenServer, server: Any) -> None:
        nonlocal letters
        letters, tokens.roles = server.letters, roles

    steps = await examined(tmp_path, Row("good", protocol, watch, "", "", "", to=to))
    expected = [*WELL, "letter"] if to else WELL
    assert [(step.name, step.outcome) for step in steps] == [(name, "ok") for name in expected]
    assert len(letters) == (1 if to else 0)
    assert all(role in steps[4].detail for role in roles or ())


@pytest.mark.usefixtures("corp")
@pytest.mark.parametrize("schemes", [(BASIC,), (NTLM,), ("Negotiate", NTLM, BASIC)])
async def test_a_good_password_is_tried_without_sending(tmp_path: Path, schemes: tuple[str, ...]) -> None:
    looked: list[str] = []

    def watch(_: TokenServer, server: Any) -> None:
        nonlocal looked
        server.schemes, looked = schemes, server.looked

    steps = await examined(tmp_path, Row("good", EWS, watch, "", "", "", password=True))
    assert [(step.name, step.outcome) for step in steps] == [(name, "ok") for name in WELL if name != "token"]
    assert looked == ["drafts"]


@pytest.mark.parametrize("token", ["", "opaque", "a.b.c", "a.e30.c", "a.W10.c", "a.eyJhdWQiOjEsInJvbGVzIjoxfQ.c"])
def test_a_token_that_does_not_say_is_not_judged(token: str) -> None:
    assert roles_of(token) is None


SECRETS: list[Row] = [
    Row("Graph, token echoed", GRAPH, right, "", "", "", **TO),
    Row("Graph, client secret echoed", GRAPH, right, "", "", "", secret="not-it-canary"),
    Row("Graph, letter sent", GRAPH, permits("Mail.Send"), "", "", "", **TO),
    Row("EWS, token", EWS, permits("full_access_as_app"), "", "", "", **TO),
    Row("EWS, token refused", EWS, answers(Answer(401), Answer(401)), "", "", ""),
    Row("EWS, Basic", EWS, offers(BASIC), "", "", "", password=True, **TO),
    Row("EWS, Basic refused", EWS, offers(BASIC), "", "", "", secret="wrong", password=True),
    Row("EWS, NTLM", EWS, offers(NTLM), "", "", "", password=True, **TO),
    Row("EWS, NTLM refused", EWS, offers(NTLM), "", "", "", secret="wrong", password=True),
    Row("EWS, password echoed", EWS, answers(fault("ErrorServerBusy", f"bad {PASSWORD}")), "", "", "", password=True),
    Row("EWS, server breaks off", EWS, answers(Answer(silence="drop")), "", "", "", password=True),
    Row("token service breaks off", EWS, tokens_answer(Answer(silence="drop")), "", "", ""),
]


@pytest.mark.usefixtures("corp")
@pytest.mark.parametrize("row", SECRETS, ids=lambda row: row.what)
async def test_no_secret_is_in_a_step_a_log_or_an_output(
    tmp_path: Path, row: Row, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    issued: dict[str, str] = {}

    def watch(tokens: TokenServer, server: Any) -> None:
        nonlocal issued
        issued = tokens.issued
        row.servers(tokens, server)

    with caplog.at_level(logging.DEBUG):
        steps = await examined(tmp_path, replace(row, servers=watch))
    given = row.secret or (PASSWORD if row.password else SECRET)
    secrets = [given, f"robot@example.org:{given}", *issued]
    forms = [*secrets, *(base64.b64encode(one.encode()).decode().rstrip("=") for one in secrets)]
    written = json.dumps([asdict(step) for step in steps]) + repr(steps) + caplog.text + "".join(capfd.readouterr())
    traces = [str(vars(record)) for record in caplog.records]
    assert [form for form in forms if form in written or any(form in trace for trace in traces)] == []


async def test_who_stops_listening_ends_a_check_over_https(tmp_path: Path) -> None:
    hang = (Answer(silence="hang"),)
    with EwsServer(tmp_path, schemes=(BASIC,), answers=list(hang)) as server:
        card = MailConnection(
            "m", server.url, protocol=EWS, port=None, login="robot@example.org", ca_file=server.ca_file
        )

        async def run() -> None:
            async with aclosing(check(card, PASSWORD, SENDING, None, Limits(answer_s=60, total_s=60))) as steps:
                async for _ in steps:
                    pass

        task = asyncio.create_task(run())
        await asyncio.to_thread(server.reading.wait, 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}
