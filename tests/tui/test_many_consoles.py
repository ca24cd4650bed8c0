"""Many consoles on one store: what is done in one is seen in all, on whatever section they stand."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest

from dispatch.intake import emit
from dispatch.planner import Planner
from store.cards import Person
from store.directory import save_people
from store.engine import Store
from store.settings import company, connections, save_company, save_connection
from store.standard import install
from store.vocabulary import DeliveryState
from tests.desk import event, furnish, lines
from tests.store.test_news import settle_all
from tests.tui.screens.sections import settle
from tests.tui.what_is_seen import seen
from tui.app import ConsoleApp

pytestmark = pytest.mark.no_cover  # whole programs go where the tests of their parts have been
SOON_S = 2.0
"""Half a second is promised (`python -m tests.bench consoles`); here other tests take their part of the machine, and
one of the deeds may wait for them longer than most."""
PATIENCE_S = 30.0


async def until(condition: Callable[[], object], what: str) -> float:
    """Wait until a condition holds; gives how many seconds it took."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() < begun + PATIENCE_S, what
        await asyncio.sleep(0.01)
    return time.monotonic() - begun


def desk(store: Store) -> None:
    """A letter that died, one that waits, a deadline that passed."""
    install(store)
    furnish(store, port=25)
    now = store.clock()
    times = {"started": now - timedelta(hours=4), "due": now - timedelta(minutes=9)}
    due = {"resolution": {name: at.isoformat() for name, at in times.items()}}
    emit(store, lines(event(number=1, team=None, responsible=None)))
    Planner(store).plan_now()
    settle_all(store, DeliveryState.DEAD)
    emit(store, lines(event(number=2, team=None, responsible=None, deadlines=due)))
    Planner(store).plan_now()


async def test_what_one_does_the_other_sees_on_every_section(store_url: str) -> None:
    with closing(Store.open(store_url)) as one, closing(Store.open(store_url)) as two:
        desk(one)
        first = ConsoleApp(one, language="ru", start_dispatcher=False)
        second = ConsoleApp(two, language="ru", start_dispatcher=False)
        took: dict[str, float] = {}
        # Each would be a process of its own, with threads of its own.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(32))
        async with first.run_test(size=(120, 40)) as acts, second.run_test(size=(120, 40)) as looks:

            async def stand(key: str, *texts: str) -> None:
                for pilot, app in ((acts, first), (looks, second)):
                    await pilot.press(key)
                    await settle(pilot)
                    await until(lambda app=app: all(text in seen(app) for text in texts), f"{key}: {texts}")

            async def appears(what: str, deed: Awaitable[object], condition: Callable[[str], object]) -> None:
                begun = time.monotonic()
                await deed
                await until(lambda: condition(seen(second)), f"{what}\n{seen(second)}")
                took[what] = time.monotonic() - begun

            def pressed(*keys: str) -> Awaitable[object]:
                return acts.press(*keys)

            def done(work: Callable[[], object]) -> Awaitable[object]:
                return asyncio.to_thread(work)

            await until(lambda: first.status and second.status, "no status")
            await stand("2", "RP-1", "✗ не ушло")
            await acts.press("down")
            await appears("retry", pressed("r"), lambda text: "✗ не ушло" not in text)
            await appears("cancel", pressed("c"), lambda text: "– отменено" in text)
            await stand("0", "RP-2", "просрочено 1")
            await appears("acknowledge", pressed("a"), lambda text: "✓ Принял" in text)
            await stand("3", "Заявка", "включено 71")
            await appears("switch", pressed("space"), lambda text: "включено 70" in text)
            await stand("5", "Подключение к")
            other = replace(connections(one)[0], server="mail.example.net")
            await appears(
                "mail", done(lambda: save_connection(one, other, who="test")), lambda text: other.server in text
            )
            await stand("7", "Пётр Петров")
            new = Person("new@example.org", "Нина Новая")
            await appears("people", done(lambda: save_people(one, [new], "test")), lambda text: new.name in text)
            await stand("6", "ACME")
            card = replace(company(one), name="Ромашка")
            await appears("company", done(lambda: save_company(one, card, "test")), lambda text: card.name in text)
            await stand("8", "Компания")
            gone = replace(new, active=False)
            await appears(
                "audit", done(lambda: save_people(one, [gone], "test")), lambda text: text.count(new.name) > 1
            )
        await asyncio.get_running_loop().shutdown_default_executor()  # whatever still follows the stores
        assert statistics.median(took.values()) < SOON_S, took
