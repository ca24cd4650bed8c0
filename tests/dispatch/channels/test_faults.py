"""What a server's refusals mean: which speak of a limit of its own, and which of the letter."""

import pytest

from dispatch.channels.faults import letter_fault
from dispatch.channels.limit_words import LETTERS_LIMIT, RATE_LIMITED, TOO_MANY_CONNECTIONS, limit_class
from dispatch.errors import ConnectionDownError, PermanentError, TransientError

SAID = {
    LETTERS_LIMIT: (
        "421 too many messages in this connection",  # Exim
        "421 #4.x.2 Too many messages for this session",  # IronPort
        "421 Max message per connection reached, closing transmission channel",  # Yahoo
        "451 4.5.3 Too many recipients in this SMTP session",
    ),
    TOO_MANY_CONNECTIONS: (
        "421 4.7.0 mx.example.org Error: too many connections from 192.0.2.1",  # Postfix
        "421 Too many concurrent SMTP connections; please try again later.",  # Exim
        "421 4.3.2 Too many open connections.",  # Sendmail
        "421 4.3.2 Connection rate limit exceeded.",  # Sendmail
        "432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending",  # Exchange Online
        "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded",  # Exchange Online
        "421 4.3.2 The maximum number of concurrent connections has exceeded a limit, closing transmission channel",
        "421 4.4.5 Service unavailable, concurrency limit reached",
        "554 5.7.1 too many connections from your host",
    ),
    RATE_LIMITED: (
        "450 4.7.1 Error: too much mail from 192.0.2.1",  # Postfix
        "450 4.7.1 Error: too many recipients from 192.0.2.1",  # Postfix
        "421 4.7.28 Our system has detected an unusual rate of mail originating from your IP address.",  # Gmail
        "451 4.7.500 Server busy. Please try again later from [192.0.2.1].",  # Exchange Online
        "451 4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation.",
        "421 4.4.2 Message submission rate for this client has exceeded the configured limit",  # Exchange
        "450 4.7.1 rate limited",
        "451 Ratelimit exceeded for mailbox robot@example.org",
    ),
    "": (
        "450 4.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages",
        "451 4.7.1 Greylisted, try again in 60 seconds: rate limit",
        "450 Too many messages for this recipient at the moment",
        "452 4.2.2 mailbox full",
        "452 4.3.1 Insufficient system resources",
        "421 4.7.0 mx.example.org Error: too many errors",
        "421 4.3.2 Service shutting down",
        "432 4.7.12 A password transition is needed",
        "550 5.7.1 rate limit exceeded",
        "451 4.3.0 Temporary lookup failure",
    ),
}


@pytest.mark.parametrize(
    ("answer", "word"), [(answer, word) for word, answers in SAID.items() for answer in answers], ids=lambda text: text
)
def test_a_refusal_is_known_for_the_limit_it_speaks_of(answer: str, word: str) -> None:
    assert limit_class(int(answer[:3]), answer[4:]) == word


def test_a_limit_is_no_fault_of_the_letter_and_keeps_the_connection_in_step() -> None:
    found = letter_fault(450, "4.7.1 Error: too much mail from 192.0.2.1")
    assert (type(found), found.error_class) == (TransientError, RATE_LIMITED)
    found = letter_fault(421, "too many messages in this connection")
    assert (type(found), found.error_class) == (ConnectionDownError, LETTERS_LIMIT)


def test_one_recipient_that_is_too_many_is_one_too_many_for_now() -> None:
    assert letter_fault(452, "4.5.3 no more").error_class == RATE_LIMITED


def test_what_is_refused_for_good_stays_refused() -> None:
    found = letter_fault(554, "5.7.1 too many connections")
    assert (type(found), found.error_class) == (PermanentError, "policy")
