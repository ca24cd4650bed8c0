"""Conditions of rules."""

from typing import Any

import pytest

from dispatch.condition import ConditionError, holds

CONTEXT: dict[str, Any] = {"object": {"status": "closed", "attributes": {"vip": True}}, "chosen": []}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (None, True),
        ("object.status == 'closed'", True),
        ("chosen", False),
        ("object.attributes.vip and not chosen", True),
    ],
)
def test_conditions(expression: str | None, expected: bool) -> None:
    assert holds(expression, CONTEXT) is expected


@pytest.mark.parametrize("expression", ["nothing", "object.", "1 / 0", "object.status.__class__.__mro__", "1 < 'a'"])
def test_a_condition_that_cannot_be_evaluated_is_an_error(expression: str) -> None:
    with pytest.raises(ConditionError):
        holds(expression, CONTEXT)
