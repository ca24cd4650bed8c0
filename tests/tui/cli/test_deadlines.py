"""`vestnik deadlines`: what is open, and who looks after it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.desk import event, lines
from tests.tui.cli.conftest import Vestnik
from tui.operator import operator


@pytest.fixture
def desk(vestnik: Vestnik) -> Vestnik:
    """One that passed an hour ago, one due in half an hour, one tomorrow, one paused."""
    now = datetime.now(UTC)

    def request(number: int, minutes: float, kind: str = "resolution", **fields: Any) -> dict[str, Any]:
        began = (now - timedelta(days=1)).isoformat()
        times = {"started": began, "due": (now + timedelta(minutes=minutes)).isoformat()}
        return {**event(number=number, deadlines={kind: times}, **fields), "time": began}

    both = request(2, 30)
    both["data"]["object"]["deadlines"]["reaction"] = both["data"]["object"]["deadlines"]["resolution"]
    told = [request(1, -60.5), both, request(3, 1500), request(4, 10, status="deferred")]
    vestnik("emit", stdin=lines(*told))
    return vestnik


def listed(desk: Vestnik, *words: str) -> list[tuple[str, str]]:
    return [(one["number"], one["urgency"]) for one in desk("deadlines", *words, "--json").json]


def test_they_are_listed_and_narrowed(desk: Vestnik) -> None:
    near = [("RP-2", "near"), ("RP-2", "near")]
    assert listed(desk) == [("RP-1", "passed"), *near, ("RP-3", "calm"), ("RP-4", "paused")]
    assert listed(desk, "--passed") == [("RP-1", "passed")]
    assert listed(desk, "--within", "1h") == [("RP-1", "passed"), *near]
    assert listed(desk, "--within", "2d")[-1] == listed(desk, "--within", "1 нед")[-1] == ("RP-3", "calm")
    told = desk("deadlines", "--limit", "2")
    assert len(told.out.splitlines()) == 2
    assert told.out.startswith("passed  -1 h  ")
    assert "RP-1" in told.out.splitlines()[0]
    assert "there are more; see them with: --limit 4" in told.err
    assert "deadlines  " in desk("status").out
    assert "1 passed · 2 within an hour · 1 paused" in desk("status").out


@pytest.mark.parametrize("bad", ["1", "h", "-1h", "1y", "999999d", "99999999w", ""])
def test_a_time_that_is_none_is_refused(desk: Vestnik, bad: str) -> None:
    told = desk("deadlines", f"--within={bad}")
    assert (told.code, told.out) == (2, "")
    assert "looks like 30m, 1h or 2d" in told.err


def test_one_is_acknowledged_and_that_is_taken_back(desk: Vestnik) -> None:
    assert desk("deadlines", "acknowledge", "RP-2", "reaction").out == "RP-2 (reaction): 1 acknowledged\n"
    found = {(one["number"], one["kind"]): one["acknowledged_by"] for one in desk("deadlines", "--json").json}
    assert found["RP-2", "reaction"] == operator()
    assert found["RP-2", "resolution"] == ""
    assert f"acknowledged by {operator()}" in desk("deadlines").out
    again = desk("deadlines", "acknowledge", "RP-2", "reaction")
    assert (again.code, again.out, again.err) == (1, "", "RP-2 (reaction): is acknowledged already\n")
    assert desk("deadlines", "acknowledge", "RP-2").out == "RP-2 (resolution, reaction): 1 acknowledged\n"
    assert desk("deadlines", "withdraw", "RP-2").out == "RP-2 (resolution, reaction): 2 no longer acknowledged\n"
    assert desk("deadlines", "withdraw", "RP-2").code == 1


def test_what_is_not_there_is_named(desk: Vestnik) -> None:
    unknown = desk("deadlines", "acknowledge", "RP-99")
    assert (unknown.code, unknown.err) == (1, "'RP-99' has no open deadline; see: vestnik deadlines\n")
    other = desk("deadlines", "acknowledge", "RP-1", "reaction")
    assert (other.code, other.err) == (2, "'RP-1' has no open deadline 'reaction'; it has: resolution\n")


def test_a_desk_without_deadlines_says_so(vestnik: Vestnik) -> None:
    assert vestnik("deadlines").out == "no open deadlines\n"
    assert vestnik("deadlines", "--json").json == []


def test_text_from_outside_does_not_steer_the_terminal(vestnik: Vestnik) -> None:
    due = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    hostile = "\x1b]0;title\x07[/b]\r\nx"
    vestnik("emit", stdin=lines(event(title=hostile, responsible=hostile, deadlines={"resolution": {"due": due}})))
    out = vestnik("deadlines").out
    assert "[/b]" in out
    assert not set(out.rstrip("\n")) & set("\x1b\x07\r\n")
