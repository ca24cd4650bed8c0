"""The log: lines for people, or one JSON document a line, on standard error.

What a line is about stands beside its message: `extra={"about": {"event": 5, "delivery": "D12"}}`. `event` is our
number of the event and leads from its acceptance to the last attempt at each of its letters. Text from outside can
neither end a line nor steer a terminal.
"""

import json
import logging
import math
import os
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from store.sanitise import clean_line, clean_text

OURS = ("dispatch", "store", "tui")
"""Loggers the level is for. Libraries log bodies, statements and tokens below WARNING, and are never let."""
REPEAT_S, FORGET_S = 60.0, 600.0
"""How often one complaint is written, and after what silence it is a new one."""
JOURNAL_PRIORITIES = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6, logging.DEBUG: 7}
"""As sd-daemon(3) numbers them."""


class LogFormat(StrEnum):
    """How a line is written."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """What is written, and what is worse than that."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def json_line(
    message: str, level: int, logger: str, about: Mapping[str, Any], at: datetime, exception: str = ""
) -> str:
    """A line as a JSON document: ASCII, so that no reader need know an encoding."""
    document = {"time": at.isoformat(timespec="milliseconds"), "level": logging.getLevelName(level).lower()}
    document |= {"logger": logger, "message": clean_line(message)}
    document |= {name: clean_line(value) if isinstance(value, str) else value for name, value in about.items()}
    if exception:
        document["exception"] = clean_text(exception)
    return json.dumps(document, separators=(",", ":"))


def _mark(record: logging.LogRecord) -> str:
    """The level as the journal takes it off the beginning of a line."""
    known = [level for level in JOURNAL_PRIORITIES if record.levelno >= level]
    return f"<{JOURNAL_PRIORITIES[max(known, default=logging.DEBUG)]}>"


class _JsonFormatter(logging.Formatter):
    def __init__(self, *, journal: bool) -> None:
        super().__init__()
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        mark = _mark(record) if self._journal else ""
        exception = self.formatException(record.exc_info) if record.exc_info else ""
        return mark + json_line(
            record.getMessage(), record.levelno, record.name, _about(record), _at(record), exception
        )  # fmt: skip


class _TextFormatter(logging.Formatter):
    """A line for people; what belongs to it follows indented, so that no text from outside can pass for a line.

    Args:
        journal: The journal keeps the time itself, and reads the level from a number in front.
    """

    def __init__(self, *, journal: bool) -> None:
        super().__init__()
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        mark = _mark(record) if self._journal else ""
        when = "" if self._journal else f"{_at(record).isoformat(timespec='milliseconds')} {record.levelname} "
        about = " ".join(f"{name}={_word(value)}" for name, value in _about(record).items())
        line = f"{mark}{when}{record.name}: {clean_line(record.getMessage())}" + (f" [{about}]" if about else "")
        told = clean_text(self.formatException(record.exc_info)).split("\n") if record.exc_info else []
        return "\n".join([line, *(f"{mark}    {one}" for one in told)])


class _Seldom(logging.Filter):
    """Lets a complaint through once in `REPEAT_S`, and then says how often it was made.

    A store that is away is tried each second by several loops, all night long. What is about a letter or a connection
    of its own, and what is no complaint, is always let through.
    """

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING or record.exc_info or _about(record):
            return True
        key, now = (record.name, record.getMessage()), time.monotonic()
        self._said = {one: said for one, said in self._said.items() if now - said[0] < FORGET_S}
        at, times = self._said.get(key, (-math.inf, 0))
        if now - at < REPEAT_S:
            self._said[key] = at, times + 1
            return False
        self._said[key] = now, 0
        if times:
            record.msg, record.args = "%s (and %d times since it was last said)", (key[1], times)
        return True


class _Handler(logging.StreamHandler[Any]):
    """Writes to standard error as it is at the moment: a console puts another in its place while it is on screen."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> Any:
        return sys.stderr

    @stream.setter
    def stream(self, _value: Any) -> None:
        """It has none of its own."""


def begin(form: LogFormat = LogFormat.TEXT, level: LogLevel = LogLevel.WARNING) -> None:
    """Have the log written in this form from now on, of our own loggers what is as bad as `level`."""
    end()
    handler = _Handler()
    formatter = _JsonFormatter if form is LogFormat.JSON else _TextFormatter
    handler.setFormatter(formatter(journal=in_journal()))
    handler.addFilter(_Seldom())
    logging.getLogger().addHandler(handler)
    for name in OURS:
        logging.getLogger(name).setLevel(level.upper())


def end() -> None:
    """Leave the log to Python's own settings again."""
    root = logging.getLogger()
    for handler in [one for one in root.handlers if isinstance(one, _Handler)]:
        root.removeHandler(handler)
    for name in OURS:
        logging.getLogger(name).setLevel(logging.NOTSET)


def in_journal(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether standard error goes to systemd's journal (systemd.exec(5), `JOURNAL_STREAM`)."""
    device, _, inode = environment.get("JOURNAL_STREAM", "").partition(":")
    try:
        found = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError, AttributeError):
        return False
    return (device, inode) == (str(found.st_dev), str(found.st_ino))


def _about(record: logging.LogRecord) -> Mapping[str, Any]:
    return getattr(record, "about", {})


def _at(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created).astimezone()


def _word(value: Any) -> str:
    """A value as one word: what holds spaces or quotes is quoted."""
    text = clean_line(str(value))
    plain = text and not set(text) & set(' "=[]\\')
    return text if plain else json.dumps(text, ensure_ascii=False)
