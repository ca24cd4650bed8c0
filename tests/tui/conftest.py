"""The console's tests have a desk with a morning behind it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from store.engine import Store
from tests.desk import furnish, open_store
from tests.store.letters import fill
from tests.tui.scripted_desk import scripted_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """The scripted desk; closed after the test."""
    store = scripted_store(tmp_path)
    yield store
    store.close()


@pytest.fixture
def desk_of(tmp_path: Path) -> Iterator[Callable[[int], Store]]:
    """Makes a desk with so many notifications, one a second, each thousandth of them dead, held, or in the queue."""
    made: list[Store] = []

    def desk(notifications: int) -> Store:
        store = open_store(tmp_path / f"desk{len(made)}")
        made.append(store)
        furnish(store)
        store.write(lambda connection: fill(connection, notifications))
        return store

    yield desk
    for store in made:
        store.close()


@pytest.fixture(autouse=True)
def nobody_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings and the terminal of whoever runs the tests are not theirs."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("TMUX", raising=False)
