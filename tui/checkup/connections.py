"""The mail servers, by the connection doctor: up to the question whether a letter would be taken, and no further."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing

from dispatch.doctor import Step, check
from dispatch.remedies import advice
from store.cards import MailConnection, Sending
from store.errors import SecretError
from store.settings import connection_secret, secret_of
from store.settings import sending as sending_parameters
from store.vocabulary import Language
from tui.checkup.case import Case, Finding, Level


def servers(case: Case) -> Iterator[Finding]:
    """Each connection that is on, step by step."""
    parameters = sending_parameters(case.store)
    for card in case.status.connections:
        if card.enabled:
            yield from _server(case, card, parameters)


def _server(case: Case, card: MailConnection, parameters: Sending) -> Iterator[Finding]:
    try:
        secret = connection_secret(case.store, card.id, secret_of(card))
    except SecretError:
        return  # the check of the secrets has told of it
    steps = asyncio.run(_steps(card, secret, parameters))
    for step in steps:
        for found in step.findings:
            level = Level.FAILED if step.outcome == "failed" else Level.WARNING
            told = {language.value: advice(found.remedy, language.value, found.params) for language in Language}
            params = {"connection": card.name, "step": step.name, "detail": found.detail or step.detail}
            yield Finding("server", level, f"server_{level.value}", params, advice=told)
    if all(step.outcome != "failed" for step in steps):
        params = {"connection": card.name, "steps": len(steps)}
        yield Finding("server", Level.OK, "server_ok", params)


async def _steps(card: MailConnection, secret: str, parameters: Sending) -> list[Step]:
    async with aclosing(check(card, secret, parameters)) as examination:
        return [step async for step in examination]


connection_checks = (servers,)
