"""A provider that dies: its devices are refused at once, nothing leaks, the others go on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.containers import home
from tests.containers.device import Programs
from tests.containers.router import Router

FOUND_DEAD_S = 15  # how long a dead provider may go unnoticed
UNASKED = "198.51.100.88"  # no egress asks it whether there is an internet
PORTS = "4747 or 4748"  # nobody else sends there: tv's and, as the marker, laptop's packets


@pytest.fixture
def dead_uk(router: Router) -> Iterator[Router]:
    """Tv goes by uk, and uk's server is killed and found dead; it is started again afterwards."""
    router.assign("tv", "uk")
    assert home.seen_as("tv") == home.PUBLIC_ADDRESS["uk"]
    home.docker("kill", "--signal", "KILL", "home-vpn-uk")
    try:
        home.wait_for(
            "the dead tunnel is found",
            lambda: router.destination("uk")["state"] == "down",
            FOUND_DEAD_S,
        )
        yield router
    finally:
        home.docker("start", "home-vpn-uk")


def _send(device: str, port: int) -> None:
    """Send a datagram and a SYN that could only be this device's."""
    script = (
        "import socket, sys\n"
        "u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "u.sendto(b'leak?', ('198.51.100.80', int(sys.argv[1])))\n"
        "t = socket.socket()\n"
        "t.settimeout(1)\n"
        "t.connect_ex(('198.51.100.80', int(sys.argv[1])))\n"
    )
    home.run(device, "python3", "-c", script, str(port))


def test_a_dead_provider_refuses_and_does_not_leak(dead_uk: Router, programs: Programs) -> None:
    neighbour = programs.start("laptop", "download", "200000")
    neighbour.wait_for(" in ")
    with home.Capture("mwh-wan1", f"port {PORTS} or icmp") as wire:
        refusal = home.attempt(
            "tv", "curl", "-sS", "-o", "/dev/null", "-w", "%{time_total}", f"{home.WEB}/ip"
        )
        assert refusal.returncode == 7, refusal
        assert float(refusal.stdout) < 1
        ping = home.attempt("tv", "ping", "-c", "3", "-i", "0.2", "-W", "1", UNASKED)
        assert ping.stdout.count("Packet filtered") == 3, ping.stdout
        by_name = home.attempt(
            "tv", "curl", "-sS", "-o", "/dev/null", "-w", "%{time_total}", "http://where.test/"
        )
        assert by_name.returncode == 6, by_name
        assert float(by_name.stdout) < 1
        _send("tv", 4747)
        _send("laptop", 4748)
        home.wait_for("the marker", lambda: ".4748:" in "\n".join(wire.lines()), 5)
        leaked = ("4747", f"> {UNASKED}: ICMP echo request")
        assert [line for line in wire.lines() if any(word in line for word in leaked)] == []
    seen = len(neighbour.lines)
    neighbour.wait_for(" in ", 5, since=seen)
    assert not [line for line in neighbour.lines if "cut" in line]


def test_no_query_leaves_while_the_provider_is_dead(dead_uk: Router) -> None:
    name = home.unique()
    for server in ((), ("@198.51.100.88",)):
        done = home.attempt("tv", "dig", "+tries=1", "+time=5", *server, "A", name)
        assert "status: REFUSED" in done.stdout or "status: SERVFAIL" in done.stdout, done.stdout
    marker = home.unique()
    home.run("laptop", "dig", "+short", marker)
    assert set(home.asked(marker)) == {"house", "isp"}
    assert home.asked(name) == {}


def test_the_status_explains_what_a_dead_provider_means(dead_uk: Router) -> None:
    text = dead_uk.command("status")
    assert text.returncode == 1

    def checks() -> dict[str, str]:
        return {check["name"]: check["state"] for check in dead_uk.destination("uk")["checks"]}

    # First the tunnel is found dead; the next attempt shows that its server is.
    home.wait_for("the endpoint is named", lambda: checks()["endpoint"] == "failed", 15)
    assert checks() == {
        "egress": "ok",
        "uplink": "ok",
        "endpoint": "failed",
        "tunnel": "unknown",
        "dns": "unknown",
        "internet": "unknown",
    }
    assert dead_uk.devices()["tv"]["state"] == "down"
    assert dead_uk.devices()["laptop"]["state"] == "ok"


def test_recovery_needs_nobody(router: Router) -> None:
    router.assign("tv", "uk")
    home.docker("kill", "--signal", "KILL", "home-vpn-uk")
    home.wait_for("found dead", lambda: router.destination("uk")["state"] == "down", FOUND_DEAD_S)
    home.docker("start", "home-vpn-uk")
    home.wait_for("back by itself", lambda: home.seen_as("tv") == home.PUBLIC_ADDRESS["uk"], 90)
    router.wait_until_healthy()
