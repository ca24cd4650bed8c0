"""The console's own dispatcher: started when none is alive, ended on leaving, never a second one."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from store.engine import Store
from store.status import read_status
from tests.desk import open_store
from tui import dispatcher_child
from tui.dispatcher_child import DispatcherChild

DEADLINE_S = 30


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path)
    yield store
    store.close()


def wait(condition: Callable[[], object]) -> None:
    ends = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.02)


def alive(store: Store) -> list[int]:
    return [card.pid for card in read_status(store).dispatchers if card.alive]


def test_it_is_started_once_and_leaves_in_good_order(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VESTNIK_LISTEN", "what is meant for a service would end it")
    monkeypatch.setenv("VESTNIK_LOG_FORMAT", "neither")
    child, other = DispatcherChild(store), DispatcherChild(store)
    try:
        assert child.ensure() == ""
        assert child.running
        wait(lambda: alive(store))
        child.ensure()
        other.ensure()
        assert not other.running
        assert len(alive(store)) == 1
    finally:
        child.end()
    assert not child.running
    assert alive(store) == []


def test_one_that_was_killed_is_started_again_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher_child, "START_AGAIN_S", 0.0)
    child = DispatcherChild(store)
    try:
        child.ensure()
        wait(lambda: alive(store))
        (pid,) = alive(store)
        os.kill(pid, signal.SIGKILL)
        wait(lambda: not child.running)
        child.ensure()  # though its last heartbeat is young
        wait(lambda: len(alive(store)) == 1 and alive(store) != [pid])
    finally:
        child.end()


def test_the_last_words_of_one_that_fails_are_told_once(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    child = DispatcherChild(store)
    (tmp_path / "broken.db").write_bytes(b"no database at all, whatever one does with it" * 100)
    store.url = f"sqlite:///{tmp_path / 'broken.db'}"
    try:
        child.ensure()
        wait(lambda: not child.running)
        assert child.ensure()
        assert child.ensure() == ""
        assert not child.running  # it is not started again at once
    finally:
        child.end()
        store.close()
