"""Everything is dead and starts in any order, while devices send all the time: nothing leaks."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.containers import home
from tests.containers.device import Programs
from tests.containers.router import ORCHESTRATOR, Router

# Datagrams and connections of each device go to a port of its own.
PORTS = {"tv": 4747, "phone": 4757, "laptop": 4767}
VPN = f"port {PORTS['tv']} or port {PORTS['phone']}"


def _ours() -> list[str]:
    running = home.docker("ps", "--format", "{{.Names}}").split()
    return [name for name in running if name.startswith("manyways-")]


@pytest.fixture
def afterwards_all_run(router: Router) -> Iterator[None]:
    """Whatever a test leaves dead is started again: the orchestrator starts the rest."""
    yield
    home.docker("start", ORCHESTRATOR)
    router.wait_until_healthy()


def _kill_everything() -> list[str]:
    """Kill the orchestrator, which would start them in its own order, then all services."""
    services = [name for name in _ours() if name != ORCHESTRATOR]
    assert len(services) == 6, services
    home.docker("kill", "--signal", "KILL", ORCHESTRATOR)
    home.docker("kill", "--signal", "KILL", *services)
    home.wait_for("all are dead", lambda: not _ours(), 10)
    return [*services, ORCHESTRATOR]


@pytest.mark.usefixtures("afterwards_all_run")
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_start_in_any_order_leaks_nothing(router: Router, programs: Programs, seed: int) -> None:
    router.assign("tv", "uk")
    transit = home.docker(
        "network", "inspect", "-f", '{{index .Options "com.docker.network.bridge.name"}}',
        "manyways-transit-direct",
    ).strip()  # fmt: skip
    watched = f"{VPN} or port {PORTS['laptop']}"
    with (
        home.Capture("mwh-wan1", watched) as uplink,
        home.Capture(transit, watched) as direct,
        home.Capture("mwh-inet1", f"src host 198.51.100.2 and ({watched})") as internet,
    ):
        senders = {
            device: programs.start(device, "tagged", str(port)) for device, port in PORTS.items()
        }
        for sender in senders.values():
            sender.wait_for("sent")
        containers = _kill_everything()
        random.Random(seed).shuffle(containers)
        for container in containers:
            before = {device: len(sender.lines) for device, sender in senders.items()}
            home.docker("start", container)
            for device, sender in senders.items():
                sender.wait_for("sent", since=before[device])
        router.wait_until_healthy()
        for device, destination in (("tv", "uk"), ("phone", "de"), ("laptop", "direct")):
            expected = home.PUBLIC_ADDRESS[destination]
            home.wait_for(device, lambda d=device, e=expected: home.seen_as(d) == e, 60)  # type: ignore[misc]
        for name, seen in (("uplink", uplink), ("transit", direct), ("internet", internet)):
            marker = f".{PORTS['laptop']}: "
            mark = len(seen.lines())
            home.wait_for(
                f"laptop on the {name}",
                lambda s=seen, m=mark, t=marker: any(t in x for x in s.lines()[m:]),  # type: ignore[misc]
                15,
            )
            own = (marker, f".{PORTS['laptop']} > ")
            leaked = [line for line in seen.lines() if not any(part in line for part in own)]
            assert leaked == [], f"{name}, order {containers}"
