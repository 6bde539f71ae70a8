"""The leak test on the living router: it finds nothing where nothing is, and every leak we make.

Each sabotage breaks one protection by hand, in the kernel of the real containers.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from orchestrator.addressing import Side, mac_address
from tests.containers import home
from tests.containers.device import Program, Programs
from tests.containers.router import ORCHESTRATOR, Router

PROBE = "manyways-leaktest"
CHECKS = (
    *("switch", "packets", "address outside", "DNS", "hard-coded DNS", "DNS over TLS", "IPv6"),
    *("kill switch", "old TCP connection", "old UDP flow"),
)
SERVICE = "address_service: http://198.51.100.80/ip\n"
RUN_S = 30.0  # three destinations, without --disruptive


class Ran(NamedTuple):
    """A finished leak test: its exit code, and (verdict, evidence) of each line."""

    code: int
    lines: dict[tuple[str, str], tuple[str, str]]

    def bad(self) -> dict[tuple[str, str], str]:
        """Return what is not as it should be."""
        found = {key: verdict for key, (verdict, _) in self.lines.items()}
        return {key: v for key, v in found.items() if v in ("LEAK", "failed")}

    def verdict(self, destination: str, check: str) -> str:
        return self.lines[destination, check][0]


def _command(*words: str, seconds: float = 180) -> home.Done:
    return home.host(
        *("docker", "exec", ORCHESTRATOR, "orchestrator", "leaktest", *words), timeout=seconds
    )


def _leaktest(*words: str) -> Ran:
    done = _command(*words, "--json")
    report = json.loads(done.stdout)
    assert "findings" in report, report
    lines = {
        (f["destination"], f["check"]): (f["verdict"], f["evidence"]) for f in report["findings"]
    }
    assert report.get("holds") is (done.returncode == 0), report
    return Ran(done.returncode, lines)


def _expect_bad(ran: Ran, expected: dict[tuple[str, str], str]) -> None:
    assert ran.bad() == expected, {key: ran.lines[key] for key in ran.bad()}


def _leftovers(router: Router) -> list[str]:
    """Return everything that a leak test should have taken away with it."""
    state = json.loads(home.docker("exec", ORCHESTRATOR, "cat", "/var/lib/manyways/state.json"))
    mac = mac_address(state["install"], Side.LEAKTEST_LAN)
    names = home.docker("ps", "--all", "--format", "{{.Names}}").split()
    leases = home.docker("exec", "manyways-dhcp", "cat", "/var/lib/manyways/dnsmasq.leases")
    rules = _in("manyways-router", "nft", "list", "map", "inet", "manyways", "device_mark")
    return [
        *(name for name in names if name == PROBE),
        *(name for name, device in router.devices().items() if mac in device["mac"]),
        *(line for line in leases.splitlines() if mac in line),
        *(line for line in rules.splitlines() if mac in line),
    ]


@pytest.fixture
def examined(router: Router) -> Iterator[Router]:
    """The router with an address service; afterwards nothing of a leak test may be left."""
    config = home.REPOSITORY / ".demo" / "config" / "router.yaml"
    if SERVICE not in config.read_text():
        config.write_text(config.read_text() + SERVICE)
        assert router.command("up").returncode == 0
    yield router
    home.wait_for("nothing is left", lambda: not _leftovers(router), 15)


def test_nothing_is_found_on_a_healthy_router(examined: Router, programs: Programs) -> None:
    neighbour = programs.start("laptop", "download", "500000")
    neighbour.wait_for(" in ")
    with _timed() as took:
        ran = _leaktest()
    _expect_bad(ran, {})
    assert ran.code == 0
    assert {destination for destination, _ in ran.lines} == {"", "direct", "uk", "de"}
    for destination in ("direct", "uk", "de"):
        for check in CHECKS:
            expected = "not checked" if check == "kill switch" else "ok"
            assert ran.verdict(destination, check) == expected, ran.lines[destination, check]
    assert took[0] < RUN_S
    assert "the uplink of direct" in ran.lines["direct", "packets"][1]
    assert "tun0 of uk to 10.81.0.1" in ran.lines["uk", "DNS"][1]
    assert ran.lines["uk", "address outside"][1] == "198.51.100.10; direct has 198.51.100.2"
    assert _leftovers(examined) == []
    _expect_undisturbed(neighbour)


def _expect_undisturbed(download: Program) -> None:
    """No fifth of a second of the download took more than a second, and it goes on."""
    seen = len(download.lines)
    download.wait_for(" in ", 5, since=seen)
    assert [x for x in download.lines if "cut" in x or float(x.split(" in ")[1]) > 1.0] == []


@contextlib.contextmanager
def _timed() -> Iterator[list[float]]:
    took: list[float] = []
    started = time.monotonic()
    yield took
    took.append(time.monotonic() - started)


# --- it can find a leak --------------------------------------------------------------------------


def _in(container: str, *command: str) -> str:
    """Run a command in a container; its own nft, because the host's may be of another age."""
    return home.docker("exec", container, *command)


