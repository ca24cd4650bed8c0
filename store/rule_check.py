"""What a rule must be before it is saved: its parts fit together, its condition can be read, its template is there."""

import re
from typing import TYPE_CHECKING

from store.catalogue.letters import template_text
from store.checks import MAX_KEY, check_address, check_line, check_number, check_text
from store.errors import SettingsError
from store.rules import OwnText, Rule
from store.sanitise import clean_line
from store.vocabulary import EventType, Language, Role, RuleKind

if TYPE_CHECKING:
    from jinja2 import Environment, nodes

CONDITION_NAMES = frozenset(
    {
        "object", "old_status", "old_status_name", "client", "author", "responsible", "previous_responsible", "actor",
        "team", "comment", "deadline", "waiting_days", "parent", "company", "text_changed", "told_at_added", "chosen",
        "mentioned",
    }
)  # fmt: skip
"""What conditions and templates may speak of: the names in the plan's context."""
MAX_CONDITION = 1000
MAX_WAITING_DAYS = 3650
MAX_MINUTES = 60 * 24 * 3650
_WORD = re.compile(r"[\w.:-]+")


def check_rule(rule: Rule) -> None:
    """Refuse a rule that cannot work.

    Raises:
        SettingsError: Its path is the field at fault.
    """
    for path, word in (("code", rule.code), ("object_type", rule.object_type), ("template", rule.template)):
        check_line(word, path, required=True, most=MAX_KEY)
    if not _WORD.fullmatch(rule.object_type):
        raise SettingsError("object_type", f"{rule.object_type!r} is not a type. Example: request")
    for language in Language:
        check_line(rule.titles.get(language.value, ""), f"titles.{language.value}", required=True)
    lists = {"from_status": rule.from_status, "to_status": rule.to_status, "not_to_status": rule.not_to_status}
    for path, words in {**lists, "teams": rule.teams}.items():
        for index, word in enumerate(words):
            check_line(word, f"{path}[{index}]", required=True, most=MAX_KEY)
    _check_recipients(rule)
    _check_time(rule)
    _check_template(rule)
    if rule.from_status and rule.event_type is not EventType.STATUS_CHANGED:
        raise SettingsError("from_status", "belongs to rules with the event type status_changed", key="from_status")
    if rule.once_minutes is not None:
        check_number(rule.once_minutes, "once_minutes", 1, MAX_MINUTES)
    for language, text in rule.texts.items():
        check_own_text(text, f"texts.{language}")
    check_condition(rule.condition)
    check_line(rule.reason or "", "reason", most=MAX_KEY)


def _check_recipients(rule: Rule) -> None:
    if not rule.recipients:
        raise SettingsError("recipients", "is empty; name at least one role")
    if Role.FIXED in rule.recipients and not rule.fixed_addresses:
        raise SettingsError("fixed_addresses", "is empty, though the role fixed is among the recipients")
    if Role.TEAMS in rule.recipients and not rule.teams:
        raise SettingsError("teams", "is empty, though the role teams is among the recipients")
    for index, address in enumerate(rule.fixed_addresses):
        check_address(address, f"fixed_addresses[{index}]", required=True)


def _check_time(rule: Rule) -> None:
    """A threshold belongs to an escalation, days of waiting to a rule on waiting, and to nothing else."""
    if rule.kind is RuleKind.ESCALATION:
        _check_threshold(rule)
    elif rule.event_type is EventType.DEADLINE:
        raise SettingsError("event_type", "deadline belongs to escalations")
    elif rule.threshold is not None or rule.deadline is not None:
        raise SettingsError("threshold" if rule.threshold else "deadline", "belongs to escalations")
    if rule.event_type is not EventType.WAITING:
        if rule.waiting_days is not None:
            raise SettingsError("waiting_days", "belongs to rules with the event type waiting")
        return
    if rule.waiting_days is None:
        raise SettingsError("waiting_days", "is missing; say after how many days to remind")
    check_number(rule.waiting_days, "waiting_days", 1, MAX_WAITING_DAYS)
    if not rule.to_status:
        raise SettingsError("to_status", "is empty; say in which statuses an object waits")


