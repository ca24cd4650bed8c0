"""What a monitoring system is told of a dispatcher that works, over its port, read by Prometheus' own parser."""

import asyncio
import json
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dispatch import daemon, health
from dispatch.daemon import run
from dispatch.figures import MOST_KINDS, OTHER, Figures
from dispatch.intake import emit
from dispatch.membership import Membership
from dispatch.probe import Address, bind
from store.cards import MailConnection, SilentMode
from store.engine import Store
from store.errors import StoreUnreachableError
from store.outbox import Settlement
from store.settings import connections, save_connection, save_silent_mode
from store.vocabulary import DeliveryState, Encryption, SilentState
from tests.desk import NOON, event, furnish, lines
from tests.mail_server import MailServer

ODD = 'a"b\\c {x}'
"""The name of a connection that could break out of a label."""
REFUSED = {"connection": ODD, "outcome": "failed", "error_class": "mailbox_unknown"}
DOWN = {"connection": "main", "outcome": "connection_failed", "error_class": "refused"}
ON_SQLITE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
"""What has nothing to do with the engine."""
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


async def ask(port: int, path: str) -> tuple[int, str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\n\r\n".encode())
    head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
    writer.close()
    return int(head.split()[1]), body


async def scrape(port: int) -> Samples:
    _, body = await ask(port, "/metrics")
    families = list(text_string_to_metric_families(body))
    assert all(family.documentation.endswith(".") for family in families)
    return {
        (one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples
    }  # fmt: skip


async def healthy(port: int) -> tuple[int, list[str]]:
    status, body = await ask(port, "/healthz")
    said = json.loads(body)
    assert said["ok"] is (status == 200)
    return status, said["problems"]


async def until_true(looks: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(20):
        while True:
            if await looks():
                return
            await asyncio.sleep(0.02)


async def until_healthy(port: int, *problems: str) -> None:
    async def as_it_should_be() -> bool:
        return await healthy(port) == (503 if problems else 200, list(problems))

    await until_true(as_it_should_be)


@asynccontextmanager
async def dispatching(store: Store) -> AsyncGenerator[int]:
    stop, listening = asyncio.Event(), bind(Address.parse("0"))
    task = asyncio.create_task(run(store, stop=stop, listening=listening))
    try:
        yield listening.getsockname()[1]
    finally:
        stop.set()
        await task


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples.get((name, frozenset(labels.items())), math.nan)


async def test_figures_of_a_dispatcher_at_work(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dispatch.metrics.KEPT_S", -1.0)
    with MailServer(tmp_path) as server:
        server.refused["ivanov@example.org"] = "550 5.1.1 nobody here"
        furnish(store, port=server.port)
        (card,) = connections(store)
        save_connection(
            store, MailConnection(ODD, card.server, card.id, port=card.port, encryption=Encryption.NONE), who="t"
        )
        async with dispatching(store) as port:
            await until_healthy(port)
            await asyncio.to_thread(emit, store, lines(*(event(number=number) for number in range(3))))

            async def settled() -> bool:
                return value(await scrape(port), "vestnik_attempts_total", **REFUSED) == 3

            await until_true(settled)
            samples = await scrape(port)
    assert value(samples, "vestnik_letters_total", state="sent") == 3
    assert value(samples, "vestnik_attempts_total", connection=ODD, outcome="sent", error_class="") == 3
    assert value(samples, "vestnik_letters_total", state="dead") == 3
    assert value(samples, "vestnik_events_planned_total") == 3
    assert value(samples, "vestnik_letter_seconds_count") == value(samples, "vestnik_submission_seconds_count") == 3
    assert value(samples, "vestnik_letter_seconds_bucket", le="+Inf") == 3
    assert 0 < value(samples, "vestnik_letter_seconds_sum") < 60
    assert value(samples, "vestnik_connection_circuit", connection=ODD, state="closed") == 1
    assert value(samples, "vestnik_connection_circuit", connection=ODD, state="open") == 0
    assert value(samples, "vestnik_store_write_seconds_count") > 3
    assert value(samples, "vestnik_store_up") == value(samples, "vestnik_dispatchers") == 1
    assert value(samples, "vestnik_unplanned_events") == value(samples, "vestnik_clock_behind_seconds") == 0
    assert abs(value(samples, "process_start_time_seconds") - time.time()) < 60
    assert value(samples, "process_resident_memory_bytes") > 10_000_000
    assert not [name for name, labels in samples if "olga" in str(labels) or "example.org" in str(labels)]


@ON_SQLITE
async def test_health_says_what_is_wrong_and_nothing_from_outside(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dispatch.metrics.KEPT_S", -1.0)
    async with dispatching(store) as port:
        await until_healthy(port, "sending_parameters")
        furnish(store, port=1)  # nobody listens there
        await until_healthy(port)
        emit(store, lines(event()))
        await until_healthy(port, "connection_down")

        async def counted() -> bool:
            return value(await scrape(port), "vestnik_attempts_total", **DOWN) >= 1

        await until_true(counted)
        samples = await scrape(port)
        assert 0 < value(samples, "vestnik_oldest_unsent_seconds") < 60
        assert value(await scrape(port), "vestnik_connection_circuit", connection="main", state="closed") == 0
        save_silent_mode(store, SilentMode(SilentState.ON), "t")
        monkeypatch.setattr(health, "STORE_AWAY_S", -1.0)
        assert await healthy(port) == (503, ["store_unreachable"])


@ON_SQLITE
async def test_a_store_that_cannot_be_read_is_a_figure_too(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: Store) -> None:
        raise StoreUnreachableError("the store s3cret is away")

    async with dispatching(store) as port:
        await until_healthy(port, "sending_parameters")
        monkeypatch.setattr("dispatch.metrics.read_status", away)
        samples = await scrape(port)
        assert value(samples, "vestnik_store_up") == 0
        assert value(samples, "vestnik_letters_total", state="sent") == 0
        assert not [name for name, _ in samples if name.startswith("vestnik_deliveries")]


@ON_SQLITE
def test_a_loop_that_stands_still_is_named(store: Store) -> None:
    now = [0.0]
    pulse = health.Pulse(lambda: now[0])
    sender = daemon.Sender(store, Membership(store), asyncio.Event(), asyncio.Event())
    sender.looked_at = 0.0
    assert pulse.problems(sender) == []
    now[0] = health.STALLED_S + 1
    pulse.beaten()
    assert pulse.problems(sender) == ["planner_stalled", "clock_stalled", "sender_stalled"]
    pulse.planned()
    sender.looked_at = now[0]
    assert pulse.problems(sender, stopping=True) == ["stopping", "clock_stalled"]
    pulse.ticked()
    now[0] += health.STORE_AWAY_S + 1
    assert pulse.problems(sender) == ["store_unreachable"]


def test_kinds_of_attempts_are_bounded_however_often_a_connection_is_renamed() -> None:
    figures = Figures()
    for number in range(MOST_KINDS + 50):
        figures.settled([Settlement(1, DeliveryState.SENT, NOON, 1, f"c{number}")])
    assert len(figures.attempts) == MOST_KINDS + 1
    assert figures.attempts[OTHER, "sent", OTHER] == 50
    figures.settled([Settlement(1, DeliveryState.HELD, NOON, 0, "c1", counted=False)])
    assert figures.attempts.total() == MOST_KINDS + 50
