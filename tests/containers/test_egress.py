"""An egress alone, as it really runs: with a house, a provider, a device, and every failure."""

from __future__ import annotations

import contextlib
import re
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from egress import internet
from orchestrator.model import Kind, Remote
from tests.containers import egress_house
from tests.containers.egress_house import (
    DEVICE,
    EGRESS,
    FAR,
    HOUSE,
    HOUSE_ADDRESS,
    PERSON,
    PROVIDER,
    PROVIDER_TOO,
    RESOLVER,
    TRANSIT,
    WEB,
    Lab,
    attempt,
    host,
    run,
    until,
)

UPLINK_PREFIX = "192.168.50."
GATEWAY = "10.91.0.1"
TUNNEL = {f"10.91.0.{last}" for last in range(2, 255)}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    egress_house.build()
    lab = Lab(tmp_path_factory.mktemp("egress"))
    try:
        lab.up()
        yield lab
    finally:
        lab.down()


@pytest.fixture
def lab(house: Lab, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """The house in order: its DHCP server, the VPN server, the wire."""
    host("ip", "link", "set", FAR, "up")
    run(HOUSE, "/lab/dhcp", HOUSE_ADDRESS)
    run(HOUSE, "sh", "-c", f"echo {PROVIDER} vpn.lab.test >/run/names/vpn")
    if not attempt(HOUSE, "ip", "link", "show", "tun9").ok:
        run(HOUSE, "/lab/vpn-start")
    yield house
    # Seen only when the test has failed.
    sys.stdout.write(f"{request.node.name}: log of the egress:\n{house.log()}")


def seen_as() -> str:
    """Return the address with which the web server sees the device, or why it does not."""
    return attempt(DEVICE, "sh", "-c", f"echo x | nc -w 3 {WEB} 80 | head -1").text.strip()


def dig(*words: str) -> str:
    return run(DEVICE, "dig", "-b", PERSON, f"@{TRANSIT}", "+tries=1", "+time=3", *words)


def kill_vpn() -> None:
    run(HOUSE, "sh", "-c", "kill -9 $(cat /run/openvpn.pid)")


def start_vpn(lab: Lab) -> None:
    lab.start(lab.spec())
    lab.wait("tunnel", "up")
    lab.wait("dns", "ok")


def direct(lab: Lab) -> None:
    lab.start(lab.spec(kind=Kind.DIRECT, profile=None, name="direct"))
    lab.wait("dns", "ok")


def ended() -> bool:
    return "exited" in host("docker", "inspect", "-f", "{{.State.Status}}", EGRESS)


def refusals(count: int = 50) -> list[tuple[str, float, str]]:
    """Return (protocol, milliseconds, "TYPE CODE") of packets that the device sends."""
    found = []
    for line in run(DEVICE, "/lab/refusals", WEB, str(count)).splitlines():
        protocol, milliseconds, icmp = line.split(maxsplit=2)
        found.append((protocol, float(milliseconds), icmp))
    return found


def assert_refused() -> None:
    """Every packet of the device is refused with "prohibited" within 10 ms."""
    found = refusals()
    assert {(protocol, icmp) for protocol, _, icmp in found} == {
        (protocol, "3 13") for protocol in ("udp", "tcp", "ping")
    }
    assert sorted(took for _, took, _ in found)[-3] < 10, found  # two may meet a busy machine


def is_refused() -> bool:
    return all(icmp == "3 13" for _, _, icmp in refusals(1))


# --- a tunnel ------------------------------------------------------------------------------------


def test_everything_goes_through_the_tunnel_and_nothing_beside_it(lab: Lab) -> None:
    with lab.captured() as wire:
        start_vpn(lab)
        assert seen_as() in TUNNEL
        assert dig("+short", "place.lab.test", "TXT") == '"vpn"\n'
        assert dig("+short", "+tcp", "place.lab.test", "TXT") == '"vpn"\n'
        assert run(DEVICE, "ping", "-c", "3", "-i", "0.2", WEB).count("64 bytes") == 3
        assert not attempt(EGRESS, "getent", "ahosts", "place.lab.test").ok
        kill_vpn()
        until("refusal", is_refused)
        seen_as()
        lines = until("packets on the wire", wire)
    run(HOUSE, "/lab/vpn-start")
    allowed = re.compile(
        rf"ethertype ARP|\.(67|68) > \S+\.(67|68): BOOTP"
        rf"|{UPLINK_PREFIX}\d+\.\d+ > {re.escape(PROVIDER)}\.1194: UDP"
        rf"|{re.escape(PROVIDER)}\.1194 > {UPLINK_PREFIX}\d+\.\d+: UDP"
        rf"|{re.escape(PROVIDER)} > {UPLINK_PREFIX}\d+: ICMP .* udp port 1194 unreachable"
        rf"|{UPLINK_PREFIX}\d+\.\d+ > 198\.51\.101\.53\.53: .* A\? vpn\.lab\.test\."
        rf"|198\.51\.101\.53\.53 > {UPLINK_PREFIX}\d+\.\d+: .* A {re.escape(PROVIDER)}"
        # The house's machine says hello in IPv6, as machines do.
        rf"|{egress_house.HOUSE_MAC} > 33:33:"
    )
    assert [line for line in lines if not allowed.search(line)] == []
    assert sum("A? vpn.lab.test" in line for line in lines) <= 2  # at the start, and after


def test_names_of_the_home_and_canaries_are_answered_here(lab: Lab) -> None:
    start_vpn(lab)
    assert dig("+short", "person.lan") == f"{PERSON}\n"
    assert dig("+short", "-x", PERSON) == "person.lan.\n"
    for name in ("use-application-dns.net", "mask.icloud.com", "mask-h2.icloud.com"):
        assert "status: NXDOMAIN" in dig(name)
    assert "status: NXDOMAIN" in dig("_dns.resolver.arpa", "SVCB")
    ttl = dig("+noall", "+answer", "web.lab.test").split()[1]
    assert int(ttl) <= 30
    queries = run(HOUSE, "cat", "/var/log/vpn.log")
    for name in ("person.lan", "99.168.192", "mask.icloud", "use-application", "resolver.arpa"):
        assert name not in queries
    assert "web.lab.test" in queries


def test_large_segments_fit_into_the_tunnel(lab: Lab) -> None:
    start_vpn(lab)
    log = "/tmp/syn"
    look = f"timeout 10 tcpdump -nn -c 2 -i any 'host {WEB} and tcp[13]&2!=0'"
    run(DEVICE, "sh", "-c", f"{look} >{log} 2>{log}.err & echo")
    until("tcpdump", lambda: "listening" in run(DEVICE, "cat", f"{log}.err"))
    assert seen_as() in TUNNEL
    text = until("a handshake", lambda: _handshake(log))
    to_web, from_web = (int(size) for size in re.findall(r"mss (\d+)", text))
    # The device offers what its own wire can take; the answer comes out of the tunnel clamped.
    assert to_web == 1460
    assert from_web < 1420


def _handshake(log: str) -> str:
    text = run(DEVICE, "cat", log)
    return text if text.count("mss ") == 2 else ""


def test_a_dead_server_means_refusal_within_15_s_and_recovery_alone(lab: Lab) -> None:
    start_vpn(lab)
    kill_vpn()
    until("refusal", is_refused, 15.0)
    assert_refused()
    assert "status: REFUSED" in dig("place.lab.test", "TXT")
    assert dig("+short", "person.lan") == f"{PERSON}\n"
    found = lab.wait("tunnel", "down")
    assert "stopped carrying traffic" in found["advice"]
    lab.wait("endpoint", "failing", 10.0)
    assert lab.status()["dns"]["message"] == "waits for the tunnel"
    until(
        "advice about the refused port",
        lambda: "no VPN server listens" in lab.status()["tunnel"]["advice"],
    )
    run(HOUSE, "/lab/vpn-start")
    lab.wait("tunnel", "up", 75.0)
    until("the device's return", lambda: seen_as() in TUNNEL)
    until("DNS", lambda: '"vpn"' in dig("+short", "place.lab.test", "TXT"))
    assert lab.status()["tunnel"]["advice"] == ""


def test_a_provider_that_moved_is_found_at_its_new_address(lab: Lab) -> None:
    start_vpn(lab)
    run(HOUSE, "sh", "-c", f"echo {PROVIDER_TOO} vpn.lab.test >/run/names/vpn")
    kill_vpn()
    run(HOUSE, "/lab/vpn-start")
    until(
        "new endpoint",
        lambda: lab.status()["tunnel"]["endpoint"] == f"{PROVIDER_TOO}:1194/udp",
        30.0,
    )
    lab.wait("tunnel", "up")
    assert seen_as() in TUNNEL


def test_openvpn_killed_in_the_egress_comes_back(lab: Lab) -> None:
    start_vpn(lab)
    before = lab.status()["tunnel"]["restarts"]
    run(EGRESS, "python3", "-c", _KILL.replace("NAME", "openvpn"))
    until("a new run", lambda: lab.status()["tunnel"]["restarts"] > before)
    lab.wait("tunnel", "up")
    assert seen_as() in TUNNEL
    run(EGRESS, "python3", "-c", _KILL.replace("NAME", "dnsmasq"))
    until(
        "DNS",
        lambda: (
            '"vpn"'
            in attempt(
                DEVICE,
                "dig",
                "+short",
                f"@{TRANSIT}",
                "-b",
                PERSON,
                "+tries=1",
                "+time=1",
                "place.lab.test",
                "TXT",
            ).text
        ),
    )


_KILL = """
import os, pathlib
for comm in pathlib.Path("/proc").glob("[0-9]*/comm"):
    if comm.read_text().strip() == "NAME":
        os.kill(int(comm.parent.name), 9)
"""


def test_a_server_that_is_not_the_right_one_is_explained(lab: Lab) -> None:
    profile = lab.spec().profile
    assert profile is not None
    directives = (*profile.directives, "verify-x509-name somebody-else name")
    lab.start(lab.spec(profile=replace(profile, directives=directives)))
    found = lab.wait("tunnel", "down")
    assert "not the one that the profile expects" in found["advice"]
    assert lab.wait("endpoint", "ok")["message"] == f"{PROVIDER}:1194/udp"  # it did answer
    assert_refused()


def test_a_provider_whose_name_is_gone_is_the_endpoints_fault(lab: Lab) -> None:
    run(HOUSE, "rm", "/run/names/vpn")
    # dnsmasq forgets no name of a file that is gone before it reads all files again.
    run(HOUSE, "sh", "-c", "kill -HUP $(cat /run/isp.pid)")
    lab.start(lab.spec())
    found = lab.wait("endpoint", "failing")
    assert found["message"] == "the uplink's DNS servers do not know vpn.lab.test"
    assert_refused()
    run(HOUSE, "sh", "-c", f"echo {PROVIDER} vpn.lab.test >/run/names/vpn")
    lab.wait("endpoint", "ok", 75.0)
    lab.wait("tunnel", "up")


# --- the internet behind the tunnel --------------------------------------------------------------


@contextlib.contextmanager
def nothing_beyond(rule: str = "") -> Iterator[None]:
    """The VPN server goes on answering pings and DNS, and nothing beyond it does any more."""
    what = rule or f"ip daddr != {GATEWAY} drop"
    chain = "chain block { type filter hook input priority -10; iifname tun9 " + what + "; }"
    run(HOUSE, "nft", f"table inet beyond {{ {chain}; }}")
    try:
        yield
    finally:
        run(HOUSE, "nft", "delete table inet beyond")


def probes_only() -> AbstractContextManager[None]:
    """The provider blocks the questions, and nothing else."""
    asked = f"{{ {WEB}, {RESOLVER} }}"
    return nothing_beyond(f"ip daddr {asked} meta l4proto {{ icmp, udp }} drop")


def test_a_server_that_forwards_nothing_is_found_within_15_s_and_devices_are_refused(
    lab: Lab,
) -> None:
    start_vpn(lab)
    lab.wait("internet", "ok")
    with nothing_beyond():
        until("refusal", is_refused, 15.0)
        found = lab.wait("internet", "failing")
        assert found["closed"]
        assert found["message"].startswith(f"nothing outside answers (asked {WEB}, {RESOLVER}); ")
        # Connected anew, and to everything but the internet all is well.
        assert lab.status()["tunnel"]["restarts"] > 0
        assert [lab.wait(part, state) for part, state in (("endpoint", "ok"), ("dns", "ok"))]
        assert_refused()
        assert "status: REFUSED" in dig("place.lab.test", "TXT")
    lab.wait("internet", "ok")
    until("the device's return", lambda: seen_as() in TUNNEL)
    assert '"vpn"' in dig("+short", "place.lab.test", "TXT")


def test_a_busy_line_whose_provider_blocks_the_questions_is_not_cut(lab: Lab) -> None:
    start_vpn(lab)
    lab.wait("internet", "ok")
    restarts = lab.status()["tunnel"]["restarts"]
    with probes_only():
        deadline = time.monotonic() + 2 * internet.SILENCE
        while time.monotonic() < deadline:
            assert seen_as() in TUNNEL
            assert lab.status()["internet"]["state"] == "ok"
        assert lab.status()["tunnel"]["restarts"] == restarts


def test_a_provider_that_blocks_the_questions_locks_nobody_out_for_long(lab: Lab) -> None:
    start_vpn(lab)
    lab.wait("internet", "ok")
    with probes_only():
        until("closed", lambda: lab.status()["internet"]["closed"], 15.0)
        until("refusal", is_refused)
        closed = time.monotonic()
        until("opened all the same", lambda: seen_as() in TUNNEL, internet.PATIENCE + 15)
        assert time.monotonic() - closed > internet.PATIENCE - 15
        # The answer to the device is itself a proof.
        lab.wait("internet", "ok")


def test_a_vpn_that_never_led_to_the_internet_stays_open(lab: Lab) -> None:
    with probes_only():
        start_vpn(lab)
        found = lab.wait("internet", "failing")
        assert not found["closed"]
        assert "company's network only, set internet_probe: []" in found["message"]
        assert seen_as() in TUNNEL
        assert lab.status()["tunnel"]["restarts"] == 0


def test_endpoints_are_tried_in_turn_while_none_leads_anywhere(lab: Lab) -> None:
    profile = lab.spec().profile
    assert profile is not None
    remotes = (Remote(PROVIDER, 1194, "udp"), Remote(PROVIDER_TOO, 1194, "udp"))
    lab.start(lab.spec(profile=replace(profile, remotes=remotes)))
    lab.wait("internet", "ok")
    assert lab.status()["tunnel"]["endpoint"] == f"{PROVIDER}:1194/udp"
    with nothing_beyond():
        for address in (PROVIDER_TOO, PROVIDER):
            until(
                f"connected to {address}",
                lambda address=address: (  # type: ignore[misc]
                    lab.status()["endpoint"]["message"] == f"{address}:1194/udp"
                    and lab.status()["tunnel"]["state"] == "up"
                ),
                internet.SILENCE + 15,
            )
            assert is_refused()
    until("the device's return", lambda: seen_as() in TUNNEL)


def test_nobody_is_asked_where_nobody_shall_be(lab: Lab) -> None:
    with lab.captured(f"host {WEB}") as wire:
        lab.start(lab.spec(kind=Kind.DIRECT, profile=None, name="direct", internet_probe=()))
        lab.wait("dns", "ok")
        lab.wait("internet", "off")
        assert seen_as().startswith(UPLINK_PREFIX)
        lines = until("the device's packets", wire)
    assert not [line for line in lines if "ICMP" in line or f"{WEB}.53" in line]


# --- the uplink ----------------------------------------------------------------------------------


def test_without_dhcp_devices_are_refused_and_later_served(lab: Lab) -> None:
    run(HOUSE, "sh", "-c", "kill $(cat /run/house.pid)")
    lab.start(lab.spec())
    lab.wait("uplink", "waiting")
    assert lab.status()["tunnel"]["advice"] == "waits for the uplink"
    assert_refused()
    assert "status: REFUSED" in dig("place.lab.test", "TXT")
    until(
        "a word about DHCP", lambda: "no DHCP server answers" in lab.status()["uplink"]["message"]
    )
    run(HOUSE, "/lab/dhcp", HOUSE_ADDRESS)
    lab.wait("tunnel", "up", 40.0)
    assert seen_as() in TUNNEL


@pytest.mark.parametrize("kind", [Kind.DIRECT, Kind.OPENVPN])
def test_a_renumbered_uplink_is_followed(lab: Lab, kind: Kind) -> None:
    direct(lab) if kind is Kind.DIRECT else start_vpn(lab)
    host("ip", "link", "set", FAR, "down")
    lab.wait("uplink", "waiting")
    assert "no link" in lab.status()["uplink"]["message"]
    until("refusal", is_refused)
    run(HOUSE, "/lab/dhcp", "192.168.51.1/24")
    host("ip", "link", "set", FAR, "up")
    until("new address", lambda: "192.168.51." in (lab.status()["uplink"]["address"] or ""), 40.0)
    addresses = run(
        EGRESS, "ip", "-4", "-o", "address", "show", lab.status()["uplink"]["interface"]
    )
    assert addresses.count("inet ") == 1
    seen = "192.168.51." if kind is Kind.DIRECT else "10.91.0."
    until("the device's return", lambda: seen_as().startswith(seen), 40.0)


def test_an_uplink_with_the_homes_own_addresses_is_refused(lab: Lab) -> None:
    run(HOUSE, "/lab/dhcp", "192.168.99.1/24")
    lab.start(lab.spec())
    until(
        "objection",
        lambda: "overlaps the home" in lab.status().get("uplink", {}).get("message", ""),
    )
    assert_refused()


# --- direct --------------------------------------------------------------------------------------


def test_direct_leaves_by_the_uplink_with_its_own_address(lab: Lab) -> None:
    with lab.captured() as wire:
        direct(lab)
        assert lab.status()["tunnel"] is None
        address = lab.status()["uplink"]["address"].split("/")[0]
        assert seen_as() == address
        assert dig("+short", "place.lab.test", "TXT") == '"isp"\n'
        assert not attempt(EGRESS, "getent", "ahosts", "place.lab.test").ok
        lines = until("packets on the wire", wire)
    assert not [line for line in lines if PERSON in line or "10.223.3." in line]


# --- from outside --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Kind.DIRECT, Kind.OPENVPN])
def test_nothing_answers_on_the_uplink(lab: Lab, kind: Kind) -> None:
    direct(lab) if kind is Kind.DIRECT else start_vpn(lab)
    address = lab.status()["uplink"]["address"].split("/")[0]
    scan = ("nmap", "-Pn", "-n", "--max-retries", "0", "--min-rate", "10000", "-oG", "-")
    with lab.captured(f"src host {address} and not udp port 1194 and not arp") as answers:
        tcp = run(HOUSE, *scan, "-sS", "-p-", address, timeout=300.0)
        udp = run(HOUSE, *scan, "-sU", "-p", "53,67,68,123,161,500,1194,1900,5353", address)
        attempt(HOUSE, "ping", "-c", "2", "-W", "1", address)
        said = answers()
    assert "/open/" not in tcp + udp
    assert "/closed/" not in tcp + udp
    # Its own questions, to the name server and to whoever proves the internet, are no answers.
    own = rf"> ({re.escape(RESOLVER)}|{re.escape(WEB)})(\.53:|: ICMP echo request)"
    assert [line for line in said if not re.search(own, line)] == []


@pytest.mark.parametrize("kind", [Kind.DIRECT, Kind.OPENVPN])
def test_a_forged_route_leads_nowhere(lab: Lab, kind: Kind) -> None:
    direct(lab) if kind is Kind.DIRECT else start_vpn(lab)
    address = lab.status()["uplink"]["address"].split("/")[0]
    before = _received()
    for target in (PERSON, TRANSIT, egress_house.ROUTER):
        run(HOUSE, "ip", "route", "replace", target, "via", address)
        assert not attempt(HOUSE, "ping", "-c", "1", "-W", "1", target).ok
        assert not attempt(HOUSE, "nc", "-z", "-w", "1", target, "53").ok
        assert not attempt(HOUSE, "dig", f"@{target}", "+tries=1", "+time=1", "person.lan").ok
        run(HOUSE, "ip", "route", "del", target)
    assert "192.168.99" not in run(EGRESS, "ip", "neighbour")
    assert _received() == before


def _received() -> str:
    """What reached the device from outside without being asked for: its echo counters."""
    lines = run(DEVICE, "cat", "/proc/net/snmp").splitlines()
    icmp = dict(zip(*(line.split() for line in lines if line.startswith("Icmp:")), strict=True))
    return str(icmp["InEchos"])


# --- the process ---------------------------------------------------------------------------------


def test_it_ends_at_once_when_told_to(lab: Lab) -> None:
    start_vpn(lab)
    begun = time.monotonic()
    host("docker", "stop", "-t", "10", EGRESS)
    assert time.monotonic() - begun < 4
    assert host("docker", "inspect", "-f", "{{.State.ExitCode}}", EGRESS).strip() == "0"


def test_a_bad_file_is_one_line_and_no_traceback(lab: Lab) -> None:
    lab.start(lab.spec())
    files: Path = lab.directory / "files"
    (files / "egress.json").write_text("{}")
    host("docker", "restart", "-t", "3", EGRESS)
    until("its end", ended)
    assert "egress.json cannot be used: KeyError: 'kind'" in lab.log().splitlines()[-1]


def test_rules_that_do_not_load_let_nothing_through(lab: Lab) -> None:
    lab.start(lab.spec())
    files: Path = lab.directory / "files"
    (files / "rules.nft").write_text("table inet manyways { nonsense }")
    host("docker", "restart", "-t", "3", EGRESS)
    until("its end", ended)
    assert "rules cannot be loaded" in lab.log()
    assert "Traceback" not in lab.log()
