"""Starting the console, or saying why it cannot be and what to use instead."""

import os
import sys
from typing import TYPE_CHECKING

from tui import eight_bit
from tui.cli.encoding import in_both_languages, is_utf8, terminal_encoding
from tui.cli.output import BAD_INPUT, fail, open_store, store_url

if TYPE_CHECKING:
    from tui.app import ConsoleApp

INSTEAD_RU = "Без неё: vestnik status (состояние), vestnik deliveries --follow (доставки строками), vestnik --help."
INSTEAD_EN = "Without it: vestnik status, vestnik deliveries --follow (plain lines as they happen), vestnik --help."


def run_console(store: str | None, language: str | None) -> int:
    """Run the console on a store; gives the exit code.

    Raises:
        StoreError: The store cannot be opened.
    """
    if refusal := refused(language):
        fail(refusal, BAD_INPUT)
    from store.glimpse import company_language
    from tui.app import ConsoleApp

    eight_bit.use(terminal_encoding())
    url = store_url(store)
    return show(ConsoleApp(lambda: open_store(url), language=language or company_language(url)))


def show(app: "ConsoleApp") -> int:
    """Run the console and close its store; gives the exit code.

    Raises:
        StoreError: The store cannot be opened.
    """
    try:
        app.run()
    finally:
        if app.opened is not None:
            app.opened.close()
    if app.failure is not None:
        raise app.failure
    return app.return_code or 0


def refused(language: str | None) -> str:
    """Why the console cannot be shown here, with what to use instead; empty when it can."""
    encoding = terminal_encoding()
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        russian, english = "Консоли нужен терминал, а здесь канал или файл.", "The console needs a terminal."
    elif os.environ.get("TERM", "dumb") in {"", "dumb", "unknown"}:
        russian = "Этот терминал (TERM=dumb) не умеет показать консоль."
        english = "This terminal (TERM=dumb) cannot show the console."
    elif not is_utf8(encoding) and not eight_bit.fits(encoding):
        russian = f"Кодировка терминала: {encoding}, а консоли нужны русские буквы: UTF-8 (LANG=C.UTF-8) или KOI8-R."
        english = f"The terminal's encoding is {encoding}; the console needs UTF-8 (for example LANG=C.UTF-8)."
    else:
        return ""
    return in_both_languages(f"{russian}\n{INSTEAD_RU}", f"{english}\n{INSTEAD_EN}", language)