@contextlib.contextmanager
def _rule_before(chain: str, *rule: str) -> Iterator[None]:
    """Have a rule of ours at the beginning of a chain of the router."""
    _in("manyways-router", "nft", "insert", "rule", "inet", "manyways", chain, *rule)
    try:
        yield
    finally:
        home.docker("exec", "manyways-router", "/usr/local/bin/apply")


def _slots() -> dict[str, int]:
    text = home.docker("exec", "manyways-router", "cat", "/etc/manyways/router.json")
    return {t["destination"]: t["slot"] for t in json.loads(text)["transits"]}


def test_hard_coded_dns_that_is_not_redirected_is_a_leak(examined: Router) -> None:
    with _rule_before("redirection", "ip", "daddr", "203.0.113.53", "accept"):
        ran = _leaktest("uk")
    _expect_bad(ran, {("uk", "hard-coded DNS"): "LEAK"})
    assert "by tun0 of uk to 203.0.113.53" in ran.lines["uk", "hard-coded DNS"][1]
    assert ran.code == 1


def test_dns_over_tls_that_is_let_through_is_a_leak(examined: Router) -> None:
    with _rule_before("forward", "th", "dport", "853", "accept"):
        ran = _leaktest("de")
    _expect_bad(ran, {("de", "DNS over TLS"): "LEAK"})
    assert "tun0 of de" in ran.lines["de", "DNS over TLS"][1]
    assert ran.code == 1


def test_a_destination_that_leaves_by_another_is_a_leak(examined: Router) -> None:
    slots = _slots()
    rule = ("fwmark", f"{slots['uk']:#x}/0xff", "lookup", str(1000 + slots["direct"]))
    _in("manyways-router", "ip", "rule", "add", "priority", "1001", *rule)
    try:
        ran = _leaktest("direct", "uk")
    finally:
        _in("manyways-router", "ip", "rule", "del", "priority", "1001", *rule)
    bad = ran.bad()
    # What was sent on direct's flow after the switch to uk still left by direct, of course.
    assert {key for key in bad if key[0] != "uk"} == {("direct", "old UDP flow")}
    assert bad["uk", "packets"] == "LEAK"
    assert "the uplink of direct" in ran.lines["uk", "packets"][1]
    assert bad["uk", "address outside"] == "LEAK"
    assert ran.code == 1


def test_a_flow_that_lives_on_after_its_switch_is_a_leak(examined: Router) -> None:
    flow = ("udp", "dport", "19999")
    to_uk = ("meta", "mark", "set", hex(_slots()["uk"]), "accept")
    with _rule_before("forward", *flow, "accept"), _rule_before("marking", *flow, *to_uk):
        ran = _leaktest("uk")
    _expect_bad(ran, {("uk", "old UDP flow"): "LEAK"})
    assert "tun0 of uk" in ran.lines["uk", "old UDP flow"][1]
    assert ran.code == 1


def test_a_kill_switch_that_fails_is_a_leak(examined: Router) -> None:
    """The uk egress may use its uplink, and has a way there, for the time without a tunnel."""
    egress = "manyways-egress-uk"
    address = examined.uplink_address("uk")
    links = json.loads(_in(egress, "ip", "-j", "-4", "address"))
    uplink = next(
        link["ifname"] for link in links if any(a["local"] == address for a in link["addr_info"])
    )
    for chain in ("forward", "wires"):
        _in(egress, "nft", "insert", "rule", "inet", "manyways", chain, "accept")
    gateway = ("default", "via", "192.168.178.1", "dev", uplink, "onlink")
    _in(egress, "ip", "route", "add", *gateway, "table", "100", "metric", "1024")
    try:
        ran = _leaktest("uk", "--disruptive", "--yes")
    finally:
        home.docker("restart", egress)
    _expect_bad(ran, {("uk", "kill switch"): "LEAK"})
    assert "the uplink of uk" in ran.lines["uk", "kill switch"][1]
    assert ran.code == 1


