"""Opens one section of the console on a real store, for the tests of the sections."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from textual.app import App
from textual.pilot import Pilot
from textual.screen import Screen
from textual.worker import WorkerCancelled

from store.engine import Store
from store.standard import install
from tests.desk import new_store_file
from tui.app import ConsoleApp

SIZES = [(80, 24), (120, 40)]
LANGUAGES = ["ru", "en"]
QUIET_LOOKS = 3
"""For a screen that has just been opened: on a busy machine it may not have begun to load yet."""


def make_store(folder: Path) -> Store:
    """A new store with the standard set."""
    store = Store.open(new_store_file(folder / "section.db"))
    install(store)
    return store


async def settle(pilot: "Pilot[Any]", looks: int = 1) -> None:
    """Wait until threads have answered and the answers are painted: until nothing is under way `looks` looks long."""
    quiet = 0
    while quiet < looks:
        await pilot.pause()
        running = [
            worker
            for worker in pilot.app.workers
            if worker.group.startswith("directory")
            or worker.group
            in {
                "rules",
                "mail",
                "mail-read",
                "company",
                "system",
                "save",
                "deliveries",
                "delivery",
                "audit",
                "audit-revert",
                "try",
                "try-read",
                "replay",
                "why",
                "due",
                "due-told",
                "timeline",
                "forecast",
                "board",
                "deeds",
                "mutes",
                "dead",
            }
        ]
        quiet = 0 if running else quiet + 1
        if running:
            with suppress(WorkerCancelled):  # another of its group has taken its place
                await asyncio.wait_for(pilot.app.workers.wait_for_complete(running), 10)
            await pilot.pause()


@asynccontextmanager
async def section(
    store: Store, screen: Callable[[], Screen[Any]], *, language: str = "ru", size: tuple[int, int] = (80, 24)
) -> AsyncGenerator["Pilot[Any]"]:
    """The console with one section in front."""
    app: App[Any] = ConsoleApp(store, language=language, start_dispatcher=False)
    async with app.run_test(size=size, notifications=True) as pilot:
        app.push_screen(screen())
        await settle(pilot, QUIET_LOOKS)
        yield pilot


async def press(pilot: "Pilot[Any]", *keys: str) -> None:
    """Press keys, then wait for what they started."""
    await pilot.press(*keys)
    await settle(pilot)
