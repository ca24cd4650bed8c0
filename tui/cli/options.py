"""Options several commands share."""

from typing import Annotated

import typer

StoreUrl = Annotated[
    str | None, typer.Option("--store", help="Store URL; else VESTNIK_STORE, else a file of the user's.")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


def store_of(context: typer.Context, store: str | None) -> str | None:
    """`--store` of the command, else the one given before it."""
    return store or context.obj
