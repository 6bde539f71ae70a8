"""What the device of the small house sees of its egress, and how tests begin with one."""

from __future__ import annotations

from orchestrator.model import Kind
from tests.containers.egress_house import DEVICE, HOUSE, PERSON, TRANSIT, WEB, Lab, attempt, run

UPLINK_PREFIX = "192.168.50."
GATEWAY = "10.91.0.1"
TUNNEL = {f"10.91.0.{last}" for last in range(2, 255)}


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
