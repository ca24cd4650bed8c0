"""The command line. Exit codes: 0 done · 1 done with failures that are listed · 2 bad input · 3 store unreachable."""

import sys
from collections.abc import Sequence


def main() -> None:
    """Run `vestnik`."""
    from dispatch.interpreter import collect_seldom
    from tui.cli.encoding import suit_terminal
    from tui.cli.output import report_store_fault

    collect_seldom()
    suit_terminal()
    with report_store_fault():
        options = console_options(sys.argv[1:])
        if options is not None:
            from tui.cli.console import run_console

            sys.exit(run_console(options.get("--store"), options.get("--language")))
        from tui.cli.application import load

        load(sys.argv[1:])()
    sys.exit(0)


def console_options(words: Sequence[str]) -> dict[str, str] | None:
    """The options of the plain console, `None` when there is anything else on the command line.

    The console is painted before the library of the command line (40 ms) could be loaded.
    """
    if len(words) % 2 or not set(words[::2]) <= {"--store", "--language"}:
        return None
    options = dict(zip(words[::2], words[1::2], strict=True))
    return options if options.get("--language", "ru") in {"ru", "en"} else None
