"""What the doctor says to a person: one finding a line, and a sum at the end."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from orchestrator.doctor.words import Finding
from orchestrator.tree import Style, Tone, clean, paint

_TONES: dict[str, Tone] = {"ok": "good", "warning": "warn", "error": "bad", "not checked": "dim"}
_NAME, _VERDICT = 14, 11  # columns: "FORWARD policy", "not checked"


def report(findings: Sequence[Finding], style: Style) -> str:
    """Return all findings as text, and how many of them want something done."""
    return "\n".join([*(_line(finding, style) for finding in findings), _total(findings)])


def _line(finding: Finding, style: Style) -> str:
    verdict = finding.verdict.upper() if finding.verdict == "error" else finding.verdict
    head = f"{clean(finding.name):<{_NAME}}  "
    plain = f"{head}{verdict:<{_VERDICT}}  "
    indent = " " * len(plain)
    lines = _wrapped(clean(finding.cause), plain, indent, style)
    if finding.cure:
        lines += _wrapped(clean(finding.cure), f"{indent}{style.arrow} ", f"{indent}  ", style)
    behind = lines[0][len(head) + len(verdict) :]
    lines[0] = head + paint(verdict, _TONES[finding.verdict], style) + behind
    return "\n".join(lines)


def _wrapped(text: str, first: str, rest: str, style: Style) -> list[str]:
    return textwrap.wrap(
        text, style.width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False
    ) or [first.rstrip()]


def _total(findings: Sequence[Finding]) -> str:
    counted = [
        (sum(finding.verdict == verdict for finding in findings), one, many)
        for verdict, one, many in (
            ("error", "1 error", "{} errors"),
            ("warning", "1 warning", "{} warnings"),
            ("not checked", "1 could not be checked", "{} could not be checked"),
        )
    ]
    said = [one if count == 1 else many.format(count) for count, one, many in counted if count]
    return f"{', '.join(said)}." if said else f"Nothing is wrong ({len(findings)} lines)."
