"""What went over the wire, without the credentials."""

import base64
import re

from dispatch.errors import DispatchError
from store.sanitise import clean_line

MASK = "***"
MAX_LINES = 200
"""Of more, those in the middle are left out: the last ones tell how it ended."""
MAX_LENGTH = 500
MAX_UNFINISHED = 64 * 1024
"""Bytes of a line that does not end; what follows is not kept."""
KEPT_BYTES = 4096
"""Of a transcript that goes into the store."""
LETTER, REQUEST, LEFT_OUT = "(a letter of {} bytes)", "(a request of {} bytes)", "({} lines left out)"
"""What stands in the place of what is not told."""
_LOOKED_AT = 4 * MAX_LENGTH
"""Characters of a line in which tokens are looked for."""
_HEAD_SHARE = 5 / 8
_NOTE_BYTES = 40
"""For the line that tells of those left out."""
_MIN_SECRET = 4
"""Shorter ones are masked where they are sent; looking for them everywhere would blot out half the text."""
_CONTINUE = re.compile(rb"334\b")
_BEARER = re.compile(r"(?i)\b(bearer|basic|ntlm|negotiate)\s+[A-Za-z0-9+/=._~-]{8,}|\beyJ[\w.-]{8,}")


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
        self._left_out = 0
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
        # Once more when it is clean: what is taken out may have stood between the letters of a secret.
        text = self._without_secrets(clean_line(self._without_secrets(text)))[:_LOOKED_AT]
        return _BEARER.sub(lambda found: f"{found.group(1) or ''} {MASK}".strip(), text)[:MAX_LENGTH]

    def client(self, data: bytes) -> None:
        """Bytes that we send."""
        self._flush()
        if self._letter_next:
            self.letter(len(data))
            return
        for line in data.removesuffix(b"\r\n").split(b"\r\n"):
            self._keep("C:", self._command(line))

    def letter(self, size: int) -> None:
        """A letter of so many bytes that we send."""
        self._flush()
        self._letter_next = False
        self._keep("C:", LETTER.format(size))

    def request(self, line: str, scheme: str, size: int) -> None:
        """A request of the web: its first line, how it logs in, and the size of its body."""
        self._flush()
        self._keep("C:", line)
        if scheme:
            self._keep("C:", f"Authorization: {scheme} {MASK}")
        if size:
            self._keep("C:", REQUEST.format(size))

    def server(self, data: bytes) -> None:
        """Bytes that the server sends, in whatever pieces."""
        *lines, rest = (self._unfinished + data).split(b"\n")
        self._unfinished = rest[:MAX_UNFINISHED]
        if len(lines) > MAX_LINES:
            self._left_out += len(lines) - MAX_LINES
            lines[MAX_LINES // 2 : -MAX_LINES // 2] = []
        for line in lines:
            self._answer(line)

    def note(self, text: str) -> None:
        """Something of interest that is no line of the dialogue."""
        self._flush()
        self._keep("--", text)

    def take(self) -> tuple[str, ...]:
        """The lines since the last time."""
        self._flush()
        lines, self._lines = self._lines, []
        left_out, self._left_out = self._left_out, 0
        middle = [_left_out(left_out)] if left_out else []
        return (*lines[: MAX_LINES // 2 - 1], *middle, *lines[MAX_LINES // 2 - 1 :])

    def kept(self) -> str:
        """What was said so far, as it goes into the store."""
        self._flush()
        return _kept(list(self._lines), self._left_out)

    def explain(self, error: DispatchError) -> None:
        """Give what was said to the error it led to, and mask its words.

        Where the server's words do not tell how it ended, the last line does.
        """
        self._flush()
        error.answer = self.mask(error.answer)
        error.args = (error.answer,)
        lines = list(self._lines)
        if not (error.code and any(line.startswith(f"S: {error.code}") for line in lines)):
            lines.append(f"-- {error.answer}")
        error.transcript = _kept(lines, self._left_out)

    def _without_secrets(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text

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
        self._lines.append(f"{side} {self.mask(text)}".rstrip())
        if len(self._lines) >= MAX_LINES:
            del self._lines[MAX_LINES // 2 - 1]
            self._left_out += 1


def _kept(lines: list[str], left_out: int) -> str:
    """A line each, at most `KEPT_BYTES` of UTF-8; of more, those in the middle are left out."""
    if not left_out and sum(len(line.encode()) + 1 for line in lines) <= KEPT_BYTES:
        return "\n".join(lines)
    room = KEPT_BYTES - _NOTE_BYTES
    head = _fitting(lines, int(room * _HEAD_SHARE))
    rest = lines[len(head) :]
    tail = _fitting(rest[::-1], room - sum(len(line.encode()) + 1 for line in head))[::-1]
    if rest and not tail:
        tail = [rest[-1].encode()[: int(room * (1 - _HEAD_SHARE)) - 1].decode(errors="ignore")]
    left_out += len(rest) - len(tail)
    return "\n".join([*head, *([_left_out(left_out)] if left_out else []), *tail])


def _left_out(count: int) -> str:
    return f"-- {LEFT_OUT.format(count)}"


def _fitting(lines: list[str], room: int) -> list[str]:
    """The first lines that fit into so many bytes."""
    found: list[str] = []
    for line in lines:
        room -= len(line.encode()) + 1
        if room < 0:
            break
        found.append(line)
    return found
