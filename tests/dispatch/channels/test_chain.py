"""A letter's transaction begun with the end of the one before: in step, each letter once, to its own recipient only."""

from collections.abc import Callable, Sequence

import pytest

from dispatch.channels.envelope import Envelope
from dispatch.channels.smtp import SmtpSession
from dispatch.errors import ConnectionDownError, DispatchError, MessageError, PermanentError
from store.cards import MailConnection
from store.vocabulary import Encryption
from tests.odd_server import GOODBYE, OddServer

LETTERS = [
    Envelope("robot@example.org", f"{name}@example.org", f"Subject: {name}\r\n\r\nbody\r\n".encode())
    for name in ("olga", "ivan", "anna", "oleg")
]


def session(server: OddServer) -> SmtpSession:
    card = MailConnection("odd", "127.0.0.1", port=server.port, encryption=Encryption.NONE)
    return SmtpSession(card, "", timeout_s=5)


async def send_all(ours: SmtpSession, letters: Sequence[Envelope] = LETTERS) -> list[str | DispatchError]:
    """Send letters, each told which one is next; gives the answers and errors."""
    said: list[str | DispatchError] = []
    for place, letter in enumerate(letters):
        following = letters[place + 1] if place + 1 < len(letters) else None
        try:
            said.append(await ours.send(letter, _naming(following)))
        except DispatchError as error:
            said.append(error)
    await ours.close()
    return said


def _naming(letter: Envelope | None) -> Callable[[], Envelope | None]:
    return lambda: letter


def taken(server: OddServer) -> list[bytes]:
    return [letter.removesuffix(b".\r\n") for letter in server.letters]


@pytest.mark.parametrize("crumbs", [True, False], ids=["crumbs", "whole"])
async def test_a_round_trip_a_letter(crumbs: bool) -> None:
    async with OddServer(crumbs=crumbs) as server:
        assert await send_all(session(server)) == ["250 2.0.0 queued"] * 4
    assert taken(server) == [letter.content for letter in LETTERS]
    assert [line for line in server.log if line.startswith("RCPT")] == [
        f"RCPT TO:<{letter.recipient}>" for letter in LETTERS
    ]
    assert "RSET" not in server.log
    assert server.connections == 1
    assert server.log[-1] == "QUIT"


async def test_a_server_without_pipelining_is_sent_nothing_ahead() -> None:
    async with OddServer(pipelining=False) as server:
        assert await send_all(session(server)) == ["250 2.0.0 queued"] * 4
    assert max(server.in_one) == 1


@pytest.mark.parametrize(
    ("verb", "answers", "refused"),
    [
        (".", [b"250 ok\r\n", b"552 5.2.2 full\r\n", b"250 ok\r\n"], 1),
        ("RCPT", [b"250 ok\r\n", b"550 5.1.1 nobody\r\n", b"250 ok\r\n"], 1),
        ("DATA", [b"354 go\r\n", b"354 go\r\n", b"451 4.3.0 later\r\n", b"354 go\r\n"], 2),
        ("MAIL", [b"250 ok\r\n", b"452 4.5.3 later\r\n", b"250 ok\r\n"], 1),
    ],
)
async def test_a_refusal_is_of_one_letter_alone(verb: str, answers: list[bytes], refused: int) -> None:
    async with OddServer({verb: answers}) as server:
        said = await send_all(session(server))
    assert [isinstance(one, MessageError) for one in said] == [place == refused for place in range(4)]
    whole = [letter for letter in taken(server) if letter]
    others = [letter.content for place, letter in enumerate(LETTERS) if place != refused or verb == "."]
    assert whole == others
    assert server.connections == 1


async def test_what_a_server_keeps_of_a_refused_letter_gets_nothing_added() -> None:
    # As Postfix does when a policy or a milter refuses a letter: its transaction stays, MAIL is one too many.
    answers = {
        ".": [b"250 ok\r\n", b"550 5.7.1 spam\r\n", b"250 ok\r\n"],
        "MAIL": [b"250 ok\r\n", b"250 ok\r\n", b"503 5.5.1 nested MAIL command\r\n", b"250 ok\r\n"],
    }
    async with OddServer(answers) as server:
        said = await send_all(session(server))
    assert isinstance(said[1], PermanentError)
    assert [one for place, one in enumerate(said) if place != 1] == ["250 ok"] * 3
    assert taken(server) == [letter.content for letter in LETTERS]
    assert server.connections == 2


