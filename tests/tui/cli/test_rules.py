"""`rules` as a script sees it."""

import json
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dispatch.intake import emit
from dispatch.planner import Planner
from dispatch.ticks import tick
from store.engine import Store
from store.rulebook import list_rules, save_rule, set_enabled
from store.vocabulary import Role, RuleKind
from tests.desk import event, furnish, lines
from tests.tui.cli.conftest import Vestnik

HOUR = timedelta(hours=1)
CODE, STAFF = "request.added.client.email", "request.added.responsible.email"


LATE = "request.resolution.25.responsible.email"


def late_desk(url: str) -> None:
    """A desk with one deadline that has a quarter of its time left, and was told of an hour before LATE was on."""
    now = datetime.now(UTC)
    with closing(Store.open(url)) as store:
        furnish(store)
        set_enabled(store, [rule.code for rule in list_rules(store, RuleKind.ESCALATION)], False, "test")
        given = {"started": (now - 9 * HOUR).isoformat(), "due": (now + HOUR).isoformat()}
        emit(store, lines({**event(deadlines={"resolution": given}), "time": (now - HOUR).isoformat()}))
        set_enabled(store, [LATE], True, "test")
        assert tick(store) == 0


def test_an_escalation_is_had_tell_of_what_has_passed(vestnik: Vestnik, url: str) -> None:
    late_desk(url)
    dry = vestnik("rules", "tell-past", LATE, "--dry-run", "--json")
    assert (dry.json["rules"], dry.json["deadlines"], dry.json["more"]) == ([LATE], 1, False)
    assert "nothing was changed" in dry.err
    with closing(Store.open(url)) as store:
        assert tick(store) == 0
    assert vestnik("rules", "tell-past", LATE).out.startswith("deadlines that are told of now: 1 (since ")
    with closing(Store.open(url)) as store:
        assert tick(store) == 1
    assert "tells_since" in vestnik("audit", "--what", f"rule:{LATE}").out
    assert vestnik("rules", "tell-past", LATE, "--json").json["deadlines"] == 0


@pytest.mark.parametrize(
    "code", ["request.reaction.25.responsible.email", CODE, "none.such"], ids=["off", "action", "none"]
)
def test_what_cannot_tell_of_the_past_is_refused_by_name(vestnik: Vestnik, url: str, code: str) -> None:
    late_desk(url)
    for more in ([], ["--dry-run"]):
        done = vestnik("rules", "tell-past", LATE, code, *more)
        assert done.code == 2
        assert done.err.strip() == f"rule:{code}: is no escalation that is switched on"
    with closing(Store.open(url)) as store:
        assert tick(store) == 0
    assert vestnik("rules", "tell-past").code == 2


def test_what_each_rule_did_is_told(vestnik: Vestnik, url: str) -> None:
    with closing(Store.open(url)) as store:
        furnish(store)
        staff = next(rule for rule in list_rules(store) if rule.code == STAFF)
        save_rule(store, replace(staff, code="z", standard=False, recipients=(Role.RESPONSIBLE,)), "test")
        set_enabled(store, ["request.added.responsible.interface"], False, "test")
        assert vestnik("emit", "-", stdin=json.dumps(event())).code == 0
        Planner(store).plan_now()
        count = len(list_rules(store))
    documents = {one["code"]: one for one in vestnik("rules", "--json").json}
    assert len(documents) == count
    told = documents[CODE]
    assert told["last_at"].endswith("+00:00")
    assert (told["enabled"], told["matched"], told["fired"], told["notifications"], told["mark"]) == (
        True, 1, 1, 1, None,
    )  # fmt: skip
    assert (documents["z"]["shadowed"], documents["z"]["shadowed_by"], documents["z"]["mark"]) == (1, STAFF, "shadowed")
    off = documents["request.added.responsible.interface"]
    assert (off["enabled"], off["last_at"], off["mark"]) == (False, None, None)
    rows = {line.split()[0]: line.split() for line in vestnik("rules").out.splitlines()}
    assert rows[CODE][-3:] == ["1", "1", "1"]
    assert rows["z"][-3:] == ["shadowed", "by", STAFF]
