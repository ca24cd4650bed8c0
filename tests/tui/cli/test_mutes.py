"""`mute`: begin, list, end, again, prolong."""

from tests.desk import event, lines
from tests.tui.cli.conftest import Vestnik

RULE = "request.added.responsible.email"


def test_a_rule_is_muted_listed_and_ended(vestnik: Vestnik) -> None:
    assert vestnik("mute", "list").out == "nothing is muted\n"
    done = vestnik("mute", "rule", RULE, "--for", "2 ч", "--reason", "работы [b]")
    assert done.code == 0
    assert done.out.startswith(f"mute 1: rule {RULE} until ")
    assert vestnik("status").out.count(f"rule {RULE} (number 1)") == 1
    event_ = event(client={"email": "olga@example.org"})
    decisions = vestnik("plan", "-", stdin=lines(event_)).out
    assert f"{RULE}" in decisions
    (one,) = vestnik("mute", "list", "--json").json
    assert (one["kind"], one["key"], one["reason"], one["left_out"]) == ("rule", RULE, "работы [b]", 0)
    assert "0 kept back" in vestnik("mute", "list").out
    assert vestnik("mute", "prolong", "1", "--until", "23:59").code in {0, 1}  # at midnight there is no later today
    assert vestnik("mute", "end", "1").out == f"mute 1 (rule {RULE}) is over; it kept 0 notifications back\n"
    assert vestnik("mute", "list").out == "nothing is muted\n"
    assert "over since" in vestnik("mute", "list", "--over").out
    assert vestnik("mute", "again", "1").code == 0


def test_what_is_wrong_is_said(vestnik: Vestnik) -> None:
    vestnik("emit", stdin=lines(event()))
    assert "say how long" in vestnik("mute", "object", "RP-1", "--reason", "x").err
    assert "no span" in vestnik("mute", "object", "RP-1", "--reason", "x", "--for", "soon").err
    assert "no moment" in vestnik("mute", "object", "RP-1", "--reason", "x", "--until", "soon").err
    assert "no rule" in vestnik("mute", "rule", "nothing", "--reason", "x", "--for", "1h").err
    assert "neither an address" in vestnik("mute", "person", "nobody", "--reason", "x", "--for", "1h").err
    assert "say why" in vestnik("mute", "object", "RP-1", "--reason", " ", "--for", "1h").err
    assert vestnik("mute", "object", "RP-1", "--reason", "x", "--for", "1h").code == 0
    assert "muted already (number 1)" in vestnik("mute", "object", "RP-1", "--reason", "x", "--for", "1h").err