async def test_a_server_that_says_goodbye_after_a_letter_has_taken_that_and_not_the_next() -> None:
    async with OddServer({".": [b"250 ok\r\n421 4.3.2 that is enough\r\n" + GOODBYE, b"250 ok\r\n"]}) as server:
        said = await send_all(session(server))
    assert isinstance(said[1], ConnectionDownError)
    assert (said[1].code, said[1].in_doubt) == (421, False)
    assert [one for place, one in enumerate(said) if place != 1] == ["250 ok"] * 3
    assert taken(server) == [letter.content for place, letter in enumerate(LETTERS) if place != 1]
    assert server.connections == 2


async def test_after_a_server_that_closes_without_a_word_the_next_letter_goes_over_a_new_connection() -> None:
    async with OddServer({".": [b"250 ok\r\n" + GOODBYE, b"250 ok\r\n"]}) as server:
        assert await send_all(session(server)) == ["250 ok"] * 4
    assert taken(server) == [letter.content for letter in LETTERS]
    assert server.connections == 2


async def test_a_loss_is_in_doubt_for_the_letter_that_had_left_alone() -> None:
    async with OddServer({".": [GOODBYE, b"250 ok\r\n"]}) as server:
        said = await send_all(session(server))
    assert isinstance(said[0], ConnectionDownError)
    assert said[0].in_doubt
    assert said[1:] == ["250 ok"] * 3


async def test_another_letter_than_the_one_that_was_begun_goes_over_a_new_connection() -> None:
    async with OddServer() as server:
        ours = session(server)
        await ours.send(LETTERS[0], lambda: LETTERS[1])
        await ours.send(LETTERS[2])
        await ours.send(LETTERS[3], lambda: LETTERS[1])
        await ours.close()
    assert taken(server) == [LETTERS[0].content, LETTERS[2].content, LETTERS[3].content]
    assert server.connections == 2
    assert "QUIT" not in server.log, "in the middle of a letter it would be a line of it"


async def test_a_letter_that_cannot_be_addressed_is_not_begun() -> None:
    odd = Envelope("robot@example.org", "ольга@example.org", b"Subject: x\r\n\r\nbody\r\n")
    async with OddServer() as server:
        ours = session(server)
        await ours.send(LETTERS[0], lambda: odd)
        with pytest.raises(PermanentError):
            await ours.send(odd)
        await ours.send(LETTERS[1])
        await ours.close()
    assert taken(server) == [LETTERS[0].content, LETTERS[1].content]
    assert server.connections == 1


async def test_the_dialogue_of_each_letter_is_its_own() -> None:
    async with OddServer({".": [b"250 2.0.0 first\r\n", b"250 2.0.0 second\r\n"]}) as server:
        ours = session(server)
        await ours.send(LETTERS[0], lambda: LETTERS[1])
        first = ours.transcript()
        await ours.send(LETTERS[1])
        second = ours.transcript()
        await ours.close()
    assert "olga@" in first
    assert "ivan@" not in first
    assert first.rstrip().endswith("250 2.0.0 first")
    assert "olga@" not in second
    assert second.count("S: ") == 4
    assert second.rstrip().endswith("250 2.0.0 second")


async def test_a_server_that_loses_what_comes_with_the_end_of_a_letter_is_told_by_its_silence() -> None:
    async with OddServer(forgets=True) as server:
        card = MailConnection("odd", "127.0.0.1", port=server.port, encryption=Encryption.NONE)
        ours = SmtpSession(card, "", timeout_s=0.1)
        await ours.send(LETTERS[0], lambda: LETTERS[1])
        with pytest.raises(ConnectionDownError) as caught:
            await ours.send(LETTERS[1])
        assert (caught.value.error_class, caught.value.in_doubt) == ("timeout", False)
        await ours.send(LETTERS[1])
        await ours.close()
    assert taken(server) == [LETTERS[0].content, LETTERS[1].content]
