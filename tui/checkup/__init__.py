"""The checkup: whatever somebody looks at when mail does not come, looked at one thing after the other.

Nothing is changed and nothing sent by it. Each check is a function that takes the case and tells what it found; a
check that fails itself is a finding, too.
"""

from collections.abc import Callable, Iterator

from store.errors import StoreError
from tui.checkup.case import Case, Finding, Level
from tui.checkup.connections import connection_checks
from tui.checkup.dispatchers import dispatcher_checks
from tui.checkup.machine import machine_checks
from tui.checkup.queue import queue_checks
from tui.checkup.secrets import secret_checks
from tui.checkup.settings import settings_checks
from tui.checkup.store import opening_checks, store_checks

__all__ = ["Case", "Finding", "Level", "examine"]

Check = Callable[[Case], Iterator[Finding]]
OPENING: tuple[Check, ...] = opening_checks
"""What leads to an open store, in order."""
OPENED: tuple[Check, ...] = (*store_checks, *secret_checks, *settings_checks, *dispatcher_checks, *queue_checks)
"""What needs one."""


def examine(case: Case, *, connections: bool) -> Iterator[Finding]:
    """Look at everything; with `connections`, at the mail servers too, to which nothing is sent.

    The store is opened on the way and belongs to the case, which closes it.
    """
    for check in OPENING:
        yield from _looked(check, case)
    for check in (*OPENED, *(connection_checks if connections else ())) if case.opened is not None else ():
        found = list(_looked(check, case))
        yield from found
        if any(one.unreachable for one in found):
            break  # the others would say the same
    for check in machine_checks:
        yield from _looked(check, case)


def _looked(check: Check, case: Case) -> Iterator[Finding]:
    try:
        yield from check(case)
    except StoreError as error:
        yield Finding("store", Level.FAILED, "store_fault", {"error": str(error)}, unreachable=True)
    except Exception as error:  # noqa: BLE001 - one check that cannot be done is no reason to leave out the others
        said = f"{type(error).__name__}: {error}"
        yield Finding("checkup", Level.FAILED, "check_failed", {"check": check.__name__, "error": said}, "fix_report")
