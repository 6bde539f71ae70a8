"""From outside nothing is open, and the page is for the home network alone."""

from __future__ import annotations

import re
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers import home
from tests.containers.router import Router

COMMON_UDP = "53,67,69,80,123,137,161,443,500,514,1194,1900,4500,5353,51820"


@pytest.fixture
def neighbour(living_home: None) -> Iterator[str]:
    """A machine in the house's own network, where the uplink addresses are."""
    with home.guest("home-wan") as guest:
        home.run(guest, "ip", "address", "flush", "dev", "eth0")
        home.run(guest, "ip", "address", "add", "192.168.178.50/24", "dev", "eth0")
        home.run(guest, "ping", "-c", "1", "-W", "2", "192.168.178.1")
        yield guest


@pytest.mark.parametrize("destination", ["direct", "uk", "de"])
def test_no_port_of_an_uplink_address_is_open(
    router: Router, neighbour: str, destination: str
) -> None:
    address = router.uplink_address(destination)
    scan = ("nmap", "-Pn", "-n", "--min-rate", "4000", "--max-retries", "1", "-oG", "-")
    tcp = home.run(neighbour, *scan, "-sS", "-p", "1-65535", address, timeout=200)
    assert re.search(r"Ports: |Ignored State: (filtered|closed) \(65535\)|Status: Up", tcp), tcp
    assert "/open/" not in tcp
    udp = home.run(neighbour, *scan, "-sU", "-p", COMMON_UDP, address, timeout=100)
    assert "/open/" not in udp


def test_the_scan_would_find_an_open_port(neighbour: str) -> None:
    """The house's own resolver is open to the house: the scanner must say so."""
    found = home.run(neighbour, "nmap", "-Pn", "-n", "-sS", "-p", "53", "-oG", "-", "192.168.178.1")
    assert "53/open/tcp" in found


def test_a_forged_route_from_the_house_leads_nowhere(router: Router, neighbour: str) -> None:
    """Packets for the LAN, a transit or the page, sent to an egress as if it were a gateway."""
    for destination in ("direct", "uk"):
        gateway = router.uplink_address(destination)
        for target in ("192.168.77.1", "192.168.77.253", router.devices()["tv"]["address"]):
            home.run(neighbour, "ip", "route", "replace", f"{target}/32", "via", gateway)
            done = home.attempt(neighbour, "curl", "-sS", "--max-time", "2", f"http://{target}/")
            assert done.returncode in (7, 28), done
            assert home.attempt(neighbour, "ping", "-c1", "-W1", target).returncode != 0


def test_the_page_is_on_the_lan_under_its_own_names(router: Router) -> None:
    for host in ("192.168.77.1", "manyways.lan"):
        page = home.run("tv", "curl", "-sS", "--max-time", "5", f"http://{host}/")
        assert "laptop" in page


def test_a_foreign_host_header_is_refused(router: Router) -> None:
    done = home.run(
        *("tv", "curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}"),
        *("-H", "Host: evil.example", "http://192.168.77.1/"),
    )
    assert done == "421"


@pytest.mark.parametrize("target", ["192.168.77.1", "192.168.77.253"])
def test_an_egress_cannot_reach_the_page(router: Router, target: str) -> None:
    script = (
        "import socket, sys\n"
        "s = socket.socket(); s.settimeout(2)\n"
        "sys.exit(0 if s.connect_ex((sys.argv[1], 80)) else 3)"
    )
    for destination in ("direct", "uk"):
        egress = f"manyways-egress-{destination}"
        done = home.host("docker", "exec", egress, "python3", "-c", script, target)
        assert done.returncode == 0, f"{egress} reached {target}: {done}"


def test_the_forwarder_of_the_home_shows_the_page(router: Router) -> None:
    with urllib.request.urlopen("http://127.0.0.1:8080/", timeout=10) as answer:
        assert b"laptop" in answer.read()


@pytest.fixture
def host_server() -> Iterator[tuple[str, int]]:
    """A TCP server at an address of the host's own, as any of its services would be."""
    address = "203.0.113.7"
    home.host("ip", "link", "add", "mwh-own0", "type", "veth", "peer", "name", "mwh-own1")
    home.host("ip", "address", "add", f"{address}/32", "dev", "mwh-own0")
    home.host("ip", "link", "set", "mwh-own1", "up")
    home.host("ip", "link", "set", "mwh-own0", "up")
    try:
        with socket.create_server((address, 0)) as server:
            yield address, server.getsockname()[1]
    finally:
        home.host("ip", "link", "del", "mwh-own0")


def test_a_device_cannot_reach_the_host(router: Router, host_server: tuple[str, int]) -> None:
    """Not by its addresses, and not by the MAC address of the LAN port either."""
    address, port = host_server
    with socket.create_connection(host_server, timeout=5):
        pass  # it does listen
    mac = Path("/sys/class/net/mwh-lan0/address").read_text().strip()
    neighbour = ("192.168.77.77", "lladdr", mac, "dev", "eth0")
    home.run("tv", "ip", "neighbour", "replace", *neighbour)
    home.run("tv", "ip", "route", "replace", address, "via", neighbour[0], "dev", "eth0", "onlink")
    try:
        url = f"http://{address}:{port}/"
        done = home.attempt("tv", "curl", "-sS", "--max-time", "2", url)
        assert done.returncode == 28, done
    finally:
        home.run("tv", "ip", "route", "del", address)
        home.run("tv", "ip", "neighbour", "del", neighbour[0], "dev", "eth0")
