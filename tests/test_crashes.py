"""Processes killed under load, and started again (`tests.crashes`); `python -m tests.bench crash` takes longer."""

from pathlib import Path

import pytest

from tests.bench.sink import Sink
from tests.crashes import crash


@pytest.mark.no_cover  # its processes are killed, and what they go through is measured elsewhere
def test_nothing_is_lost_and_nothing_sent_twice_without_need(store_url: str, tmp_path: Path) -> None:
    with Sink() as sink:
        found = crash(store_url, tmp_path, sink, kills=3, dispatchers=2, events=300, seed=3)
    assert set(found.per_kind) == {"dispatcher", "emit", "both"}
    assert (found.lost, found.unknown, found.unexplained) == (0, 0, 0), found
    assert found.letters >= 300
    assert found.duplicates <= found.accepted_unrecorded
