"""The log: what a line looks like, that nothing from outside can forge one, and which loggers are let."""

import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from types import SimpleNamespace

import pytest

from dispatch import logs
from dispatch.logs import LogFormat, LogLevel

FORGED = "a\r\n2026-01-01T00:00:00.000+00:00 ERROR dispatch.x: forged\x1b[31m\u202e\x00"
CLEAN = "a 2026-01-01T00:00:00.000+00:00 ERROR dispatch.x: forged[31m"
_log = logging.getLogger("dispatch.test")


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """What was written since it was last asked."""
    yield lambda: capsys.readouterr().err
    logs.end()


def fail(text: str) -> None:
    raise RuntimeError(text)


def test_text_is_a_line_with_its_time_level_place_and_what_it_is_about(said: Callable[[], str]) -> None:
    logs.begin()
    about = {"event": 5, "delivery": "D12", "connection": "mail one", "answer": 'no "such" user', "empty": ""}
    _log.warning("it is %s", "late", extra={"about": about})
    when, _, rest = said().partition(" ")
    assert abs((datetime.now().astimezone() - datetime.fromisoformat(when)).total_seconds()) < 60
    told = '[event=5 delivery=D12 connection="mail one" answer="no \\"such\\" user" empty=""]'
    assert rest == f"WARNING dispatch.test: it is late {told}\n"


def test_json_is_one_document_a_line(said: Callable[[], str]) -> None:
    logs.begin(LogFormat.JSON, LogLevel.INFO)
    _log.info("Начато", extra={"about": {"event": 5, "code": None}})
    (line,) = said().splitlines()
    assert line.isascii()
    document = json.loads(line)
    assert datetime.fromisoformat(document.pop("time")).tzinfo is not None
    assert document == {"level": "info", "logger": "dispatch.test", "message": "Начато", "event": 5, "code": None}


@pytest.mark.parametrize("form", LogFormat)
def test_text_from_outside_forges_no_line_and_steers_no_terminal(said: Callable[[], str], form: LogFormat) -> None:
    logs.begin(form)
    try:
        fail(FORGED)
    except RuntimeError:
        _log.exception("%s", FORGED, extra={"about": {"answer": FORGED}})
    lines = said().split("\n")[:-1]
    if form is LogFormat.JSON:
        (document,) = map(json.loads, lines)
        assert document["answer"] == document["message"] == CLEAN
        lines = [document["message"], *document["exception"].split("\n")]
        assert any("RuntimeError" in line for line in lines)
    else:
        assert len(lines) > 4
        assert [line for line in lines[1:] if not line.startswith("    ")] == []
    for line in lines:
        assert set(line) & {"\r", "\x1b", "\u202e", "\x00"} == set()


def test_only_what_is_bad_enough_is_written_and_libraries_only_from_warnings_on(said: Callable[[], str]) -> None:
    logs.begin(level=LogLevel.INFO)
    _log.debug("no")
    _log.info("yes")
    logs.begin(level=LogLevel.DEBUG)
    _log.debug("now")
    for name in ("sqlalchemy.engine", "aiosmtplib", "asyncio", "exchangelib"):
        assert not logging.getLogger(name).isEnabledFor(logging.INFO)
    logging.getLogger("asyncio").warning("of a library")
    assert [line.rpartition(": ")[2] for line in said().splitlines()] == ["yes", "now", "of a library"]
    logs.end()
    assert not _log.isEnabledFor(logging.INFO)


def test_in_the_journal_a_line_has_its_level_in_front_and_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    with os.fdopen(read) as lines, os.fdopen(write, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        found = os.fstat(write)
        monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")
        logs.begin()
        monkeypatch.setenv("JOURNAL_STREAM", "1:2")
        assert not logs.in_journal()
        try:
            fail("x")
        except RuntimeError:
            _log.exception("it failed")
        monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")
        logs.begin(LogFormat.JSON)
        _log.warning("it is late")
        logs.end()
        stream.close()
        *told, document = lines.read().splitlines()
    assert document.startswith('<4>{"time":')
    assert told[0] == "<3>dispatch.test: it failed"
    assert {line[:7] for line in told[1:]} == {"<3>    "}


def test_a_complaint_is_written_once_a_minute(said: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that is away all night does not fill the log with one line."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(logs, "time", SimpleNamespace(monotonic=lambda: clock.now))
    logs.begin(LogFormat.TEXT, LogLevel.INFO)
    log = logging.getLogger("dispatch.daemon")
    for second in range(70):
        clock.now = second
        log.error("the store %s is away", "s")
        log.warning("nothing can be claimed")
        log.warning("connection is left alone", extra={"about": {"connection": second}})
        log.info("well")
    lines = [line.partition(": ")[2] for line in said().splitlines()]
    once = ["the store s is away", "nothing can be claimed"]
    assert [line for line in lines if line in once] == once
    assert [line for line in lines if "times" in line] == [
        f"{one} (and 59 times since it was last said)" for one in once
    ]
    assert sum("left alone" in line for line in lines) == lines.count("well") == 70
    clock.now = 70 + logs.FORGET_S
    log.error("the store %s is away", "s")
    assert said().splitlines()[-1].endswith("is away")
