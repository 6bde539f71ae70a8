"""The living router in the simulated home, and the small house of an egress alone.

Each is started once for all tests that look at it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.containers import egress_house, home
from tests.containers.device import Programs
from tests.containers.egress_house import (
    FAR,
    HOUSE,
    HOUSE_ADDRESS,
    PROVIDER,
    Lab,
    attempt,
    host,
    run,
)
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
    for destination in router.status()["destinations"]:
        if destination["state"] == "paused":
            router.command("resume", destination["name"])
    for device, destination in Router.ASSIGNMENTS.items():
        router.assign(device, destination)
    return router


@pytest.fixture
def programs() -> Iterator[Programs]:
    """Long-running programs on devices; all end with the test."""
    programs = Programs()
    yield programs
    programs.end()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    egress_house.build()
    lab = Lab(tmp_path_factory.mktemp("egress"))
    try:
        lab.up()
        yield lab
    finally:
        lab.down()


@pytest.fixture
def lab(house: Lab, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """The house in order: its DHCP server, the VPN server, the wire."""
    host("ip", "link", "set", FAR, "up")
    run(HOUSE, "/lab/dhcp", HOUSE_ADDRESS)
    run(HOUSE, "sh", "-c", f"echo {PROVIDER} vpn.lab.test >/run/names/vpn")
    if not attempt(HOUSE, "ip", "link", "show", "tun9").ok:
        run(HOUSE, "/lab/vpn-start")
    yield house
    # Seen only when the test has failed.
    sys.stdout.write(f"{request.node.name}: log of the egress:\n{house.log()}")
