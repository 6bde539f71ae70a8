"""Texts that are compared with a file, which UPDATE_GOLDEN=1 writes anew."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"


def check(name: str, text: str) -> None:
    """Fail with the difference unless `text` is that of the golden file `name`."""
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return
    expected = path.read_text() if path.exists() else ""
    if text != expected:
        lines = difflib.unified_diff(
            expected.splitlines(), text.splitlines(), f"golden/{name}", "now", lineterm=""
        )
        difference = "\n".join(lines) or "only the line ends differ"
        pytest.fail(f"{difference}\n\nIf that is meant: UPDATE_GOLDEN=1", pytrace=False)
