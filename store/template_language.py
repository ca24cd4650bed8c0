"""The language of conditions and texts: Jinja without what could run away, pry, or change anything.

A text of an administrator's is rendered in the dispatcher, between other people's letters. So it is bounded in what it
may say (no calls, macros, imports, products, formats), in the work it may do, in the time that may take, and in what it
may build. Settings are checked by this language when they are saved, and rendered by it ever after.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from functools import wraps
from typing import Any, cast

from jinja2 import StrictUndefined, Template, TemplateAssertionError, Undefined, nodes, pass_environment
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS, make_attrgetter
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

MAX_WORK = 100_000
"""Units of work in one rendering: a turn of a loop, an item of a list, or so many characters, are one."""
CHARACTERS_A_UNIT = 64
MAX_SECONDS = 0.5
"""Seconds of work one rendering may take once as many have passed: a last resort, for the work is counted.

Work, because a letter must not be lost for a machine that was busy, or a process that was stopped.
"""
FAULTS = (
    LookupError, TypeError, ValueError, ArithmeticError, AttributeError, AssertionError, SyntaxError, RecursionError,
    MemoryError,
)  # fmt: skip
"""What may come of reading or rendering a text, beside `TemplateError`."""
ALLOWED: tuple[type[nodes.Node], ...] = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Assign, nodes.Name, nodes.Const,
    nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Filter, nodes.Test, nodes.Keyword, nodes.Compare, nodes.Operand,
    nodes.And, nodes.Or, nodes.Not, nodes.CondExpr, nodes.Concat, nodes.Add, nodes.Sub, nodes.Div, nodes.FloorDiv,
    nodes.Neg, nodes.Pos, nodes.List, nodes.Tuple,
)  # fmt: skip
"""What a text or a condition may consist of."""
_OF_ANYTHING = (
    "count", "d", "default", "dictsort", "first", "float", "int", "items", "last", "length", "list", "map", "max",
    "min", "reject", "rejectattr", "reverse", "select", "selectattr", "sort", "unique", "abs",
)  # fmt: skip
_OF_TEXTS = ("capitalize", "lower", "string", "title", "trim", "truncate", "upper", "wordcount")
_SCALARS = (str, int, float, Undefined)
_COUNTED, _JOINED, _FLAT = "_counted", "_joined", "_flat"


class TooMuchError(SecurityError):
    """A text does, or builds, more than one may."""


class _Budget:
    """What is left of the work and the time of one rendering."""

    __slots__ = ("_ends", "_left", "_worked")

    def __init__(self) -> None:
        self._left = MAX_WORK
        self._ends = time.perf_counter() + MAX_SECONDS
        self._worked: float | None = None

    def spend(self, units: int) -> None:
        """Take from it.

        Raises:
            TooMuchError: Nothing is left.
        """
        self._left -= units
        if self._left < 0 or (time.perf_counter() > self._ends and self._worked_too_long()):
            msg = "it does too much: shorten its loops and what it puts together"
            raise TooMuchError(msg)

    def _worked_too_long(self) -> bool:
        """Whether it has worked its time, counted from the first look: that clock is dear, and hardly ever needed."""
        worked = time.thread_time()
        if self._worked is None:
            self._worked = worked
        return worked - self._worked > MAX_SECONDS


_BUDGET: ContextVar[_Budget | None] = ContextVar("budget", default=None)


class bounded:  # noqa: N801 - used like a function
    """One rendering or reading: what is done within shares one budget."""

    __slots__ = ("_token",)

    def __enter__(self) -> None:
        """Begin."""
        self._token = _BUDGET.set(_Budget())

    def __exit__(self, *_: object) -> None:
        """End."""
        _BUDGET.reset(self._token)


def _spend(units: int) -> None:
    budget = _BUDGET.get() or _Budget()
    budget.spend(units)


def _size(value: object) -> int:
    if isinstance(value, str):
        return len(value) // CHARACTERS_A_UNIT + 1
    return len(cast("list[object]", value)) + 1 if isinstance(value, list | tuple | dict) else 1


def _text(value: object) -> str:
    """A value as text. A list or a mapping is none: written out, it would be of use to nobody, and of any length."""
    return str(_written(value))


def _written(value: object) -> object:
    if isinstance(value, _SCALARS) or value is None or not isinstance(value, Iterable):
        return value
    msg = "a list cannot be written out; use join or a loop"
    raise TypeError(msg)


def quote(text: object) -> str:
    """Each line of a text behind `> `."""
    return "\n".join(f"> {line}".rstrip() for line in str(text).strip().splitlines())


def _counting(values: Iterable[object]) -> Iterator[object]:
    for value in values:
        _spend(1)
        yield value


def _join(pieces: Iterable[object], separator: str = "") -> str:
    found: list[str] = []
    for piece in pieces:
        found.append(_text(piece))
        _spend(_size(found[-1]) + _size(separator))
    return separator.join(found)


@pass_environment
def _join_filter(
    environment: "TemplateLanguage", value: Iterable[object], d: str = "", attribute: str | int | None = None
) -> str:
    return _join(value if attribute is None else map(make_attrgetter(environment, attribute), value), str(d))


def _replace(value: object, old: object, new: object, count: int = -1) -> str:
    text, one, other = _text(value), _text(old), _text(new)
    found = text.count(one) if count < 0 else min(count, text.count(one))
    _spend((len(text) + found * len(other)) // CHARACTERS_A_UNIT + 1)
    return text.replace(one, other, count)


def _flat(values: list[object] | tuple[object, ...]) -> list[object] | tuple[object, ...]:
    """A list that was written down: of lists in lists of lists it takes a few to fill the memory."""
    if any(isinstance(value, list | tuple) for value in values):
        msg = "a list cannot stand in a list"
        raise TypeError(msg)
    return values


def _charged(filter_: Callable[..., Any], *, of_texts: bool) -> Callable[..., Any]:
    """A filter of Jinja's that pays for what it is given."""
    place = 1 if hasattr(filter_, "jinja_pass_arg") else 0

    @wraps(filter_)
    def pay(*given: Any, **named: Any) -> Any:
        if len(given) > place:
            _spend(_size(given[place]))
            if of_texts:
                _written(given[place])
        return filter_(*given, **named)

    return pay


