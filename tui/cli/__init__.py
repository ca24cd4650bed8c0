"""The command line. Exit codes: 0 done · 1 done with failures that are listed · 2 bad input · 3 store unreachable."""

import sys


def main() -> None:
    """Run `vestnik`."""
    from tui.cli.application import application
    from tui.cli.output import report_store_fault

    with report_store_fault():
        application()
    sys.exit(0)
