"""The letter writer held against the standard library's parser."""

import email
from datetime import UTC, datetime, timedelta
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import SMTP, default
from email.utils import parseaddr
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.letter import Head, encode_body, write_letter
from store.message_ids import message_id, thread_id
from store.sanitise import clean_line

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
KEY = b"k" * 32
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
HOSTILE = [
    "x\r\nBcc: evil@example.org",
    "\x1b[31mred",
    "[/b]",
    "=?utf-8?b?0JA=?=",
    'a "quoted" \\ name',
    "a,b;c",
    "\u202eevil",
]


def head(**changes: Any) -> Head:
    values: dict[str, Any] = {
        "from_name": "Служба поддержки",
        "from_address": "robot@example.org",
        "reply_to": "help@example.org",
        "to_name": "Ольга Смирнова",
        "to_address": "olga@example.org",
        "date": NOW,
        "message_id": message_id(KEY, 1, NOW, "example.org"),
        "references": thread_id(KEY, "request", "1", "example.org"),
    }
    return Head(**{**values, **changes})


def parse(data: bytes) -> EmailMessage:
    found = email.message_from_bytes(data, policy=default)
    assert isinstance(found, EmailMessage)
    return found


def raw_header(data: bytes, name: str) -> str:
    """A header as RFC 2047 reads it; the newer parser of Python 3.11 puts spaces between the words of a name."""
    found: str = email.message_from_bytes(data)[name]
    return str(make_header(decode_header(found)))


def unix(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def squeeze(text: str) -> str:
    return " ".join(clean_line(text).split())


@given(ANY_TEXT, ANY_TEXT)
def test_subject_and_texts_arrive_as_they_were_written(subject: str, text: str) -> None:
    data = write_letter(encode_body(subject, text, f"<p>{text}</p>"), head())
    message = parse(data)
    assert raw_header(data, "Subject") == squeeze(subject)
    body = message.get_body(("plain",))
    assert body is not None
    content: str = body.get_content()
    assert unix(content) == unix(text)
    assert message.defects == []


@given(ANY_TEXT, ANY_TEXT)
def test_names_arrive_as_they_were_written_and_never_touch_the_address(sender: str, recipient: str) -> None:
    data = write_letter(encode_body("s", "t", "h"), head(from_name=sender, to_name=recipient))
    for header, name, address in (("From", sender, "robot@example.org"), ("To", recipient, "olga@example.org")):
        shown, found = parseaddr(email.message_from_bytes(data)[header].replace("\r\n", ""))
        assert found == address
        assert squeeze(str(make_header(decode_header(shown)))) == squeeze(name)


@given(ANY_TEXT, ANY_TEXT)
def test_lines_are_short_and_end_in_crlf(subject: str, name: str) -> None:
    data = write_letter(encode_body(subject, subject, subject), head(from_name=name, to_name=name))
    assert b"\n" not in data.replace(b"\r\n", b"")
    assert b"\r" not in data.replace(b"\r\n", b"")
    assert max(map(len, data.split(b"\r\n"))) <= 78
    assert data.isascii()


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_from_outside_becomes_a_header(text: str) -> None:
    data = write_letter(encode_body(text, text, text), head(from_name=text, to_name=text))
    message = parse(data)
    assert sorted(message.keys()) == [
        "Auto-Submitted", "Content-Type", "Date", "From", "MIME-Version", "Message-ID", "References", "Reply-To",
        "Subject", "To", "X-Auto-Response-Suppress",
    ]  # fmt: skip
    assert b"\x1b" not in data


def test_the_standard_writer_says_the_same() -> None:
    ours = parse(write_letter(encode_body("RP-1 принята", "Текст\n", "<p>Текст</p>"), head()))
    theirs = EmailMessage(policy=SMTP)
    theirs["Subject"] = "RP-1 принята"
    theirs["From"] = "Служба поддержки <robot@example.org>"
    theirs["To"] = "Ольга Смирнова <olga@example.org>"
    theirs.set_content("Текст\n")
    theirs.add_alternative("<p>Текст</p>", subtype="html")
    parsed = parse(theirs.as_bytes())
    for name in ("Subject", "From", "To", "MIME-Version"):
        assert ours[name] == parsed[name]
    assert ours.get_content_type() == parsed.get_content_type() == "multipart/alternative"
    assert [p.get_content_type() for p in ours.iter_parts()] == [p.get_content_type() for p in parsed.iter_parts()]


def test_the_id_is_the_same_on_every_retry_and_tells_nothing() -> None:
    assert message_id(KEY, 7, NOW, "example.org") == message_id(KEY, 7, NOW, "example.org")
    assert message_id(KEY, 7, NOW, "example.org") != message_id(KEY, 8, NOW, "example.org")
    assert message_id(KEY, 7, NOW, "example.org") != message_id(b"other" * 8, 7, NOW, "example.org")
    later = NOW + timedelta(microseconds=1)
    assert message_id(KEY, 7, NOW, "example.org") != message_id(KEY, 7, later, "example.org"), "a number given again"
    assert thread_id(KEY, "request", "7", "example.org") != thread_id(KEY, "task", "7", "example.org")


def test_a_text_the_charset_cannot_hold_goes_out_as_utf8() -> None:
    fits = parse(write_letter(encode_body("s", "Привет", "h", "koi8-r"), head()))
    cannot = parse(write_letter(encode_body("s", "Привет ✓", "h", "koi8-r"), head()))
    charsets: list[str] = []
    for message, expected in ((fits, "Привет"), (cannot, "Привет ✓")):
        body = message.get_body(("plain",))
        assert body is not None
        assert body.get_content() == expected
        charsets.append(str(body.get_content_charset()))
    assert charsets == ["koi8-r", "utf-8"]


def test_headers_can_be_transliterated() -> None:
    body = encode_body("Заявка №1 — щука", "Текст", "h", transliterated=True)
    message = parse(write_letter(body, head(), transliterated=True))
    assert message["Subject"] == "Zayavka No1 - shchuka"
    assert message["From"] == "Sluzhba podderzhki <robot@example.org>"


def test_an_international_domain_is_written_in_ascii() -> None:
    message = parse(write_letter(encode_body("s", "t", "h"), head(to_address="иван@пример.рф", to_name="")))
    assert message["To"].endswith("@xn--e1afmkfd.xn--p1ai")
