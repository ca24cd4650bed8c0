"""`people import`."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from tui.cli.input import progress, read_bytes
from tui.cli.options import Json, StoreUrl, store_of
from tui.cli.output import BAD_INPUT, FAILURES, fail, note, opened, say, say_json
from tui.operator import operator

if TYPE_CHECKING:
    from store.people_csv import Sheet
    from store.people_import import Preview

SIGNS = {"added": "+", "changed": "~", "deactivated": "-", "refused": "!"}
people = typer.Typer(help="People of the directory.", no_args_is_help=True)


def add_to(application: typer.Typer) -> None:
    """Register the commands."""
    application.add_typer(people, name="people")


@people.callback()
def keep_the_store(context: typer.Context) -> None:
    """People of the directory."""
    context.obj = context.parent.obj if context.parent else None


@people.command("import")
def import_(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="CSV with a line of headings; - is standard input.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done, change nothing.")] = False,
    add_teams: Annotated[bool, typer.Option("--add-teams", help="Add teams nobody knows yet.")] = False,
    deactivate_missing: Annotated[
        bool, typer.Option("--deactivate-missing", help="Deactivate whom the file does not have; asks.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: Json = False,
    store: StoreUrl = None,
) -> None:
    """People from CSV: shows who is added and changed, field by field, and which lines are refused."""
    from store.people_csv import read_sheet
    from store.people_import import Options, carry_out, prepare

    content = read_bytes(file)
    with opened(store_of(context, store)) as desk:
        sheet = read_sheet(content)
        options = Options(add_teams, deactivate_missing)
        prepared = prepare(desk, sheet, options, _far("reading"))
        done = prepared.preview
        leaving = done.counts["deactivated"]
        if leaving and not dry_run and not yes and not _agreed(leaving, file):
            fail("nothing was changed", FAILURES)
        if not dry_run:
            carry_out(desk, prepared, operator(), _far("saving"))
    progress("")
    if json:
        say_json(_document(sheet, done, applied=not dry_run))
    else:
        _say(sheet, done, dry_run=dry_run)
    if done.counts["refused"]:
        raise typer.Exit(FAILURES)


def _far(what: str) -> Callable[[int, int], None]:
    def tell(done: int, total: int) -> None:
        progress(f"{what} {done} of {total}")

    return tell


def _agreed(count: int, file: str) -> bool:
    if file == "-" or not sys.stdin.isatty():
        fail(f"{count} people would be deactivated. Say --yes, or look first with --dry-run", BAD_INPUT)
    progress("")
    return typer.confirm(f"{count} people are not in the file. Deactivate them?", err=True)


def _say(sheet: "Sheet", done: "Preview", *, dry_run: bool) -> None:
    for code in done.new_teams:
        say(f"+ team {code}")
    for entry in done.entries:
        if entry.kind == "unchanged":
            continue
        where = f"line {entry.line}: " if entry.line else ""
        told = "; ".join(f"{one.field}: {one.before or '—'} → {one.after or '—'}" for one in entry.changes)
        if entry.problem is not None:
            told = f"{entry.problem.path}: {entry.problem.problem}"
        say(f"{SIGNS[entry.kind]} {where}{' '.join(filter(None, (entry.email or entry.name, told)))}")
    if sheet.unread:
        note(f"not read: {', '.join(sheet.unread)}")
    counts = ", ".join(f"{count} {kind}" for kind, count in done.counts.items() if count or kind != "deactivated")
    note(f"{counts}; {done.missing} active people are not in the file{' (dry run)' if dry_run else ''}")


def _document(sheet: "Sheet", done: "Preview", *, applied: bool) -> dict[str, object]:
    entries = [
        {
            "kind": entry.kind,
            "line": entry.line or None,
            "email": entry.email,
            "name": entry.name,
            "changes": entry.changes,
            "reason": f"{entry.problem.path}: {entry.problem.problem}" if entry.problem else None,
        }
        for entry in done.entries
        if entry.kind != "unchanged"
    ]
    return {
        "applied": applied,
        "encoding": sheet.encoding,
        "delimiter": sheet.delimiter,
        "fields": sheet.fields,
        "unread": sheet.unread,
        "counts": done.counts,
        "missing": done.missing,
        "new_teams": done.new_teams,
        "entries": entries,
    }
