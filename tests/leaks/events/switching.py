"""Events of a person: switches, also while the orchestrator is killed, and crowds of flows."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

from tests.containers import home
from tests.leaks import breakage
from tests.leaks.breakage import ORCHESTRATOR, Breakage
from tests.leaks.ground import Ground

MOST_FLOWS = 300_000
_FLOOD = (Path(__file__).parents[1] / "traffic" / "flood.py").read_text()


def switch(ground: Ground, device: str, destination: str) -> str:
    """Send a device elsewhere; where it can be served, it must be so within seconds."""
    world = ground.world
    ground.excuse([device])
    ground.assign(device, destination)
    if ground.served(destination) and world.history.switches[device][-1].receipt_at:
        world.wait_until_served(device, 10)
        ground.excuses.end(device, time.time())
    return f"switch {device} to {destination}"


def back_and_forth(ground: Ground, device: str, destinations: Sequence[str]) -> str:
    """Switch faster than any connection ends, so that each place is left and come back to."""
    ground.excuse([device])
    for destination in (*destinations, *destinations):
        ground.assign(device, destination)
    return f"switch {device} back and forth"


def kill_in_a_switch(ground: Ground, device: str, destination: str, after: float) -> str:
    """SIGKILL the orchestrator `after` seconds from the request on, whatever it does then."""
    ground.excuse([device])
    killer = threading.Timer(after, breakage.crash, [ORCHESTRATOR])
    killer.start()
    ground.assign(device, destination)
    killer.join()
    return f"SIGKILL the orchestrator while {device} is switched to {destination}"


def flood(ground: Ground, device: str, flows: int) -> str:
    """Open as many flows at once as a busy home has in an hour."""
    ground.excuse(home.DEVICES)  # the machine itself is busy with it
    home.attempt(device, "python3", "-c", _FLOOD, str(flows), timeout=120)
    ground.broken.setdefault("flood", Breakage("flood"))
    return f"{flows} flows of {device}"


def fill_connections(ground: Ground, device: str) -> str | None:
    """Open more flows than the kernel tracks, unless it tracks so many that it takes too long."""
    limit = int(home.host("sysctl", "-n", "net.netfilter.nf_conntrack_max").stdout)
    if limit > MOST_FLOWS:
        return None
    flood(ground, device, limit + limit // 8)
    return f"{device} fills the connection tracking"
