"""`audit` and `audit revert`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tui.cli.options import Json, StoreUrl, store_of
from tui.cli.output import BAD_INPUT, FAILURES, fail, note, opened, say, say_json, table
from tui.operator import operator

if TYPE_CHECKING:
    from store.audit import AuditCard
    from store.revert import Outlook

MAX_VALUE = 60
"""Characters of a value in a table; `--json` has all of it."""


def add_to(application: typer.Typer) -> None:
    """Register the commands."""
    commands = typer.Typer(help="The changes of the settings, newest first; revert takes one back.")
    commands.callback(invoke_without_command=True)(audit)
    commands.command()(revert)
    application.add_typer(commands, name="audit")


def audit(
    context: typer.Context,
    what: Annotated[str, typer.Option(help="Only these settings, e.g. company, mail, rule, person:a@b.org.")] = "",
    who: Annotated[str, typer.Option(help="Only changes of this person.")] = "",
    text: Annotated[str, typer.Option(help="Only entries with this text in them.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 50,
    json: Json = False,
    store: StoreUrl = None,
) -> None:
    """The changes of the settings, newest first; revert takes one back."""
    context.obj = store_of(context, store)
    if context.invoked_subcommand is not None:
        return
    from store.audit import Word, page

    with opened(context.obj) as desk:
        cards = page(desk, what=what, who=who, words=[Word((text,))] if text else (), limit=limit)
    if json:
        say_json(cards)
        return
    table([(str(card.id), card.at.isoformat(sep=" ")[:19], card.who, card.what, _fields(card)) for card in cards])


def revert(
    context: typer.Context,
    entry: Annotated[int, typer.Argument(metavar="ID", help="The number of the entry.", min=1)],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Also where it was changed again since.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done, change nothing.")] = False,
    json: Json = False,
    store: StoreUrl = None,
) -> None:
    """Take a change back; the secrets it changed have to be typed anew."""
    from store.errors import SettingsError
    from store.revert import preview, revert

    done = None
    with opened(store_of(context, store)) as desk:
        try:
            outlook = preview(desk, entry, operator())
            if not dry_run:
                done = revert(desk, entry, operator(), agreed=outlook if overwrite else None)
                outlook = done.outlook
        except SettingsError as error:
            hint = "; --overwrite puts them back all the same" if error.key == "changed_since" else ""
            fail(f"{entry} stays: {error}{hint}", BAD_INPUT)
    if json:
        say_json({**_document(outlook), "entry": done.entry_id if done else None})
    else:
        _say_outlook(outlook)
    if dry_run:
        note("dry run: nothing was changed")
    for name in outlook.secrets:
        off = ", then switch it on" if outlook.switched_off else ""
        note(f"{outlook.what}: {name} is not kept in the audit: type it anew{off}")
    for name in outlook.not_kept:
        note(f"{outlook.what}: {name} do not come back")
    if (outlook.secrets or outlook.not_kept) and not dry_run:
        raise typer.Exit(FAILURES)


def _say_outlook(outlook: "Outlook") -> None:
    words = {"change": "put back", "delete": "deleted", "add": "added again"}
    say(f"{outlook.what}: {words[outlook.action]}")
    for change in outlook.changes:
        lost = "  (was changed again since)" if change.name in outlook.overwritten else ""
        if outlook.action == "change":
            say(f"  {change.name}: {_value(change.now)} → {_value(change.then)}{lost}")
        elif change.now or change.then:
            say(f"  {change.name}: {_value(change.then if outlook.action == 'add' else change.now)}{lost}")


def _document(outlook: "Outlook") -> dict[str, object]:
    return {
        "reverts": outlook.entry.id,
        "what": outlook.what,
        "action": outlook.action,
        "changes": outlook.changes,
        "overwritten": outlook.overwritten,
        "secrets": outlook.secrets,
        "switched_off": outlook.switched_off,
        "not_kept": outlook.not_kept,
    }


def _fields(card: "AuditCard") -> str:
    """What an entry did, on one line."""
    before, after = card.before, card.after
    if before is None or after is None:
        words = "added" if before is None else "deleted"
        told = words if card.what.partition(":")[0] not in _DEEDS else _value(after)
    else:
        names = [name for name in after if name not in before or before[name] != after[name]]
        told = ", ".join(_field(name, before.get(name), after[name]) for name in names)
    marks = [f"reverts {card.reverts}"] if card.reverts else []
    marks += [f"reverted by {card.reverted_by}"] if card.reverted_by else []
    return f"{told} ({', '.join(marks)})" if marks else told


_DEEDS = frozenset({"deliveries", "secrets", "store"})
"""Not settings: nothing is added there."""


def _field(name: str, before: Any, after: Any) -> str:
    return f"{name} changed" if before is None and after == "changed" else f"{name} {_value(before)} → {_value(after)}"


def _value(value: Any) -> str:
    """A value on one line, shortened."""
    import json

    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_VALUE else f"{text[: MAX_VALUE - 1]}…"
