"""The demo never takes another's router for its own."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers import home

# With the system's Python, as `make demo` runs it before there is any other.
ASK = "import sys; sys.path.insert(0, sys.argv[1])\nimport ownership, pathlib\n"
STRANGER = ASK + "print(ownership.stranger(pathlib.Path(sys.argv[2])))"
OF_ROUTER = ASK + "print(*ownership.of_router(sys.argv[2]))"


def ask(code: str, argument: object) -> str:
    """Run a line of the demo's own code and return what it printed."""
    done = home.host("/usr/bin/python3", "-c", code, str(home.DEMO.parent), str(argument))
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def volume() -> Iterator[str]:
    """What is left of a real router that was stopped: its memory."""
    name = f"manyways-test-{secrets.token_hex(3)}"
    home.docker("volume", "create", "--label", "io.manyways.owner=manyways", name)
    yield name
    home.docker("volume", "rm", name)


def test_a_routers_memory_is_recognised(volume: str, tmp_path: Path) -> None:
    assert volume in ask(OF_ROUTER, "volume").split()
    # Where a router runs, it is the better reason; either way the demo of tmp_path keeps off.
    reason = ask(STRANGER, tmp_path)
    assert "the volume manyways-" in reason or "runs with the configuration in" in reason, reason


def test_the_label_alone_makes_nothing_the_routers() -> None:
    with home.guest("none", "--label", "io.manyways.owner=manyways") as other:
        assert other not in ask(OF_ROUTER, "container").split()
        assert other in home.docker("ps", "--filter", "label=io.manyways.owner=manyways")


def test_a_wrong_word_gets_the_usage() -> None:
    done = home.host(str(home.DEMO), "upp")
    assert (done.returncode, done.stdout) == (2, "")
    assert "demo home-up" in done.stderr
