"""The dispatchers: does one live, did one die, do their clocks agree with ours."""

from collections.abc import Iterator
from datetime import timedelta

from tui.checkup.case import Case, Finding, Level
from tui.checkup.store import SKEW_S
from tui.checkup.words import seconds

RUN = "systemctl start vestnik"


def alive(case: Case) -> Iterator[Finding]:
    """Whether anybody sends."""
    living = [card for card in case.status.dispatchers if card.alive]
    if not living:
        yield Finding(
            "dispatcher", Level.FAILED, "dispatcher_none", {"run": RUN, "or": "vestnik dispatch"}, "fix_dispatcher"
        )
    for card in living:
        params = {"place": f"{card.host}:{card.pid}", "ago": case.now - card.started_at}
        yield Finding("dispatcher", Level.OK, "dispatcher_alive", params)


def silent(case: Case) -> Iterator[Finding]:
    """Those that ended without a word."""
    for card in case.status.dispatchers:
        if not card.alive:
            params = {"place": f"{card.host}:{card.pid}", "ago": case.now - card.seen_at}
            level = Level.WARNING if case.alive else Level.FAILED
            yield Finding(
                "dispatcher", level, "dispatcher_silent", params | {"run": "journalctl -u vestnik"}, "fix_silent_one"
            )


def clocks(case: Case) -> Iterator[Finding]:
    """A heartbeat that is to come was written by a machine whose clock is ahead of ours."""
    ahead = [(card.seen_at - case.now, card) for card in case.status.dispatchers]
    for apart, card in ahead:
        if apart > timedelta(seconds=SKEW_S):
            params = {"place": f"{card.host}:{card.pid}", "seconds": seconds(apart.total_seconds())}
            yield Finding("clock", Level.FAILED, "clock_ahead", params, "fix_clock")


dispatcher_checks = (alive, silent, clocks)
