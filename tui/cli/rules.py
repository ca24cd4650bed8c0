"""`rules`."""

from typing import TYPE_CHECKING

import typer

from tui.cli.options import Json, StoreUrl, store_of
from tui.cli.output import opened, say_json, table

if TYPE_CHECKING:
    from store.rule_stats import RuleStats
    from store.rules import Rule


def add_to(application: typer.Typer) -> None:
    """Register the command."""
    application.command()(rules)


def rules(context: typer.Context, json: Json = False, store: StoreUrl = None) -> None:
    """Event actions and escalations: on or off, when each last told anybody, and what it did in 30 days."""
    from store.rule_stats import stats_in
    from store.rulebook import rules_in

    with opened(store_of(context, store)) as desk, desk.read() as connection:
        found = rules_in(connection)
        stats = stats_in(connection, desk.clock())
    if json:
        say_json([_document(rule, stats[rule.code]) for rule in found])
    else:
        heads = ("code", "on", "last told (UTC)", "matched", "fired", "notifications", "")
        table([heads, *(_row(rule, stats[rule.code]) for rule in found)])


def _document(rule: "Rule", did: "RuleStats") -> dict[str, object]:
    return {
        "code": rule.code,
        "kind": rule.kind,
        "enabled": rule.enabled,
        "last_at": did.last_at,
        "matched": did.matched,
        "fired": did.fired,
        "notifications": did.notifications,
        "unaddressed": did.unaddressed,
        "shadowed": did.shadowed,
        "shadowed_by": did.shadowed_by or None,
        "mark": did.mark,
    }


def _row(rule: "Rule", did: "RuleStats") -> tuple[str, ...]:
    last = did.last_at.isoformat(sep=" ", timespec="seconds")[:19] if did.last_at else "-"
    mark = (did.mark or "").replace("_", " ")
    by = f" by {did.shadowed_by}" if did.mark == "shadowed" and did.shadowed_by else ""
    switch = "on" if rule.enabled else "off"
    return rule.code, switch, last, str(did.matched), str(did.fired), str(did.notifications), mark + by
