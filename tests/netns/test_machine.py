"""What the doctor sees in a real network namespace, from the kernel's tables to the finding."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path
from typing import ParamSpec, TypeVar

import pytest

from orchestrator.doctor.kernel import PIECES
from orchestrator.doctor.machine import Firewall, Machine, Port, known
from orchestrator.runtime.machine import Network, board, kernel, look_at_network, network
from orchestrator.runtime.machine.files import Tree
from orchestrator.runtime.machine.radio import firmware
from orchestrator.runtime.namespace import NamespaceThread
from tests.machines import GOOD, said, the, tree
from tests.netns.world import Space

P = ParamSpec("P")
T = TypeVar("T")
DOCKERS = """
table ip filter {
	chain DOCKER-USER { return
	}
	chain FORWARD {
		type filter hook forward priority filter; policy drop;
		counter jump DOCKER-USER
	}
}
"""
EMPTIED = (
    "table ip filter {\nchain FORWARD { type filter hook forward priority 0; policy drop;\n}\n}\n"
)
FOREIGN = """
table inet filter {
	chain forward { type filter hook forward priority filter; policy drop;
	}
	chain input { type filter hook input priority filter; policy drop;
	}
}
table inet fw {
	chain forward_filter {
		type filter hook forward priority filter; policy accept;
		iifname "x" reject
	}
}
"""


@pytest.fixture
def host() -> Iterator[Space]:
    """A machine of its own: two wired ports and a Docker bridge."""
    space = Space("doctor")
    space.run("ip link add eth0 type veth peer name house")
    space.run("ip link add eth1 type veth peer name home")
    for name in ("eth0", "house", "eth1", "home"):
        space.run(f"ip link set {name} up")
    space.run("ip address add 192.168.1.7/24 dev eth0")
    space.run("ip route add default via 192.168.1.1")
    yield space
    space.close()


@pytest.fixture
def files(tmp_path: Path) -> Tree:
    """What /sys tells of such ports, and a bridge that passes the host's firewall."""
    return tree(
        tmp_path,
        {
            "/sys/class/net/eth0/device/driver": "-> ../../../bus/usb/drivers/smsc95xx",
            "/sys/class/net/eth0/device/subsystem": "-> ../../../bus/usb",
            "/sys/class/net/eth0/speed": "100\n",
            "/sys/class/net/eth1/device/driver": "-> ../../../bus/usb/drivers/r8152",
            "/sys/class/net/eth1/speed": "-1\n",
            "/proc/sys/net/bridge/bridge-nf-call-iptables": "1\n",
            "/proc/sys/net/ipv4/ip_forward": "1\n",
            "/proc/sys/net/ipv4/conf/eth1/forwarding": "1\n",
        },
    )


