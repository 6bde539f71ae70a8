"""egress.json: what the orchestrator writes is what the egress reads."""

from __future__ import annotations

import json
from dataclasses import asdict
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path
from typing import Any

import pytest

from egress import status
from egress.settings import Lease, Remote, SettingsError, load
from orchestrator.render.egress import EgressSpec, render_egress
from tests.unit.test_egress_render import DIRECT, STATIC, VPN


def _read(tmp_path: Path, spec: EgressSpec) -> Any:
    file = tmp_path / "egress.json"
    file.write_text(render_egress(spec)["egress.json"])
    return load(file)


def test_a_vpn(tmp_path: Path) -> None:
    found = _read(tmp_path, VPN)
    assert found.tunnel
    assert found.transit == IPv4Interface("10.213.1.2/29")
    assert found.router == IPv4Address("10.213.1.1")
    assert found.lan == IPv4Network("192.168.77.0/24")
    assert found.static is None
    assert found.dns == ()
    assert found.internet_probe == (IPv4Address("193.0.14.129"), IPv4Address("192.5.5.241"))
    assert found.remotes == (
        Remote("vpn.uk.test", 1194, "udp"),
        Remote("198.51.100.11", 443, "tcp"),
    )


def test_direct_with_fixed_addresses(tmp_path: Path) -> None:
    found = _read(tmp_path, STATIC)
    assert not found.tunnel
    assert found.static == Lease(
        IPv4Interface("192.168.1.240/24"), IPv4Address("192.168.1.1"), (IPv4Address("9.9.9.9"),)
    )
    assert _read(tmp_path, DIRECT).static is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "wireguard"}, "'direct' or 'openvpn'"),
        ({"remotes": []}, "at least one"),
        ({"lan": "everything"}, "everything"),
        ({"uplink": {"mac": "x", "method": "carrier pigeon"}}, "'dhcp' or 'static'"),
        ({"transit": {}}, "KeyError"),
        ({"uplink": None}, "TypeError"),
    ],
)
def test_a_bad_file_is_explained(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    data = json.loads(render_egress(VPN)["egress.json"]) | change
    file = tmp_path / "egress.json"
    file.write_text(json.dumps(data))
    with pytest.raises(SettingsError, match=words):
        load(file)


@pytest.mark.parametrize("content", ["", "[]", "{"])
def test_no_file_worth_the_name(tmp_path: Path, content: str) -> None:
    file = tmp_path / "egress.json"
    file.write_text(content)
    with pytest.raises(SettingsError, match=r"egress\.json cannot be used"):
        load(file)
    with pytest.raises(SettingsError, match="FileNotFoundError"):
        load(tmp_path / "missing")


def _status() -> status.Status:
    return status.Status(
        status.UplinkStatus("eth1", "up", "192.168.178.101/24", "192.168.178.1", ["192.168.178.1"]),
        status.EndpointStatus("ok", "198.51.100.10:1194/udp"),
        status.TunnelStatus("up", 1.0, "10.81.0.6", "198.51.100.10:1194/udp", 3),
        status.DnsStatus("ok", ["10.81.0.1"], "pushed"),
        status.InternetStatus("ok"),
        23.4,
        "203.0.113.7",
    )


def test_the_status_has_the_agreed_form(tmp_path: Path) -> None:
    file = tmp_path / "status.json"
    status.write(file, _status(), 12.34567)
    assert json.loads(file.read_text()) == {
        "updated": 12.346,
        "uplink": {
            "interface": "eth1",
            "state": "up",
            "address": "192.168.178.101/24",
            "gateway": "192.168.178.1",
            "dns": ["192.168.178.1"],
            "message": "",
        },
        "endpoint": {"state": "ok", "message": "198.51.100.10:1194/udp"},
        "tunnel": {
            "state": "up",
            "since": 1.0,
            "address": "10.81.0.6",
            "endpoint": "198.51.100.10:1194/udp",
            "restarts": 3,
            "advice": "",
        },
        "dns": {"state": "ok", "servers": ["10.81.0.1"], "source": "pushed", "message": ""},
        "internet": {"state": "ok", "closed": False, "message": ""},
        "latency_ms": 23.4,
        "public_address": "203.0.113.7",
    }
    assert list(tmp_path.iterdir()) == [file]
    direct = _status()
    direct.endpoint = direct.tunnel = None
    assert status.document(direct, 1.0)["tunnel"] is None


def test_the_log_says_what_changed() -> None:
    found = _status()
    assert found.sentences() == [
        "uplink up as 192.168.178.101/24 by 192.168.178.1",
        "endpoint ok: 198.51.100.10:1194/udp",
        "tunnel up to 198.51.100.10:1194/udp",
        "dns ok (pushed: 10.81.0.1)",
        "internet ok",
        "seen as 203.0.113.7",
    ]
    assert asdict(found)["dns"]["state"] == "ok"
    found.uplink = status.UplinkStatus("eth1", message="no link")
    found.tunnel = status.TunnelStatus("down", advice="waits for the uplink")
    found.endpoint = status.EndpointStatus("failing", "no answer")
    found.internet = status.InternetStatus("failing", True, "nothing outside answers")
    found.dns = status.DnsStatus(message="waits for the tunnel")
    found.public_address = None
    assert found.sentences() == [
        "uplink waiting: no link",
        "endpoint failing: no answer",
        "tunnel down: waits for the uplink",
        "dns unknown: waits for the tunnel",
        "internet failing: nothing outside answers",
    ]
