"""`vestnik housekeep`, and `retention` in the settings file."""

from contextlib import closing
from datetime import UTC, datetime, timedelta

from store.engine import Store
from tests.store.letters import Letter, write
from tests.tui.cli.conftest import Vestnik


def old_letters(url: str) -> None:
    at = datetime.now(UTC) - timedelta(days=40)
    with closing(Store.open(url)) as store:
        store.write(lambda connection: write(connection, [Letter(at=at)] * 5))


def test_what_would_go_is_said_and_then_goes(vestnik: Vestnik, url: str) -> None:
    old_letters(url)
    assert vestnik("housekeep").out == "removed: 0 events, 0 deliveries, 0 entries of the audit\n"
    assert vestnik("apply", "-", stdin="retention: {events_days: 30}").out == "changed  retention\n"
    said = vestnik("housekeep", "--dry-run")
    assert (said.code, said.out) == (0, "would go by age: 4 events, 4 deliveries, 0 entries of the audit\n")
    assert vestnik("housekeep", "--dry-run", "--json").json == {
        "events": 4, "deliveries": 4, "entries": 0, "by_size": 0,
    }  # fmt: skip
    done = vestnik("housekeep", "--json").json
    assert (done["events"], done["deliveries"], done["entries"]) == (4, 4, 0)
    assert vestnik("status", "--json").json["events"] == 1
    assert vestnik("audit").out.splitlines()[0].endswith('{"events": 4, "deliveries": 4}')
    told = vestnik("audit", "--json").json[0]
    assert (told["what"], told["after"]) == ("store:housekeeping", {"events": 4, "deliveries": 4})


def test_one_at_a_time(vestnik: Vestnik, url: str) -> None:
    from store.housekeeping import Housekeeping

    with closing(Store.open(url)) as store:
        other = Housekeeping(store, "host:1:abc")
        other.step()
        refused = vestnik("housekeep")
        assert (refused.code, "host:1:abc is at it" in refused.err) == (1, True)
        assert other.step(), "its lease is its own still"


def test_how_long_what_is_kept_is_a_setting_like_the_others(vestnik: Vestnik, url: str) -> None:
    del url
    assert "retention:\n  events_days: 365\n  audit_days: 0\n  most_megabytes: 0\n" in vestnik("export").out
    wrong = vestnik("apply", "-", stdin="retention: {events_days: -1, most_megabytes: 5}")
    assert (wrong.code, "retention.events_days: is -1; it must be from 0 to 36500" in wrong.err) == (2, True)
    assert vestnik("apply", "-", stdin="retention: {events_days: 90, most_megabytes: 5}").code == 0
    entry = vestnik("audit", "--json").json[0]
    assert (entry["what"], entry["before"]) == ("retention", {"events_days": 365, "most_megabytes": 0})
    assert vestnik("audit", "revert", str(entry["id"])).code == 0
    assert "events_days: 365\n" in vestnik("export").out


def test_a_check_of_the_store_is_kept_for_the_consoles(vestnik: Vestnik, url: str) -> None:
    from store.integrity import last_in

    assert vestnik("verify").code == 0
    with closing(Store.open(url)) as store, store.read() as connection:
        found = last_in(connection)
    assert found is not None
    assert found.problems == ()
