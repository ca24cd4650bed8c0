"""What was said between us and a mail server, in colours and with our own notes in words."""

import re
from collections.abc import Iterable

from textual.content import Content

from dispatch.transcript import LEFT_OUT, LETTER, REQUEST
from store.sanitise import clean_line
from tui.texts import Texts


def _pattern(note: str) -> re.Pattern[str]:
    return re.compile(re.escape(note).replace(r"\{\}", r"(\d+)") + "$")


_NOTES = (
    (_pattern(f"C: {LETTER}"), "C: ", "transcript.letter"),
    (_pattern(f"C: {REQUEST}"), "C: ", "transcript.request"),
    (_pattern(f"-- {LEFT_OUT}"), "-- ", "transcript.left_out"),
)
_REFUSED = re.compile(r"S: (HTTP )?[45]\d\d\b")


def transcript_lines(lines: Iterable[str], texts: Texts) -> list[Content]:
    """The lines as they are shown: ours and refusals in colours, our notes in the language of the console."""
    return [_line(clean_line(line), texts) for line in lines]


def _line(line: str, texts: Texts) -> Content:
    for pattern, side, word in _NOTES:
        if found := pattern.match(line):
            return Content.styled(f"{side}({texts(word, count=found[1])})", "dim")
    if _REFUSED.match(line):
        return Content.styled(line, "$text-error")
    return (
        Content(line) if line.startswith("S:") else Content.styled(line, "$text-accent" if line[:2] == "C:" else "dim")
    )
