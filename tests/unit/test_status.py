"""Rendering for terminals: never wider than asked, never obeyed, nobody forgotten."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import status as show
from orchestrator.client import Status
from orchestrator.tree import Node, Style, draw
from tests.web.reports import degraded, device, healthy, receipt

ANSI = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("width", [40, 60, 80])
@pytest.mark.parametrize("unicode", [True, False])
def test_every_line_fits(width: int, unicode: bool) -> None:
    report = degraded()
    report["devices"].append(device("02:00:00:00:00:09", "x" * 63, "uk", "192.168.77.109"))
    style = Style(width, unicode)
    lines = show.status_text(report, style).splitlines()
    assert max(map(len, lines)) <= width
    assert unicode or all(line.isascii() for line in lines)


def test_colours_change_nothing_else() -> None:
    plain = show.status_text(degraded(), Style())
    coloured = show.status_text(degraded(), Style(colour=True))
    assert coloured != plain
    assert ANSI.sub("", coloured) == plain


def test_a_hostile_name_reaches_no_terminal() -> None:
    report = healthy()
    report["devices"][0]["name"] = "tv\x1b]0;owned\x07\n\u202eevil"
    for text in (
        show.status_text(report, Style()),
        show.devices_text(report["devices"], Style()),
        show.receipt_text({**receipt(), "device": "a\x1b[2Jb"}, Style()),
    ):
        assert not set(text) & {"\x1b", "\x07", "\u202e"}


def test_every_device_is_shown_even_without_a_destination() -> None:
    report = degraded()
    text = show.status_text(report, Style())
    assert all(d["name"] in text for d in report["devices"])
    assert "its destination 'nl' no longer exists" in " ".join(text.split())


@pytest.mark.parametrize(
    ("state", "stopped", "code"),
    [("healthy", False, 0), ("degraded", False, 1), ("healthy", True, 1)],
)
def test_exit_codes(state: str, stopped: bool, code: int) -> None:
    report: Status = {**healthy(), "state": state, "stopped": stopped}  # type: ignore[typeddict-item]
    assert show.exit_code(report) == code


def test_what_nobody_checked_is_neither_good_nor_bad() -> None:
    report = healthy()
    check = report["destinations"][1]["checks"][-1]
    check["state"], check["message"] = "unknown", "not checked"
    (line,) = (x for x in show.status_text(report, Style()).splitlines() if "not checked" in x)
    assert line.split()[-4:] == ["internet", "-", "not", "checked"]


def test_a_table_too_wide_shortens_the_names_only() -> None:
    long = device("02:00:00:00:00:09", "x" * 63, "uk", "192.168.77.109")
    lines = show.devices_text([long], Style()).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[1].endswith("02:00:00:00:00:09")


words = st.text(max_size=90)
nodes = st.recursive(
    st.builds(Node, words, st.sampled_from(["", "ok", "FAILED"]), st.just(""), words),
    lambda inner: st.builds(
        Node, words, st.just("ok"), st.just("good"), words, st.lists(inner, max_size=3).map(tuple)
    ),
    max_leaves=8,
)


@given(st.lists(nodes, max_size=3), st.integers(60, 100))
def test_any_tree_fits(roots: list[Node], width: int) -> None:
    lines = draw(roots, Style(width))
    assert all(len(line) <= width and line.isprintable() for line in lines)
