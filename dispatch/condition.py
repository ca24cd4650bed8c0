"""Conditions of rules: Jinja expressions over the plan's context, sandboxed."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, TemplateError
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment


class _Conditions(ImmutableSandboxedEnvironment):
    """No multiplication: `'a' * 10 ** 10` would take the dispatcher's memory."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: object, operator: str, left: object, right: object) -> Any:
        """Refuse."""
        del context, left, right
        msg = f"{operator} is not allowed in a condition"
        raise SecurityError(msg)


_ENVIRONMENT = _Conditions(undefined=StrictUndefined)
_ENVIRONMENT.globals.clear()


class ConditionError(ValueError):
    """A condition cannot be read or evaluated."""


@lru_cache(maxsize=4096)
def _compile(expression: str) -> Callable[..., Any]:
    return _ENVIRONMENT.compile_expression(expression, undefined_to_none=False)


def holds(expression: str | None, context: Mapping[str, Any]) -> bool:
    """Whether a condition holds; `None` always does.

    Raises:
        ConditionError: It cannot be read, or asks for something that is not there.
    """
    if expression is None:
        return True
    try:
        return bool(_compile(expression)(**context))
    except (TemplateError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        msg = f"{expression!r}: {error}"
        raise ConditionError(msg) from error
