"""Starting the console."""

import sys

from tui.cli.output import BAD_INPUT, fail, opened


def run_console(store: str | None, language: str | None) -> int:
    """Run the console on a store; gives the exit code."""
    if not sys.stdout.isatty():
        fail("the console needs a terminal; scripts use the commands, see vestnik --help", BAD_INPUT)
    if (sys.stdout.encoding or "").lower().replace("-", "") != "utf8":
        fail(f"the terminal's encoding is {sys.stdout.encoding}; Vestnik needs UTF-8 (set LANG=C.UTF-8)", BAD_INPUT)
    from tui import ConsoleApp

    with opened(store) as desk:
        app = ConsoleApp(desk, language=language)
        app.run()
        return app.return_code or 0
