"""The command line, run in this process on a store of its own."""

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.desk import new_store_file
from tui.cli import main


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)


Vestnik = Callable[..., Done]


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of the store the commands work on."""
    found = new_store_file(tmp_path / "vestnik.db")
    monkeypatch.setenv("VESTNIK_STORE", found)
    return found


@pytest.fixture
def vestnik(url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Vestnik:
    """Runs a command; `stdin` is what it reads."""
    # It suits a whole process to the hot path, and this one runs other tests as well.
    monkeypatch.setattr("dispatch.interpreter.prepare", int)

    def run(*words: str | Path, stdin: bytes | str = b"") -> Done:
        content = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr(sys, "argv", ["vestnik", *map(str, words)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Done(ended.value.code, told.out, told.err)

    return run


@pytest.fixture
def events(tmp_path: Path) -> Callable[[str | bytes], Path]:
    """Writes a file of events."""

    def write(text: str | bytes) -> Path:
        file = tmp_path / "events.jsonl"
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return file

    return write