class _Guard(NodeTransformer):
    """Has loops counted, what is put together measured, and refuses what is not in the language."""

    def generic_visit(self, node: nodes.Node, *args: Any, **named: Any) -> nodes.Node:
        """Look at every node."""
        if not isinstance(node, ALLOWED):
            msg = f"{type(node).__name__.lower()} is not allowed"
            raise TemplateAssertionError(msg, node.lineno)
        super().generic_visit(node, *args, **named)
        if isinstance(node, nodes.For):
            node.iter = _filtered(cast("nodes.Expr", node.iter), _COUNTED)
        if isinstance(node, nodes.Concat):
            return _filtered(nodes.List(node.nodes, lineno=node.lineno), _JOINED)
        if isinstance(node, nodes.List) or (isinstance(node, nodes.Tuple) and node.ctx == "load"):
            return _filtered(cast("nodes.Expr", node), _FLAT)
        return node


def _filtered(node: nodes.Expr, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


class TemplateLanguage(ImmutableSandboxedEnvironment):
    """The environment texts and conditions are read and rendered in. Its filters are those that cannot run away."""

    intercepted_binops = frozenset({"+"})

    def __init__(self) -> None:
        super().__init__(undefined=StrictUndefined, lstrip_blocks=True, finalize=_written)
        self.globals.clear()
        self.filters = {
            **{name: _charged(FILTERS[name], of_texts=False) for name in _OF_ANYTHING},
            **{name: _charged(FILTERS[name], of_texts=True) for name in _OF_TEXTS},
            "quote": _charged(quote, of_texts=True),
            "join": _join_filter,
            "replace": _replace,
            _COUNTED: _counting,
            _JOINED: _join,
            _FLAT: _flat,
        }

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Sums are measured."""
        _spend(_size(left) + _size(right))
        return super().call_binop(context, operator, left, right)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """What a mapping holds under a name, and nothing else of it: `attributes.items` is a desk's own word."""
        if isinstance(obj, dict):
            held: dict[str, Any] = obj  # pyright: ignore[reportUnknownVariableType] - a cast here costs more than the rest
            return held[attribute] if attribute in held else self.undefined(obj=held, name=attribute)
        return super().getattr(obj, attribute)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """No methods either: there is nothing they could be called with."""
        return not callable(value) and super().is_safe_attribute(obj, attr, value)

    def _generate(self, source: nodes.Template, *given: Any, **named: Any) -> str:
        """Everything that is compiled comes through here, as a tree."""
        guarded = cast("nodes.Template", _Guard().visit(source))
        guarded.set_environment(self)
        return super()._generate(guarded, *given, **named)


LANGUAGE = TemplateLanguage()
"""The one there is."""


def compile_text(source: str) -> Template:
    """A text, read; rendered by `pieces`."""
    return _light(LANGUAGE.from_string(source))


def compile_condition(source: str) -> Template:
    """A condition, read; evaluated by `result_of`."""
    return _light(LANGUAGE.compile_expression(source)._template)  # noqa: SLF001 - its call copies all values, thrice


def _light(template: Template) -> Template:
    """Without the layers of globals, which are none here: each rendering would go through them."""
    template.globals = {}
    return template


def pieces(template: Template, values: dict[str, Any]) -> Iterator[str]:
    """What a text renders to, piece by piece; the values are not copied, and not changed."""
    return template.root_render_func(template.new_context(values, shared=True))


def result_of(condition: Template, values: dict[str, Any]) -> object:
    """What a condition gives: it is a template that sets a variable and renders to nothing."""
    context = condition.new_context(values, shared=True)
    for _ in condition.root_render_func(context):
        pass
    return context.vars["result"]
