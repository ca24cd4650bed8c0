"""The dispatcher's watch: it sleeps until there is something, and where the engine tells, no longer than that."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from dispatch import watching
from dispatch.watching import Watching
from store import feed
from store.engine import Store
from tests.store.test_watch import write

PATIENCE_S = 30
NEVER_S = 3600.0


@pytest.fixture
def watch(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watching]:
    """A watch that looks only where it is told to, or often."""
    for module in (feed, watching):
        monkeypatch.setattr(module, "LOOK_S", NEVER_S)
    with closing(Watching(store)) as watch:
        assert watch.changed(), "the first time, one looks"
        ends = time.monotonic() + PATIENCE_S
        while store.engine.dialect.name == "postgresql" and watch.told_by is None:
            assert time.monotonic() < ends
            time.sleep(0.01)
            watch.changed()
        while watch.changed():
            pass
        yield watch


async def until_changed(watch: Watching) -> int:
    """Wait for something; gives how many waits that took."""
    waits = 0
    async with asyncio.timeout(PATIENCE_S):
        while not watch.changed():
            await watch.wait(NEVER_S)
            waits += 1
    return waits


async def test_a_commit_ends_the_wait(store: Store, watch: Watching) -> None:
    for number in range(3):
        async with asyncio.TaskGroup() as group:
            waits = group.create_task(until_changed(watch))
            await asyncio.sleep(0.15)
            assert not waits.done()
            await asyncio.to_thread(write, store, f"key {number}")
        if store.engine.dialect.name == "postgresql":
            assert waits.result() == 1, "it wakes for that alone"
        else:
            assert waits.result() > 1, "it looks again and again"


async def test_nobody_waits_longer_than_he_wants_to(watch: Watching) -> None:
    async with asyncio.timeout(PATIENCE_S):
        await watch.wait(0.01)
    assert not watch.changed()


async def test_a_wait_that_is_given_up_leaves_nothing_behind(store: Store, watch: Watching) -> None:
    task = asyncio.create_task(watch.wait(NEVER_S))
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    told_by = watch.told_by
    assert told_by is None or not asyncio.get_running_loop().remove_reader(told_by)
    await asyncio.to_thread(write, store, "one")
    assert await until_changed(watch) >= 0
