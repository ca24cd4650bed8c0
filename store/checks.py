"""What single values must be before they are saved, whoever gives them: the settings file or a form."""

from store.addresses import AddressError, parse_address
from store.errors import SettingsError
from store.sanitise import clean_line, clean_text

MAX_LINE = 998
"""Characters of a name or an address: no header line may be longer (RFC 5322, section 2.1.1)."""
MAX_TEXT = 20_000
MAX_KEY = 255
"""Characters of what things are told apart by."""


def check_line(value: str, path: str, *, required: bool = False, most: int = MAX_LINE) -> None:
    """Refuse what is not one printable line.

    Raises:
        SettingsError: It has control characters or line breaks, is too long, or is empty though required.
    """
    if required and not value.strip():
        raise SettingsError(path, "is empty", key="required")
    if clean_line(value) != value:
        raise SettingsError(path, "has a line break or a control character in it; take it out", key="control")
    if len(value) > most:
        raise SettingsError(path, f"has {len(value)} characters; {most} are allowed", key="long", most=most)


def check_text(value: str, path: str) -> None:
    """Refuse a text of several lines with control characters in it, or one that is too long.

    Raises:
        SettingsError: It has, or is.
    """
    if clean_text(value) != value:
        raise SettingsError(path, "has a control character in it; take it out", key="control")
    if len(value) > MAX_TEXT:
        raise SettingsError(path, f"has {len(value)} characters; {MAX_TEXT} are allowed", key="long", most=MAX_TEXT)


def check_number(value: int, path: str, least: int, most: int) -> None:
    """Refuse a number out of range.

    Raises:
        SettingsError: It is.
    """
    if not least <= value <= most:
        raise SettingsError(path, f"is {value}; it must be from {least} to {most}", key="range", least=least, most=most)


def check_address(address: str, path: str, *, required: bool) -> None:
    """Refuse what is not an e-mail address; internal domains are allowed.

    Raises:
        SettingsError: It is none.
    """
    if not address and not required:
        return
    try:
        parse_address(address)
    except AddressError as error:
        shown = clean_line(address)[:MAX_KEY]
        problem = f"{shown!r} is not an e-mail address ({error})"
        raise SettingsError(path, problem, key="address", value=shown) from None


def check_encoding(name: str, path: str) -> None:
    """Refuse what is not the character set of a letter: ASCII as it is, other letters in other bytes.

    Raises:
        SettingsError: It is none.
    """
    try:
        plain, cyrillic = "Ab1".encode(name), "п".encode(name, "ignore")
    except (LookupError, UnicodeError, ValueError):
        plain, cyrillic = b"", b""
    if plain != b"Ab1" or any(byte < 0x80 for byte in cyrillic):  # noqa: PLR2004 - the end of ASCII
        shown = clean_line(name)
        problem = f"{shown!r} is not a text encoding of letters. Example: utf-8"
        raise SettingsError(path, problem, key="encoding", value=shown)
