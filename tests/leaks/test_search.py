"""A few hundred events on the living router, from fixed seeds; `make soak` draws thousands."""

from __future__ import annotations

import pytest

from tests.containers.router import Router
from tests.leaks import engine
from tests.leaks.events import containers, switching
from tests.leaks.ground import Ground
from tests.leaks.search import search
from tests.leaks.world import watched

SEEDS = (3, 5, 8)
EVENTS = 80  # from each seed


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_leaks_and_nobody_else_is_disturbed(
    router: Router, capsys: pytest.CaptureFixture[str], seed: int
) -> None:
    report = search(seed, EVENTS, lambda _number, _name: None)
    with capsys.disabled():
        print(f"\n{report.text()}")  # noqa: T201 - what was seen belongs to the result
    assert report.events.total() >= EVENTS
    # A judge who has seen nothing has judged nothing.
    assert report.dropped == 0
    for wire in ("transit", "uplink", "tunnel", "internet", "leg", "log"):
        assert report.wires[wire] > 100, report.wires


def test_a_restart_of_the_engine_leaks_nothing(router: Router) -> None:
    """Docker's daemon ends with all containers and starts them again, in its own order."""
    if not engine.is_ours():
        pytest.skip("Docker's daemon was not started by the set-up, so it is not ours to restart")
    router.assign("tv", "uk")
    with watched() as world:
        ground = Ground(world)
        switching.switch(ground, "laptop", "de")
        containers.restart_engine(ground)
        ground.rest()


def test_a_full_connection_table_leaks_nothing(router: Router) -> None:
    """More flows than the kernel tracks: what is not tracked has no mark, and does not pass."""
    with watched() as world:
        ground = Ground(world)
        switching.switch(ground, "laptop", "uk")
        if switching.fill_connections(ground, "laptop") is None:
            pytest.skip(f"this machine tracks more than {switching.MOST_FLOWS} connections")
        ground.look()
        for destination in ("de", "direct"):
            switching.switch(ground, "tv", destination)
            ground.look()
        ground.rest()
