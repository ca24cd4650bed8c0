"""EWS and Graph: what can be wrong, tried against HTTPS servers of the tests."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dispatch.doctor import Limits, Step, check
from store.cards import MailConnection
from store.vocabulary import Protocol
from tests.desk import SENDING
from tests.dispatch.channels.ews_server import EwsServer, response
from tests.dispatch.channels.graph_server import GraphServer, graph_error
from tests.dispatch.channels.https_server import Answer
from tests.dispatch.channels.token_server import APPLICATION, EXPIRED, SECRET, TENANT, TokenServer

LIMITS = Limits(answer_s=5.0, silence_s=0.2, total_s=20.0)
GRAPH, EWS = Protocol.GRAPH, Protocol.EWS


async def examined(folder: Path, protocol: Protocol, answers: list[Answer], **changes: Any) -> list[Step]:
    """Check a connection with OAuth2 against good servers, with a mistake."""
    # The server of Exchange answers as told to letters alone, that of Graph to whatever comes.
    kind: Any = GraphServer if protocol is GRAPH or changes.pop("any", False) else EwsServer
    path = changes.pop("path", "")
    secret, expired = changes.pop("secret", SECRET), changes.pop("expired", False)
    with TokenServer(folder) as tokens, kind(folder, tokens=tokens.issued) as server:
        server.answers += answers
        if isinstance(server, EwsServer):
            server.schemes = (changes.pop("scheme", "Bearer"),)
        if expired:
            tokens.answers.append(EXPIRED)
        card = MailConnection(
            "m", f"https://{server.host}{path}", protocol=protocol, port=None, oauth2=True,
            application_id=APPLICATION,
            directory_id=TENANT, authority=tokens.url, login="robot@example.org", ca_file=server.ca_file,
        )  # fmt: skip
        steps = [step async for step in check(replace(card, **changes), secret, SENDING, "boss@example.org", LIMITS)]
        assert not [one for one in [secret, *tokens.issued] if one in repr(steps)]
        return steps


async def test_graph_goes_from_name_to_letter(tmp_path: Path) -> None:
    steps = await examined(tmp_path, GRAPH, [])
    assert [(step.name, step.outcome) for step in steps] == [
        (name, "ok") for name in ("name", "connect", "tls", "endpoint", "token", "sender", "letter")
    ]


NOBODY = Answer(401, b"", (("WWW-Authenticate", "Bearer"),))
ROWS: list[tuple[str, Protocol, list[Answer], dict[str, Any], tuple[str, str, str]]] = [
    ("AADSTS7000215, wrong client secret", GRAPH, [], {"secret": "not-the-right-one"},
     ("token", "client_secret", "token_secret")),
    ("AADSTS7000222, client secret expired", GRAPH, [], {"expired": True},
     ("token", "client_secret", "token_secret_expired")),
    ("AADSTS700016, unknown application", GRAPH, [], {"application_id": "other"},
     ("token", "application_id", "token_application")),
    ("AADSTS90002, unknown directory", GRAPH, [], {"directory_id": "other"},
     ("token", "directory_id", "token_directory")),
    ("own authority, no CA file", GRAPH, [], {"ca_file": ""}, ("tls", "ca_file", "unknown_ca")),
    ("not Graph", GRAPH, [Answer(200, b"hello")], {}, ("endpoint", "server", "graph_endpoint")),
    ("Graph: no such mailbox", GRAPH, [], {"login": "nobody@example.org"}, ("sender", "login", "mailbox_unknown")),
    ("Graph: SendAs denied", GRAPH, [NOBODY, graph_error(403, "ErrorSendAsDenied")], {},
     ("sender", "system_address", "send_as_denied")),
    ("Graph: no Mail.Send", GRAPH, [NOBODY, graph_error(403, "ErrorAccessDenied")], {},
     ("sender", "application_id", "access_denied")),
    ("EWS: not there", EWS, [], {"path": "/autodiscover/x"}, ("endpoint", "server", "ews_endpoint")),
    ("EWS: moved", EWS, [Answer(302, b"", (("Location", "https://owa.example.org/"),))], {"any": True},
     ("endpoint", "server", "endpoint_moved")),
    ("EWS: server down", EWS, [Answer(503)], {"any": True}, ("endpoint", "server", "endpoint_down")),
    ("EWS: OAuth2 chosen, server takes passwords only", EWS, [], {"scheme": "NTLM"},
     ("endpoint", "oauth2", "no_oauth2")),
    ("EWS: password chosen, server takes tokens only", EWS, [], {"oauth2": False},
     ("endpoint", "oauth2", "auth_oauth2_only")),
    ("EWS: impersonation denied", EWS, [response("ErrorImpersonateUserDenied")], {},
     ("sender", "login", "impersonation_denied")),
    ("EWS: SendAs denied", EWS, [response("ErrorSendAsDenied")], {},
     ("sender", "system_address", "send_as_denied")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("protocol", "answers", "changes", "found"),
    [row[1:] for row in ROWS],
    ids=[f"{row[0]} -> {row[4][0]}: {row[4][1]} ({row[4][2]})" for row in ROWS],
)
async def test_misconfiguration(
    tmp_path: Path, protocol: Protocol, answers: list[Answer], changes: dict[str, Any], found: tuple[str, str, str]
) -> None:
    last = (await examined(tmp_path, protocol, answers, **changes))[-1]
    assert (last.name, last.field, last.remedy, last.outcome) == (*found, "failed")
