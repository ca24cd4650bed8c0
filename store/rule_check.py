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
    from jinja2 import nodes

_PERSON = frozenset({"name", "email"})
FIELDS: dict[str, frozenset[str] | None] = {
    "object": frozenset(
        {
            "type", "type_name", "id", "number", "title", "name", "status", "status_name", "url", "priority",
            "attributes",
        }
    ),
    "old_status": None, "old_status_name": None,
    "client": _PERSON, "author": _PERSON, "responsible": _PERSON, "previous_responsible": _PERSON, "actor": _PERSON,
    "team": frozenset({"code", "name"}),
    "comment": frozenset({"text", "private", "author_name"}),
    "deadline": frozenset({"kind", "kind_name", "due", "left", "overdue", "ago", "again", "late", "reached"}),
    "waiting_days": None,
    "parent": frozenset({"type", "type_name", "number", "title"}),
    "company": frozenset({"name"}),
    "text_changed": None, "told_at_added": None, "chosen": None, "mentioned": None,
}  # fmt: skip
"""What conditions and templates may speak of: the names in the plan's context, and what each has, where it has parts.
`object.attributes` is the desk's own, and `chosen` and `mentioned` are lists of people."""
MAX_CONDITION = 1000
MAX_WAITING_DAYS = 3650
MAX_MINUTES = 60 * 24 * 3650
MAX_PERCENT = 99
MAX_REPEAT_MINUTES = 60 * 24 * 7
MAX_REPEATS = 100
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
    elif rule.repeat is not None:
        raise SettingsError("repeat", "belongs to escalations")
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
    if rule.threshold.kind != "at_due":
        most = MAX_PERCENT if rule.threshold.kind == "percent_left" else MAX_MINUTES
        check_number(rule.threshold.value, f"threshold.{rule.threshold.kind}", 1, most)
    if rule.threshold.kind == "at_due" and rule.threshold.working_time:
        raise SettingsError(
            "threshold.working_time", "means nothing at the due time, which is the desk's", key="at_due"
        )
    if rule.repeat is not None:
        check_number(rule.repeat.every_minutes, "repeat.every_minutes", 1, MAX_REPEAT_MINUTES)
        check_number(rule.repeat.times, "repeat.times", 1, MAX_REPEATS)


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
    check_line(text.subject, f"{path}.subject", required=True)
    check_line(text.short, f"{path}.short", required=True)
    check_text(text.body, f"{path}.body")
    for name in ("subject", "short", "body"):
        _check_language(getattr(text, name), f"{path}.{name}")


def check_condition(condition: str | None) -> None:
    """Refuse a condition that cannot be read, or that speaks of what no event has. It is parsed, never evaluated.

    Raises:
        SettingsError: It is one.
    """
    if condition is None:
        return
    check_line(condition, "condition", required=True, most=MAX_CONDITION)
    _check_language(condition, "condition", expression=True)


def _check_language(source: str, path: str, *, expression: bool = False) -> None:
    # Imported here: Jinja is needed only when a rule is changed, and the console starts without it.
    from jinja2 import TemplateError
    from jinja2.parser import Parser

    from store.template_language import FAULTS, LANGUAGE, bounded

    try:
        if expression:
            parser = Parser(LANGUAGE, source, state="variable")
            tree = parser.parse_expression()
            if not parser.stream.eos:
                parser.fail("something is left over at its end")
        else:
            tree = LANGUAGE.parse(source)
        _check_tree(tree, path)
        with bounded():
            if expression:
                LANGUAGE.compile_expression(source)
            else:
                LANGUAGE.from_string(source)
    except SettingsError:
        raise
    except (TemplateError, *FAULTS) as error:
        shown = clean_line(str(error))
        example = ". Example: responsible is not none" if expression else ""
        raise SettingsError(path, f"cannot be read: {shown}{example}", key="unreadable", value=shown) from None


def _check_tree(tree: "nodes.Node", path: str) -> None:
    from jinja2 import nodes

    from store.template_language import ALLOWED, LANGUAGE

    own = {node.name for node in tree.find_all(nodes.Name) if node.ctx == "store"}
    own |= {"loop"} if next(tree.find_all(nodes.For), None) else set()
    for node in (tree, *tree.find_all(nodes.Node)):
        if isinstance(node, nodes.Name | nodes.Getattr):
            _check_name(node, path, own)
        if isinstance(node, nodes.Mul | nodes.Pow | nodes.Call):
            raise SettingsError(path, "may compare and combine, but not multiply or call", key="no_calls")
        if not isinstance(node, ALLOWED):
            word = type(node).__name__.lower()
            raise SettingsError(path, f"{word!r} is not allowed in a text", key="not_allowed", value=word)
        known = LANGUAGE.filters if isinstance(node, nodes.Filter) else LANGUAGE.tests
        if isinstance(node, nodes.Filter | nodes.Test) and node.name not in known:
            problem = f"{node.name!r} is no filter or test of Jinja that may be used here"
            raise SettingsError(path, problem, key="no_filter", value=node.name)
        _check_constants(node, path)


def _check_name(node: "nodes.Name | nodes.Getattr", path: str, own: set[str]) -> None:
    """Refuse a name that is not there, and a part that what is named does not have."""
    from jinja2 import nodes

    if isinstance(node, nodes.Name):
        if node.name not in FIELDS.keys() | own:
            names = ", ".join(sorted(FIELDS))
            problem = f"nothing is called {node.name!r}; there are {names}"
            raise SettingsError(path, problem, key="unknown_name", value=node.name, names=names)
        return
    root = node.node.name if isinstance(node.node, nodes.Name) and node.node.name not in own else ""
    parts = FIELDS.get(root)
    if parts is not None and node.attr not in parts:
        names, word = ", ".join(sorted(f"{root}.{part}" for part in parts)), f"{root}.{node.attr}"
        problem = f"nothing is called {word!r}; there are {names}"
        raise SettingsError(path, problem, key="unknown_name", value=word, names=names)


def _check_constants(node: "nodes.Node", path: str) -> None:
    """Refuse what fails on every event: `1 < 'a'`."""
    from jinja2 import nodes

    from store.template_language import LANGUAGE

    if not isinstance(node, nodes.Compare | nodes.BinExpr) or next(node.find_all((nodes.Name, nodes.Filter)), None):
        return
    try:
        node.as_const(nodes.EvalContext(LANGUAGE))
    except nodes.Impossible as error:
        if error.__cause__ is not None and not isinstance(error.__cause__, nodes.Impossible):
            shown = clean_line(str(error.__cause__))
            raise SettingsError(path, f"cannot be computed: {shown}", key="cannot_compute", value=shown) from None
