"""YAML from outside: one document, no key twice, aliases that cannot blow up."""

from typing import cast

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

MAX_NODES = 1_000_000
"""Values in a document with its aliases written out."""


class YamlError(ValueError):
    """The text is no YAML we take; says where and why."""


def read_yaml(text: str) -> object:
    """The one document of a text; `None` when it is empty.

    Raises:
        YamlError: It is not YAML, says something twice, or is nested or aliased beyond reason.
    """
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _size(node, {})
        return loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise YamlError(f"not YAML: {where}{error.problem}") from error
    except yaml.YAMLError as error:
        raise YamlError(f"not YAML: {' '.join(str(error).split())}") from error
    except RecursionError:
        raise YamlError("not a settings file: it is nested too deeply") from None
    except ValueError as error:  # a date such as 2026-13-45
        raise error if isinstance(error, YamlError) else YamlError(f"not YAML: {error}") from error


def _size(node: Node, known: dict[int, int]) -> int:
    """How many values a node holds, its aliases counted each time."""
    if id(node) in known:
        size = known[id(node)]
        if not size:
            raise YamlError(f"line {_line(node)}: an alias stands for what it is part of")
        return size
    known[id(node)] = 0
    size = 1
    if isinstance(node, MappingNode):
        _refuse_twice(node)
        size += sum(_size(key, known) + _size(value, known) for key, value in node.value)
    elif isinstance(node, SequenceNode):
        size += sum(_size(item, known) for item in cast("list[Node]", node.value))
    if size > MAX_NODES:
        raise YamlError(f"line {_line(node)}: the aliases stand for more than {MAX_NODES} values")
    known[id(node)] = size
    return size


def _refuse_twice(node: MappingNode) -> None:
    seen: set[str] = set()
    for key, _ in node.value:
        if isinstance(key, ScalarNode):
            if key.value in seen and key.value != "<<":
                raise YamlError(f"line {_line(key)}: the key {key.value!r} is there twice")
            seen.add(key.value)


def _line(node: Node) -> int:
    return node.start_mark.line + 1 if node.start_mark else 0
