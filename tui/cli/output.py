"""What the commands share: opening the store, JSON on stdout, messages on stderr, exit codes."""

import dataclasses
import json
import logging
import os
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import date
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

from store.errors import SecretError, SettingsError, StoreUnreachableError, StoreVersionError
from store.sanitise import clean_line, clean_text
from tui.cli.encoding import is_utf8

if TYPE_CHECKING:
    from store.engine import Store

FAILURES = 1
BAD_INPUT = 2
UNREACHABLE = 3
Told = Callable[[str, int], str]
"""A message and its level as the line that is written."""
_told: Told | None = None


def default_store() -> str:
    """The store when none is given: `VESTNIK_STORE`, else a file in the user's data directory."""
    from platformdirs import user_data_path

    return os.environ.get("VESTNIK_STORE") or f"sqlite:///{user_data_path() / 'vestnik' / 'vestnik.db'}"


def store_url(given: str | None) -> str:
    """The URL of the store. A path without a scheme is an SQLite file."""
    url = given or default_store()
    return url if "://" in url else f"sqlite:///{Path(url).absolute()}"


def open_store(url: str, *, upgrade: bool | None = None) -> "Store":
    """Open a store, `upgrade` as in `Store.open`; SQLAlchemy (0.2 s) is loaded here, not before.

    Raises:
        StoreError: It cannot be opened.
    """
    from store.engine import Store

    return Store.open(url, upgrade=upgrade)


@contextmanager
def opened(url: str | None, *, upgrade: bool | None = None) -> "Generator[Store]":
    """An open store, closed afterwards; `upgrade` as in `Store.open`."""
    store = open_store(store_url(url), upgrade=upgrade)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def report_store_fault() -> Generator[None]:
    """Turn what the store raises into a message and an exit code."""
    try:
        yield
    except (StoreUnreachableError, StoreVersionError, SecretError) as error:
        fail(str(error), UNREACHABLE)
    except SettingsError as error:
        fail(str(error), BAD_INPUT)
    except BrokenPipeError:
        drop_output()
        sys.exit(FAILURES)


def drop_output() -> None:
    """Whoever read our output has gone, e.g. `head`: what is still to be flushed goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def fail(message: str, code: int) -> NoReturn:
    """Say what is wrong and end."""
    note(message, logging.ERROR)
    sys.exit(code)


def note(message: str, level: int = logging.INFO) -> None:
    """A message for people; where the log is JSON lines, it is one of them."""
    sys.stderr.write(f"{clean_text(message) if _told is None else _told(message, level)}\n")


def speak(told: Told | None) -> None:
    """Have messages written so from now on; `None` is as they are."""
    global _told  # noqa: PLW0603 - there is one standard error
    _told = told


def say(line: str) -> None:
    """A line of the result. Text from outside cannot steer the terminal."""
    sys.stdout.write(f"{clean_line(line)}\n")


def say_json(document: object, *, lines: bool = True) -> None:
    """The result as one JSON document, over several `lines` or in one.

    Where the output is not UTF-8 it is ASCII: nothing gets lost in an encoding that lacks a letter.
    """
    ascii_only = not is_utf8(sys.stdout.encoding)
    json.dump(plain(document), sys.stdout, ensure_ascii=ascii_only, indent=2 if lines else None)
    sys.stdout.write("\n")


def plain(value: object) -> Any:
    """Cards, enumerations and times as JSON knows them."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.name.lower() if isinstance(value.value, int) else value.value
    if isinstance(value, date | Path):
        return value.isoformat() if isinstance(value, date) else str(value)
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in cast("dict[object, object]", value).items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in cast("Sequence[object]", value)]
    return value


def table(rows: Sequence[Sequence[str]]) -> None:
    """Rows in aligned columns; the last column is not padded."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)]
        say("  ".join([*cells, row[-1]]).rstrip())
