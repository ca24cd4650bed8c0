"""Addresses."""

import pytest

from store.addresses import AddressError, envelope_address, mailbox_key, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("olga@example.org", "olga@example.org"),
        ("Olga@EXAMPLE.org", "Olga@example.org"),
        ("robot@desk.local", "robot@desk.local"),
        ("root@localhost", "root@localhost"),
        ("a+b@sub.example.co.uk", "a+b@sub.example.co.uk"),
    ],
)
def test_addresses_are_normalised(text: str, address: str) -> None:
    assert parse_address(text) == address


def test_the_envelope_has_the_domain_in_ascii() -> None:
    assert envelope_address("info@пример.рф") == "info@xn--e1afmkfd.xn--p1ai"
    assert envelope_address("Robot@Desk.Local") == "Robot@desk.local"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "olga",
        "@example.org",
        "a@b@c",
        "a b@example.org",
        "a@example.org\r\nBcc: x@y.z",
        "a\x1b@example.org",
        "a@-x-",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        parse_address(text)
    with pytest.raises(AddressError):
        envelope_address(text)


@pytest.mark.parametrize(
    "other", ["КТО@пример.рф", "кто@ПРИМЕР.РФ", "кто@xn--e1afmkfd.xn--p1ai", "Кто@XN--E1AFMKFD.XN--P1AI"]
)
def test_spellings_of_one_address_have_one_key(other: str) -> None:
    assert mailbox_key(other) == mailbox_key("кто@пример.рф")
    assert mailbox_key(other) != mailbox_key("никто@пример.рф")


def test_what_is_no_address_is_its_own_key() -> None:
    assert mailbox_key("Иванов") == "иванов"
    assert mailbox_key("") == ""
