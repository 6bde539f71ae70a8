"""An egress alone, as it really runs: with a house, a provider, a device, and every failure."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.model import Kind
from tests.containers import egress_house
from tests.containers.egress_device import (
    TUNNEL,
    UPLINK_PREFIX,
    assert_refused,
    dig,
    direct,
    is_refused,
    kill_vpn,
    seen_as,
    start_vpn,
)
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


def ended() -> bool:
    return "exited" in host("docker", "inspect", "-f", "{{.State.Status}}", EGRESS)


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
