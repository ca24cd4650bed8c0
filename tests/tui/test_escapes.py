"""What is written to a terminal beside the picture: one sequence, whatever the text, and nothing from outside in it."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from tui.terminal import MOST, Desktop, notification_sequence, through_tmux, title_sequence

ANY_TEXT = st.text(st.characters(codec=None), max_size=300) | st.text("\x1b\x07\x9c\\];\n\x9d\u202ea", max_size=40)
OSC = re.compile(r"\x1b\](?P<number>[0-9]+);(?P<body>[^\x00-\x1f\x7f-\x9f\u202a-\u202e]*)\x1b\\")
"""An operating system command, from its introducer to its end, without a control character between."""


def passed_on(sequence: str) -> str:
    r"""What tmux writes to the terminal outside: it reads to ESC \, and of two ESC keeps one."""
    assert sequence.startswith("\x1bPtmux;")
    rest, out = sequence.removeprefix("\x1bPtmux;"), ""
    while not rest.startswith("\x1b\\"):
        assert rest, "it does not end"
        out += rest[0]
        rest = rest[2:] if rest.startswith("\x1b\x1b") else rest[1:]
    assert rest == "\x1b\\", "something comes after its end"
    return out


@given(ANY_TEXT)
@example("\x1b]2;gone\x07")
@example("4;1;100")  # OSC 9;4 is a progress bar in some terminals
@example("конец\x9c\x9d0;x")
def test_a_title_is_one_sequence(text: str) -> None:
    found = OSC.fullmatch(title_sequence(text))
    assert found is not None
    assert found["number"] == "2"
    assert len(found["body"]) <= MOST
    assert ";" not in found["body"]
    found["body"].encode()


@given(st.sampled_from(Desktop), ANY_TEXT, ANY_TEXT)
@example(Desktop.OSC777, ";notify;", "a;b")
@example(Desktop.OSC9, "4", "1;100")
def test_a_notification_is_one_sequence_with_the_fields_it_has(kind: Desktop, heading: str, text: str) -> None:
    sequence = notification_sequence(kind, heading, text)
    found = OSC.fullmatch(sequence)
    assert found is not None
    assert found["number"] == kind.removeprefix("osc")
    assert found["body"].count(";") == {"osc9": 0, "osc777": 2, "osc99": 1}[kind]
    assert len(sequence.encode()) <= 4 * 2 * MOST + 30
    assert passed_on(through_tmux(sequence)) == sequence


def test_words_arrive() -> None:
    words = notification_sequence(Desktop.OSC777, "Vestnik", "12 писем не ушло")
    assert words == "\x1b]777;notify;Vestnik;12 писем не ушло\x1b\\"
    assert notification_sequence(Desktop.OSC9, "Vestnik", "x") == "\x1b]9;Vestnik: x\x1b\\"
    assert notification_sequence(Desktop.OSC99, "Vestnik", "x") == "\x1b]99;;Vestnik: x\x1b\\"
    assert title_sequence("a\nb") == "\x1b]2;a b\x1b\\"
