"""Waiting for a condition in pilot tests, so that none of them waits for a time."""

import asyncio
from collections.abc import Callable
from typing import Any

from textual.pilot import Pilot

DEADLINE_S = 20


async def until(pilot: "Pilot[Any]", condition: Callable[[], object], what: str = "") -> None:
    """Wait until a condition holds.

    Raises:
        AssertionError: It does not come to hold.
    """
    loop = asyncio.get_running_loop()
    ends = loop.time() + DEADLINE_S
    while not condition():
        assert loop.time() < ends, what or "it does not come to be"
        await asyncio.sleep(0.01)
        await pilot.pause()
