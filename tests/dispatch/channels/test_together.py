"""Letters that leave in one piece: in step, each once, to its own recipient only, and no more in doubt than must be."""

from collections.abc import AsyncIterator, Sequence

import pytest

from dispatch.channels.envelope import Envelope
from dispatch.channels.pipeline import NO_CHUNKING, TOGETHER
from dispatch.channels.smtp import SmtpSession
from dispatch.errors import ConnectionDownError, DispatchError, HeldUpError, MessageError, PermanentError
from store.cards import MailConnection
from store.vocabulary import Encryption
from tests.odd_server import GOODBYE, HANG, TAKEN, OddServer

NAMES = ("olga", "ivan", "anna", "oleg")
LETTERS = [
    Envelope("robot@example.org", f"{name}@example.org", f"Subject: {name}\r\n\r\n.body\r\n".encode()) for name in NAMES
]
FIRST, SECOND = (
    Envelope("robot@example.org", f"{name}@example.org", b"Subject: x\r\n\r\nbody\r\n") for name in ("first", "second")
)
OK, GO = b"250 2.0.0 ok\r\n", b"354 go\r\n"


def session(server: OddServer, timeout_s: float = 5) -> SmtpSession:
    card = MailConnection("odd", "127.0.0.1", port=server.port, encryption=Encryption.NONE)
    return SmtpSession(card, "", timeout_s=timeout_s)


@pytest.fixture
async def server() -> AsyncIterator[OddServer]:
    async with OddServer(chunking=True) as server:
        yield server


async def acquainted(server: OddServer, timeout_s: float = 5) -> SmtpSession:
    """A session whose server has taken a letter by DATA and one by BDAT."""
    ours = session(server, timeout_s)
    await ours.send(FIRST)
    ours.depart([SECOND])
    await ours.arrive()
    assert ours.most == TOGETHER
    for kept in (server.log, server.in_one, server.accepted, server.delivered):
        kept.clear()
    return ours


async def arrivals(ours: SmtpSession, letters: Sequence[Envelope] = LETTERS) -> list[str | DispatchError]:
    ours.depart(letters)
    said: list[str | DispatchError] = []
    for _ in letters:
        try:
            said.append(await ours.arrive())
        except DispatchError as error:
            said.append(error)
    return said


def each_to_its_own(letters: Sequence[Envelope]) -> list[tuple[tuple[str, ...], bytes]]:
    return [((letter.recipient,), letter.content) for letter in letters]


def but(place: int) -> list[Envelope]:
    return [letter for at, letter in enumerate(LETTERS) if at != place]


@pytest.mark.parametrize("crumbs", [True, False], ids=["crumbs", "whole"])
async def test_one_round_trip_for_all_of_them(server: OddServer, crumbs: bool) -> None:
    ours = await acquainted(server)
    server.crumbs = crumbs
    assert await arrivals(ours) == ["250 2.0.0 queued"] * 4
    assert server.delivered == each_to_its_own(LETTERS), "as they are: BDAT doubles no dots"
    assert server.in_one[0] == sum(3 + letter.content.count(b"\r\n") for letter in LETTERS) + 3, "RSET between them"
    assert await ours.send(FIRST) == "250 2.0.0 queued"
    await ours.close()
    assert (server.connections, server.log[-1]) == (1, "QUIT")


@pytest.mark.parametrize(("pipelining", "chunking"), [(True, False), (False, True)])
async def test_not_where_the_server_does_not_offer_both(pipelining: bool, chunking: bool) -> None:
    async with OddServer(pipelining=pipelining, chunking=chunking) as server:
        ours = session(server)
        await ours.send(FIRST)
        assert ours.together is None
        await ours.close()


async def test_not_before_a_letter_was_taken_and_then_one_alone(server: OddServer) -> None:
    ours = session(server)
    await ours.connect()
    assert ours.together is None, "who hangs up on the first letter hangs up on all"
    await ours.send(FIRST)
    assert ours.most == 1
    await ours.send(FIRST, lambda: SECOND)
    assert ours.together is None, "a letter is begun"
    await ours.send(SECOND)
    assert await arrivals(ours, [FIRST]) == ["250 2.0.0 queued"]
    assert ours.most == TOGETHER
    await ours.close()
    assert ours.together is None


@pytest.mark.parametrize("content", [b"bare\n.\nRSET\rend", b"no end"])
async def test_lines_end_in_crlf(server: OddServer, content: bytes) -> None:
    ours = await acquainted(server)
    await arrivals(ours, [Envelope("robot@example.org", "olga@example.org", content)])
    await ours.close()
    assert server.accepted == [content.replace(b"\n", b"\r\n").replace(b"\rend", b"\r\nend") + b"\r\n"]


