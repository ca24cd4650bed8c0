"""The console's tests have a desk with a morning behind it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from store.engine import Store
from tests.tui.scripted_desk import scripted_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """The scripted desk; closed after the test."""
    store = scripted_store(tmp_path)
    yield store
    store.close()
