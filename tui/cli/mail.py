"""`check-mail`."""

import asyncio
from contextlib import aclosing
from typing import Annotated

import typer

from store.cards import MailConnection
from tui.cli.options import Json, StoreUrl, store_of
from tui.cli.output import BAD_INPUT, FAILURES, fail, opened, plain, say, say_json

LANGUAGES = ("ru", "en")


def add_to(application: typer.Typer) -> None:
    """Register the command."""
    application.command("check-mail")(check_mail)


def check_mail(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="The connection; else the first one.")] = None,
    to: Annotated[str | None, typer.Option(help="Send a test letter to this address.")] = None,
    json: Json = False,
    store: StoreUrl = None,
) -> None:
    """The connection step by step; names the setting at fault and the remedy."""
    from dispatch.doctor import Step, check
    from dispatch.remedies import advice
    from store.checks import check_address
    from store.settings import connection_secret, connections, secret_of, sending

    if to is not None:
        check_address(to, "--to", required=True)
    with opened(store_of(context, store)) as desk:
        card = _chosen(connections(desk), name)
        secret = connection_secret(desk, card.id, secret_of(card))
        parameters = sending(desk)

    async def run() -> list[Step]:
        steps: list[Step] = []
        async with aclosing(check(card, secret, parameters, to)) as examination:
            async for step in examination:
                steps.append(step)
                if not json:
                    say(f"{step.outcome:<8} {step.name:<15} {step.elapsed_ms:7.1f} ms  {step.detail}")
                    for found in step.findings:
                        say(f"{'':24} {found.field}: {advice(found.remedy, 'en', found.params)}")
        return steps

    steps = asyncio.run(run())
    if json:
        shown = [
            {**plain(step), "advice": {one: advice(step.remedy, one, step.params) for one in LANGUAGES}}
            for step in steps
        ]
        say_json({"connection": card.name, "ok": all(step.outcome != "failed" for step in steps), "steps": shown})
    if any(step.outcome == "failed" for step in steps):
        raise typer.Exit(FAILURES)


def _chosen(cards: list[MailConnection], name: str | None) -> MailConnection:
    if not cards:
        fail("there is no mail connection yet; add one in the console or with vestnik apply", BAD_INPUT)
    found = next((card for card in cards if name is None or card.name == name), None)
    if found is None:
        fail(f"there is no connection {name!r}; there are {', '.join(card.name for card in cards)}", BAD_INPUT)
    return found
