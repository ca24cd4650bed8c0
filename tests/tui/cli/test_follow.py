"""`deliveries --follow`: a line for each delivery as it happens, for pipes and for terminals that can do little."""

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from store import feed
from store.cards import FeedRow
from store.delivery_traits import DeliveryQuery
from store.engine import Store
from store.errors import StoreUnreachableError
from store.moves import Deed, carry_out
from store.vocabulary import DeliveryState
from tests.tui.scripted_desk import add_notice
from tui.cli.follow import follow

ROOT = Path(__file__).parents[3]
DEADLINE_S = 60


@contextmanager
def following(url: str, *words: str) -> Generator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "tui", "--store", url, "deliveries", "--follow", *words]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def line_of(process: "subprocess.Popen[bytes]") -> str:
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], DEADLINE_S)[0], "it says nothing"
    return process.stdout.readline().decode()


@pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)
def test_lines_come_as_it_happens_until_ctrl_c_or_until_nobody_reads(store_url: str) -> None:
    with closing(Store.open(store_url)) as store:
        first = add_notice(store, subject="Было до того", name="Ольга", number="RP-1")
        with (
            following(store_url) as plain,
            following(store_url, "--json", "--state", "pending", "--limit", "5") as as_json,
        ):
            assert f"D{first} " in line_of(plain)
            second = add_notice(store, subject="Случилось \x1b]2;теперь\x07", name="Ольга", number="RP-2")
            line = line_of(plain)
            assert line.startswith(f"D{second} ")
            assert "RP-2" in line
            assert "\x1b" not in line
            carry_out(store, Deed.RETRY, [second], "test")
            assert "pending" in line_of(plain)
            document = json.loads(line_of(as_json))
            assert (document["id"], document["state"]) == (f"D{second}", "pending")
            plain.send_signal(signal.SIGINT)
            assert plain.wait(DEADLINE_S) == 0
            assert plain.stderr is not None
            assert plain.stderr.read() == b""
            assert as_json.stdout is not None
            as_json.stdout.close()
            assert as_json.wait(DEADLINE_S) == 0, "nobody reads any more"
            assert as_json.stderr is not None
            assert as_json.stderr.read() == b""


def test_a_store_that_cannot_be_read_is_told_once_and_nothing_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], store: Store
) -> None:
    real, asked, told = feed.after, threading.Event(), list[str]()

    def broken(store: Store, last_id: int, limit: int = 500) -> list[FeedRow]:
        asked.set()
        raise StoreUnreachableError("the disk is gone")

    def trouble() -> None:
        monkeypatch.setattr(feed, "after", broken)
        for number in range(3):
            add_notice(store, subject=f"Письмо {number}", name="Кто-то")
        asked.wait(DEADLINE_S)
        monkeypatch.setattr(feed, "after", real)
        ends = time.monotonic() + DEADLINE_S
        while len(told) < 3 and time.monotonic() < ends:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    handler = signal.getsignal(signal.SIGINT)
    worker = threading.Thread(target=trouble)
    worker.start()
    follow(store, DeliveryQuery(states=(DeliveryState.HELD,)), 0, lambda row: told.append(row.subject))
    worker.join()
    assert told == [f"Письмо {number}" for number in range(3)]
    assert capsys.readouterr().err == "the disk is gone; trying again\nthe store can be read again\n"
    assert signal.getsignal(signal.SIGINT) is handler
