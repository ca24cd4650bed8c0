"""The form of an event action or an escalation."""

from collections.abc import Sequence
from dataclasses import fields, replace
from importlib.resources import files
from typing import Any, ClassVar, cast

from textual import on
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import Button

from store.catalogue.letters import template_text
from store.catalogue.standard import STANDARD
from store.errors import SettingsError, StoreError
from store.rule_check import check_rule
from store.rulebook import list_rules, save_in, save_rule, to_values
from store.rules import OwnText, Repeat, Rule, Threshold
from store.vocabulary import Channel, DeadlineKind, EventType, Language, ObjectType, Role, RuleKind
from tui.operator import operator
from tui.spoken import Command, binding
from tui.widgets.audit_detail import shortened
from tui.widgets.audit_words import AuditWords
from tui.widgets.form import Field, Form, Say, Value, area_field, choice_field, flag_field, several_field, text_field
from tui.widgets.question import Question
from tui.widgets.rule_words import word

PARTS = ("subject", "short", "body")
SHORT, MOST_CHANGES = 32, 8
"""Characters of a value, and lines, in the question before a reset."""
AT_DUE = "at_due"
_REPEAT_FIELDS = {"every_minutes": "repeat_minutes", "times": "repeat_times"}
THRESHOLDS = ("percent_left", "minutes_before", AT_DUE, "minutes_after")


def blank(kind: RuleKind) -> Rule:
    """A rule to begin with; it has no code until it is saved."""
    escalation = kind is RuleKind.ESCALATION
    return Rule(
        "", kind, {}, ObjectType.REQUEST.value, EventType.DEADLINE if escalation else EventType.ADDED, Channel.EMAIL,
        (Role.RESPONSIBLE,), "deadline.staff" if escalation else "status.staff", standard=False,
        deadline=DeadlineKind.RESOLUTION if escalation else None,
        threshold=Threshold("percent_left", 25) if escalation else None,
    )  # fmt: skip


def standard_of(rule: Rule) -> Rule | None:
    """The rule as it shipped, as far as a reset goes; `None` for one of one's own."""
    shipped = next((one for one in STANDARD if one.code == rule.code), None)
    return replace(shipped, enabled=rule.enabled) if shipped and rule.standard else None


def changed_fields(rule: Rule, other: Rule) -> list[str]:
    """Names of the fields two rules differ in."""
    return [one.name for one in fields(rule) if getattr(rule, one.name) != getattr(other, one.name)]


def free_code(rule: Rule, known: Sequence[str]) -> str:
    """A code for a new rule, after what it does, that no other has."""
    stem = f"own.{rule.object_type}.{rule.event_type.value}.{rule.channel.value}"
    numbers = ("", *(f".{number}" for number in range(2, len(known) + 3)))
    return next(f"{stem}{number}" for number in numbers if f"{stem}{number}" not in known)


