"""`units`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tui.cli.options import StoreUrl, store_of
from tui.cli.output import BAD_INPUT, fail, note, say

DEFAULT = "sqlite:////var/lib/vestnik/vestnik.db"
NEXT = "systemd-sysusers && systemd-tmpfiles --create && systemctl daemon-reload && systemctl enable --now vestnik"


def add_to(application: typer.Typer) -> None:
    """Register the command."""
    application.command()(units)


def units(
    context: typer.Context,
    root: Annotated[
        Path | None, typer.Argument(metavar="[ROOT]", help="Write them below this folder, / for this machine.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Also where there are others already.")] = False,
    store: StoreUrl = None,
) -> None:
    """Files for systemd: the dispatcher as a service, nightly backups. Without ROOT they are shown."""
    from sqlalchemy import make_url

    from dispatch.units import units as made
    from store.engine import check_url
    from tui.cli.output import report_store_fault, store_url

    given = store_of(context, store)
    url = store_url(given) if given else DEFAULT
    with report_store_fault():
        check_url(url)
    if make_url(url).password is not None:
        fail("everybody may read these files: the password belongs into a pgpass file, not into --store", BAD_INPUT)
    script = Path(sys.argv[0]).absolute()
    files = made([str(script)] if script.name == "vestnik" else [sys.executable, "-m", "tui"], url)
    if root is None:
        typer.echo("\n".join(f"# /{one.path}\n{one.text}" for one in files), nl=False)
        return
    others = [place for one in files if (place := root / one.path).exists() and place.read_text("utf-8") != one.text]
    if others and not replace:
        fail(f"there is another {others[0]}. Look at it, then replace it with --replace", BAD_INPUT)
    for one in files:
        try:
            (root / one.path).parent.mkdir(parents=True, exist_ok=True)
            (root / one.path).write_text(one.text, "utf-8")
        except OSError as error:
            fail(f"{root / one.path}: {error.strerror}", BAD_INPUT)
        say(str(root / one.path))
    note(f"next: {NEXT}" + (" vestnik-backup.timer" if url.startswith("sqlite") else ""))
