"""The log of a command: in which form, and how much of it."""

from datetime import datetime

import typer

from dispatch import logs
from dispatch.logs import LogFormat, LogLevel
from tui.cli import output

FORMAT_NAME, LEVEL_NAME = "VESTNIK_LOG_FORMAT", "VESTNIK_LOG_LEVEL"
_KEY = "tui.cli.logs"


def begin(context: typer.Context, form: LogFormat | None, level: LogLevel | None) -> None:
    """Have the log written so from now on; what is `None` is as it was asked for before, else text and warnings.

    In JSON what a command says on standard error beside the log is a document a line as well.
    """
    meta = context.find_root().meta
    known: tuple[LogFormat, LogLevel] = meta.get(_KEY, (LogFormat.TEXT, LogLevel.WARNING))
    wanted = meta[_KEY] = (form or known[0], level or known[1])
    logs.begin(*wanted)
    output.speak(_document if wanted[0] is LogFormat.JSON else None)


def _document(message: str, level: int) -> str:
    return logs.json_line(message, level, "vestnik", {}, datetime.now().astimezone())
