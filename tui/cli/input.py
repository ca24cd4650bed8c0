"""What the commands read: files and standard input, whole or in blocks of lines."""

import json
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tui.cli.output import BAD_INPUT, fail

BLOCK_BYTES = 1 << 20
"""How much of a line-wise input is in memory at a time."""


@contextmanager
def _bytes_of(file: str) -> Generator[BinaryIO]:
    """A file, or standard input for `-`; what cannot be read ends the command."""
    try:
        if file == "-":
            yield sys.stdin.buffer
        else:
            with Path(file).open("rb") as stream:
                yield stream
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        fail(f"{file}: {error.strerror}", BAD_INPUT)


def read_bytes(file: str) -> bytes:
    """A file, or standard input for `-`, as it is."""
    with _bytes_of(file) as stream:
        return stream.read()


def read_input(file: str) -> str:
    """A file's text, or standard input for `-`."""
    try:
        return read_bytes(file).decode("utf-8")
    except UnicodeDecodeError:
        fail(f"{file}: is not UTF-8 text", BAD_INPUT)


def blocks(file: str) -> Generator[tuple[int, str]]:
    """A text of events in blocks, each with the number of lines before it.

    A text whose first line is an event of its own is read a block of lines at a time; an array, or one event over
    several lines, is one block. Bytes that are no UTF-8 come as lone surrogates, for their line to be rejected.
    """
    with _bytes_of(file) as stream:
        done = 0
        lines = stream.readlines(BLOCK_BYTES)
        if not _is_line_wise(lines):
            lines.append(stream.read())
            yield 0, _decoded(lines)
            return
        while lines:
            yield done, _decoded(lines)
            done += len(lines)
            lines = stream.readlines(BLOCK_BYTES)


def _decoded(lines: list[bytes]) -> str:
    return b"".join(lines).decode("utf-8", "surrogateescape")


def _is_line_wise(lines: list[bytes]) -> bool:
    first = next((line for line in lines if line.strip()), b"").removeprefix(b"\xef\xbb\xbf")
    try:
        return isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


def progress(words: str) -> None:
    """Show how far it is, on a terminal; nothing ends it."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{words}")
        sys.stderr.flush()
