"""What is kept of a dialogue: bounded, masked, and how it ended."""

import time

import pytest

from dispatch.errors import ConnectionDownError, PermanentError
from dispatch.transcript import KEPT_BYTES, MAX_LINES, Transcript

REFUSED = "550 5.1.1 nobody"


def explained(transcript: Transcript, answer: str = REFUSED, code: int | None = 550) -> list[str]:
    error = PermanentError(answer, code=code)
    transcript.explain(error)
    assert len(error.transcript.encode()) <= KEPT_BYTES
    return error.transcript.split("\n")


def test_how_it_ended_is_told_where_the_server_did_not() -> None:
    transcript = Transcript()
    transcript.client(b"RCPT TO:<a@b.org>\r\n")
    assert explained(transcript, "the connection was lost", None) == [
        "C: RCPT TO:<a@b.org>",
        "-- the connection was lost",
    ]
    transcript.server(b"550-5.1.1 no\r\n550 5.1.1 nobody\r\n")
    assert explained(transcript) == ["C: RCPT TO:<a@b.org>", "S: 550-5.1.1 no", "S: 550 5.1.1 nobody"]


@pytest.mark.parametrize("width", [10, 499, 40_000])
@pytest.mark.parametrize("letter", ["x", "я", "漢"])
@pytest.mark.parametrize("lines", [3, 150, 5_000])
def test_of_much_the_beginning_and_the_end_are_kept_with_a_note_between(width: int, letter: str, lines: int) -> None:
    transcript = Transcript()
    transcript.client(b"RCPT TO:<a@b.org>\r\n")
    for start in range(0, lines, 50):
        portion = [f"550-{start + place} {letter * width}\r\n" for place in range(min(50, lines - start))]
        transcript.server("".join(portion).encode())
    transcript.server(f"{REFUSED}\r\n".encode())
    kept = explained(transcript)
    assert (kept[0], kept[-1]) == ("C: RCPT TO:<a@b.org>", f"S: {REFUSED}")
    notes = [line for line in kept if line.startswith("--")]
    if notes:
        assert notes == [f"-- ({lines + 3 - len(kept)} lines left out)"]
    else:
        assert len(kept) == lines + 2


def test_a_last_line_that_alone_is_too_long_is_cut() -> None:
    transcript = Transcript()
    for letters in (120, 600, 600):
        transcript.server(("550 " + "😀" * letters + "\r\n").encode())
    kept = explained(transcript)
    assert [line.count("😀") for line in kept[:2]] == [120, 496]
    assert len(kept) == 3
    assert 300 < kept[2].count("😀") < 496


def test_lines_beyond_the_most_are_those_in_the_middle() -> None:
    transcript = Transcript()
    transcript.server(b"".join(b"250 %d\r\n" % number for number in range(1000)))
    lines = transcript.take()
    assert len(lines) == MAX_LINES
    assert (lines[0], lines[-1]) == ("S: 250 0", "S: 250 999")
    assert "-- (801 lines left out)" in lines
    assert transcript.take() == ()


@pytest.mark.parametrize(
    "said",
    [
        "550 you said s3cret-of-ours",
        "550 you said s3cre\x00t-of\u202e-ours",
        "550 czNjcmV0LW9mLW91cnM=",
        "550 " + "x" * 490 + "s3cret-of-ours",
    ],
)
def test_a_secret_is_in_no_word_of_the_servers(said: str) -> None:
    transcript = Transcript("s3cret-of-ours")
    transcript.server(f"{said}\r\n".encode())
    error = ConnectionDownError(said, code=550)
    transcript.explain(error)
    for text in (error.transcript, error.answer, str(error)):
        assert "s3cret" not in text
        assert "czNjcmV0" not in text
        assert text.isprintable()


def test_a_line_made_to_be_slow_to_look_through_holds_nobody_up() -> None:
    transcript = Transcript("s3cret-of-ours")
    begun = time.process_time()
    for nasty in (b"-eyJ" * 16_000, b"bearer " + b" " * 60_000, b"a.eyJ" * 13_000):
        transcript.server(b"250-" + nasty + b"\r\n")
    assert time.process_time() - begun < 1
    assert len(transcript.take()) == 3
