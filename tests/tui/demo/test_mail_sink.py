"""The demo's mail server."""

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage

import pytest

from tui.demo.mail_sink import MailSink, serve
from tui.demo.report import plain_text


@pytest.fixture
def sink() -> Iterator[MailSink]:
    with serve(MailSink("robot", "demo", refused=["no@example.org"], greylisted=["later@example.org"])) as running:
        yield running


def _letter(to: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.org", to, "Не печатает [/b]"
    message["Message-ID"] = f"<1.{to}>"
    message.set_content("Здравствуйте!")
    return message


def _send(sink: MailSink, to: str, password: str = "demo") -> None:
    with smtplib.SMTP("127.0.0.1", sink.port, local_hostname="test", timeout=5) as client:
        client.login("robot", password)
        client.send_message(_letter(to))


def test_letters_are_kept_and_counted(sink: MailSink) -> None:
    _send(sink, "b@example.org")
    _send(sink, "b@example.org")
    message = sink.letters()[0].message()
    assert message["Subject"] == "Не печатает [/b]"
    assert plain_text(message) == "Здравствуйте!"
    assert sink.count == 2
    assert sink.message_ids() == {"<1.b@example.org>": 2}


def test_a_wrong_password_is_refused(sink: MailSink) -> None:
    with pytest.raises(smtplib.SMTPAuthenticationError):
        _send(sink, "b@example.org", password="guess")
    assert sink.count == 0


def test_a_letter_without_login_is_refused(sink: MailSink) -> None:
    client = smtplib.SMTP("127.0.0.1", sink.port, local_hostname="test", timeout=5)
    with client, pytest.raises(smtplib.SMTPException):
        client.send_message(_letter("b@example.org"))
    assert sink.count == 0


def test_the_refused_mailbox_stays_refused(sink: MailSink) -> None:
    for _ in range(2):
        with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
            _send(sink, "no@example.org")
        assert caught.value.recipients["no@example.org"][0] == 550


def test_the_greylisted_mailbox_is_accepted_the_second_time(sink: MailSink) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
        _send(sink, "later@example.org")
    assert caught.value.recipients["later@example.org"][0] == 450
    _send(sink, "later@example.org")
    assert sink.count == 1


def test_the_server_leaves_with_a_client_still_connected() -> None:
    sink = MailSink("robot", "demo")
    with serve(sink):
        client = smtplib.SMTP("127.0.0.1", sink.port, local_hostname="test", timeout=5)
    client.close()
