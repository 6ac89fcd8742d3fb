"""A docstring as a page: paragraphs, lists, headings, examples; everything escaped."""

import inspect
import re
from collections.abc import Iterator
from itertools import groupby

from markupsafe import Markup, escape

_CODE = re.compile(r"(``?)([^`]+)\1")
_STRONG = re.compile(r"\*([^*\s][^*]*)\*")


def html(text: str) -> Markup:
    """A docstring in numpy's style for a page.

    Examples
    --------
    >>> print(html("Too hot & dry: `coolant_temp_c` *climbs*.\\n\\n- hose\\n- pump"))
    <p>Too hot &amp; dry: <code>coolant_temp_c</code> <em>climbs</em>.</p>
    <ul><li>hose</li><li>pump</li></ul>
    >>> print(html("Examples\\n--------\\n>>> 1 < 2\\nTrue"))
    <h3>Examples</h3>
    <pre>&gt;&gt;&gt; 1 &lt; 2
    True</pre>
    """
    blocks = re.split(r"\n\s*\n", inspect.cleandoc(text))
    return Markup("\n").join(piece for block in blocks for piece in _block(block.split("\n")))


def _block(lines: list[str]) -> Iterator[Markup]:
    if len(lines) > 1 and lines[1] and not lines[1].strip("-="):
        yield Markup("<h3>{}</h3>").format(lines[0])
        lines = lines[2:]
    if lines and lines[0].startswith(">>>"):
        yield Markup("<pre>{}</pre>").format("\n".join(lines))
        return
    items: list[tuple[bool, str]] = []
    for line in lines:
        if line.startswith("- "):
            items.append((True, line[2:]))
        elif items and not (items[-1][0] and not line.startswith(" ")):
            items[-1] = items[-1][0], f"{items[-1][1]} {line.strip()}"
        else:
            items.append((False, line))
    for listed, group in groupby(items, key=lambda item: item[0]):
        words = [_inline(text) for _, text in group]
        if listed:
            yield Markup("<ul>{}</ul>").format(
                Markup("").join(Markup("<li>{}</li>").format(one) for one in words)
            )
        else:
            yield from (Markup("<p>{}</p>").format(one) for one in words if one)


def _inline(text: str) -> Markup:
    safe = str(escape(text))
    safe = _CODE.sub(r"<code>\2</code>", safe)
    return Markup(_STRONG.sub(r"<em>\1</em>", safe))  # noqa: S704  escaped before
