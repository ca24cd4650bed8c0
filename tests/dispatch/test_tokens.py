"""Tokens from a real HTTPS token endpoint, by msal."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dispatch.errors import ConnectionDownError
from dispatch.tokens import TokenProvider, scope_of
from store.cards import MailConnection
from store.vocabulary import Protocol
from tests.dispatch.channels.https_server import Answer
from tests.dispatch.channels.token_server import APPLICATION, EXPIRED, SECRET, TENANT, TokenServer, refusal


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TokenServer]:
    with TokenServer(tmp_path) as found:
        yield found


def card(server: TokenServer) -> MailConnection:
    return MailConnection(
        "m", "outlook.office365.com", protocol=Protocol.EWS, port=None, oauth2=True, application_id=APPLICATION,
        directory_id=TENANT, authority=server.url, ca_file=server.ca_file,
    )  # fmt: skip


def fault(provider: TokenProvider) -> ConnectionDownError:
    with pytest.raises(ConnectionDownError) as caught:
        provider.token()
    return caught.value


def test_a_token_is_asked_for_once_and_again_after_it_was_refused(server: TokenServer) -> None:
    provider = TokenProvider(card(server), SECRET)
    first = provider.token()
    assert provider.token() == first
    provider.forget("an older one")
    assert provider.token() == first
    provider.forget(first)
    assert provider.token() != first
    assert set(server.issued.values()) == {"https://outlook.office365.com/.default"}


def test_a_refusal_names_what_is_wrong_and_not_the_secret(server: TokenServer) -> None:
    good = card(server)
    cases = {
        "token_secret": TokenProvider(good, "wrong-canary"),
        "token_application": TokenProvider(replace(good, application_id=TENANT), SECRET),
        "token_directory": TokenProvider(replace(good, directory_id="nobody.example"), SECRET),
    }
    for error_class, provider in cases.items():
        found = fault(provider)
        assert found.error_class == error_class
        assert "AADSTS" in found.answer
        assert "canary" not in found.answer
    server.answers.append(EXPIRED)
    assert fault(TokenProvider(good, SECRET)).error_class == "token_secret_expired"
    server.answers.append(refusal(400, "invalid_grant", 50105, "Not assigned."))
    assert fault(TokenProvider(good, SECRET)).error_class == "token_refused"


def test_a_busy_endpoint_says_when_to_come_back(server: TokenServer) -> None:
    server.answers.append(refusal(429, "temporarily_unavailable", 90055, "Too many.", ("Retry-After", "17")))
    found = fault(TokenProvider(card(server), SECRET))
    assert (found.error_class, found.retry_after_s) == ("token_throttled", 17)


@pytest.mark.parametrize("silence", ["drop", "hang", "503"])
def test_an_endpoint_without_an_answer_is_unreachable(server: TokenServer, silence: str) -> None:
    answers = {"drop": Answer(silence="drop"), "hang": Answer(silence="hang"), "503": Answer(503, b"<html>")}
    server.answers.append(answers[silence])
    assert fault(TokenProvider(card(server), SECRET, timeout_s=0.5)).error_class == "token_unreachable"
    server.discovery.append(answers[silence])
    assert fault(TokenProvider(card(server), SECRET, timeout_s=0.5)).error_class == "token_unreachable"


def test_a_new_provider_asks_anew_what_msal_would_keep_for_a_minute(server: TokenServer) -> None:
    server.answers.append(refusal(400, "unauthorized_client", 700016, "Not consented yet."))
    provider = TokenProvider(card(server), SECRET)
    fault(provider)
    fault(provider)  # kept by msal
    assert TokenProvider(card(server), SECRET).token()


def test_the_environment_does_not_take_the_place_of_the_ca_file(
    server: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    assert TokenProvider(card(server), SECRET).token()
    assert fault(TokenProvider(replace(card(server), ca_file=""), SECRET)).error_class == "token_tls"
    assert fault(TokenProvider(replace(card(server), ca_file="/nowhere"), SECRET)).error_class == "ca_file"


@pytest.mark.parametrize(
    ("protocol", "host", "scope"),
    [
        (Protocol.SMTP, "smtp.office365.com", "https://outlook.office365.com/.default"),
        (Protocol.EWS, "https://outlook.office365.us/EWS/Exchange.asmx", "https://outlook.office365.us/.default"),
        (Protocol.GRAPH, "graph.microsoft.com", "https://graph.microsoft.com/.default"),
    ],
)
def test_the_scope_is_that_of_the_server(protocol: Protocol, host: str, scope: str) -> None:
    assert scope_of(MailConnection("m", host, protocol=protocol)) == scope
