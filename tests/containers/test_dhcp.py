"""The DHCP service is what it answers: silent, exhausted, not alone; and each time it recovers."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers import frames, home
from tests.containers.device import Programs
from tests.containers.router import ORCHESTRATOR, Router

NOTICED_S = 60  # the question is asked every half-minute
ROGUE = "192.168.77.66"
CROWD = 2000
CROWDS_MACS = "02:4d:57:f0:"
POOL = 100


def _dhcp(router: Router) -> tuple[str, str]:
    service = next(s for s in router.status()["services"] if s["name"] == "dhcp")
    return service["state"], service["message"]


def _wait_for(router: Router, state: str, words: str) -> None:
    def said() -> bool:
        verdict = _dhcp(router)
        assert verdict[0] == state, verdict
        assert words in verdict[1], verdict
        return True

    home.wait_for(f"dhcp is {state}: {words}", said, NOTICED_S)


def _volume() -> Path:
    return Path(home.docker("volume", "inspect", "-f", "{{.Mountpoint}}", "manyways-state").strip())


def _leases() -> dict[str, int]:
    """Return {MAC: end of its lease}."""
    text = (_volume() / "run/dhcp/dnsmasq.leases").read_text()
    return {line.split()[1]: int(line.split()[0]) for line in text.splitlines()}


def _expect_renewals_work() -> None:
    mac = frames.mac_of("tv")
    before = _leases()[mac]
    home.run("tv", "pkill", "-USR1", "udhcpc")
    home.wait_for("a renewed lease", lambda: _leases()[mac] > before, 15)


def test_a_hung_server_is_found_and_forgiven(router: Router) -> None:
    _wait_for(router, "ok", "")
    home.docker("kill", "--signal", "STOP", "manyways-dhcp")
    try:
        _wait_for(router, "failed", "it does not answer")
        assert home.seen_as("tv") == home.PUBLIC_ADDRESS["direct"]
        assert router.command("status").returncode == 1
    finally:
        home.docker("kill", "--signal", "CONT", "manyways-dhcp")
    _wait_for(router, "ok", "")


def test_asking_leaves_no_trace(router: Router) -> None:
    """No line in the log, no byte in the lease file, no device, and no lease taken."""
    question = "udp src port 68 and udp dst port 67 and ether[10:2] == 0 and ether[9] == 6"
    log, leases = home.docker("logs", "manyways-dhcp"), _leases()
    changed = (_volume() / "run/dhcp/dnsmasq.leases").stat().st_mtime_ns
    known = set(router.devices())
    with home.Capture("mwh-lan1", question) as wire:
        home.wait_for("two questions", lambda: len(wire.lines()) >= 2, 2 * NOTICED_S)
        assert all("Request from 02:" in line for line in wire.lines())
    assert home.docker("logs", "manyways-dhcp") == log
    assert (_volume() / "run/dhcp/dnsmasq.leases").stat().st_mtime_ns == changed
    assert (_leases(), set(router.devices())) == (leases, known)


@contextlib.contextmanager
def _another_server() -> Iterator[str]:
    """Run a DHCP server of a stranger's in the home network; yield its MAC address."""
    with home.guest("home-lan", "--cap-add=SETGID") as stranger:
        home.run(stranger, "ip", "-4", "address", "flush", "dev", "eth0")
        home.run(stranger, "ip", "address", "add", f"{ROGUE}/24", "dev", "eth0")
        home.run(
            stranger,
            *("dnsmasq", "--conf-file=/dev/null", "--user=root", "--port=0", "--interface=eth0"),
            *("--dhcp-range=192.168.77.210,192.168.77.219,2m", "--dhcp-leasefile=/run/leases"),
            f"--dhcp-option=option:router,{ROGUE}",
        )
        yield frames.mac_of(stranger)


def test_another_server_is_told_of_and_forgotten(router: Router, programs: Programs) -> None:
    before = router.containers()
    download = programs.start("laptop", "download", "200000")
    download.wait_for(" in ")
    with _another_server() as mac:
        _wait_for(
            router,
            "degraded",
            f"another DHCP server answers on the home network: {ROGUE} ({mac}); devices that "
            "listen to it bypass Manyways; switch it off",
        )
        assert router.status()["state"] == "degraded"
        page = home.run("tv", "curl", "-sS", "--max-time", "5", "http://192.168.77.1/")
        assert f"Another DHCP server answers on the home network: {ROGUE}" in page
        _expect_renewals_work()
    _wait_for(router, "ok", "")
    router.wait_until_healthy()
    assert router.containers() == before
    assert not [line for line in download.lines if "cut" in line]


def _forget_the_crowd(router: Router) -> None:
    """Take strangers out of the router's memory, which nobody can do by a command."""
    home.docker("kill", "--signal", "KILL", ORCHESTRATOR)
    try:
        path = _volume() / "state.json"
        state = json.loads(path.read_text())
        state["devices"] = [d for d in state["devices"] if not d["mac"].startswith(CROWDS_MACS)]
        path.write_text(json.dumps(state, indent=1))
    finally:
        home.docker("start", ORCHESTRATOR)
    router.wait_until_healthy()
    assert not [d for d in router.devices().values() if d["mac"].startswith(CROWDS_MACS)]


@pytest.fixture
def crowd(router: Router, programs: Programs) -> Iterator[int]:
    """Two thousand devices ask for addresses; yield how many get one. All give theirs back."""
    with home.guest("home-lan") as guest:
        flood = programs.start(guest.removeprefix("home-"), "dhcpflood", str(CROWD))
        try:
            said = flood.wait_for("asked", 90)
            yield int(re.findall(r"got (\d+)", said)[0])
        finally:
            flood.end()
    home.wait_for(
        "they are given back",
        lambda: not [mac for mac in _leases() if mac.startswith(CROWDS_MACS)],
        20,
    )
    _wait_for(router, "ok", "")
    _forget_the_crowd(router)


def test_a_flood_of_requests_exhausts_the_range_and_nothing_else(
    router: Router, programs: Programs, request: pytest.FixtureRequest
) -> None:
    before, known, leases = router.containers(), router.devices(), _leases()
    download = programs.start("laptop", "download", "200000")
    download.wait_for(" in ")
    granted: int = request.getfixturevalue("crowd")
    assert granted == POOL - len(leases)
    _wait_for(router, "failed", f"all {POOL} addresses of the home network are given out")
    assert router.command("status").returncode == 1
    _expect_renewals_work()
    assert leases.keys() <= _leases().keys()
    now = router.devices()
    assert {name: now[name]["address"] for name in known} == {
        name: device["address"] for name, device in known.items()
    }
    assert len(now) <= len(known) + granted
    for device in ("tv", "laptop", "phone"):
        assert home.seen_as(device) == home.PUBLIC_ADDRESS[now[device]["destination"]]
    assert router.assign("tv", "uk")["new"] == "uk"
    assert router.containers() == before
    seen = len(download.lines)
    download.wait_for(" in ", 5, since=seen)
    assert not [line for line in download.lines if "cut" in line]
