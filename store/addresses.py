"""E-mail addresses: checked without asking the network, internal domains allowed."""

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from email_validator import ValidatedEmail


class AddressError(ValueError):
    """The text is not an e-mail address."""


def _validate(text: str) -> "ValidatedEmail":
    from email_validator import EmailNotValidError, validate_email  # not to be loaded by who accepts an event

    if any(ord(c) < 33 or 0x7F <= ord(c) <= 0x9F for c in text):  # noqa: PLR2004 - controls and the space
        msg = "it has a space or a control character in it"
        raise AddressError(msg)
    local, at, domain = text.rpartition("@")
    # `.local` is common on premises; the library refuses it as special use, so a stand-in is checked.
    internal = domain.lower().endswith(".local") or domain.lower() == "localhost"
    try:
        return validate_email(
            f"{local}{at}{'internal.example.org' if internal else domain}",
            check_deliverability=False,
            globally_deliverable=False,
            test_environment=True,
        )
    except EmailNotValidError as error:
        raise AddressError(str(error)) from None


@lru_cache(maxsize=16_384)
def parse_address(text: str) -> str:
    """The address in its normal form.

    Raises:
        AddressError: It is none; says why.
    """
    found = _validate(text)
    domain = text.rpartition("@")[2]
    kept = domain.lower() if found.domain == "internal.example.org" else found.domain
    return f"{found.local_part}@{kept}"


@lru_cache(maxsize=16_384)
def envelope_address(text: str) -> str:
    """The address as the envelope carries it: the domain in ASCII (IDNA).

    Raises:
        AddressError: It is no address.
    """
    found = _validate(text)
    domain = text.rpartition("@")[2].lower()
    return f"{found.local_part}@{domain if found.domain == 'internal.example.org' else found.ascii_domain}"


def mailbox_key(text: str) -> str:
    """What two spellings of one address have in common: neither case nor Unicode form nor IDNA makes two of it.

    Any text may be given; one that is no address is only lowered.
    """
    lowered = text.lower()
    if lowered.isascii() and "xn--" not in lowered:
        return lowered
    try:
        return parse_address(lowered).lower()
    except AddressError:
        return lowered
