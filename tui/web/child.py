"""The process behind one tab: the console, painted into a pipe. `python -m tui.web.child [LANGUAGE]`."""

import sys

from tui.cli.console import show
from tui.cli.output import open_store, report_store_fault, store_url


def main() -> None:
    """Run the console on the store in the environment."""
    from store.glimpse import company_language
    from tui.app import ConsoleApp
    from tui.web.pipe_driver import PipeDriver

    with report_store_fault():
        url = store_url(None)
        language = sys.argv[1] if len(sys.argv) > 1 else company_language(url)
        app = ConsoleApp(lambda: open_store(url), language=language)
        app.driver_class = PipeDriver
        sys.exit(show(app))


if __name__ == "__main__":
    main()
