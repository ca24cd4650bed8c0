"""A dispatcher with many letters and a server that takes several in one piece: each once, and none lost with others."""

from collections import Counter
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

import pytest

from dispatch.channels.envelope import Envelope
from dispatch.channels.pipeline import TOGETHER
from dispatch.channels.smtp import SmtpSession
from dispatch.errors import ConnectionDownError
from dispatch.intake import emit
from dispatch.routes import Route, Seat
from dispatch.workers import SESSIONS
from store import journal
from store.cards import MailConnection, SilentMode
from store.engine import Store
from store.limits import Learned
from store.settings import save_silent_mode
from store.vocabulary import DeliveryState, Encryption, SilentState
from tests.desk import HandClock, event, furnish, lines, open_store, raise_limits
from tests.dispatch.test_sender import dispatch, dispatching, letters, requests, states, until
from tests.limited_server import LimitedServer
from tests.odd_server import GOODBYE, HANG, TAKEN, OddServer

COUNT = 100
MOST_ROUNDS = 20
OK = b"250 2.0.0 ok\r\n"
FLOODED = 30
"""Answers to a verb after which letters go together for certain: every session is acquainted with the server."""


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def store(tmp_path: Path, clock: HandClock) -> Iterator[Store]:
    store = open_store(tmp_path, clock)
    raise_limits(store)
    yield store
    store.close()


async def dispatch_all(store: Store, clock: HandClock) -> None:
    """Rounds until nothing waits."""
    for _ in range(MOST_ROUNDS):
        await dispatch(store)
        if DeliveryState.PENDING not in states(store):
            return
        clock.forward(hours=1)


def copies(server: OddServer) -> Counter[str]:
    """How often each letter was accepted, by its Message-ID.

    The empty letter is none: a server gets it that asks for the text after it refused the recipient.
    """
    return Counter(message_from_bytes(one)["Message-ID"] for one in server.accepted if one != b".\r\n")


def ids(store: Store) -> set[str]:
    return {opened.message_id for row in letters(store) if (opened := journal.delivery(store, row.id))}


def chunks(server: OddServer) -> int:
    return sum(line.startswith("BDAT") for line in server.log)


async def test_many_letters_go_in_pieces(store: Store) -> None:
    async with OddServer(chunking=True) as server:
        furnish(store, port=server.port)
        requests(store, COUNT)
        await dispatch(store)
    assert copies(server) == Counter(ids(store))
    assert {(row.state, row.attempts, row.answer) for row in letters(store)} == {
        (DeliveryState.SENT.value, 1, "250 2.0.0 queued")
    }
    assert chunks(server) > COUNT / 2
    assert max(len(to) for to, _ in server.delivered) == 1
    assert server.connections <= SESSIONS


async def test_few_go_one_by_one(store: Store) -> None:
    async with OddServer(chunking=True) as server:
        furnish(store, port=server.port)
        requests(store, 2 * SESSIONS)
        await dispatch(store)
    assert copies(server) == Counter(ids(store))
    assert not chunks(server)