def _check_threshold(rule: Rule) -> None:
    if rule.event_type is not EventType.DEADLINE:
        raise SettingsError("event_type", "must be deadline for an escalation")
    if rule.deadline is None:
        raise SettingsError("deadline", "is missing; an escalation watches one. Example: resolution")
    if rule.threshold is None:
        raise SettingsError("threshold", "is missing. Example: {percent_left: 25}")
    if rule.threshold.kind.startswith("minutes"):
        check_number(rule.threshold.value, f"threshold.{rule.threshold.kind}", 1, MAX_MINUTES)


def _check_template(rule: Rule) -> None:
    try:
        template_text(rule.template, Language.EN)
    except KeyError:
        raise SettingsError("template", f"there is no template {rule.template!r}. Example: status.staff") from None


def check_own_text(text: OwnText, path: str) -> None:
    """Refuse words that cannot be read as a template, or that speak of what no event has. Parsed, never rendered.

    Raises:
        SettingsError: They are such.
    """
    # Imported here: Jinja is needed only when a rule is changed, and the console starts without it.
    from jinja2 import Environment, TemplateSyntaxError

    check_line(text.subject, f"{path}.subject", required=True)
    check_line(text.short, f"{path}.short", required=True)
    check_text(text.body, f"{path}.body")
    environment = Environment(autoescape=True, lstrip_blocks=True)
    environment.filters["quote"] = str  # dispatch/compose.py has the real one
    for name in ("subject", "short", "body"):
        try:
            tree = environment.parse(getattr(text, name))
        except (TemplateSyntaxError, RecursionError) as error:
            shown = clean_line(str(error))
            raise SettingsError(f"{path}.{name}", f"cannot be read: {shown}", key="unreadable", value=shown) from None
        _check_tree(tree, f"{path}.{name}", environment, loops=True)


def check_condition(condition: str | None) -> None:
    """Refuse a condition that cannot be read, or that speaks of what no event has. It is parsed, never evaluated.

    Raises:
        SettingsError: It is one.
    """
    if condition is None:
        return
    # Imported here: Jinja is needed only when a rule is changed, and the console starts without it.
    from jinja2 import Environment, TemplateSyntaxError
    from jinja2.parser import Parser

    check_line(condition, "condition", required=True, most=MAX_CONDITION)
    environment = Environment(autoescape=True)
    try:
        parser = Parser(environment, condition, state="variable")
        tree = parser.parse_expression()
        if not parser.stream.eos:
            parser.fail("something is left over at its end")
    except (TemplateSyntaxError, RecursionError) as error:
        raise SettingsError("condition", f"cannot be read: {error}. Example: responsible is not none") from None
    _check_tree(tree, "condition", environment)


def _check_tree(tree: "nodes.Node", path: str, environment: "Environment", *, loops: bool = False) -> None:
    from jinja2 import nodes

    own = {node.name for node in tree.find_all(nodes.Name) if node.ctx == "store"} if loops else set[str]()
    for node in (tree, *tree.find_all(nodes.Node)):
        if isinstance(node, nodes.Name) and node.name not in CONDITION_NAMES | own:
            names = ", ".join(sorted(CONDITION_NAMES))
            problem = f"nothing is called {node.name!r}; there are {names}"
            raise SettingsError(path, problem, key="unknown_name", value=node.name, names=names)
        if isinstance(node, nodes.Mul | nodes.Pow | nodes.Call):
            raise SettingsError(path, "may compare and combine, but not multiply or call", key="no_calls")
        known = environment.filters if isinstance(node, nodes.Filter) else environment.tests
        if isinstance(node, nodes.Filter | nodes.Test) and node.name not in known:
            problem = f"{node.name!r} is no filter or test of Jinja"
            raise SettingsError(path, problem, key="no_filter", value=node.name)
