"""OpenVPN's own way of reading a configuration file, followed to the letter.

What OpenVPN would see as a directive must be seen here too, or a hostile line could hide
between the two readings. Quotes, backslashes, comments, `--option` spelling and inline blocks
are those of openvpn(8), "Reading options from a file" and "INLINE FILE SUPPORT".
"""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.profile.problems import Problem

MAX_LINE = 255  # bytes; a longer line is cut by OpenVPN, and its rest read as a new line
MAX_WORDS = 16
_SPACE = " \t\v\f\r\n"


@dataclass(frozen=True, slots=True)
class Directive:
    """One directive with its place. `inline` is the text of a `<name>` block."""

    line: int
    name: str
    args: tuple[str, ...] = ()
    inline: str | None = None


class _BadLine(Exception):
    pass


def parse(text: str) -> tuple[list[Directive], list[Problem]]:
    """The directives of `text`, and the lines that OpenVPN could not read either."""
    lines = text.removeprefix("\ufeff").split("\n")
    directives: list[Directive] = []
    problems: list[Problem] = []
    at = 0
    while at < len(lines):
        number = at + 1
        at += 1
        try:
            words = split_words(lines[number - 1])
        except _BadLine as error:
            problems.append(Problem(number, "", str(error)))
            continue
        if not words:
            continue
        name = words[0][2:] if len(words[0]) >= 3 and words[0].startswith("--") else words[0]
        if len(words) == 1 and len(name) > 2 and name[0] == "<" and name[-1] == ">":
            body, at = _block(lines, at, name[1:-1])
            if body is None:
                problems.append(
                    Problem(number, "", "this block has no end", f"close it with </{name[1:-1]}>")
                )
                break
            directives.append(Directive(number, name[1:-1], (), body))
        else:
            directives.append(Directive(number, name, tuple(words[1:])))
    return directives, problems


def _block(lines: list[str], start: int, tag: str) -> tuple[str | None, int]:
    """The lines up to `</tag>` and the index behind it; None when the end is missing."""
    for at in range(start, len(lines)):
        if lines[at].lstrip(_SPACE).startswith(f"</{tag}>"):
            return "".join(f"{line.rstrip(_SPACE)}\n" for line in lines[start:at]), at + 1
    return None, len(lines)


def split_words(line: str) -> list[str]:
    """Split a line as OpenVPN's parse_line() does. Raises `_BadLine` (a reason in words)."""
    if line.lstrip(_SPACE)[:1] in ("", "#", ";"):
        return []
    if len(line.rstrip("\r").encode()) > MAX_LINE:
        raise _BadLine(f"this line is longer than the {MAX_LINE} characters OpenVPN can read")
    if "\0" in line:
        raise _BadLine("this line holds a NUL character")
    words: list[str] = []
    at = 0
    while at < len(line):
        if line[at] in _SPACE:
            at += 1
        elif line[at] in "#;":
            break
        else:
            word, at = _word(line, at)
            words.append(word)
    if len(words) > MAX_WORDS:
        raise _BadLine(f"this line has more than {MAX_WORDS} words")
    return words


def _word(line: str, at: int) -> tuple[str, int]:
    quote = line[at] if line[at] in "\"'" else ""
    at += len(quote)
    word: list[str] = []
    while at < len(line):
        char = line[at]
        at += 1
        if char == "\\" and quote != "'":
            if at >= len(line) or line[at] not in '\\"' + _SPACE:
                raise _BadLine('a backslash may only stand before a space, a \\ or a "')
            word.append(line[at])
            at += 1
        elif char in (quote or _SPACE):
            return "".join(word), at
        else:
            word.append(char)
    if quote:
        raise _BadLine(f"the quotation mark {quote} is not closed")
    return "".join(word), at


def write(name: str, args: tuple[str, ...] = ()) -> str:
    """One line that OpenVPN reads back as exactly these words."""
    return " ".join((name, *(_quoted(arg) for arg in args)))


def _quoted(word: str) -> str:
    if word and not any(char in word for char in _SPACE + "\"'\\#;<>"):
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
