"""Letters per second through the whole line, against bare aiosmtplib with ready bytes over as many connections.

The line as it is used: the dispatcher runs and is idle; the clock goes from the start of `vestnik emit` (a process,
its start-up included) until the last letter is settled in the store. Beside it each step alone, with its start-up.
Baseline and line take turns; the medians count.
"""

import asyncio
import base64
import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from aiosmtplib import SMTP

from dispatch.sender import SESSIONS
from store.engine import Store
from store.rulebook import list_rules, set_enabled
from store.vocabulary import DeliveryState
from tests.bench.sink import Sink
from tests.desk import event, furnish, lines, raise_limits

ROUNDS = 3
TEXT = "Заявка принята в работу, специалист уже занимается вопросом. " * 9
CODE = "request.comment_added.client.email"
POLL_S = 0.02
DEADLINE_S = 120
TICKS = os.sysconf("SC_CLK_TCK")
SENT = f"SELECT count(*) FROM delivery WHERE state = {DeliveryState.SENT.value}"


def measure_whole_line(letters: int) -> dict[str, float]:
    """Medians of some rounds of the baseline, the line as it is used, and the line step by step."""
    rounds: list[dict[str, float]] = []
    with Sink() as sink:
        for _ in range(ROUNDS):
            bare = _bare(sink, letters)
            rounds.append({"bare aiosmtplib, letters/s": letters / bare})
            with _desk(sink, letters) as (url, events):
                rounds[-1] |= _as_used(url, events, letters)
                _expect(sink, letters)
            with _desk(sink, letters) as (url, events):
                rounds[-1] |= _step_by_step(url, events, letters)
                _expect(sink, letters)
            rounds[-1]["ratio, whole line / bare"] = rounds[-1]["whole line, letters/s"] * bare / letters
    return {"letters": letters, **{name: statistics.median(one[name] for one in rounds) for name in rounds[0]}}


def _as_used(url: str, events: Path, letters: int) -> dict[str, float]:
    """Emit beside a dispatcher that is running and idle."""
    dispatcher = vestnik(url, "dispatch")
    store = sqlite3.connect(f"file:{url.removeprefix('sqlite:///')}?mode=ro", uri=True, isolation_level=None)
    try:
        until(lambda: store.execute("SELECT count(*) FROM dispatcher").fetchone()[0] == 1)
        time.sleep(1.5)  # start-up is over: the first tick, the first look at an empty queue
        idle_s = _cpu_s(dispatcher.pid)
        begun = time.perf_counter()
        emit = vestnik(url, "emit", str(events))
        until(lambda: store.execute(SENT).fetchone()[0] == letters)
        spent = time.perf_counter() - begun
    finally:
        store.close()
        dispatcher.send_signal(signal.SIGTERM)
    emit_s, dispatcher_s = ended(emit), ended(dispatcher) - idle_s
    return {
        "whole line, letters/s": letters / spent,
        "CPU s per 1,000 letters": (emit_s + dispatcher_s) * 1000 / letters,
        "  of it emit, with start-up": emit_s * 1000 / letters,
        "  of it the dispatcher": dispatcher_s * 1000 / letters,
    }


def _step_by_step(url: str, events: Path, letters: int) -> dict[str, float]:
    """Emit, and only then a dispatcher, each with its start-up."""
    begun = time.perf_counter()
    used_s = ended(vestnik(url, "emit", str(events)))
    emitted = time.perf_counter()
    used_s += ended(vestnik(url, "dispatch", "--until-idle"))
    all_sent = time.perf_counter()
    return {
        "emit alone, events/s": letters / (emitted - begun),
        "dispatch alone, letters/s": letters / (all_sent - emitted),
        "one after the other, letters/s": letters / (all_sent - begun),
        "one after the other, CPU s per 1,000": used_s * 1000 / letters,
    }


@contextmanager
def _desk(sink: Sink, letters: int) -> Generator[tuple[str, Path]]:
    """A new store with one rule on, so that an event makes one letter; gives its URL and a file of events."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'vestnik.db'}"
        store = Store.open(url)
        furnish(store, port=sink.port)
        raise_limits(store)
        set_enabled(store, [rule.code for rule in list_rules(store) if rule.code != CODE], False, "bench")
        store.close()
        events = Path(folder) / "events.jsonl"
        made = (event("request.comment_added", number, comment={"text": TEXT}) for number in range(letters))
        events.write_text(lines(*made), "utf-8")
        yield url, events


def _expect(sink: Sink, letters: int) -> None:
    received, distinct = sink.counts()
    if (received, distinct) != (letters, letters):
        msg = f"{received} letters with {distinct} ids arrived instead of {letters}"
        raise RuntimeError(msg)


def vestnik(url: str, *words: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tui", "--store", url, *words]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def ended(process: subprocess.Popen[bytes]) -> float:
    """Wait for a process; gives the CPU seconds of its life."""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        msg = f"{process.args} ended with {process.returncode}"
        raise RuntimeError(msg)
    return used.ru_utime + used.ru_stime


def _cpu_s(pid: int) -> float:
    """CPU seconds a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def until(condition: Callable[[], bool]) -> None:
    deadline = time.perf_counter() + DEADLINE_S
    while not condition():
        if time.perf_counter() > deadline:
            msg = "the line stands still"
            raise RuntimeError(msg)
        time.sleep(POLL_S)


def _bare(sink: Sink, letters: int) -> float:
    """Seconds aiosmtplib alone takes for as many letters of the same size."""
    body = TEXT.encode()
    content = base64.encodebytes(body + b"\n" + body).replace(b"\n", b"\r\n")
    head = b"From: a@b.ru\r\nTo: c@d.ru\r\nSubject: test\r\nMessage-ID: <%d@bench>\r\n\r\n"

    async def session(numbers: range) -> None:
        smtp = SMTP(hostname="127.0.0.1", port=sink.port, start_tls=False, local_hostname="bench")
        await smtp.connect()
        for number in numbers:
            await smtp.sendmail("a@b.ru", ["c@d.ru"], head % number + content)
        await smtp.quit()

    async def run() -> None:
        await asyncio.gather(*(session(range(n, letters, SESSIONS)) for n in range(SESSIONS)))

    begun = time.perf_counter()
    asyncio.run(run())
    spent = time.perf_counter() - begun
    sink.counts()
    return spent