@pytest.mark.parametrize(
    ("verb", "answers", "refused"),
    [
        (".", [OK, b"552 5.2.2 full\r\n", OK], 1),
        (".", [OK, OK, OK, b"451 4.3.0 later\r\n"], 3),
        ("RCPT", [OK, b"550 5.1.1 nobody\r\n", OK], 1),
        ("RCPT", [b"450 4.2.0 greylisted\r\n", OK], 0),
        ("MAIL", [OK, OK, b"452 4.5.3 later\r\n", OK], 2),
    ],
)
async def test_a_refusal_is_of_one_letter_alone(
    server: OddServer, verb: str, answers: list[bytes], refused: int
) -> None:
    # What is refused at its end stays, as with Postfix: whoever comes next must not be added to it.
    ours = await acquainted(server)
    if verb == "MAIL":
        server.answers["RCPT"] = [OK, OK, b"503 5.5.1 no MAIL\r\n", OK]
    server.answers[verb] = answers
    said = await arrivals(ours)
    assert [isinstance(one, MessageError) for one in said] == [place == refused for place in range(4)]
    assert server.delivered == each_to_its_own(but(refused))
    server.recover()
    assert await arrivals(ours) == ["250 2.0.0 queued"] * 4
    assert server.delivered == each_to_its_own(but(refused)) + each_to_its_own(LETTERS)
    assert server.connections == 1
    await ours.close()


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "."])
async def test_after_421_the_letters_before_are_taken_and_the_others_are_not(server: OddServer, verb: str) -> None:
    ours = await acquainted(server)
    server.answers[verb] = [OK, OK, b"421 4.3.2 that is enough\r\n" + GOODBYE]
    said = await arrivals(ours)
    assert said[:2] == ["250 2.0.0 queued" if verb != "." else "250 2.0.0 ok"] * 2
    for one in said[2:]:
        assert isinstance(one, ConnectionDownError)
        assert (one.code, one.error_class, one.in_doubt) == (421, "throttled", False)
    assert server.delivered == each_to_its_own(LETTERS[:2])
    assert not ours.most


async def test_a_server_that_says_421_and_goes_on_is_heard_out(server: OddServer) -> None:
    ours = await acquainted(server)
    server.answers["RCPT"] = [OK, b"421 4.7.0 not this one now\r\n", OK]
    said = await arrivals(ours)
    assert [one for place, one in enumerate(said) if place != 1] == ["250 2.0.0 queued"] * 3
    assert isinstance(said[1], ConnectionDownError)
    assert (said[1].code, said[1].in_doubt) == (421, False)
    assert server.delivered == each_to_its_own(but(1))
    await ours.close()


async def test_what_a_server_did_after_all_is_not_excused_by_its_421(server: OddServer) -> None:
    ours = await acquainted(server)
    server.answers |= {"RCPT": [OK, b"421 4.7.0 not this one now\r\n", OK], ".": [OK, OK, TAKEN]}
    said = await arrivals(ours)
    assert [said[0], said[2]] == ["250 2.0.0 ok"] * 2
    assert server.delivered == each_to_its_own(but(1))
    assert [(getattr(one, "code", 0), getattr(one, "in_doubt", None)) for one in said[1::2]] == [
        (421, False), (None, True),
    ]  # fmt: skip


