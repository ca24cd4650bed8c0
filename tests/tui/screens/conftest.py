"""A store for the tests of the sections."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from store.engine import Store
from tests.tui.screens.sections import make_store


@pytest.fixture
def section_store(tmp_path: Path) -> Iterator[Store]:
    """A new store with the standard set, closed after the test."""
    store = make_store(tmp_path)
    yield store
    store.close()
