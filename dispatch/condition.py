"""Conditions of rules: expressions over the plan's context, in the language of the templates."""

from functools import lru_cache
from typing import Any

from jinja2 import TemplateError

from store.template_language import FAULTS, bounded, compile_condition, result_of


class ConditionError(ValueError):
    """A condition cannot be read or evaluated."""


_compile = lru_cache(maxsize=4096)(compile_condition)


def holds(expression: str | None, context: dict[str, Any]) -> bool:
    """Whether a condition holds; `None` always does.

    Raises:
        ConditionError: It cannot be read, asks for something that is not there, or does more than one may.
    """
    if expression is None:
        return True
    try:
        with bounded():
            return bool(result_of(_compile(expression), context))
    except (TemplateError, *FAULTS) as error:
        msg = f"{expression!r}: {error}"
        raise ConditionError(msg) from error
