"""An egress alone that asks for its public address: by its own way out, or not at all."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.model import Kind
from tests.containers.egress_device import GATEWAY, TUNNEL, kill_vpn, seen_as
from tests.containers.egress_house import (
    EGRESS,
    HOUSE,
    PROVIDER,
    WEB,
    Lab,
    attempt,
    host,
    run,
    until,
)

SERVICE = "http://web.lab.test:8080/"


def _address(lab: Lab) -> str:
    return until("a public address", lambda: lab.status().get("public_address") or "")


def _asked(place: str) -> int:
    """How often a name server of the house was asked for the service's name."""
    log = run(HOUSE, "cat", f"/var/log/{place}.log")
    return log.count("query[A] web.lab.test")


def test_a_vpn_asks_through_the_tunnel_with_the_name_servers_behind_it(lab: Lab) -> None:
    isp, vpn = _asked("isp"), _asked("vpn")
    with lab.captured(f"host {WEB} or (port 53 and not host 198.51.101.53) or tcp") as wire:
        lab.start(lab.spec(address_service=SERVICE))
        assert _address(lab) in TUNNEL
        assert (_asked("isp"), _asked("vpn")) == (isp, vpn + 1)
        assert seen_as() in TUNNEL
        assert wire() == []
    assert 0 < lab.status()["latency_ms"] < 1000


def test_an_address_is_forgotten_with_its_tunnel_and_asked_for_again(lab: Lab) -> None:
    lab.start(lab.spec(address_service=SERVICE))
    _address(lab)
    asked = _asked("vpn")
    kill_vpn()
    until("tunnel lost", lambda: lab.status()["tunnel"]["state"] != "up", 30)
    assert lab.status()["public_address"] is None
    assert lab.status()["latency_ms"] is None
    run(HOUSE, "/lab/vpn-start")
    assert _address(lab) in TUNNEL
    assert _asked("vpn") == asked + 1


def test_direct_asks_by_the_uplink(lab: Lab) -> None:
    spec = lab.spec(kind=Kind.DIRECT, profile=None, name="direct", address_service=SERVICE)
    lab.start(spec)
    assert _address(lab) == lab.status()["uplink"]["address"].split("/")[0]


def test_a_service_at_the_endpoint_s_own_address_is_not_asked_past_the_tunnel(lab: Lab) -> None:
    """The rules let the tunnel's own packets go there; whoever asks must not pass as one."""
    spec = lab.spec(address_service=f"http://{PROVIDER}:8080/")
    profile = spec.profile
    assert profile is not None
    with lab.captured(f"tcp and host {PROVIDER}") as wire:
        lab.start(replace(spec, internet_probe=()))
        lab.wait("tunnel", "up")
        said = f"the address service {PROVIDER}: it does not answer"
        until("no answer", lambda: said in lab.log())
        element = f"{{ {PROVIDER} . tcp . 8080 }}"
        host("docker", "exec", EGRESS, "nft", "add", "element", "inet", "manyways", "endpoints",
             element)  # fmt: skip
        as_asker = ("python3", "-c", _CALL, "4713")
        assert "refused" in attempt(EGRESS, *as_asker).text
        assert wire() == []
        # The same call in the tunnel's own name does leave: the capture would have seen one.
        assert "came through" in attempt(EGRESS, "python3", "-c", _CALL, "0").text
        until("packets on the wire", wire)
    assert lab.status()["public_address"] is None


def test_nobody_else_may_use_the_service_s_port(lab: Lab) -> None:
    lab.start(lab.spec(address_service=SERVICE))
    _address(lab)
    call = _CALL.replace(PROVIDER, GATEWAY)
    assert "refused" in attempt(EGRESS, "python3", "-c", call, "0").text
    assert "came through" in attempt(EGRESS, "python3", "-c", call, "4713").text


_CALL = f"""
import os, socket, sys
os.setgroups([]), os.setgid(int(sys.argv[1])), os.setuid(int(sys.argv[1]))
try:
    socket.create_connection(("{PROVIDER}", 8080), 3)
    print("came through")
except OSError as error:
    print("refused", error)
"""
