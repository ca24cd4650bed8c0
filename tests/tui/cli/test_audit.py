"""`audit` and `audit revert` as a script sees them."""

import pytest

from tests.tui.cli.conftest import Vestnik

MAIL = """mail: {{connections: [
  {{name: main, server: {server}, authentication: true, login: robot, password: {{value: {secret}}}}}
]}}"""


@pytest.fixture(autouse=True)
def _operator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "анна")


def applied(vestnik: Vestnik, text: str) -> None:
    assert vestnik("apply", "-", stdin=text).code == 0


def test_changes_are_listed_newest_first(vestnik: Vestnik) -> None:
    applied(vestnik, "company: {name: ACME}")
    applied(vestnik, "company: {name: Ромашка, notify_unregistered: true}")
    lines = vestnik("audit").out.splitlines()
    assert lines[0].startswith("2  ")
    assert lines[0].endswith('анна  company  name "ACME" → "Ромашка", notify_unregistered false → true')
    assert lines[1].endswith('name "" → "ACME"')
    assert vestnik("audit", "--limit", "1").out == lines[0] + "\n"
    document = vestnik("audit", "--json").json
    assert [entry["after"] for entry in document] == [
        {"name": "Ромашка", "notify_unregistered": True}, {"name": "ACME"},
    ]  # fmt: skip
    assert document[0]["at"].endswith("+00:00")


def test_changes_are_found_by_what_who_and_text(vestnik: Vestnik) -> None:
    applied(vestnik, "company: {name: ACME}\nsilent_mode: {state: on}")
    assert [entry["what"] for entry in vestnik("audit", "--what", "company", "--json").json] == ["company"]
    assert [entry["what"] for entry in vestnik("audit", "--text", "acme", "--json").json] == ["company"]
    assert len(vestnik("audit", "--who", "анна", "--json").json) == 2
    assert vestnik("audit", "--who", "boris").out == ""


def test_a_change_is_taken_back_and_the_trail_says_so(vestnik: Vestnik) -> None:
    applied(vestnik, "company: {name: ACME}")
    done = vestnik("audit", "revert", "1")
    assert (done.code, done.out, done.err) == (0, 'company: put back\n  name: "ACME" → ""\n', "")
    newer, older = vestnik("audit").out.splitlines()
    assert newer.endswith("(reverts 1)")
    assert older.endswith("(reverted by 2)")
    again = vestnik("audit", "revert", "2", "--json").json
    assert (again["entry"], again["reverts"], again["action"]) == (3, 2, "change")
    assert again["changes"] == [{"name": "name", "now": "", "then": "ACME"}]


def test_a_dry_run_only_shows(vestnik: Vestnik) -> None:
    applied(vestnik, "company: {name: ACME}")
    dry = vestnik("audit", "revert", "1", "--dry-run")
    assert (dry.code, dry.err) == (0, "dry run: nothing was changed\n")
    assert vestnik("audit", "revert", "1", "--dry-run", "--json").json["entry"] is None
    assert len(vestnik("audit", "--json").json) == 1


def test_later_changes_are_overwritten_only_when_told_to(vestnik: Vestnik) -> None:
    applied(vestnik, "company: {name: ACME}")
    applied(vestnik, "company: {name: Ромашка}")
    stays = vestnik("audit", "revert", "1")
    assert (stays.code, stays.out) == (2, "")
    assert stays.err.startswith("1 stays: company: was changed again since: name; --overwrite")
    done = vestnik("audit", "revert", "1", "--overwrite")
    assert (done.code, done.out.splitlines()[1]) == (0, '  name: "Ромашка" → ""  (was changed again since)')


def test_a_secret_that_must_be_typed_anew_is_told_with_code_1(vestnik: Vestnik) -> None:
    applied(vestnik, MAIL.format(server="a.example.org", secret="one"))
    applied(vestnik, MAIL.format(server="b.example.org", secret="two-hunter2"))
    shown = vestnik("audit", "--limit", "1").out
    assert "password changed" in shown
    assert "hunter2" not in shown
    done = vestnik("audit", "revert", "2")
    assert done.code == 1
    assert done.out == 'mail.connections:main: put back\n  server: "b.example.org" → "a.example.org"\n'
    assert done.err == "mail.connections:main: password is not kept in the audit: type it anew\n"


@pytest.mark.parametrize("entry", ["99", "0", "x"])
def test_what_is_no_entry_is_bad_input(vestnik: Vestnik, entry: str) -> None:
    vestnik("upgrade")
    assert vestnik("audit", "revert", entry).code == 2


def test_deeds_are_listed_and_stay(vestnik: Vestnik) -> None:
    applied(vestnik, MAIL.format(server="a.example.org", secret="one"))
    assert vestnik("rekey").code == 0
    assert vestnik("audit", "--limit", "1").out.endswith('secrets:rekey  {"sealed": 1}\n')
    stays = vestnik("audit", "revert", "2")
    assert stays.code == 2
    assert "tells of a deed" in stays.err


def test_the_store_may_be_named_before_or_after(vestnik: Vestnik, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    applied(vestnik, "company: {name: ACME}")
    monkeypatch.delenv("VESTNIK_STORE")
    for words in (("--store", url, "audit"), ("audit", "--store", url)):
        assert len(vestnik(*words).out.splitlines()) == 1
    assert vestnik("audit", "revert", "1", "--dry-run", "--store", url).code == 0
    assert vestnik("audit", "--store", url, "revert", "1", "--dry-run").code == 0
