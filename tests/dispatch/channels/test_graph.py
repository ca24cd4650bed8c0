"""Microsoft Graph's words for its faults."""

from pathlib import Path

import pytest

from dispatch.channels.envelope import Envelope
from dispatch.channels.graph import MAX_REQUEST
from dispatch.errors import ConnectionDownError, DispatchError, PermanentError
from tests.dispatch.channels.channels import GraphBench
from tests.dispatch.channels.graph_server import graph_error

LETTER = Envelope("robot@example.org", "o@example.org", b"From: robot@example.org\r\nTo: o@example.org\r\n\r\nx\r\n")


@pytest.mark.parametrize(
    ("status", "code", "kind", "error_class"),
    [
        (403, "ErrorAccessDenied", ConnectionDownError, "access_denied"),
        (403, "ErrorSendAsDenied", ConnectionDownError, "send_as_denied"),
        (404, "MailboxNotEnabledForRESTAPI", ConnectionDownError, "mailbox_unavailable"),
        (404, "ErrorInvalidUser", ConnectionDownError, "mailbox_unknown"),
        (413, "RequestEntityTooLarge", PermanentError, "too_large"),
        (400, "ErrorMimeContentInvalidBase64String", PermanentError, "bad_letter"),
    ],
)
async def test_a_code_says_whose_fault_it_is(
    tmp_path: Path, status: int, code: str, kind: type[DispatchError], error_class: str
) -> None:
    with GraphBench(tmp_path) as bench:
        bench.server.answers.append(graph_error(status, code))
        with pytest.raises(DispatchError) as caught:
            await bench.session().send(LETTER)
        assert (type(caught.value), caught.value.error_class) == (kind, error_class)
        assert bench.letters == []


async def test_a_letter_above_the_limit_is_refused_without_being_sent(tmp_path: Path) -> None:
    with GraphBench(tmp_path) as bench:
        large = Envelope(LETTER.sender, LETTER.recipient, LETTER.content + b"x" * MAX_REQUEST)
        with pytest.raises(PermanentError) as caught:
            await bench.session().send(large)
        assert caught.value.error_class == "too_large"
        assert bench.server.hits == []


async def test_throttling_says_when_to_come_back(tmp_path: Path) -> None:
    with GraphBench(tmp_path) as bench:
        bench.server.answers.append(graph_error(429, "MailboxConcurrency", "", ("Retry-After", "11")))
        with pytest.raises(ConnectionDownError) as caught:
            await bench.session().send(LETTER)
        assert (caught.value.error_class, caught.value.retry_after_s) == ("throttled", 11)


async def test_a_token_that_is_refused_is_got_anew_once(tmp_path: Path) -> None:
    with GraphBench(tmp_path) as bench:
        session = bench.session()
        await session.send(LETTER)
        bench.tokens.issued[next(iter(bench.tokens.issued))] = "revoked"
        await session.send(LETTER)
        assert len(bench.letters) == 2
