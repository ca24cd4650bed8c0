"""The console's tests have a desk with a morning behind it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from store.engine import Store
from tests.tui.scripted_desk import scripted_store

SAME_CODE = {"size", "language", "number"}
"""Parameters that change what is seen, but not which code shows it."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Measure what a test covers once, not in every size, language and section: measuring doubles its time."""
    measured: set[str] = set()
    for item in items:
        if not isinstance(item, pytest.Function) or Path(__file__).parent not in item.path.parents:
            continue
        cases = item.callspec.params if hasattr(item, "callspec") else {}
        others = sorted((name, repr(case)) for name, case in cases.items() if name not in SAME_CODE)
        case = f"{item.path} {item.originalname} {others}"
        if case in measured:
            item.add_marker(pytest.mark.no_cover)
        measured.add(case)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """The scripted desk; closed after the test."""
    store = scripted_store(tmp_path)
    yield store
    store.close()


@pytest.fixture(autouse=True)
def nobody_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings and the terminal of whoever runs the tests are not theirs."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("TMUX", raising=False)
