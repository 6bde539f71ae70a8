"""From outside nothing is open, and the page is for the home network alone."""

from __future__ import annotations

import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers import home
from tests.containers.router import Router


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