# --- what disturbs, and what can't be checked ----------------------------------------------------


@pytest.mark.parametrize("destination", ["uk", "direct"])
def test_the_kill_switch_is_seen_at_work(
    examined: Router, programs: Programs, destination: str
) -> None:
    neighbour = programs.start("phone", "download", "200000")  # by de: not concerned
    neighbour.wait_for(" in ")
    examined.assign("tv", destination)
    ran = _leaktest(destination, "--disruptive", "--yes")
    _expect_bad(ran, {})
    assert ran.code == 0
    verdict, evidence = ran.lines[destination, "kill switch"]
    assert verdict == "ok"
    outage = re.search(r"tv.* without service for (\d+\.\d) s", evidence)
    assert outage is not None, evidence
    assert 0.5 < float(outage[1]) < 60
    assert home.seen_as("tv") == home.PUBLIC_ADDRESS[destination]
    _expect_undisturbed(neighbour)


def test_nobody_is_disturbed_without_a_yes(examined: Router) -> None:
    examined.assign("tv", "uk")
    before = examined.containers()
    done = _command("uk", "--disruptive")
    assert done.returncode == 64
    assert "tv" in done.stderr
    assert "--yes" in done.stderr
    assert examined.containers() == before


def test_a_destination_that_is_down_shows_its_kill_switch(examined: Router) -> None:
    home.docker("kill", "--signal", "KILL", "home-vpn-uk")
    try:
        home.wait_for("found dead", lambda: examined.destination("uk")["state"] == "down", 20)
        ran = _leaktest("uk")
    finally:
        home.docker("start", "home-vpn-uk")
    assert ran.verdict("uk", "kill switch") == "ok", ran.lines
    assert ran.verdict("uk", "packets") == "not checked"
    assert ran.lines["uk", "packets"][1].startswith("uk is down: ")
    _expect_bad(ran, {})
    assert ran.code == 1


def test_without_an_address_service_nothing_is_claimed(examined: Router) -> None:
    config = home.REPOSITORY / ".demo" / "config" / "router.yaml"
    good = config.read_text()
    config.write_text(good.replace(SERVICE, ""))
    try:
        assert examined.command("up").returncode == 0
        ran = _leaktest("uk")
    finally:
        config.write_text(good)
        assert examined.command("up").returncode == 0
    for check in ("address outside", "old TCP connection"):
        verdict, evidence = ran.lines["uk", check]
        assert (verdict, "address_service" in evidence) == ("not checked", True)
    _expect_bad(ran, {})


# --- words, and ends -----------------------------------------------------------------------------


def test_a_wrong_destination_is_told_what_was_meant(examined: Router) -> None:
    done = _command("ukk")
    assert done.returncode == 1
    assert "did you mean 'uk'?" in done.stderr
    assert json.loads(_command("ukk", "--json").stdout)["hint"] == "did you mean 'uk'?"


def test_only_one_runs_at_a_time_and_an_interrupted_one_leaves_nothing(examined: Router) -> None:
    with _running():
        second = _command("uk")
        assert second.returncode == 1
        assert "runs already" in second.stderr
    home.wait_for("a new one may run", lambda: _command("uk").returncode == 0, 60)


def test_a_killed_daemon_removes_the_probe_when_it_is_back(examined: Router) -> None:
    with _running():
        pid = home.docker("inspect", "-f", "{{.State.Pid}}", ORCHESTRATOR).strip()
        home.host("kill", "-KILL", pid)
        home.wait_for("the daemon is back", lambda: examined.command("devices").returncode == 0, 60)
    home.wait_for("nothing is left", lambda: not _leftovers(examined), 30)
    examined.wait_until_healthy()
    assert _leaktest("uk").code == 0


@contextlib.contextmanager
def _running() -> Iterator[None]:
    """Have a leak test run in the background; its client dies in the end, if it still lives."""
    client = subprocess.Popen(
        ("docker", "exec", ORCHESTRATOR, "sh", "-c", "echo $$; exec orchestrator leaktest"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert client.stdout is not None
    pid = client.stdout.readline().strip()
    home.wait_for("the probe is there", lambda: PROBE in _names(), 20)
    try:
        yield
    finally:
        home.host("docker", "exec", ORCHESTRATOR, "sh", "-c", f"kill -KILL {pid}")
        client.wait(timeout=20)
        client.stdout.close()


def _names() -> Any:
    return home.docker("ps", "--format", "{{.Names}}").split()
