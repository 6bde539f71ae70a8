"""A device that nobody knows, with a typed-in address: served, or waiting for a choice."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.containers import home
from tests.containers.router import ORCHESTRATOR, Router

ADDRESS = "192.168.77.60"


@pytest.fixture
def mac() -> str:
    """A MAC address that the router has never seen."""
    return "02:4d:58:" + secrets.token_bytes(3).hex(":")


@pytest.fixture
def newcomer(router: Router, mac: str) -> Iterator[str]:
    """A machine in the home whose address somebody typed in."""
    with home.guest("home-lan", "--mac-address", mac) as guest:
        home.run(guest, "ip", "address", "flush", "dev", "eth0")
        home.run(guest, "ip", "address", "add", f"{ADDRESS}/24", "dev", "eth0")
        home.run(guest, "ip", "route", "replace", "default", "via", "192.168.77.1")
        yield guest


@pytest.fixture
def refusing(router: Router) -> Iterator[None]:
    """New devices are refused until somebody chooses."""
    path = Path(home.REPOSITORY, ".demo", "config", "router.yaml")
    good = path.read_text()
    path.write_text(f"{good}new_devices: refuse\n")
    try:
        assert router.command("up").returncode == 0
        yield
    finally:
        path.write_text(good)
        assert router.command("up").returncode == 0


def _known(router: Router, mac: str) -> Any:
    return next((d for d in router.devices().values() if d["mac"] == mac), None)


def test_a_typed_in_address_waits_for_a_choice_and_then_is_served(
    router: Router, refusing: None, newcomer: str, mac: str
) -> None:
    command = ("curl", "-sS", "--max-time", "3", f"{home.WEB}/ip")

    def found() -> Any:
        assert home.attempt(newcomer, *command).returncode == 7
        return _known(router, mac)

    device = home.wait_for("it is listed", found, 15)
    assert (device["state"], device["address"]) == ("rejected", ADDRESS)
    assert device["message"] == "new here; choose its destination"
    page = home.run("tv", "curl", "-sS", "--max-time", "5", "http://192.168.77.1/")
    assert "New here; choose its destination." in page
    assert "New devices start here" not in page
    assert router.assign(ADDRESS, "uk")["old"] == "nowhere"
    assert home.seen_as(newcomer) == home.PUBLIC_ADDRESS["uk"]
    home.wait_for(
        "its name resolves", lambda: home.run("tv", "dig", "+short", f"{device['name']}.lan")
    )
    assert router.status()["state"] == "healthy"


def test_it_stays_known_after_a_new_start(router: Router, newcomer: str, mac: str) -> None:
    home.wait_for("it is served", lambda: home.seen_as(newcomer), 15)
    before = _known(router, mac)
    home.docker("kill", "--signal", "KILL", ORCHESTRATOR)
    home.docker("start", ORCHESTRATOR)
    router.wait_until_healthy()
    assert _known(router, mac) == before
