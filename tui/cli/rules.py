"""`rules` and `rules tell-past`."""

from typing import TYPE_CHECKING, Annotated

import typer

from tui.cli.options import Json, StoreUrl, store_of
from tui.cli.output import note, opened, say, say_json, table
from tui.operator import operator

if TYPE_CHECKING:
    from store.rule_stats import RuleStats
    from store.rules import Rule


def add_to(application: typer.Typer) -> None:
    """Register the commands."""
    commands = typer.Typer(help="Event actions and escalations; tell-past has escalations tell of what has passed.")
    commands.callback(invoke_without_command=True)(rules)
    commands.command("tell-past")(tell_past)
    application.add_typer(commands, name="rules")


def rules(context: typer.Context, json: Json = False, store: StoreUrl = None) -> None:
    """Event actions and escalations: on or off, when each last told anybody, and what it did in 30 days."""
    context.obj = store_of(context, store)
    if context.invoked_subcommand is not None:
        return
    from store.rule_stats import stats_in
    from store.rulebook import rules_in

    with opened(context.obj) as desk, desk.read() as connection:
        found = rules_in(connection)
        stats = stats_in(connection, desk.clock())
    if json:
        say_json([_document(rule, stats[rule.code]) for rule in found])
    else:
        heads = ("code", "on", "last told (UTC)", "matched", "fired", "notifications", "")
        table([heads, *(_row(rule, stats[rule.code]) for rule in found)])


def tell_past(
    context: typer.Context,
    codes: Annotated[list[str], typer.Argument(metavar="CODE…", help="Escalations that are on.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be told, change nothing.")] = False,
    json: Json = False,
    store: StoreUrl = None,
) -> None:
    """Have escalations tell as well of what was reached before they were switched on, as far as the catch-up goes."""
    from dispatch.past import look_back
    from store.rulebook import tell_past

    with opened(store_of(context, store)) as desk:
        past = look_back(desk, codes)
        if not dry_run:
            tell_past(desk, codes, operator(), past.since)
    if json:
        say_json({"rules": codes, "since": past.since, "deadlines": past.deadlines, "more": past.more})
    else:
        since = past.since.isoformat(sep=" ", timespec="seconds")[:19]
        say(f"deadlines that {'would be' if dry_run else 'are'} told of now: {past.count} (since {since} UTC)")
    if past.policy == "none":
        note("nothing is told late: deadlines.catch_up is none")
    if dry_run:
        note("dry run: nothing was changed")


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
