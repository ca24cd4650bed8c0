"""From the event to the last attempt at its letter: one number leads through the log; without debug nothing is said."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from dispatch import traces
from dispatch.daemon import run
from dispatch.intake import emit
from store.engine import Store
from store.errors import StoreUnreachableError
from tests.desk import event, furnish, lines
from tests.mail_server import MailServer

ON_SQLITE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
"""What has nothing to do with the engine."""


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, dict[str, Any]]]:
    return [
        (one.getMessage(), one.__dict__.get("about", {})) for one in caplog.records if one.name == "dispatch.traces"
    ]


async def deliver(store: Store, tmp_path: Path) -> None:
    with MailServer(tmp_path) as server:
        server.refused["ivanov@example.org"] = "550 5.1.1 nobody here"
        furnish(store, port=server.port)
        await asyncio.to_thread(emit, store, lines(event(key="first"), event(key="first"), event(number=2)))
        await run(store, until_idle=True)


async def test_each_step_of_an_event_has_its_number(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="dispatch")
    await deliver(store, tmp_path)
    (number,) = {about["event"] for _, about in told(caplog) if about.get("event_id") == "first"}
    mine = [(message, about) for message, about in told(caplog) if about["event"] == number]
    assert [message for message, _ in mine] == [
        "event accepted", "event planned", "delivery planned", "delivery planned", "delivery planned", "attempt",
        "attempt",
    ]  # fmt: skip
    assert {about["event_source"] for message, about in mine if message != "attempt"} == {"desk"}
    planned = {about["delivery"]: about for message, about in mine if message == "delivery planned"}
    assert {one["channel"] for one in planned.values()} == {"email", "interface"}
    for message, about in mine:
        if message == "attempt":
            of = planned[about["delivery"]]
            assert (about["to"], about["connection"], about["attempt"]) == (of["to"], "main", 1)
            refused = about["to"] == "ivanov@example.org"
            assert (about["state"], about["code"]) == (("dead", 550) if refused else ("sent", 250))
            assert about.get("error_class") == ("mailbox_unknown" if refused else None)
    assert len(told(caplog)) == 2 * len(mine), "the duplicate was not accepted"


@ON_SQLITE
async def test_at_the_usual_level_nothing_is_said_of_a_letter(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="dispatch")
    await deliver(store, tmp_path)
    said = [one.getMessage() for one in caplog.records if one.name.startswith("dispatch")]
    assert [line.split(" ")[0] for line in said] == ["dispatcher", "dispatcher"]
    assert "planned 2, sent 2, failed 2, gave up 2" in said[-1]


@ON_SQLITE
async def test_a_connection_is_said_to_go_once_and_to_come_back(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, logger="dispatch.routes")
    monkeypatch.setattr("dispatch.circuit.FIRST_PAUSE_S", 0.05)
    with MailServer(tmp_path) as server:
        server.answers[:] = ["421 4.3.2 closing", "421 4.3.2 closing"]
        furnish(store, port=server.port)
        emit(store, lines(event(responsible=None, team=None)))
        stop = asyncio.Event()
        task = asyncio.create_task(run(store, stop=stop))
        while not server.letters:  # noqa: ASYNC110 - the server lives in a thread of its own
            await asyncio.sleep(0.02)
        stop.set()
        await task
    said = [(one.levelname, one.getMessage(), one.__dict__["about"]) for one in caplog.records]
    assert [level for level, *_ in said] == ["WARNING", "INFO"]
    assert said[0][1].startswith("connection main is left alone until ")
    assert said[0][2] == {"connection": "main", "error_class": "throttled", "code": 421}
    assert said[1][1:] == ("connection main is well again", {"connection": "main"})


@ON_SQLITE
def test_what_cannot_be_told_is_accepted_all_the_same(
    store: Store, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise StoreUnreachableError("away")

    caplog.set_level(logging.DEBUG, logger="dispatch")
    monkeypatch.setattr(store, "read", away)
    assert [one.outcome for one in emit(store, lines(event()))] == ["accepted"]
    traces.planned(store, [])
    assert [one.getMessage() for one in caplog.records if one.name == "dispatch.traces"] == [
        "events were accepted, and cannot be told of: away",
        "events were planned, and cannot be told of: away",
    ]
