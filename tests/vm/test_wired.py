"""The router in a machine with Debian's own kernel: up, used, and standing without its master."""

from __future__ import annotations

import pytest

from tests.vm.home import CONFIG, Home
from tests.vm.machine import Machine


@pytest.fixture(scope="module")
def home(machine: Machine) -> Home:
    home = Home(machine)
    home.install(CONFIG)
    return home


def test_the_kernel_has_what_a_pi_has(machine: Machine) -> None:
    """Each is made, not looked up: the container tests' own machine may lack them."""
    machine.must("ip link add mw-dummy type dummy && ip link delete mw-dummy")
    machine.must("ip link add mw-wg type wireguard && ip link delete mw-wg")
    machine.must(
        "nft 'table inet mw-try { flowtable f { hook ingress priority 0; devices = { lan1 }; }; "
        "chain c { type filter hook forward priority 0; ip protocol tcp flow add @f; }; }' "
        "&& nft delete table inet mw-try"
    )


def test_apparmor_confines_containers_as_on_debian(home: Home) -> None:
    """The orchestrator asks to be let out of it; that it works at all is seen in all the others."""
    pid = home.machine.must("docker inspect -f {{.State.Pid}} manyways-router").strip()
    profile = home.machine.must(f"cat /proc/{pid}/attr/current")
    assert profile.strip() == "docker-default (enforce)"


def test_a_device_gets_a_lease_and_browses_and_is_switched(home: Home) -> None:
    assert home.lease("wired1", "eth0").startswith("192.168.77.")
    home.browse("wired1", by="direct")
    receipt = home.ask("assign", home.name_of("wired1"), "other")
    assert receipt["new"] == "other", receipt
    home.browse("wired1", by="other")


def test_devices_at_two_ports_are_one_network(home: Home) -> None:
    home.lease("wired1", "eth0")
    other = home.lease("wired2", "eth0")
    home.machine.until(f"ip netns exec wired1 ping -c 1 -W 2 {other}", 30)


def test_after_a_reboot_all_works_without_the_orchestrator(home: Home) -> None:
    """Static stability: no orchestrator, and assignments as they were."""
    machine = home.machine
    home.lease("wired1", "eth0")
    home.ask("assign", home.name_of("wired1"), "other")
    machine.must("docker rm -f manyways-orchestrator", 200)
    machine.reboot()
    # The device was off, too, and knows nothing of before.
    assert home.lease("wired1", "eth0", seconds=600).startswith("192.168.77.")
    home.browse("wired1", by="other", seconds=600)
    running = machine.must("docker ps --format '{{.Names}}'").split()
    assert "manyways-orchestrator" not in running

    home.compose_up()
    home.await_healthy()
    home.ask("assign", home.name_of("wired1"), "direct")
    home.browse("wired1", by="direct")


def test_after_a_power_cut_it_comes_back_by_itself(home: Home) -> None:
    home.lease("wired1", "eth0")
    home.ask("assign", home.name_of("wired1"), "other")
    home.machine.power_cut()
    home.lease("wired1", "eth0", seconds=600)
    home.browse("wired1", by="other", seconds=600)
    home.await_healthy()
