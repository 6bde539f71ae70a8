"""Every rendered file of an egress, compared with the text that a person has read.

After a change that is meant, run with MANYWAYS_GOLDEN=1 to write the files, and read the diff.
"""

from __future__ import annotations

import os
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path

import pytest

from egress.ask import ASKER_UID
from egress.openvpn import _CONFIG, _MANAGEMENT
from egress.routing import BOOTSTRAP_UID
from orchestrator.model import Kind, Profile, Remote
from orchestrator.render import egress, egress_openvpn, egress_rules
from orchestrator.render.egress import EgressSpec, StaticUplink, render_egress
from orchestrator.render.egress_dns import reverse_zones

GOLDEN = Path(__file__).parents[1] / "golden" / "egress"
PROFILE = Profile(
    remotes=(Remote("vpn.uk.test", 1194, "udp"), Remote("198.51.100.11", 443, "tcp")),
    directives=("remote-cert-tls server", "cipher AES-256-GCM"),
    inline={
        "ca": "-----BEGIN CERTIFICATE-----\nauthority\n-----END CERTIFICATE-----\n",
        "tls-crypt": "-----BEGIN OpenVPN Static key V1-----\n00ff\n"
        "-----END OpenVPN Static key V1-----",
    },
    needs_credentials=True,
    credentials=("customer", "pass word"),
)
VPN = EgressSpec(
    name="uk",
    kind=Kind.OPENVPN,
    transit_mac="02:ab:cd:11:00:01",
    transit_address=IPv4Interface("10.213.1.2/29"),
    transit_router=IPv4Address("10.213.1.1"),
    lan=IPv4Network("192.168.77.0/24"),
    domain="lan",
    uplink_mac="02:ab:cd:12:00:01",
    internet_probe=(IPv4Address("193.0.14.129"), IPv4Address("192.5.5.241")),
    profile=PROFILE,
    address_service="http://ip.example.net:8080/v4",
)
DIRECT = replace(VPN, name="direct", kind=Kind.DIRECT, profile=None, address_service=None)
STATIC = replace(
    DIRECT,
    dns=(IPv4Address("9.9.9.9"),),
    uplink_static=StaticUplink(
        IPv4Interface("192.168.1.240/24"), IPv4Address("192.168.1.1"), (IPv4Address("9.9.9.9"),)
    ),
)


@pytest.mark.parametrize(("name", "spec"), [("vpn", VPN), ("direct", DIRECT), ("static", STATIC)])
def test_the_files_are_the_golden_ones(name: str, spec: EgressSpec) -> None:
    place, files = GOLDEN / name, render_egress(spec)
    if os.environ.get("MANYWAYS_GOLDEN") == "1":
        place.mkdir(parents=True, exist_ok=True)
        for file, content in files.items():
            (place / file).write_text(content)
    assert {path.name: path.read_text() for path in place.iterdir()} == files


@pytest.mark.parametrize("service", [None, "https://ip.example.net/"])
def test_who_may_ask_no_address_service_has_no_rule_for_it(service: str | None) -> None:
    files = render_egress(replace(VPN, address_service=service))
    assert str(egress_rules.ASKER_UID) not in files["rules.nft"]
    assert "address_service" not in files["egress.json"]


def test_the_users_of_the_rules_are_those_of_the_programs() -> None:
    assert (egress_rules.ASKER_UID, egress_rules.BOOTSTRAP_UID) == (ASKER_UID, BOOTSTRAP_UID)


def test_the_last_word_is_ours() -> None:
    hostile = replace(PROFILE, directives=("script-security 2", "persist-tun", "dev tap7"))
    lines = render_egress(replace(VPN, profile=hostile))["client.ovpn"].splitlines()
    for first, last in (("script-security 2", "script-security 0"), ("dev tap7", "dev tun0")):
        assert lines.index(first) < lines.index(last)


@pytest.mark.parametrize("said", ["ping 5", "keepalive 10 60"])
def test_what_the_profile_says_about_pings_and_mss_stays(said: str) -> None:
    profile = replace(PROFILE, directives=(said, "mssfix 1200"))
    lines = render_egress(replace(VPN, profile=profile))["client.ovpn"].splitlines()
    assert "ping-exit 60" not in lines
    assert "mssfix" not in lines


def test_secrets_stand_in_their_own_file_only() -> None:
    files = render_egress(VPN)
    assert files.pop("credentials") == "customer\npass word\n"
    assert not any("pass word" in content for content in files.values())
    without = replace(PROFILE, needs_credentials=False, credentials=None)
    files = render_egress(replace(VPN, profile=without))
    assert "credentials" not in files
    assert "auth-user-pass" not in files["client.ovpn"]


def test_a_vpn_without_a_profile_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="without a profile"):
        render_egress(replace(VPN, profile=None))


@pytest.mark.parametrize(
    ("network", "zones"),
    [
        ("192.168.77.0/24", ["77.168.192.in-addr.arpa"]),
        ("192.168.76.0/23", ["76.168.192.in-addr.arpa", "77.168.192.in-addr.arpa"]),
        ("192.168.77.128/25", ["77.168.192.in-addr.arpa"]),
        ("172.20.0.0/16", ["20.172.in-addr.arpa"]),
        ("10.0.0.0/8", ["10.in-addr.arpa"]),
    ],
)
def test_the_reverse_names_of_the_home_are_never_asked_outside(
    network: str, zones: list[str]
) -> None:
    assert list(reverse_zones(IPv4Network(network))) == zones


def test_both_sides_agree_on_numbers_and_places() -> None:
    assert egress_rules.BOOTSTRAP_UID == BOOTSTRAP_UID
    assert str(_MANAGEMENT) == egress_openvpn.MANAGEMENT_PATH
    assert Path(_CONFIG).parent == Path(egress.CREDENTIALS_PATH).parent
    image = Path(__file__).parents[2] / "images" / "egress" / "Dockerfile"
    assert f"--uid {BOOTSTRAP_UID} " in image.read_text()
