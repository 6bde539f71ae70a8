"""Trees and tables as plain text, apart from what they say.

A terminal is 80 columns wide and may not know Unicode or colour; device names come from the
network and may hold anything. All of that is dealt with here, so that what is said about
the router can be written and tested as plain values.
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

Tone = Literal["", "good", "warn", "bad", "dim"]
_COLOURS: dict[Tone, str] = {"good": "32", "warn": "33", "bad": "1;31", "dim": "2"}
_LABEL_WIDTH = 32  # longer labels do not push their siblings' columns to the right
_MESSAGE_WIDTH = 24  # with less room beside the state, the message goes below it


@dataclass(frozen=True, slots=True)
class Style:
    """How to draw: the width in columns, what the terminal can show, and the time at home.

    Without `now`, times are shown in UTC.
    """

    width: int = 80
    unicode: bool = True
    colour: bool = False
    now: datetime | None = None

    @property
    def arrow(self) -> str:
        return "→" if self.unicode else "->"


@dataclass(frozen=True, slots=True)
class Node:
    """One entry of a tree: a label, one word of state with a message, and what depends on it.

    Without a word of state there is no message.
    """

    label: str
    word: str = ""
    tone: Tone = ""
    message: str = ""
    children: tuple[Node, ...] = field(default=())


def clean(text: str) -> str:
    """`text` without what a terminal would obey: control and other unprintable characters."""
    return "".join(c if c.isprintable() else "?" for c in text)


def columns(text: str) -> int:
    """How many columns of a terminal `text` takes: Chinese letters and emoji take two."""
    return len(text) + sum(unicodedata.east_asian_width(c) in "WF" for c in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - columns(text))


def moment(iso: str, style: Style) -> str:
    """A time as a person at home says it: the day only when it is further away than a day."""
    try:
        time = datetime.fromisoformat(iso).astimezone(UTC)
    except ValueError:
        return clean(iso)
    if style.now is None:
        return f"{time:%a %H:%M} UTC"
    here = time.astimezone(style.now.tzinfo)
    near = abs(time - style.now) < timedelta(days=1)
    return f"{here:%H:%M}" if near else f"{here:%a %H:%M}"


def paint(text: str, tone: Tone, style: Style) -> str:
    """`text` in the colour of `tone`, if the style has colours."""
    if not (style.colour and tone and text):
        return text
    return f"\x1b[{_COLOURS[tone]}m{text}\x1b[0m"


def draw(roots: Sequence[Node], style: Style) -> list[str]:
    """The lines of a tree; messages wrap under themselves, with the branches drawn through."""
    lines: list[str] = []
    widths = _columns(roots)
    for root in roots:
        lines += _own_lines(root, "", "", widths, style)
        lines += _below(root, "", style)
    return lines


def _below(node: Node, prefix: str, style: Style) -> list[str]:
    fork, corner, line = ("├─ ", "└─ ", "│  ") if style.unicode else ("|- ", "`- ", "|  ")
    lines: list[str] = []
    widths = _columns(node.children)
    for child in node.children:
        last = child is node.children[-1]
        through = prefix + ("   " if last else line)
        lines += _own_lines(child, prefix + (corner if last else fork), through, widths, style)
        lines += _below(child, through, style)
    return lines


def _columns(nodes: Sequence[Node]) -> tuple[int, int]:
    """The widths of the label's and the state's column among siblings."""
    labels = [columns(clean(node.label)) for node in nodes if node.word]
    return (
        max((n for n in labels if n <= _LABEL_WIDTH), default=0),
        max((len(node.word) for node in nodes), default=0),
    )


def _own_lines(
    node: Node, first: str, rest: str, widths: tuple[int, int], style: Style
) -> list[str]:
    """The lines of one node: label, state and message in columns, wrapped to the width."""
    label = clean(node.label)
    if not node.word:
        return _wrap(label, first, rest, style)
    head = f"{first}{_padded(label, widths[0])}  "
    plain = f"{head}{node.word:<{widths[1]}}"
    if columns(plain) > style.width:
        alone = Node("", node.word, node.tone, node.message)
        return [*_wrap(label, first, rest, style), *_own_lines(alone, rest, rest, (0, 0), style)]
    if style.width - columns(plain) >= _MESSAGE_WIDTH:
        indent = rest + " " * (columns(plain) + 2 - len(rest))
        lines = _wrap(clean(node.message), f"{plain}  ", indent, style)
    else:
        indent = rest + "   "
        lines = [
            plain,
            *(_wrap(clean(node.message), indent, indent, style) if node.message else []),
        ]
    after = lines[0][len(head) + len(node.word) :]
    lines[0] = (head + paint(node.word, node.tone, style) + after).rstrip()
    return lines


def _wrap(text: str, first: str, rest: str, style: Style) -> list[str]:
    return textwrap.wrap(
        text, style.width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False
    ) or [first.rstrip()]


def paragraph(text: str, style: Style) -> list[str]:
    """`text` in lines, the second and later ones indented."""
    return _wrap(clean(text), "", "    ", style)


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], style: Style) -> list[str]:
    """Aligned columns; when they do not fit, the first column (the name) is shortened."""
    cells = [tuple(map(clean, row)) for row in (headings, *rows)]
    widths = [max(map(columns, column)) for column in zip(*cells, strict=True)]
    widths[0] = max(8, min(widths[0], style.width - sum(widths[1:]) - 2 * (len(widths) - 1)))
    lines = []
    for row in cells:
        first = row[0]
        while columns(first) > widths[0]:
            first = first.removesuffix("...")[:-1] + "..."
        padded = map(_padded, (first, *row[1:]), widths)
        lines.append("  ".join(padded).rstrip())
    return lines
