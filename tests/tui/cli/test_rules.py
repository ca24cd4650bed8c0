"""`rules` as a script sees it."""

import json
from contextlib import closing
from dataclasses import replace

from dispatch.planner import Planner
from store.engine import Store
from store.rulebook import list_rules, save_rule, set_enabled
from store.vocabulary import Role
from tests.desk import event, furnish
from tests.tui.cli.conftest import Vestnik

CODE, STAFF = "request.added.client.email", "request.added.responsible.email"


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
