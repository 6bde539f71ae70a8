"""What cannot go its way is refused at once: by an egress that is down, as IPv6, as hidden DNS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers import home
from tests.containers.device import Program, Programs
from tests.containers.router import Router

AT_ONCE_S = 0.25  # it takes less than a millisecond; the machine may be busy
EGRESS = "manyways-egress-uk"
FAR6, NEXT6, OWN6 = "2001:db8:ffff::80", "fe80::77", "2001:db8:77::5/64"


@pytest.mark.parametrize("command", ["kill", "stop", "restart"])
def test_an_egress_that_is_down_refuses_at_once(
    router: Router, programs: Programs, command: str
) -> None:
    router.assign("tv", "uk")
    neighbour, knocking = programs.start("laptop", "knock"), programs.start("tv", "knock")
    for program in (neighbour, knocking):
        program.wait_for("answer")
    before, others = len(knocking.lines), len(neighbour.lines)
    home.docker(command, EGRESS)
    knocking.wait_for("refused", 5, since=before)
    knocking.wait_for("answer", 60, since=before + _first(knocking, "refused", before))
    first = before + _first(knocking, "refused", before)
    last = first + _first(knocking, "answer", first)
    refusals = knocking.lines[first:last]
    assert all(line.startswith("refused") for line in refusals), refusals
    assert max(float(line.split()[1]) for line in refusals) < AT_ONCE_S
    assert knocking.lines[before:first].count("silence") <= 2, "what was on its way"
    assert not [line for line in neighbour.lines[others:] if line.startswith("refused")]
    neighbour.wait_for("answer", since=len(neighbour.lines))
    router.wait_until_healthy()


def test_an_egress_that_is_frozen_refuses_at_once(router: Router, programs: Programs) -> None:
    """The orchestrator thaws it, sometimes before the next question: so more than once."""
    router.assign("tv", "uk")
    knocking = programs.start("tv", "knock")

    def refused() -> str:
        knocking.wait_for("answer", since=len(knocking.lines))
        before = len(knocking.lines)
        home.docker("pause", EGRESS)
        return knocking.wait_for("refused", 1, since=before)

    assert float(home.wait_for("a refusal", refused).split()[1]) < AT_ONCE_S
    knocking.wait_for("answer", 5, since=len(knocking.lines))
    router.wait_until_healthy()


def _first(program: Program, word: str, since: int) -> int:
    lines = program.lines[since:]
    return next(at for at, line in enumerate(lines) if line.startswith(word))


def test_status_says_at_once_that_an_egress_is_down(router: Router) -> None:
    home.docker("stop", EGRESS)
    seen = router.destination("uk")
    assert seen["state"] in ("down", "starting"), seen
    assert "its container" in seen["message"]
    router.wait_until_healthy()


@pytest.fixture
def version6(router: Router) -> Iterator[None]:
    """Tv has a default route for IPv6 that leads to the router."""
    neighbour = home.run("tv", "ip", "neigh", "show", "192.168.77.1")
    mac = neighbour.split("lladdr ")[1].split()[0]
    made = (
        ("address", "replace", OWN6, "dev", "eth0", "nodad"),
        ("neigh", "replace", NEXT6, "lladdr", mac, "dev", "eth0"),
        ("route", "replace", "default", "via", NEXT6, "dev", "eth0"),
    )
    for words in made:
        home.run("tv", "ip", "-6", *words)
    yield
    home.run("tv", "ip", "-6", "route", "del", "default")
    home.run("tv", "ip", "-6", "neigh", "del", NEXT6, "dev", "eth0")
    home.run("tv", "ip", "-6", "address", "del", OWN6, "dev", "eth0")


def test_ipv6_is_refused_with_icmpv6_and_leaves_by_no_wire(version6: None) -> None:
    script = (
        "import socket, time\n"
        "made = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)\n"
        f"made.settimeout(5); made.connect(('{FAR6}', 7)); began = time.monotonic()\n"
        "try:\n    made.send(b'?'); made.recv(9)\n"
        "except OSError as error:\n    print(error.errno, time.monotonic() - began)\n"
    )
    refusal = "icmp6 and ip6[40] == 1 and ip6[41] == 1"
    with home.Capture("mwh-lan0", refusal) as lan, home.Capture("any", "ip6 and port 7") as wires:
        errno, seconds = home.run("tv", "python3", "-c", script).split()
        assert (errno, float(seconds) < AT_ONCE_S) == ("13", True), "administratively prohibited"
        ping = home.attempt("tv", "ping", "-6", "-c", "2", "-i", "0.2", "-W", "1", FAR6)
        assert ping.stdout.count("Administratively prohibited") == 2, ping.stdout
        home.attempt("tv", "nc", "-6", "-w", "3", "-z", FAR6, "7")
        home.wait_for("a refusal for each", lambda: len(lan.lines()) >= 4, 5)
        passed = [line for line in wires.lines() if not line.startswith("mwh-lan")]
        assert passed == []


@pytest.fixture
def allowed(router: Router) -> Iterator[Router]:
    """Laptop may use DNS over TLS, everybody else may not."""
    path = Path(home.REPOSITORY, ".demo", "config", "router.yaml")
    good = path.read_text()
    path.write_text(
        good.replace("  - name: laptop\n", "  - name: laptop\n    dns_over_tls: allow\n")
    )
    try:
        assert router.command("up").returncode == 0
        yield router
    finally:
        path.write_text(good)
        assert router.command("up").returncode == 0


def test_dns_over_tls_is_for_those_that_may_and_by_their_own_way(allowed: Router) -> None:
    allowed.assign("laptop", "de")
    script = (
        "import socket, sys, time\n"
        # Without a time-out the refusal may come while the kernel is still busy with connect(2),
        # which then takes note of it only a second later.
        "made = socket.socket(); made.settimeout(3); began = time.monotonic()\n"
        "error = made.connect_ex(('198.51.100.88', 853))\n"
        "print(error, time.monotonic() - began)\n"
    )
    with home.Capture("mwh-inet1", "tcp and dst port 853") as wire:
        errno, seconds = home.run("tv", "python3", "-c", script).split()
        assert (errno, float(seconds) < 1) == ("113", True)
        home.run("laptop", "python3", "-c", script)
        home.wait_for("the packet outside", wire.lines, 5)
        senders = {line.split()[1].rpartition(".")[0] for line in wire.lines()}
        assert senders == {home.PUBLIC_ADDRESS["de"]}
