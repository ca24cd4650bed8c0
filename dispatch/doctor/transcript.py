"""What went over the wire, without the credentials."""

import base64
import re

from store.sanitise import clean_line

MASK = "***"
MAX_LINES = 200
MAX_LENGTH = 500
_MIN_SECRET = 4
"""Shorter ones are masked where they are sent; looking for them everywhere would blot out half the text."""
_CONTINUE = re.compile(rb"334\b")
_BEARER = re.compile(r"(?i)\b(bearer|basic|ntlm|negotiate)\s+[A-Za-z0-9+/=._~-]{8,}|\beyJ[A-Za-z0-9_-]+\.[\w.-]+")


class Transcript:
    """Keeps the lines of a dialogue, masked before they are kept.

    Masked are everything after the mechanism of AUTH, every line of the client's until AUTH is over, and the
    secrets wherever they occur, also in what the server says.
    """

    def __init__(self, *secrets: str) -> None:
        self._secrets: list[str] = []
        for secret in secrets:
            self.hide(secret)
        self._lines: list[str] = []
        self._unfinished = b""
        self._authenticating = False
        self._letter_next = False

    def hide(self, secret: str) -> None:
        """Mask this from now on, in clear, in base64 and in a form of the web."""
        encoded = base64.b64encode(secret.encode()).decode()
        for form in (secret, encoded, encoded.rstrip("=")):
            if len(form) >= _MIN_SECRET and form not in self._secrets:
                self._secrets.append(form)
        self._secrets.sort(key=len, reverse=True)

    def mask(self, text: str) -> str:
        """A text fit to be shown."""
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return clean_line(_BEARER.sub(lambda found: f"{found.group(1) or ''} {MASK}".strip(), text))[:MAX_LENGTH]

    def client(self, data: bytes) -> None:
        """Bytes that we send."""
        self._flush()
        if self._letter_next:
            self._letter_next = False
            self._keep("C:", f"(a letter of {len(data)} bytes)")
            return
        for line in data.removesuffix(b"\r\n").split(b"\r\n"):
            self._keep("C:", self._command(line))

    def server(self, data: bytes) -> None:
        """Bytes that the server sends, in whatever pieces."""
        *lines, self._unfinished = (self._unfinished + data).split(b"\n")
        for line in lines:
            self._answer(line)

    def note(self, text: str) -> None:
        """Something of interest that is no line of the dialogue."""
        self._keep("--", text)

    def take(self) -> tuple[str, ...]:
        """The lines since the last time."""
        self._flush()
        lines, self._lines = tuple(self._lines), []
        return lines

    def _command(self, line: bytes) -> str:
        words = line.decode("utf-8", "replace").split(" ", 2)
        verb = words[0].upper()
        if self._authenticating:
            return MASK
        if verb == "AUTH":
            self._authenticating = True
            if len(words) > 2:  # noqa: PLR2004 - AUTH, mechanism, initial response
                self.hide(words[2])
                words[2] = MASK
        elif verb == "DATA":
            self._letter_next = True
        elif verb == "AUTHORIZATION:":
            return f"{words[0]} {MASK}"
        return " ".join(words)

    def _answer(self, line: bytes) -> None:
        line = line.rstrip(b"\r")
        if self._authenticating and not _CONTINUE.match(line):
            self._authenticating = False
        if self._letter_next and not line.startswith(b"354"):
            self._letter_next = False
        self._keep("S:", line.decode("utf-8", "replace"))

    def _flush(self) -> None:
        line, self._unfinished = self._unfinished, b""
        if line:
            self._answer(line)

    def _keep(self, side: str, text: str) -> None:
        if len(self._lines) < MAX_LINES:
            self._lines.append(f"{side} {self.mask(text)}".rstrip())
