"""What a leak test says, letter by letter. MANYWAYS_GOLDEN=write writes the text anew."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator import findings as show
from orchestrator.client import Finding
from orchestrator.tree import Style
from tests.web.reports import healthy

HERE = Path(__file__).parent


def _finding(
    destination: str, check: str, verdict: str, evidence: str, *, by_choice: bool = False
) -> Finding:
    return {
        "destination": destination,
        "check": check,
        "verdict": verdict,  # type: ignore[typeddict-item]
        "evidence": evidence,
        "by_choice": by_choice,
    }


FINDINGS = [
    _finding("", "lease", "ok", "192.168.77.132 after 152 ms; router and DNS server: 192.168.77.1"),
    _finding("uk", "packets", "LEAK", "UDP seen on the transit of direct and the uplink of direct"),
    _finding("uk", "DNS", "failed", "the query left, but got no answer\x1b[2J"),
    _finding("uk", "address outside", "not checked", "no address service", by_choice=True),
    _finding("de", "packets", "not checked", "de is down: the provider does not answer"),
]


def _text(style: Style) -> str:
    lines = []
    for before, finding in zip([None, *FINDINGS], FINDINGS, strict=False):
        if before is None or before["destination"] != finding["destination"]:
            lines.append(show.heading(finding))
        lines.append(show.line(finding, style))
    return "\n".join([*lines, show.total(FINDINGS)])


@pytest.mark.parametrize(
    ("name", "style"),
    [
        ("leaktest", Style()),
        ("leaktest-narrow", Style(width=60)),
        ("leaktest-colour", Style(colour=True)),
    ],
)
def test_text(name: str, style: Style) -> None:
    text, path = _text(style) + "\n", HERE / f"{name}.txt"
    if os.environ.get("MANYWAYS_GOLDEN") == "write":
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")


def test_who_is_without_service_is_named() -> None:
    devices = healthy()["devices"]
    text = show.warning(["uk"], devices)
    there = [d["name"] for d in devices if d["destination"] == "uk"]
    assert there
    assert text.endswith(f"Without service then: {', '.join(there)}.")
    everybody = ", ".join(d["name"] for d in devices)
    assert show.warning([], devices).endswith(f"Without service then: {everybody}.")
    assert show.warning(["spare"], devices).endswith("Without service then: no device.")
