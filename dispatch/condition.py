"""Conditions of rules: expressions over the plan's context, in the language of the templates."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import TemplateError

from store.template_language import FAULTS, LANGUAGE, bounded


class ConditionError(ValueError):
    """A condition cannot be read or evaluated."""


@lru_cache(maxsize=4096)
def _compile(expression: str) -> Callable[..., Any]:
    return LANGUAGE.compile_expression(expression, undefined_to_none=False)


def holds(expression: str | None, context: Mapping[str, Any]) -> bool:
    """Whether a condition holds; `None` always does.

    Raises:
        ConditionError: It cannot be read, asks for something that is not there, or does more than one may.
    """
    if expression is None:
        return True
    try:
        with bounded():
            return bool(_compile(expression)(**context))
    except (TemplateError, *FAULTS) as error:
        msg = f"{expression!r}: {error}"
        raise ConditionError(msg) from error
