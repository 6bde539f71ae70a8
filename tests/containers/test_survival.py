"""What a restart, a removal and a killed orchestrator leave as it was."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.containers import home
from tests.containers.device import Programs
from tests.containers.router import ORCHESTRATOR, Router


def _compose(*words: str) -> home.Done:
    environment = {**os.environ, "MANYWAYS_CONFIG": str(home.REPOSITORY / ".demo" / "config")}
    command = ["docker", "compose", "--project-directory", str(home.REPOSITORY), *words]
    return home.host("env", *[f"{k}={v}" for k, v in environment.items()], *command, timeout=120)


def _kept(router: Router) -> dict[str, Any]:
    """What must survive: each device's MAC, name, address and destination."""
    return {n: (d["mac"], d["address"], d["destination"]) for n, d in router.devices().items()}


def test_compose_down_and_up_keeps_leases_names_and_choices(router: Router) -> None:
    router.assign("tv", "uk")
    assert router.command("rename", "phone", "pocket").returncode == 0
    try:
        before = _kept(router)
        assert _compose("down").returncode == 0
        assert router.containers() == {}
        assert "manyways-transit" not in home.docker("network", "ls")
        assert _compose("up", "--detach").returncode == 0
        router.wait_until_healthy()
        assert _kept(router) == before
        assert home.seen_as("tv") == home.PUBLIC_ADDRESS["uk"]
    finally:
        router.wait_until_healthy()
        router.command("rename", "pocket", "phone")


def test_a_killed_orchestrator_disturbs_nobody(router: Router, programs: Programs) -> None:
    router.assign("tv", "uk")
    before = router.containers()
    downloads = [programs.start(device, "download", "200000") for device in ("tv", "laptop")]
    for download in downloads:
        download.wait_for(" in ")
    home.docker("kill", "--signal", "KILL", ORCHESTRATOR)
    try:
        unreachable = home.host("docker", "inspect", "-f", "{{.State.Running}}", ORCHESTRATOR)
        assert unreachable.stdout.strip() == "false"
        assert home.seen_as("tv") == home.PUBLIC_ADDRESS["uk"]
        assert home.run("tv", "dig", "+short", "laptop.lan")
    finally:
        home.docker("start", ORCHESTRATOR)
    router.wait_until_healthy()
    assert router.containers() == before
    assert router.ask("plan")["actions"] == []
    for download in downloads:
        seen = len(download.lines)
        download.wait_for(" in ", 5, since=seen)
        assert not [line for line in download.lines if "cut" in line]


@pytest.mark.parametrize("container", ["manyways-router", "manyways-dhcp", "manyways-egress-uk"])
def test_a_killed_service_comes_back_by_itself(router: Router, container: str) -> None:
    router.assign("tv", "uk")
    pid = router.pid(container)
    # As a crash would: the process itself, so that Docker's restart policy and not we act.
    home.host("kill", "-KILL", pid)
    home.wait_for("a new process", lambda: router.pid(container) not in (pid, "0"), 30)
    router.wait_until_healthy()
    home.wait_for("tv is out", lambda: home.seen_as("tv") == home.PUBLIC_ADDRESS["uk"], 30)


def test_rules_that_vanished_are_loaded_again(router: Router) -> None:
    home.docker("exec", "manyways-router", "nft", "delete", "table", "inet", "manyways")
    refused = home.attempt("laptop", "curl", "-sS", "--max-time", "3", f"{home.WEB}/ip")
    assert refused.returncode != 0
    home.wait_for("laptop is out", lambda: home.seen_as("laptop"), 45)


def test_a_bad_configuration_changes_nothing(router: Router) -> None:
    path = Path(home.REPOSITORY, ".demo", "config", "router.yaml")
    good, before = path.read_text(), router.containers()
    try:
        path.write_text(good.replace("default_destination: direct", "default_destination: dirct"))
        done = router.command("up")
        assert done.returncode == 1
        assert "router.yaml:" in done.stderr
        assert "did you mean 'direct'" in done.stderr
        assert router.command("check").returncode == 1
        assert home.seen_as("laptop") == home.PUBLIC_ADDRESS["direct"]
    finally:
        path.write_text(good)
    assert router.command("up").returncode == 0
    assert router.containers() == before


def test_a_destination_comes_and_goes_and_nobody_else_notices(
    router: Router, programs: Programs
) -> None:
    path = Path(home.REPOSITORY, ".demo", "config", "router.yaml")
    good, before = path.read_text(), router.containers()
    downloads = [
        programs.start("laptop", "download", "200000"),
        programs.start("phone", "download", "200000"),
    ]
    for download in downloads:
        download.wait_for(" in ")
    try:
        path.write_text(good.replace("  uk:\n", "  spare: {type: direct, uplink: home}\n  uk:\n"))
        assert router.command("up").returncode == 0
        router.wait_until_healthy()
        router.assign("tv", "spare")
        assert home.seen_as("tv") == home.PUBLIC_ADDRESS["direct"]
    finally:
        path.write_text(good)
    assert router.command("up").returncode == 0
    assert router.devices()["tv"]["state"] == "rejected"
    assert home.attempt("tv", "curl", "-sS", "--max-time", "3", f"{home.WEB}/ip").returncode == 7
    assert router.containers() == before
    for download in downloads:
        seen = len(download.lines)
        download.wait_for(" in ", 5, since=seen)
        assert not [line for line in download.lines if "cut" in line]


def test_an_uplink_with_fixed_addresses(router: Router) -> None:
    path = Path(home.REPOSITORY, ".demo", "config", "router.yaml")
    good = path.read_text()
    fixed = (
        "address: 192.168.178.200-192.168.178.210/24\n"
        "    gateway: 192.168.178.1\n"
        "    dns: [192.168.178.1]\n"
    )
    try:
        path.write_text(good.replace("address: dhcp\n", fixed))
        assert router.command("up").returncode == 0
        router.wait_until_healthy()
        used = {router.uplink_address(d) for d in ("direct", "uk", "de")}
        assert used == {f"192.168.178.{n}" for n in (200, 201, 202)}
        assert home.seen_as("laptop") == home.PUBLIC_ADDRESS["direct"]
        assert home.seen_as("phone") == home.PUBLIC_ADDRESS["de"]
    finally:
        path.write_text(good)
        assert router.command("up").returncode == 0
        router.wait_until_healthy()
