"""What every channel promises the dispatcher, shown by each of them against a real server."""

import asyncio
import base64
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from dispatch.channels.envelope import Envelope
from dispatch.channels.quiet import LIBRARIES
from dispatch.channels.sessions import Session
from dispatch.errors import ConnectionDownError, PermanentError, TransientError
from tests.dispatch.channels.channels import BENCHES, Bench, PostfixBench
from tests.postfix_server import PASSWORD


def letter(subject: str = "one") -> Envelope:
    text = (
        f"From: robot@example.org\r\nTo: olga@example.org\r\nSubject: {subject}\r\nAuto-Submitted: auto-generated\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: 8bit\r\n\r\nbody-canary принтер <b> & ]]>\r\n.dot\r\n"
    )
    return Envelope("robot@example.org", "olga@example.org", text.encode())


@pytest.fixture(params=[*BENCHES, "postfix"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    made = BENCHES.get(request.param)
    with made(tmp_path) if made else PostfixBench(request.getfixturevalue("postfix")) as found:
        yield found


async def arrives(bench: Bench, session: Session, subject: str) -> None:
    """The session takes this letter, and the server gets this one and no other."""
    before = len(bench.letters)
    await session.send(letter(subject))
    (arrived,) = bench.letters[before:]
    assert arrived.message["Subject"] == subject


async def test_a_letter_arrives_once_and_as_it_is(bench: Bench) -> None:
    session = bench.session()
    assert await session.send(letter())
    (arrived,) = bench.letters
    assert (arrived.mail_from, arrived.rcpt_to) == ("robot@example.org", "olga@example.org")
    assert arrived.content == letter().content
    await arrives(bench, session, "two")
    await session.close()


async def test_refused_for_now_is_transient_and_the_session_goes_on(bench: Bench) -> None:
    session = bench.session()
    bench.next_letter("transient")
    with pytest.raises(TransientError) as caught:
        await session.send(letter())
    assert caught.value.answer
    assert caught.value.code
    assert bench.letters == []
    await arrives(bench, session, "two")
    await session.close()


async def test_refused_for_good_is_permanent_and_the_session_goes_on(bench: Bench) -> None:
    session = bench.session()
    bench.next_letter("permanent")
    with pytest.raises(PermanentError) as caught:
        await session.send(letter())
    assert caught.value.answer
    assert caught.value.code
    assert bench.letters == []
    await arrives(bench, session, "two")
    await session.close()


async def test_throttling_is_of_the_connection_and_leaves_no_doubt(bench: Bench) -> None:
    session = bench.session()
    bench.next_letter("throttled")
    with pytest.raises(ConnectionDownError) as caught:
        await session.send(letter())
    assert caught.value.error_class in {"throttled", "rate_limited", "too_many_connections"}
    assert not caught.value.in_doubt
    await arrives(bench, session, "two")
    await session.close()


async def test_a_server_that_is_gone_is_a_connection_down_and_leaves_no_doubt(bench: Bench) -> None:
    session = bench.session()
    with bench.gone(), pytest.raises(ConnectionDownError) as caught:
        await session.send(letter())
    assert caught.value.error_class.removeprefix("token_") in {"refused", "unreachable"}
    assert not caught.value.in_doubt


async def test_a_drop_after_the_letter_leaves_it_in_doubt_and_is_not_sent_again(bench: Bench) -> None:
    session = bench.session()
    bench.next_letter("drop")
    with pytest.raises(ConnectionDownError) as caught:
        await session.send(letter())
    assert caught.value.in_doubt
    assert bench.letters == []
    await arrives(bench, session, "two")
    await session.close()


async def test_a_server_that_says_nothing_is_given_up_and_leaves_the_letter_in_doubt(bench: Bench) -> None:
    session = bench.session()
    await arrives(bench, session, "one")
    await session.close()
    session = bench.session(patience_s=0.5)
    bench.next_letter("hang")
    with pytest.raises(ConnectionDownError) as caught:
        await session.send(letter())
    assert (caught.value.error_class, caught.value.in_doubt) == ("timeout", True)
    await arrives(bench, session, "two")
    await session.close()


async def test_after_a_cancel_the_next_letter_gets_its_own_answer(bench: Bench) -> None:
    session = bench.session()
    await arrives(bench, session, "one")
    bench.reading.clear()
    bench.next_letter("hang")
    task = asyncio.ensure_future(session.send(letter("cancelled")))
    assert await asyncio.to_thread(bench.reading.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    bench.next_letter("permanent")
    with pytest.raises(PermanentError):
        await session.send(letter("refused"))
    await arrives(bench, session, "two")
    await session.close()


async def test_a_wrong_secret_is_of_the_connection(bench: Bench) -> None:
    session = bench.session("wrong-canary")
    with pytest.raises(ConnectionDownError) as caught:
        await session.send(letter())
    assert caught.value.error_class in {"auth_failed", "token_secret"}
    assert not caught.value.in_doubt
    assert bench.letters == []


async def test_no_secret_token_or_letter_is_in_what_is_raised_or_logged(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    session = bench.session()
    await session.send(letter())  # the libraries are loaded, and their loggers there
    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] in LIBRARIES]
    with caplog.at_level(logging.DEBUG):
        for name in names:
            caplog.set_level(logging.DEBUG, name)
        said: list[str] = []
        for trouble in ("transient", "permanent", "throttled", "drop"):
            bench.next_letter(trouble)
            said.append(await fault_of(session))
        said.append(await fault_of(bench.session("wrong-canary")))
        await session.send(letter())
        await session.close()
    records = [record for record in caplog.records if record.name != "mail.log"]  # the test's own mail server
    everything = "".join(said) + "".join(repr(record.__dict__) + record.getMessage() for record in records)
    basic = base64.b64encode(f"robot@example.org:{PASSWORD}".encode()).decode()
    for secret in ("canary", basic, "MimeContent", base64.b64encode(letter().content).decode()[:40]):
        assert secret not in everything


async def fault_of(session: Session) -> str:
    """Everything an exception could show: its text, and what hangs on to it."""
    with pytest.raises((TransientError, PermanentError, ConnectionDownError)) as caught:
        await session.send(letter())
    found: list[str] = []
    error: BaseException | None = caught.value
    while error is not None:
        found += [str(error), repr(error.__dict__)]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(found)
