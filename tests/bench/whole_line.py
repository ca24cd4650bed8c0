"""Letters per second through the whole line, against bare aiosmtplib with ready bytes over as many connections.

The line: `vestnik emit` (5,000 events, durable) → `vestnik dispatch --until-idle` (plan, compose, send, settle),
both as processes with their start-up in the time.
"""

import asyncio
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from aiosmtplib import SMTP

from dispatch.sender import SESSIONS
from store.engine import Store
from store.rulebook import list_rules, set_enabled
from tests.bench.sink import Sink
from tests.desk import event, furnish, lines

TEXT = "Заявка принята в работу, специалист уже занимается вопросом. " * 9
CODE = "request.comment_added.client.email"


def measure_whole_line(letters: int) -> dict[str, float]:
    """One run of the baseline and of the line, on the same sink."""
    with Sink() as sink, tempfile.TemporaryDirectory() as folder:
        bare = _bare(sink, letters)
        url = f"sqlite:///{Path(folder) / 'vestnik.db'}"
        store = Store.open(url)
        furnish(store, port=sink.port)
        # One letter per event: everything but one rule is off.
        set_enabled(store, [rule.code for rule in list_rules(store) if rule.code != CODE], False, "bench")
        store.close()
        events = Path(folder) / "events.jsonl"
        events.write_text(
            lines(*(event("request.comment_added", n, comment={"text": TEXT}) for n in range(letters))), "utf-8"
        )
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        begun = time.perf_counter()
        _vestnik(url, "emit", str(events))
        emitted = time.perf_counter()
        _vestnik(url, "dispatch", "--until-idle")
        ended = time.perf_counter()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        received, distinct = sink.counts()
        if (received, distinct) != (letters, letters):
            msg = f"{received} letters with {distinct} ids arrived instead of {letters}"
            raise RuntimeError(msg)
    cpu = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    return {
        "letters": letters,
        "bare aiosmtplib, letters/s": letters / bare,
        "emit, events/s": letters / (emitted - begun),
        "dispatch, letters/s": letters / (ended - emitted),
        "whole line, letters/s": letters / (ended - begun),
        "CPU s per 1,000 letters": cpu * 1000 / letters,
        "ratio, whole line / bare": bare / (ended - begun),
    }


def _vestnik(url: str, *words: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "tui", "--store", url, *words], check=True, stdout=subprocess.DEVNULL, env={**os.environ}
    )


def _bare(sink: Sink, letters: int) -> float:
    """Seconds aiosmtplib alone takes for as many letters of the same size."""
    body = TEXT.encode()
    import base64

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
