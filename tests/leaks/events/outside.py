"""Events of the world outside: the VPN providers and the house's own router."""

from __future__ import annotations

import contextlib

from orchestrator.client import ControlError
from tests.containers import home
from tests.leaks import breakage
from tests.leaks.ground import Ground

WAYS = ("kill", "forwards nothing", "unreachable", "restart")


def break_provider(ground: Ground, place: str, how: str) -> str | None:
    """Let a VPN provider fail in one of WAYS, unless it is broken already."""
    machine = f"vpn-{place}"
    if machine in ground.broken:
        return None
    broken = ground.damage(machine, frozenset({place}))
    ground.stall(broken, [place])
    if how == "kill":
        home.host("docker", "kill", "--signal", "KILL", f"home-{machine}")
        broken.undo = ("docker", "start", f"home-{machine}")
    elif how == "restart":
        home.host("docker", "restart", "--time", "1", f"home-{machine}")
    else:
        broken.undo = breakage.block(machine, "forward" if how == "forwards nothing" else "input")
    ground.world.wires.attach()
    return f"{how}: {machine}"


def renumber(ground: Ground, destination: str) -> str:
    """Let another DHCP server give an egress another address, and the old one take it back."""
    ground.damage(f"lease of {destination}", frozenset({destination}))
    with breakage.second_dhcp_server():
        breakage.renew_lease(f"manyways-egress-{destination}")
        with contextlib.suppress(AssertionError):  # it may be down just now
            home.wait_for("the new address", lambda: ".178.2" in _address(ground, destination), 6)
    return f"renumber the uplink of {destination}"


def _address(ground: Ground, destination: str) -> str:
    try:
        status = ground.world.control.status()
    except ControlError:
        return ""
    checks = [d["checks"] for d in status["destinations"] if d["name"] == destination]
    return next((c["message"] for found in checks for c in found if c["name"] == "uplink"), "")
