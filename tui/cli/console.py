"""Starting the console."""

import os
import sys

from tui.cli.output import BAD_INPUT, fail, open_store, store_url


def run_console(store: str | None, language: str | None) -> int:
    """Run the console on a store; gives the exit code.

    Raises:
        StoreError: The store cannot be opened.
    """
    if not sys.stdout.isatty() or not sys.stdin.isatty():
        fail("the console needs a terminal; scripts use the commands, see vestnik --help", BAD_INPUT)
    if (sys.stdout.encoding or "").lower().replace("-", "") != "utf8":
        fail(f"the terminal's encoding is {sys.stdout.encoding}; Vestnik needs UTF-8 (set LANG=C.UTF-8)", BAD_INPUT)
    if os.environ.get("TERM") == "dumb":
        fail("this terminal (TERM=dumb) cannot show the console; try vestnik status, vestnik deliveries", BAD_INPUT)
    from store.glimpse import company_language
    from tui.app import ConsoleApp

    url = store_url(store)
    app = ConsoleApp(lambda: open_store(url), language=language or company_language(url))
    try:
        app.run()
    finally:
        if app.opened is not None:
            app.opened.close()
    if app.failure is not None:
        raise app.failure
    return app.return_code or 0