def inside(host: Space, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function in a namespace, as the doctor does it with the host's."""
    with contextlib.closing(NamespaceThread(host.pid)) as thread:
        return thread.run(function, *args, **kwargs)


def look(host: Space, files: Tree) -> tuple[Network, Machine]:
    seen = inside(host, look_at_network, files)
    return seen, replace(
        GOOD,
        ports=seen.ports,
        holds=seen.holds,
        firewall=seen.firewall,
        forwarding=seen.forwarding,
    )


def port(seen: Network, name: str) -> Port:
    return next(port for port in known(seen.ports) if port.name == name)


def test_ports_with_addresses_links_and_drivers(host: Space, files: Tree) -> None:
    seen, _ = look(host, files)
    eth0, eth1 = port(seen, "eth0"), port(seen, "eth1")
    assert (eth0.default_route, eth0.addresses) == (True, ("192.168.1.7/24",))
    assert (eth0.driver, eth0.bus, eth0.speed, eth0.carrier) == ("smsc95xx", "usb", 100, True)
    assert (eth1.default_route, eth1.addresses, eth1.speed) == (False, (), 0)
    assert not port(seen, "house").device
    assert known(seen.routes) == (IPv4Network("192.168.1.0/24"),)


def test_a_cable_that_is_out(host: Space, files: Tree) -> None:
    host.run("ip link set house down")
    _, machine = look(host, files)
    assert the(machine, "uplink").cause == "eth0 has no link"


def test_a_port_that_is_missing(host: Space, files: Tree) -> None:
    host.run("ip link del eth1")
    _, machine = look(host, files)
    assert the(machine, "LAN port").cause == "there is no eth1"


def test_an_address_of_the_host_on_the_lan_port(host: Space, files: Tree) -> None:
    host.run("ip address add 192.168.1.9/24 dev eth1")
    _, machine = look(host, files)
    assert the(machine, "LAN port").verdict == "error"
    assert "past the router" in the(machine, "IP forwarding").cause


def test_dockers_own_rules_are_no_trouble(host: Space, files: Tree) -> None:
    host.run("nft -f -", DOCKERS)
    _, machine = look(host, files)
    assert the(machine, "FORWARD policy").verdict == "ok"
    assert the(machine, "br_netfilter").verdict == "ok"
    assert the(machine, "iptables").verdict == "ok"


def test_tables_that_somebody_has_emptied(host: Space, files: Tree) -> None:
    host.run("nft -f -", EMPTIED)
    _, machine = look(host, files)
    finding = the(machine, "FORWARD policy")
    assert (finding.verdict, "Docker's rules are gone" in finding.cause) == ("error", True)


def test_a_firewall_that_drops_what_crosses_a_bridge(host: Space, files: Tree) -> None:
    host.run("nft -f -", DOCKERS + FOREIGN)
    _, machine = look(host, files)
    finding = the(machine, "br_netfilter")
    assert finding.verdict == "warning"
    assert "chain forward of table inet filter" in finding.cause
    assert "chain forward_filter of table inet fw" in finding.cause


def test_no_rules_at_all(host: Space, files: Tree) -> None:
    seen, machine = look(host, files)
    assert known(seen.firewall) == Firewall((), (), (), bridged=True)
    assert the(machine, "FORWARD policy").cause == "accepts"


def test_legacy_rules_next_to_nft(host: Space, files: Tree, tmp_path: Path) -> None:
    host.run("nft -f -", DOCKERS)
    tree(tmp_path, {"/proc/thread-self/net/ip_tables_names": "nat\nfilter\n"})
    _, machine = look(host, files)
    assert "legacy kind (nat, filter)" in the(machine, "iptables").cause


def test_real_legacy_rules_next_to_nft(host: Space) -> None:
    if shutil.which("iptables-legacy") is None:
        pytest.skip("there is no iptables-legacy on this machine")
    host.run("nft -f -", DOCKERS)
    host.run_anyhow("iptables-legacy -A FORWARD -j ACCEPT")
    if not host.run_anyhow("cat /proc/thread-self/net/ip_tables_names"):
        pytest.skip("this kernel knows no rules of the legacy kind")
    _, machine = look(host, Tree(Path("/proc/self/root")))
    assert "legacy kind (filter) next to nft's (ip filter)" in the(machine, "iptables").cause


def test_forwarding_is_that_of_the_namespace_and_not_of_the_reader(host: Space) -> None:
    """/proc/sys/net shows whoever reads it his own network, whatever the path leads through."""
    files = Tree(Path("/proc/self/root"))
    mine = network.forwarding(files, ())
    host.run(f"sysctl -q -w net.ipv4.ip_forward={0 if mine.host else 1}")
    host.run("sysctl -q -w net.ipv4.conf.eth1.forwarding=1")
    seen = inside(host, network.forwarding, files, (port_of("eth0"), port_of("eth1")))
    assert seen.host is not mine.host
    assert seen.ports["eth1"]
    host.run("sysctl -q -w net.ipv4.ip_forward=0")
    _, machine = look(host, files)
    assert the(machine, "IP forwarding").verdict == "warning"


def test_the_kernel_is_asked_and_nothing_of_it_stays(host: Space) -> None:
    before = host.run("ip -o link")
    found = inside(host, kernel.pieces, Tree(Path("/proc/self/root")))
    assert set(found) == {piece.name for piece in PIECES}
    assert {name: why for name, why in found.items() if why and name != "tun"} == {}
    assert host.run("ip -o link") == before
    assert host.run("nft list ruleset") == ""


def test_a_piece_that_the_kernel_refuses_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    # No kernel knows this hook; it stands for one that was built without a module.
    lacking = replace(PIECES[-1], rules=PIECES[-1].rules.replace("ingress", "nowhere"))
    monkeypatch.setattr(kernel, "PIECES", (*PIECES[:-1], lacking))
    found = kernel.pieces(Tree(Path("/proc/self/root")))
    finding = next(
        f for f in said(replace(GOOD, kernel=found), "kernel") if lacking.name in f.cause
    )
    assert finding.verdict == "warning"
    assert found[lacking.name]


@contextlib.contextmanager
def card(folder: Path, options: str) -> Iterator[None]:
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "card", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_full_card(tmp_path: Path) -> None:
    with card(tmp_path / "host", "size=1m"):
        (tmp_path / "host" / "log").write_bytes(bytes(1 << 20))
        found = board.disks(Tree(tmp_path / "host"), ("/",))
    finding = the(replace(GOOD, disks=found), "disk")
    assert (finding.verdict, finding.cause) == ("error", "only 0 MiB of 1 MiB are free on /")


def test_a_card_on_which_no_more_files_fit(tmp_path: Path) -> None:
    with card(tmp_path / "host", "size=4g,nr_inodes=2"):
        (tmp_path / "host" / "one").touch()
        found = board.disks(Tree(tmp_path / "host"), ("/",))
    assert "no more files" in the(replace(GOOD, disks=found), "disk").cause


def test_a_card_that_the_kernel_has_made_read_only(tmp_path: Path) -> None:
    with card(tmp_path / "host", "ro,size=4g"):
        found = board.disks(Tree(tmp_path / "host"), ("/",))
    assert "read-only" in the(replace(GOOD, disks=found), "disk").cause


def test_programs_of_this_machine_and_not_of_its_containers(host: Space, tmp_path: Path) -> None:
    """A DHCP client in a namespace of its own drives no port here, whatever its words are."""
    program = tmp_path / "dhclient"
    program.write_text("#!/bin/sh\nread -r forever\n")
    program.chmod(0o755)
    ours = Tree(Path("/proc/self/root"))
    with subprocess.Popen(
        ["ip", "netns", "exec", host.name, program, "eth1"], stdin=subprocess.PIPE
    ) as client:
        seen = inside(host, _until_seen, ours)
        outside = network.holds(ours, (port_of("eth1"),))
        assert client.stdin is not None
        client.stdin.close()
    assert seen
    assert not any(hold.program == "dhclient" and hold.interface == "eth1" for hold in outside)


def port_of(name: str) -> Port:
    return Port(name, 3, True)


def _until_seen(files: Tree) -> bool:
    waiting = threading.Event()
    for _ in range(200):
        if any(hold.program == "dhclient" for hold in network.holds(files, (port_of("eth1"),))):
            return True
        waiting.wait(0.02)
    return False


def test_an_interface_tells_its_driver_and_not_more_than_it_knows() -> None:
    assert firmware("lo") is None
    assert firmware("nosuch0") is None
