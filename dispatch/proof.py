"""The proof of a rule before it is saved: its condition and its own words are tried on what really happened."""

import time
from dataclasses import replace
from functools import cached_property

from jinja2.exceptions import UndefinedError
from sqlalchemy import Connection

from dispatch.compose import ComposeError, fill
from dispatch.condition import ConditionError, holds
from dispatch.context import build, format_moment
from dispatch.directory import Directory
from dispatch.plan import CONDITION_ERROR, left_out
from store.cards import Company
from store.directory import people_in, teams_in
from store.errors import SettingsError
from store.events import StoredEvent
from store.past_events import newest_stored
from store.rule_check import check_rule
from store.rules import Rule
from store.settings import company_in
from store.vocabulary import Language

EVENTS = 50
"""The newest so many events of a rule's kind are tried."""
MAX_SECONDS = 1.0
"""Seconds for all rules one proof is asked about; the person who saves waits for it."""
PARTS = ("subject", "short", "body")


class Proof:
    """Tries rules on the store, within a transaction. One for all rules that are saved together.

    Attributes:
        tried: Events on which rules were tried.
        left: Events for which there was no time.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._ends = time.perf_counter() + MAX_SECONDS
        self.tried = self.left = 0

    @cached_property
    def _directory(self) -> Directory:
        return Directory(people_in(self._connection), teams_in(self._connection))

    @cached_property
    def _company(self) -> Company:
        return company_in(self._connection)

    def check(self, rule: Rule) -> None:
        """Refuse a rule that cannot work, or that fails on one of the events of its kind.

        Words are tried where the rule would be taken: they may rely on its condition.

        Raises:
            SettingsError: Its path is the field at fault; names the event.
        """
        check_rule(rule)
        if rule.condition is None and not rule.texts:
            return
        events = newest_stored(self._connection, (rule.object_type, rule.event_type.value), EVENTS)
        rule = replace(rule, enabled=True)
        for number, event in enumerate(events):
            if time.perf_counter() > self._ends:
                self.left += len(events) - number
                return
            self._try(rule, event)
            self.tried += 1

    def _try(self, rule: Rule, event: StoredEvent) -> None:
        company = self._company
        shown = format_moment(event.at, company.timezone, company.language)
        context = build(event, self._directory, company, company.language, event.at)
        left = left_out(rule, event, context)
        if left is not None and left.reason == CONDITION_ERROR:
            try:
                holds(rule.condition, context)
            except ConditionError as error:
                raise _failure("condition", event, shown, error) from error
        for language, text in rule.texts.items() if left is None else ():
            context = build(event, self._directory, company, Language(language), event.at)
            for part in PARTS:
                try:
                    fill(getattr(text, part), context)
                except ComposeError as error:
                    raise _failure(f"texts.{language}.{part}", event, shown, error) from error


def _failure(path: str, event: StoredEvent, at: str, error: Exception) -> SettingsError:
    """What went wrong, on which event; and what to do about a field that is not always there."""
    cause = error.__cause__ or error
    words, number = str(cause), event.object_number
    problem = f"fails on {number} ({at}): {words}"
    if isinstance(cause, UndefinedError):
        remedy = "for what may be missing, write: … is defined and …, or: …|default('')"
        return SettingsError(path, f"{problem}; {remedy}", key="missing_on_event", number=number, at=at, value=words)
    return SettingsError(path, problem, key="fails_on_event", number=number, at=at, value=words)
