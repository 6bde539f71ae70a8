"""The living router in the simulated home, started once for all tests that look at it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.containers import home
from tests.containers.device import Programs
from tests.containers.router import Router


@pytest.fixture(scope="session")
def living_home() -> None:
    """Start home and router as `make demo` does; they stay for the next run."""
    done = home.host(str(home.DEMO), "up", timeout=1500)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def router(living_home: None) -> Router:
    """The router, healthy and with the demo's assignments, whatever the test before left."""
    router = Router()
    router.wait_until_healthy()
    for device, destination in Router.ASSIGNMENTS.items():
        router.assign(device, destination)
    return router


@pytest.fixture
def programs() -> Iterator[Programs]:
    """Long-running programs on devices; all end with the test."""
    programs = Programs()
    yield programs
    programs.end()
