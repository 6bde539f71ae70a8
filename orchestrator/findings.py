"""What a leak test says to a person: one line a finding, as it comes, and a sum at the end."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from orchestrator.client import Device, Finding
from orchestrator.tree import Style, Tone, clean, paint

_HOME = "the home network"
_TONES: dict[str, Tone] = {"ok": "good", "LEAK": "bad", "failed": "bad", "not checked": "warn"}
_CHECK, _VERDICT = 18, 11  # columns: "old TCP connection", "not checked"


def heading(finding: Finding) -> str:
    """Return what stands above the findings of a destination."""
    return clean(finding["destination"]) or _HOME


def line(finding: Finding, style: Style) -> str:
    """Return a finding as one line, or more if its evidence is long."""
    verdict = finding["verdict"]
    head = f"  {clean(finding['check']):<{_CHECK}}  "
    plain = f"{head}{verdict:<{_VERDICT}}  "
    wrapped = textwrap.wrap(
        clean(finding["evidence"]),
        style.width,
        initial_indent=plain,
        subsequent_indent=" " * len(plain),
        break_on_hyphens=False,
    ) or [plain.rstrip()]
    behind = wrapped[0][len(head) + len(verdict) :]
    wrapped[0] = head + paint(verdict, _TONES.get(verdict, "bad"), style) + behind
    return "\n".join(wrapped)


def holds(findings: Sequence[Finding]) -> bool:
    """Say whether all holds. What nobody asked for is left out.

    A test without findings has shown nothing, so it does not hold.
    """
    return bool(findings) and all(f["verdict"] == "ok" or f["by_choice"] for f in findings)


def total(findings: Sequence[Finding]) -> str:
    """Return the last lines: whether all holds, and what is missing for that."""
    bad = [f for f in findings if f["verdict"] in ("LEAK", "failed")]
    unchecked = [f for f in findings if f["verdict"] == "not checked" and not f["by_choice"]]
    left_out = [f for f in findings if f["by_choice"]]
    lines = [
        f"{what}: {_named(those)}."
        for what, those in (
            ("Does not hold", bad),
            ("Could not be checked", unchecked),
            ("Left out", left_out),
        )
        if those
    ]
    if holds(findings):
        held = len(findings) - len(left_out)
        lines.insert(0, f"Everything that was checked holds ({held} of {len(findings)} lines).")
    return "\n".join(lines) or "Nothing was checked."


def _named(findings: Sequence[Finding]) -> str:
    """Return checks in words, each with the destinations that it concerns."""
    where: dict[str, list[str]] = {}
    for finding in findings:
        where.setdefault(finding["check"], []).append(finding["destination"] or _HOME)
    return clean("; ".join(f"{check} ({', '.join(those)})" for check, those in where.items()))


def warning(destinations: Sequence[str], devices: Sequence[Device]) -> str:
    """Return what `--disruptive` will do, and to whom; no destinations means all."""
    hit = [d["name"] for d in devices if not destinations or d["destination"] in destinations]
    what = ", ".join(destinations) or "every destination"
    each = "" if len(destinations) == 1 else " each"
    who = ", ".join(hit) or "no device"
    return clean(f"This takes {what} down for some seconds{each}. Without service then: {who}.")