async def test_a_few_go_together_where_the_server_is_done_with_them_in_a_moment(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dispatch.workers.MOMENT_S", 5.0)  # the machine of the test may be busy
    async with OddServer(chunking=True) as server:
        furnish(store, port=server.port)
        requests(store, COUNT)
        async with dispatching(store):
            await until(lambda: len(server.accepted) == COUNT)
            before = chunks(server)
            requests(store, SESSIONS + 1, first=COUNT)
            await until(lambda: len(server.accepted) == COUNT + SESSIONS + 1)
    assert chunks(server) - before > 1
    assert copies(server) == Counter(ids(store))


async def test_a_few_go_one_by_one_where_it_is_not(store: Store, clock: HandClock) -> None:
    async with LimitedServer(clock, chunking=True, thinking=0.02) as server:
        furnish(store, port=server.port)
        requests(store, COUNT)
        async with dispatching(store):
            await until(lambda: len(server.letters) == COUNT)
            before = server.chunks
            assert before
            requests(store, SESSIONS + 1, first=COUNT)
            await until(lambda: len(server.letters) == COUNT + SESSIONS + 1)
    assert server.chunks == before


async def test_a_connection_that_is_down_is_tried_by_one_letter(clock: HandClock) -> None:
    async with OddServer(chunking=True) as server:
        card = MailConnection("odd", "127.0.0.1", port=server.port, encryption=Encryption.NONE)
        session = SmtpSession(card, "")
        route = Route(card, Learned(), clock())
        route.seats[0] = Seat(session)
        letter = Envelope("robot@example.org", "olga@example.org", b"Subject: x\r\n\r\nbody\r\n")
        await session.send(letter)
        assert route.together(0) == 1
        session.depart([letter])
        await session.arrive()
        assert route.together(0) == TOGETHER
        route.judge(1, ConnectionDownError("no", error_class="refused"), clock())
        clock.forward(hours=1)
        route.circuit.begin(clock())
        assert route.together(0) == 0
        route.accepted(route.seats[0], clock())
        assert route.together(0) == TOGETHER
        await session.close()


@pytest.mark.no_cover  # it goes where others have been
@pytest.mark.parametrize(
    "trouble",
    [GOODBYE, b"421 4.3.2 closing\r\n" + GOODBYE, b"421 4.3.2 later\r\n", b"\x1b[2J\r\n", b"354 go\r\n", HANG],
    ids=["lost", "421 and closed", "421", "garbage", "354", "hangs"],
)
@pytest.mark.parametrize("verb", ["RSET", "RCPT", "."])
async def test_a_trouble_amid_them_loses_none(
    store: Store, clock: HandClock, monkeypatch: pytest.MonkeyPatch, verb: str, trouble: bytes
) -> None:
    monkeypatch.setattr(SmtpSession.__init__, "__kwdefaults__", {"tokens": None, "timeout_s": 0.1})
    monkeypatch.setattr("dispatch.channels.dialogue.AFTER_GOODBYE_S", 0.1)
    told = [*[OK] * FLOODED, trouble, OK]
    async with OddServer({verb: told}, chunking=True) as server:
        furnish(store, port=server.port)
        requests(store, COUNT)
        await dispatch_all(store, clock)
        assert told == [OK], "it has come to pass"
    assert chunks(server)
    arrived = copies(server)
    assert {*arrived} == ids(store)
    assert states(store) == {DeliveryState.SENT}
    for row in letters(store):
        opened = journal.delivery(store, row.id)
        assert opened is not None
        # Whatever may have come twice has an attempt that says so.
        assert arrived[opened.message_id] <= row.attempts <= 2
    in_doubt = sum(row.attempts == 2 for row in letters(store))
    assert in_doubt <= TOGETHER
    if trouble.startswith(b"421") and verb != "RSET":  # who goes on after it all the same is not in step
        assert (in_doubt, {*arrived.values()}) == (0, {1})


async def test_a_refusal_amid_them_is_of_one_letter(store: Store) -> None:
    told = [*[OK] * FLOODED, b"550 5.1.1 nobody\r\n", OK]
    async with OddServer({"RCPT": told}, chunking=True) as server:
        furnish(store, port=server.port)
        requests(store, COUNT)
        await dispatch(store)
    (refused,) = [row for row in letters(store) if row.state == DeliveryState.DEAD.value]
    assert (refused.reason, refused.answer) == ("mailbox_unknown", "550 5.1.1 nobody")
    assert copies(server).total() == len(copies(server)) == COUNT - 1
    assert states(store) == {DeliveryState.SENT, DeliveryState.DEAD}


async def test_a_letter_that_breaks_every_connection_takes_no_other_with_it(store: Store, clock: HandClock) -> None:
    def judge(letter: bytes) -> bytes:
        return GOODBYE if b"john@example.org" in letter else OK

    async with OddServer(judge=judge, chunking=True) as server:
        furnish(store, port=server.port)
        requests(store, COUNT // 2)
        emit(store, lines(event(number=COUNT, responsible=None, team=None, client="john@example.org")))
        requests(store, COUNT // 2, first=COUNT // 2)
        await dispatch_all(store, clock)
    others = [row for row in letters(store) if row.recipient_address != "john@example.org"]
    assert {row.state for row in others} == {DeliveryState.SENT.value}
    assert max(row.attempts for row in others) <= 2, "after the first loss letters go one by one"
    (poisoned,) = [row for row in letters(store) if row.recipient_address == "john@example.org"]
    assert (poisoned.state, poisoned.reason) == (DeliveryState.DEAD.value, "lost")


@pytest.mark.parametrize(("seconds", "again"), [(3600.0, False), (0.0, True)], ids=["within the hour", "after it"])
async def test_after_a_loss_letters_go_one_by_one_for_an_hour(
    store: Store, clock: HandClock, monkeypatch: pytest.MonkeyPatch, seconds: float, again: bool
) -> None:
    monkeypatch.setattr("dispatch.routes.ONE_BY_ONE_S", seconds)
    async with OddServer({".": [*[OK] * FLOODED, TAKEN, OK]}, chunking=True) as server:
        furnish(store, port=server.port)
        requests(store, COUNT)
        async with dispatching(store):
            await until(lambda: clock.forward(seconds=1) or states(store) == {DeliveryState.SENT})
            before = chunks(server)
            assert before
            requests(store, COUNT, first=COUNT)
            await until(lambda: len(letters(store)) == 2 * COUNT and states(store) == {DeliveryState.SENT})
            assert (chunks(server) > before) is again


async def test_a_server_that_does_not_know_what_it_announced_gets_all_of_them(store: Store) -> None:
    async with OddServer({"BDAT": [b"500 5.5.1 what\r\n"]}, chunking=True) as server:
        furnish(store, port=server.port)
        requests(store, COUNT)
        await dispatch(store)
    assert copies(server) == Counter(ids(store))
    assert {(row.state, row.attempts) for row in letters(store)} == {(DeliveryState.SENT.value, 1)}
    assert 1 <= chunks(server) <= SESSIONS


async def test_a_slow_server_gets_them_one_by_one(
    store: Store, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dispatch.routes.QUICK_S", 0.01)
    async with LimitedServer(clock, chunking=True, thinking=0.005) as server:
        furnish(store, port=server.port)
        requests(store, 3 * COUNT)
        await dispatch(store)
    assert len(server.letters) == 3 * COUNT
    assert server.chunks <= SESSIONS * (1 + TOGETHER)


async def test_large_letters_go_alone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dispatch.workers.TOGETHER_BYTES", 1000)
    async with OddServer(chunking=True) as server:
        furnish(store, port=server.port)
        requests(store, COUNT)
        await dispatch(store)
    assert copies(server) == Counter(ids(store))
    assert chunks(server)
    assert "RSET" not in server.log, "that is said between those that go together"


async def test_what_is_held_does_not_leave_with_others(store: Store) -> None:
    save_silent_mode(store, SilentMode(SilentState.EXCEPTIONS, exceptions=("olga@example.org",)), "test")
    async with OddServer(chunking=True) as server:
        furnish(store, port=server.port)
        clients = ("olga@example.org", "olga@example.org", "john@example.org")
        emit(
            store,
            lines(*(event(number=n, responsible=None, team=None, client=clients[n % 3]) for n in range(3 * COUNT))),
        )
        await dispatch(store)
    assert chunks(server)
    assert {to for to, _ in server.delivered} == {("olga@example.org",)}
    assert {(row.recipient_address, row.state) for row in letters(store)} == {
        ("olga@example.org", DeliveryState.SENT.value), ("john@example.org", DeliveryState.HELD.value),
    }  # fmt: skip
