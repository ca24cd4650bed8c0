"""`upgrade`, `apply`, `export`, `rekey`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tui.cli.input import read_input
from tui.cli.options import Json, StoreUrl, store_of
from tui.cli.output import BAD_INPUT, fail, note, opened, say, say_json, table
from tui.operator import operator

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from store.rules import Rule


def add_to(application: typer.Typer) -> None:
    """Register the commands."""
    application.command()(upgrade)
    application.command()(apply)
    application.command()(export)
    application.command()(rekey)


def upgrade(context: typer.Context, store: StoreUrl = None) -> None:
    """Create the store or migrate it; a copy is kept of an SQLite file."""
    with opened(store_of(context, store), upgrade=True) as desk:
        done = desk.upgraded
        place = desk.engine.url.render_as_string(hide_password=True)
    if done is None or done.before == done.after:
        say(f"{place}: schema {done.after if done else ''} is current, nothing to do")
    elif done.before is None:
        say(f"{place}: created with schema {done.after}")
    else:
        say(f"{place}: upgraded from schema {done.before} to {done.after}")
    if done is not None and done.copy is not None:
        say(f"the store as it was: {done.copy}")


def apply(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="Settings in YAML; - is standard input.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan, change nothing.")] = False,
    json: Json = False,
    store: StoreUrl = None,
) -> None:
    """Settings from YAML: shows what is added and changed, then applies it in one transaction."""
    from dispatch.proof import Proof
    from store.settings_file import apply_settings
    from store.settings_schema import SettingsFileError

    text = read_input(file)
    folder = Path.cwd() if file == "-" else Path(file).absolute().parent
    proofs: list[Proof] = []

    def prove(connection: "Connection") -> "Callable[[Rule], None]":
        proofs.append(Proof(connection))
        return proofs[-1].check

    with opened(store_of(context, store)) as desk:
        try:
            changes = apply_settings(desk, text, folder, operator(), dry_run=dry_run, prove=prove)
        except SettingsFileError as error:
            fail("\n".join(str(one) for one in error.errors), BAD_INPUT)
    if proofs[-1].left:
        note(f"rules were tried on {proofs[-1].tried} events; there was no time for {proofs[-1].left} more")
    if json:
        say_json({"applied": not dry_run, "changes": changes})
        return
    table([(change.kind, change.path) for change in changes])
    counts = {kind: sum(change.kind == kind for change in changes) for kind in ("added", "changed", "unchanged")}
    note(", ".join(f"{count} {kind}" for kind, count in counts.items()) + (" (dry run)" if dry_run else ""))


def export(
    context: typer.Context,
    file: Annotated[str | None, typer.Argument(metavar="[FILE]", help="Where to; else standard output.")] = None,
    store: StoreUrl = None,
) -> None:
    """The settings in the format of `apply`; secrets leave as references only."""
    from store.settings_file import export_settings

    with opened(store_of(context, store)) as desk:
        text = export_settings(desk)
    if file is None:
        typer.echo(text, nl=False)
        return
    try:
        Path(file).write_text(text, "utf-8")
    except OSError as error:
        fail(f"{file}: {error.strerror}", BAD_INPUT)


def rekey(context: typer.Context, json: Json = False, store: StoreUrl = None) -> None:
    """Seal every secret with a new key; the old keys stay, to open what was sealed before."""
    from store.rekey import rekey as rotate

    with opened(store_of(context, store)) as desk:
        done = rotate(desk, operator())
    if json:
        say_json(done)
        return
    say(f"{done.sealed} of {done.secrets} secrets sealed anew" + (", with a new key" if done.made else ""))
    if not done.made and done.secrets and not done.sealed:
        note("all are sealed with the first key already: put a new one before it (in VESTNIK_KEY or the credential)")
