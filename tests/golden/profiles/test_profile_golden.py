"""What is left of each sample profile, and what a person reads about it, letter by letter.

MANYWAYS_GOLDEN=write writes the texts anew.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator.profile import Cleaned, clean
from tests.profile_samples import BAD, GOOD, Beside, sample

HERE = Path(__file__).parent


def shown(cleaned: Cleaned) -> str:
    lines = [
        f"{problem.line or '-'}: {problem.directive or '-'}: {problem.message} ({problem.hint})"
        for problem in cleaned.problems
    ]
    if profile := cleaned.profile:
        lines += [f"to {r.host} port {r.port} by {r.protocol}" for r in profile.remotes]
        lines += profile.directives
        lines += [f"<{tag}>\n{text}</{tag}>" for tag, text in profile.inline.items()]
        lines += [f"asks for a password: {profile.needs_credentials}"]
        lines += [f"name server: {address}" for address in profile.dns]
        lines += profile.notes
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("name", GOOD + BAD)
def test_a_profile_after_cleaning(name: str) -> None:
    cleaned = clean(sample(name), Beside(), f"profiles/{name}.ovpn")
    assert (cleaned.profile is None) == (name in BAD)
    path = HERE / f"{name}.txt"
    if os.environ.get("MANYWAYS_GOLDEN") == "write":
        path.write_text(shown(cleaned), "utf-8")
    assert shown(cleaned) == path.read_text("utf-8")
