"""`plan --until`: what is to come of a file's events, of one object, of the whole desk."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.desk import event, lines
from tests.tui.cli.conftest import Vestnik
from tests.tui.cli.test_story import PEOPLE, Events

NOW = datetime.now(UTC).replace(microsecond=0)
WITH_LIMITS = f"{PEOPLE}\ncompany: {{name: ACME, timezone: Asia/Tokyo}}"


def request(number: int = 1, hours: float = 4, **fields: Any) -> dict[str, Any]:
    """A request made now, with so many hours for its resolution."""
    due = (datetime.now(UTC) + timedelta(hours=hours)).isoformat()
    document = event(number=number, deadlines={"resolution": {"due": due}}, **fields)
    return {**document, "time": datetime.now(UTC).isoformat()}


def test_the_events_of_a_file_are_planned_and_what_would_follow_is_foretold(vestnik: Vestnik, events: Events) -> None:
    vestnik("apply", "-", stdin=PEOPLE)
    done = vestnik("plan", events(lines(request())), "--until", "24h")
    assert done.code == 0
    assert done.out.startswith("RP-1 · request.added · desk/request.added-1\n")
    assert "  resolution: running, from " in done.out
    assert "25 % left: to come\n" in done.out
    assert "+ request.resolution.25.responsible.email · ivanov@example.org: told (role responsible)" in done.out
    document = vestnik("plan", events(lines(request())), "--until", "24h", "--json").json
    (plan,), (line,) = document["events"], document["timelines"]
    assert plan["object"] == line["object"] == "RP-1"
    assert [step["threshold"].rsplit(":", 2)[1:] for step in line["deadlines"][0]["to_come"]] == [
        ["percent_left", "25"], ["at_due", "0"],
    ]  # fmt: skip
    assert vestnik("status", "--json").json["events"] == 0


def test_what_emitting_would_drop_foretells_nothing_and_what_is_rejected_is_told(vestnik: Vestnik) -> None:
    vestnik("emit", stdin=lines(request()))
    done = vestnik("plan", "-", "--until", "7d", "--json", stdin="{}\n" + lines(request()))
    assert done.code == 1
    assert done.json["timelines"] == []
    assert "rejected" in done.json["events"][0]


def test_the_timeline_of_a_stored_object(vestnik: Vestnik) -> None:
    vestnik("apply", "-", stdin=PEOPLE)
    vestnik("emit", stdin=lines(request(number=42, status="deferred", hours=2)))
    out = vestnik("plan", "--object", "RP-42", "--until", "7d").out
    assert "resolution: paused" in out
    assert "if resumed now: due " in out
    assert "to come, if resumed now" in out
    document = vestnik("plan", "--object", "42", "--until", "7d", "--json").json
    (line,) = document["deadlines"]
    assert line["to_come"] == []
    assert len(line["if_resumed_now"]["to_come"]) == 2
    unknown = vestnik("plan", "--object", "RP-43", "--until", "7d")
    assert (unknown.code, unknown.out) == (1, "")
    assert "give an object's number or id" in unknown.err


def test_the_forecast_of_the_desk_is_told_by_time_with_a_bar_for_each_hour(vestnik: Vestnik) -> None:
    vestnik("apply", "-", stdin=WITH_LIMITS)
    vestnik("emit", stdin=lines(*(request(number, 4 + number % 3) for number in range(1, 10))))
    done = vestnik("plan", "--until", "24h")
    assert done.code == 0
    assert "18 thresholds" in done.out
    assert "█" in done.out
    document = vestnik("plan", "--until", "1d", "--json").json
    assert sum(hour["letters"] for hour in document["hours"]) == document["letters"] > 0
    assert len(document["thresholds"]) == 18
    assert document["most_told"][0]["who"] == "ivanov@example.org"
    assert all(hour["from"].endswith("+09:00") for hour in document["hours"])


def test_an_empty_desk_has_nothing_to_come(vestnik: Vestnik) -> None:
    assert vestnik("plan", "--until", "90m").out.endswith(
        ": 0 thresholds, 0 letters (0 of them written already), 0 notifications\n"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "give a FILE of events, or --until"),
        (("--object", "RP-1"), "give a FILE of events, or --until"),
        (("-", "--object", "RP-1", "--until", "1h"), "not both"),
        (("--until", "soon"), "'soon' is neither a span nor a time"),
        (("--until", "2020-01-01"), "is not in the future"),
        (("--until", "0h"), "is not in the future"),
        (("--until", "500d"), "is farther than 366 days"),
        (("--until", "999999999d"), "is farther than 366 days"),
        (("--until", "9999-12-31"), "is farther than 366 days"),
    ],
    ids=str,
)
def test_bad_usage_is_said_and_ends_with_2(vestnik: Vestnik, words: tuple[str, ...], said: str) -> None:
    done = vestnik("plan", *words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