class RuleForm(Form):
    """Edits a rule, or makes one. What the event type and the channel do not call for is not shown."""

    FOOTER = ("form.save", "form.cancel", "rule.try_it", "rule.as_standard")
    DEFAULT_CSS = """
    RuleForm #field-also_objects, RuleForm #field-also_events { height: 4; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("f6", "try_it", "rule.try_it", first=True),
        binding("f9", "as_standard", "rule.as_standard"),
    ]

    def __init__(self, say: Say, rule: Rule) -> None:
        language = say("language.code")
        kind = "_escalation" if rule.kind is RuleKind.ESCALATION else ""
        title = rule.titles.get(language) or say(f"rules.new{kind}")
        super().__init__(say, say(f"rules.card{kind}", title=title) if rule.code else title)
        self.rule = rule

    def fields(self) -> list[Field]:
        say, rule = self.say, self.rule

        def label(name: str) -> str:
            return say(f"rules.field_{name}")

        def words(section: str, values: Sequence[str]) -> list[tuple[str, str]]:
            return [(word(say, section, value), value) for value in values]

        def also(name: str, options: list[tuple[str, str]]) -> Field:
            return several_field(name, label(name), options, ())

        objects = list(dict.fromkeys([*map(str, ObjectType), rule.object_type]))
        events = [one.value for one in EventType if one is not EventType.DEADLINE]
        kinds = [(say(f"rules.form_{one}"), one) for one in THRESHOLDS]
        deadlines = [(say(f"rules.deadline_{one.value}"), one.value) for one in DeadlineKind]
        threshold = rule.threshold or Threshold(AT_DUE)
        own = {language: rule.texts.get(language.value) for language in Language}
        return [
            *(
                text_field(f"title_{one.value}", say(f"rules.title_{one.value}"), rule.titles.get(one.value, ""))
                for one in Language
            ),
            choice_field("object_type", label("object_type"), rule.object_type, words("object", objects)),
            *([] if rule.code else [also("also_objects", words("object", objects))]),
            choice_field("event_type", label("event_type"), rule.event_type.value, words("event", events))
            if rule.kind is RuleKind.EVENT_ACTION
            else choice_field("deadline", label("deadline"), (rule.deadline or DeadlineKind.RESOLUTION), deadlines),
            *([also("also_events", words("event", events))] if self._many else []),
            choice_field("threshold", label("threshold"), threshold.kind, kinds),
            text_field("value", say("rules.value"), str(threshold.value or "")),
            *self._repeat_fields(),
            text_field("waiting_days", label("waiting_days"), str(rule.waiting_days or "")),
            *(
                text_field(name, label(name), " ".join(getattr(rule, name)), hint=say("rules.status_hint"))
                for name in ("from_status", "to_status", "not_to_status")
            ),
            choice_field("channel", label("channel"), rule.channel.value, words("channel", list(Channel))),
            several_field("recipients", label("recipients"), words("role", list(Role)), rule.recipients),
            text_field("teams", label("teams"), " ".join(rule.teams), hint=say("rules.teams_hint")),
            text_field("fixed_addresses", label("fixed_addresses"), " ".join(rule.fixed_addresses)),
            text_field("condition", label("condition"), rule.condition or "", hint=say("rules.condition_hint")),
            text_field("reason", label("reason"), rule.reason or "", hint=say("rules.reason_hint")),
            flag_field("tell_actor", label("tell_actor"), rule.tell_actor, say),
            text_field(
                "once_minutes",
                label("once_minutes"),
                str(rule.once_minutes or ""),
                hint=say("rules.once_hint"),
            ),
            flag_field("working_hours", label("working_hours"), rule.working_hours, say),
            choice_field("template", label("template"), rule.template, [(key, key) for key in template_keys()]),
            flag_field("own_words", label("texts"), bool(rule.texts), say),
            *(field for language in Language for field in self._text_fields(language, own[language])),
        ]

    def _repeat_fields(self) -> list[Field]:
        """Whether the threshold counts in working time, and how often it is told again."""
        say, again, threshold = self.say, self.rule.repeat, self.rule.threshold

        def number(name: str, value: int | None) -> Field:
            return text_field(name, say(f"rules.field_{name}"), str(value or ""), hint=say(f"rules.{name}_hint"))

        working = threshold is not None and threshold.working_time
        until, yes = again is not None and again.until_status_change, say("rules.until_status_hint")
        return [
            flag_field(
                "working_time", say("rules.field_working_time"), working, say, yes=say("rules.working_time_hint")
            ),
            number("repeat_minutes", again.every_minutes if again else None),
            number("repeat_times", again.times if again else None),
            flag_field("until_status_change", say("rules.field_until_status_change"), until, say, yes=yes),
        ]

    @property
    def _many(self) -> bool:
        """Whether one form may make several event actions: each is a row of one object and one event."""
        return not self.rule.code and self.rule.kind is RuleKind.EVENT_ACTION

    def _events(self) -> list[EventType]:
        """The event, and those it is made for as well."""
        if self.rule.kind is RuleKind.ESCALATION:
            return [EventType.DEADLINE]
        also = self.text("also_events").split() if self._many else []
        return [EventType(one) for one in dict.fromkeys((self.text("event_type"), *also))]

    def _text_fields(self, language: Language, own: OwnText | None) -> list[Field]:
        text = own or template_text(self.rule.template, language)
        found: list[Field] = []
        for part in PARTS:
            label = self.say(f"rules.text_{part}", language=language.value.upper())
            make = area_field if part == "body" else text_field
            found.append(make(f"{part}_{language.value}", label, getattr(text, part)))
        return found

    def follow(self) -> None:
        escalation = self.rule.kind is RuleKind.ESCALATION
        events = self._events()
        email = self.text("channel") == Channel.EMAIL.value
        roles = self.text("recipients").split()
        shown = {
            "threshold": escalation,
            "value": escalation and self.text("threshold") != AT_DUE,
            "working_time": escalation and self.text("threshold") != AT_DUE,
            "repeat_minutes": escalation,
            "repeat_times": escalation and bool(self.text("repeat_minutes")),
            "until_status_change": escalation and bool(self.text("repeat_minutes")),
            "waiting_days": EventType.WAITING in events,
            "from_status": EventType.STATUS_CHANGED in events,
            "to_status": not escalation,
            "not_to_status": not escalation,
            "teams": Role.TEAMS.value in roles,
            "fixed_addresses": Role.FIXED.value in roles,
            "reason": bool(self.text("condition")),
            "working_hours": email,
        }
        own = self.flag("own_words")
        for language in Language:
            shown |= {
                f"subject_{language.value}": own and email,
                f"short_{language.value}": own and not email,
                f"body_{language.value}": own,
            }
        for name, display in shown.items():
            self.field(name).display = display

    def read_all(self, values: dict[str, Value]) -> list[Rule]:
        """The rules that stand in the form: of one object and one event each.

        Raises:
            SettingsError: A value is wrong.
        """
        objects = [str(values["object_type"]), *str(values.get("also_objects", "")).split()]
        events = [str(values.get("event_type", "")), *str(values.get("also_events", "")).split()]
        return [
            self.read({**values, "object_type": thing} | ({"event_type": event} if event else {}))
            for thing in dict.fromkeys(objects)
            for event in dict.fromkeys(events)
        ]

    def read(self, values: dict[str, Value]) -> Rule:
        """The rule as it stands in the form, of the first object and event.

        Raises:
            SettingsError: A value is wrong.
        """
        texts = {name: str(value).strip() for name, value in values.items()}
        rule, event = self.rule, EventType(str(values.get("event_type", EventType.DEADLINE.value)))
        roles = tuple(Role(one) for one in texts["recipients"].split())
        titles = {one.value: texts[f"title_{one.value}"] for one in Language}
        either = next(filter(None, titles.values()), "")
        if not either:
            raise SettingsError(f"title_{Language.RU.value}", self.say("problem.required"))
        return replace(
            rule,
            titles={language: title or either for language, title in titles.items()},
            object_type=texts["object_type"],
            event_type=event,
            channel=Channel(texts["channel"]),
            recipients=roles,
            template=texts["template"],
            texts=self._own(texts) if values["own_words"] is True else {},
            from_status=_words(texts["from_status"]) if event is EventType.STATUS_CHANGED else (),
            to_status=_words(texts["to_status"]),
            not_to_status=_words(texts["not_to_status"]),
            waiting_days=self._whole("waiting_days", texts) if event is EventType.WAITING else None,
            deadline=DeadlineKind(texts["deadline"]) if "deadline" in texts else None,
            threshold=self._threshold(texts, values) if rule.kind is RuleKind.ESCALATION else None,
            repeat=self._repeat(texts, values) if rule.kind is RuleKind.ESCALATION else None,
            teams=_words(texts["teams"]) if Role.TEAMS in roles else (),
            fixed_addresses=_words(texts["fixed_addresses"]) if Role.FIXED in roles else (),
            condition=texts["condition"] or None,
            reason=(texts["reason"] or None) if texts["condition"] else None,
            tell_actor=values["tell_actor"] is True,
            once_minutes=self._whole("once_minutes", texts) if texts["once_minutes"] else None,
            working_hours=values["working_hours"] is True and texts["channel"] == Channel.EMAIL.value,
        )

    def _own(self, texts: dict[str, str]) -> dict[str, OwnText]:
        own = {one.value: OwnText(*(texts[f"{part}_{one.value}"] for part in PARTS)) for one in Language}
        # What was not touched goes on following the template.
        shipped = {one.value: template_text(texts["template"], one) for one in Language}
        return {
            language: text
            for language, text in own.items()
            if any(getattr(text, part) != getattr(shipped[language], part).strip() for part in PARTS)
        }

    def _threshold(self, texts: dict[str, str], values: dict[str, Value]) -> Threshold:
        kind = cast("Any", texts["threshold"])
        if kind == AT_DUE:
            return Threshold(kind)
        return Threshold(kind, self._whole("value", texts), values["working_time"] is True)

    def _repeat(self, texts: dict[str, str], values: dict[str, Value]) -> Repeat | None:
        if not texts["repeat_minutes"]:
            return None
        every, times = self._whole("repeat_minutes", texts), self._whole("repeat_times", texts)
        return Repeat(every, times, values["until_status_change"] is True)

    def _whole(self, name: str, texts: dict[str, str]) -> int:
        text = texts[name]
        if not text.isascii() or not text.isdigit() or not 1 <= int(text) < 2**31:
            raise SettingsError(name, self.say("problem.number", least=1))
        return int(text)

    def _made(self, values: dict[str, Value]) -> list[Rule]:
        """The rules of the form, with codes. Runs in a thread."""
        rules = self.read_all(values)
        if self.rule.code:
            return rules
        known = [one.code for one in list_rules(self.store)]
        found: list[Rule] = []
        for rule in rules:
            found.append(replace(rule, code=free_code(rule, known)))
            known.append(found[-1].code)
        return found

    def save(self, values: dict[str, Value]) -> None:
        rules = self._made(values)
        from dispatch.proof import Proof  # Jinja is loaded when a rule is saved, not when one is looked at

        try:
            with self.store.read() as connection:
                proof = Proof(connection)
                for rule in rules:
                    proof.check(rule)
            self.store.write(lambda connection: [save_in(connection, self.store, rule, operator()) for rule in rules])
        except SettingsError as error:
            raise SettingsError(_field_of(error.path), error.problem, key=error.key, **error.params) from error
        if proof.left:
            self.notify(self.say("rules.hurried", tried=proof.tried, left=proof.left), markup=False)

    def buttons(self) -> list[Button]:
        named = [("try-it", "try.command"), *([("as-standard", "rules.as_standard")] if self._differs else [])]
        return [Button(Content(self.say(key)), id=name, compact=True) for name, key in named]

    @property
    def _differs(self) -> list[str]:
        shipped = standard_of(self.rule)
        return changed_fields(self.rule, shipped) if shipped else []

    def _differences(self, shipped: Rule) -> list[str]:
        """What a reset changes, a line for each field: from what to what."""
        words = AuditWords(self.console.texts, (), self.console.zone)
        now, then = to_values(self.rule), to_values(shipped)
        changes = [
            one for name in now if now[name] != then[name] for one in words.change("rule", name, now[name], then[name])
        ]
        lines = [
            f"{one.label}: {shortened(one.before, SHORT)} → {shortened(one.after, SHORT)}"
            for one in changes[:MOST_CHANGES]
        ]
        more = len(changes) - len(lines)
        return [*lines, self.say("audit.more_fields", count=more)] if more else lines

    @on(Button.Pressed, "#try-it")
    def action_try_it(self) -> None:
        """Try the rule as it stands here; the form stays as it is, and nothing is saved."""
        values, focused = self.values, self.focused
        own = {f"field-{part}_{one.value}" for part in PARTS for one in Language}
        page = "words" if focused is not None and focused.id in own else "event"

        def work() -> None:
            try:
                rule, *_ = self._made(values)
                check_rule(rule)
            except SettingsError as error:
                self.console.call_later_from_thread(self.refuse, _field_of(error.path), self.problem(error))
            except StoreError as error:
                self.notify(str(error), severity="error", markup=False)
            else:
                self.console.call_later_from_thread(open_trial, rule)

        def open_trial(rule: Rule) -> None:
            from tui.screens.try_rule import TryScreen  # it loads Jinja

            self.app.push_screen(TryScreen(self.say, rule, page))

        self.run_worker(work, group="try-read", exclusive=True, thread=True, exit_on_error=False)

    def commands(self) -> Sequence[Command]:
        return [Command(self.say("try.command"), self.say("help.rule_try_it"), self.action_try_it)]

    @on(Button.Pressed, "#as-standard")
    def action_as_standard(self) -> None:
        """Put the rule back as it shipped, after a question that says what will change."""
        shipped = standard_of(self.rule)
        if shipped is None or not self._differs:
            self.notify(self.say("rules.is_standard"), markup=False)
            return
        question = Question(
            "\n".join((self.say("rules.as_standard_question"), *self._differences(shipped))),
            yes=self.say("rules.as_standard"), no=self.say("form.stay"),
        )  # fmt: skip

        def answered(agreed: bool | None) -> None:
            if agreed:
                self.run_worker(
                    lambda: save_rule(self.store, shipped, operator()),
                    name="save", group="save", exclusive=True, thread=True, exit_on_error=False,
                )  # fmt: skip

        self.app.push_screen(question, answered)


def template_keys() -> list[str]:
    """The templates that ship, by key."""
    folder = files("store.catalogue").joinpath("templates", Language.EN.value)
    return sorted(one.name.removesuffix(".txt") for one in folder.iterdir() if one.name.endswith(".txt"))


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())


def _field_of(path: str) -> str:
    """The field of the form that a path of the store is about."""
    first, *rest = path.split(".")
    if first == "texts":
        return f"{rest[1]}_{rest[0]}"
    if first == "titles":
        return f"title_{rest[0]}"
    if first == "threshold":
        return "working_time" if rest == ["working_time"] else "value"
    if first == "repeat":
        return _REPEAT_FIELDS[rest[0]] if rest else "repeat_minutes"
    return first.partition("[")[0]
