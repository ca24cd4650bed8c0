"""What a sender learns of a server's limits: against real servers that have them."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from dispatch.channels.pipeline import TOGETHER
from dispatch.circuit import FIRST_PAUSE_S, RATE_PAUSES_S
from store.cards import ServerLimits
from store.engine import Store
from store.settings import connections, save_connection
from store.status import read_status
from store.vocabulary import DeliveryState
from tests.desk import HandClock, furnish, open_store, raise_limits
from tests.dispatch.test_sender import dispatch, dispatching, letters, requests, states, until
from tests.limited_server import LimitedServer


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def store(tmp_path: Path, clock: HandClock) -> Iterator[Store]:
    store = open_store(tmp_path, clock)
    raise_limits(store)
    yield store
    store.close()


Limited = Callable[..., LimitedServer]


@pytest.fixture(params=[False, True], ids=["one by one", "together"])
def limited(request: pytest.FixtureRequest, clock: HandClock) -> Limited:
    """A server with limits, which takes letters one by one, or some in one piece too."""
    return partial(LimitedServer, clock, chunking=request.param)


def known(store: Store) -> ServerLimits:
    return read_status(store).health[0].limits


def all_arrived_once(store: Store, server: LimitedServer, count: int) -> None:
    """Every letter, once, at the first attempt that counts."""
    ids = [re.findall(rb"(?im)^Message-ID:\s*(\S+)", letter)[0] for letter in server.letters]
    assert (len(ids), len(set(ids))) == (count, count)
    assert bool(server.chunks) is server.chunking
    assert states(store) == {DeliveryState.SENT}
    assert {row.attempts for row in letters(store)} == {1}


async def test_letters_over_one_connection_are_learned_at_once_from_words(
    store: Store, clock: HandClock, limited: Limited
) -> None:
    async with limited(per_connection=5) as server:
        furnish(store, port=server.port)
        requests(store, 60)
        assert (await dispatch(store)).sent == 60
        all_arrived_once(store, server, 60)
        assert 1 <= len(server.refusals) <= 4  # each of the sessions that were under way, once
        assert known(store) == ServerLimits(letters=5, learned_at=clock.now)
        assert read_status(store).health[0].circuit == "closed"


async def test_what_was_learned_outlives_the_dispatcher_and_ends_with_the_settings(
    store: Store, clock: HandClock, limited: Limited
) -> None:
    async with limited(per_connection=3) as server:
        furnish(store, port=server.port)
        requests(store, 20)
        await dispatch(store)
        refused = len(server.refusals)
        requests(store, 60)
        assert (await dispatch(store)).sent == 40
        assert len(server.refusals) == refused
        assert server.quits == server.connections - refused
        (used,) = connections(store)
        save_connection(store, replace(used, login="other"), who="test")
        assert known(store) == ServerLimits()


async def test_letters_over_one_connection_are_learned_the_second_time_without_words(
    store: Store, clock: HandClock, limited: Limited
) -> None:
    async with limited(per_connection=4, enough=b"421 4.3.2 closing") as server:
        furnish(store, port=server.port)
        requests(store, 80)
        assert (await dispatch(store)).sent == 80
        all_arrived_once(store, server, 80)
        assert known(store).letters == 4
        assert 2 <= len(server.refusals) <= 5


async def test_fewer_connections_are_held_where_one_is_too_many(
    store: Store, clock: HandClock, limited: Limited
) -> None:
    async with limited(at_once=2, thinking=0.005) as server:
        furnish(store, port=server.port)
        requests(store, 60)
        async with dispatching(store):
            await until(lambda: states(store) == {DeliveryState.SENT})
            assert known(store).connections == 2
            assert read_status(store).health[0].circuit == "closed"
        all_arrived_once(store, server, 60)
        assert server.refusals == ["connections"] * 2
        requests(store, 90)
        assert (await dispatch(store)).sent == 30
        assert (server.most, len(server.refusals)) == (2, 2)


async def test_one_connection_is_enough(store: Store, clock: HandClock, limited: Limited) -> None:
    async with limited(at_once=1, crowded=b"421 4.3.2 not now") as server:
        furnish(store, port=server.port)
        requests(store, 40)
        async with dispatching(store):
            await until(lambda: passes(clock, FIRST_PAUSE_S) and states(store) == {DeliveryState.SENT})
        all_arrived_once(store, server, 40)
        assert known(store).connections == 1


async def test_letters_wait_where_the_server_wants_fewer(store: Store, clock: HandClock, limited: Limited) -> None:
    async with limited(per_minute=40) as server:
        furnish(store, port=server.port)
        requests(store, 100)
        async with dispatching(store):
            await until(lambda: known_rate(store) is not None)
            await until(lambda: {row.state for row in letters(store)} <= {0, DeliveryState.SENT.value})
            assert len(server.letters) == 40
            assert known_rate(store) in {18, 19, 20}  # half of 40, or of what was settled when three were in flight
            reasons = {row.reason for row in letters(store) if row.state == 0}
            assert "rate_limited" in reasons <= {"rate_limited", ""}  # nothing of those nobody has in hand yet
            refused = len(server.refusals)
            assert refused <= (4 if not server.chunking else 4 * TOGETHER)  # what left together is refused together
            clock.forward(seconds=RATE_PAUSES_S[0])
            await until(lambda: passes(clock, 1) and states(store) == {DeliveryState.SENT})
        all_arrived_once(store, server, 100)


def passes(clock: HandClock, seconds: float) -> bool:
    clock.forward(seconds=seconds)
    return True


def known_rate(store: Store) -> int | None:
    health = read_status(store).health
    return health[0].limits.per_minute if health else None
