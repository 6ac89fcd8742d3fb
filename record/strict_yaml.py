"""YAML for people: the plain part of it, and the line on which each thing stands.

What surprises is left out: ``17:20`` and ``no`` stay words, a date stays what it says, a key that
stands twice, an anchor, or a tag is an error.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

Place = tuple[str | int, ...]
"""The way to a value: ``("cars", 0, "model")``."""

Lines = dict[Place, int]
"""On which line each value stands, from 1."""

_CORE = "tag:yaml.org,2002:"


class YamlError(ValueError):
    """What can't be read, and on which line."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(f"line {line}: {why}")
        self.line, self.why = line, why


class _Loader(yaml.SafeLoader):
    """Knows true, false, null, and decimal numbers; all else that is not quoted is a word."""


_Loader.yaml_implicit_resolvers = {}
for _name, _pattern, _first in (
    ("int", r"[-+]?[0-9]{1,18}$", [*"-+0123456789"]),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$",
        [*"-+.0123456789"],
    ),
    ("bool", r"(true|false)$", ["t", "f"]),
    ("null", r"(null|~|)$", ["n", "~", ""]),
):
    _Loader.add_implicit_resolver(_CORE + _name, re.compile(_pattern), _first)


def read(text: str) -> tuple[Any, Lines]:
    """Dicts, lists, words and numbers, and where each stands.

    Raises
    ------
    YamlError

    Examples
    --------
    >>> read("leaves: 17:20\\ncars: [1, 2.5]")[0]
    {'leaves': '17:20', 'cars': [1, 2.5]}
    """
    lines: Lines = {}
    loader = None
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        return (None if root is None else _plain(root, (), lines, set())), lines
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise YamlError(line, f"this is not YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise YamlError(1, f"this is not YAML: {error}") from None
    except RecursionError:
        raise YamlError(1, "nested too deeply") from None
    finally:
        if loader is not None:
            loader.dispose()


def _plain(node: yaml.Node, place: Place, lines: Lines, seen: set[int]) -> Any:
    line = node.start_mark.line + 1
    lines[place] = line
    if id(node) in seen:  # a few of them, one in the other, would make a file endless
        raise YamlError(line, "write it out instead of pointing to an anchor")
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        made: dict[str, Any] = {}
        for key, value in node.value:
            at = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise YamlError(at, "a key is a word")
            if key.value in made:
                raise YamlError(at, f"{key.value} stands here twice")
            made[key.value] = _plain(value, (*place, key.value), lines, seen)
            lines[*place, key.value] = at
        return made
    if isinstance(node, yaml.SequenceNode):
        return [_plain(one, (*place, n), lines, seen) for n, one in enumerate(node.value)]
    kind, text = node.tag.removeprefix(_CORE), str(node.value)
    try:
        match kind:
            case "int":
                return int(text)
            case "float":
                return float(text)
            case "bool":
                return text == "true"
            case "null":
                return None
            case "str":
                return text
    except ValueError:
        pass  # a tag that its value doesn't keep
    raise YamlError(line, f"{text!r} can't be {kind}")