async def test_a_server_that_says_421_and_then_nothing_is_not_waited_for(
    server: OddServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dispatch.channels.dialogue.AFTER_GOODBYE_S", 0.05)
    ours = await acquainted(server, timeout_s=60)
    server.answers["RCPT"] = [OK, b"421 4.3.2 closing\r\n" + HANG]
    said = await arrivals(ours)
    assert said[0] == "250 2.0.0 queued"
    assert [getattr(one, "code", None) for one in said[1:]] == [421] * 3
    assert not any(getattr(one, "in_doubt", False) for one in said[1:])


async def test_a_loss_is_in_doubt_for_those_that_were_not_answered(server: OddServer) -> None:
    ours = await acquainted(server)
    server.answers["."] = [OK, TAKEN]
    said = await arrivals(ours)
    assert said[0] == "250 2.0.0 ok", "its answer was here before the connection was lost"
    for one in said[1:]:
        assert isinstance(one, ConnectionDownError)
        assert (one.error_class, one.in_doubt) == ("lost", True)
    assert not ours.most
    server.recover()
    assert (await ours.send(FIRST)).startswith("250")
    assert server.connections == 2
    await ours.close()


async def test_silence_is_in_doubt(server: OddServer) -> None:
    ours = await acquainted(server, timeout_s=0.05)
    server.answers["."] = [OK, HANG]
    said = await arrivals(ours)
    assert said[0] == "250 2.0.0 ok"
    assert [(getattr(one, "error_class", ""), getattr(one, "in_doubt", None)) for one in said[1:]] == [
        ("timeout", True)
    ] * 3


@pytest.mark.parametrize("place", range(4))
async def test_a_server_that_takes_refused_text_for_commands_is_believed_nothing_after_it(
    server: OddServer, place: int
) -> None:
    # One such server is known. Its answers to lines of the text are not the next letter's.
    ours = await acquainted(server)
    server.obeys_refused = True
    server.answers |= {"RCPT": [*[OK] * place, b"550 5.1.1 nobody\r\n", OK]}
    said = await arrivals(ours)
    assert said[:place] == ["250 2.0.0 queued"] * place
    assert isinstance(said[place], PermanentError)
    for one in said[place + 1 :]:
        assert isinstance(one, ConnectionDownError)
        assert one.in_doubt
    server.obeys_refused = False
    server.recover()
    assert (await ours.send(FIRST)).startswith("250")
    await ours.close()


@pytest.mark.parametrize("code", [b"500", b"502", b"503", b"504"])
async def test_a_server_that_announced_what_it_does_not_know_gets_the_letter_otherwise(code: bytes) -> None:
    async with OddServer({"BDAT": [code + b" 5.5.1 what is BDAT\r\n"]}, chunking=True) as server:
        ours = session(server)
        await ours.send(FIRST)
        (said,) = await arrivals(ours, [SECOND])
        assert isinstance(said, ConnectionDownError)
        assert (said.error_class, said.in_doubt) == (NO_CHUNKING, False)
        assert (await ours.send(SECOND)).startswith("250")
        await ours.close()


@pytest.mark.parametrize("words", [b"354 go\r\n", b"999 what\r\n", b"\x1b[2J\r\n", b"250-" + b"x" * 100_000])
async def test_what_is_no_answer_leaves_the_others_in_doubt(server: OddServer, words: bytes) -> None:
    ours = await acquainted(server)
    server.answers["."] = [OK, words]
    said = await arrivals(ours)
    assert said[0] == "250 2.0.0 ok"
    assert [getattr(one, "in_doubt", None) for one in said[1:]] == [True] * 3
    assert "\x1b" not in str(said[1])


async def test_a_letter_that_cannot_be_addressed_stays_and_the_others_go(server: OddServer) -> None:
    ours = await acquainted(server)
    odd = Envelope("robot@example.org", "ольга@example.org", b"Subject: x\r\n\r\nbody\r\n")
    said = await arrivals(ours, [LETTERS[0], odd, LETTERS[1]])
    assert isinstance(said[1], PermanentError)
    assert [said[0], said[2]] == ["250 2.0.0 queued"] * 2
    assert server.delivered == each_to_its_own(LETTERS[:2])
    await ours.close()


async def test_nothing_departs_that_may_not_leave(server: OddServer) -> None:
    card = MailConnection("odd", "127.0.0.1", port=server.port, encryption=Encryption.NONE)
    may: list[bool] = [True]
    ours = SmtpSession(card, "", timeout_s=5, may_send=lambda: may[0])
    await ours.send(FIRST)
    may[0] = False
    with pytest.raises(HeldUpError):
        ours.depart([SECOND])
    await ours.close()
    assert not server.delivered


async def test_the_dialogue_of_each_letter_is_its_own(server: OddServer) -> None:
    ours = await acquainted(server)
    server.answers |= {".": [b"250 2.0.0 first\r\n", b"250 2.0.0 last\r\n"], "RCPT": [OK, b"550 5.1.1 nobody\r\n", OK]}
    ours.depart(LETTERS[:3])
    await ours.arrive()
    first = ours.transcript()
    with pytest.raises(PermanentError) as caught:
        await ours.arrive()
    await ours.arrive()
    last = ours.transcript()
    await ours.close()
    assert first.splitlines() == [
        "C: MAIL FROM:<robot@example.org>", "S: 250 2.0.0 ok", "C: RCPT TO:<olga@example.org>", "S: 250 2.0.0 ok",
        "C: BDAT 24 LAST", "C: (a letter of 24 bytes)", "S: 250 2.0.0 first",
    ]  # fmt: skip
    assert caught.value.transcript.splitlines()[3:] == [
        "S: 250 2.0.0 ok", "C: RCPT TO:<ivan@example.org>", "S: 550 5.1.1 nobody", "C: BDAT 24 LAST",
        "C: (a letter of 24 bytes)", "S: 503 5.5.1 no recipients",
    ]  # fmt: skip
    assert "anna" in last
    assert "ivan" not in last
    assert last.splitlines()[:2] == ["C: RSET", "S: 250 2.0.0 ok"]
    assert last.splitlines()[-1] == "S: 250 2.0.0 last"


async def test_no_farewell_among_answers_that_are_awaited(server: OddServer) -> None:
    ours = await acquainted(server)
    ours.depart(LETTERS)
    await ours.arrive()
    await ours.close()
    assert "QUIT" not in server.log
