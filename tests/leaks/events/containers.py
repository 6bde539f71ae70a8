"""Events of the machine that the router runs on: its containers, its engine, its cable."""

from __future__ import annotations

import random

from tests.containers import home
from tests.leaks import breakage, engine
from tests.leaks.breakage import BYSTANDERS, ORCHESTRATOR, ROUTER
from tests.leaks.ground import DESTINATIONS, Ground

WAYS = ("crash", "kill", "stop", "restart", "pause")
SERVICES = (*(f"manyways-egress-{d}" for d in DESTINATIONS), ROUTER, *BYSTANDERS)


def _concerned(container: str) -> frozenset[str] | None:
    if container == ROUTER:
        return None
    destination = container.removeprefix("manyways-egress-")
    return frozenset({destination}) if destination != container else frozenset()


def break_container(ground: Ground, container: str, how: str) -> str:
    """Let a service container end, or freeze, in one of WAYS; nobody helps it afterwards."""
    concerned = _concerned(container)
    broken = ground.damage(container, concerned)
    if how == "crash":
        breakage.crash(container)
    elif how == "kill":
        home.host("docker", "kill", "--signal", "KILL", container)
    elif how == "pause":
        ground.stall(broken, concerned or ())
        home.host("docker", "pause", container)
    else:
        home.host("docker", how, "--time", "2", container)
    return f"{how} {container}"


def break_orchestrator(ground: Ground, how: str) -> str:
    """Crash it, freeze it for a moment, or restart it in order, which takes the router down."""
    ground.damage(ORCHESTRATOR, None if how == "restart" else frozenset())
    if how == "crash":
        breakage.crash(ORCHESTRATOR)
    elif how == "pause":
        # Thawed at once: while it is frozen, nothing that follows would have an answer.
        home.host("docker", "pause", ORCHESTRATOR)
        ground.look()
        home.host("docker", "unpause", ORCHESTRATOR)
    else:
        home.host("docker", "restart", "--time", "30", ORCHESTRATOR, timeout=60)
    return f"{how} {ORCHESTRATOR}"


def start_from_nothing(ground: Ground, order: int) -> str:
    """Kill every service container and start them in an order of chance, given by a number."""
    ground.damage("everything", None)
    home.host("docker", "kill", "--signal", "KILL", *SERVICES)
    names = list(SERVICES)
    random.Random(order).shuffle(names)
    for name in names:
        home.host("docker", "start", name)
    short = ", ".join(n.removeprefix("manyways-").removeprefix("egress-") for n in names)
    return f"start from nothing: {short}"


def pull_uplink(ground: Ground) -> str:
    """Take the cable of the uplink out; mending plugs it in."""
    broken = ground.damage("uplink", None, ("ip", "link", "set", "mwh-wan0", "up"))
    ground.stall(broken, ground.destinations())  # a tunnel by TCP sends again what was not taken
    home.host("ip", "link", "set", "mwh-wan0", "down")
    return "uplink down"


def restart_engine(ground: Ground) -> str | None:
    """Restart Docker's daemon, and with it every container of the router and of the home."""
    if not engine.is_ours():
        return None
    broken = ground.damage("engine", None)
    ground.stall(broken, ground.destinations())
    ground.world.silence()
    engine.restart()
    for other in ground.broken.values():
        if "nft" in other.undo:
            other.undo = ()  # what blocked ended with its container
    ground.world.speak()
    ground.world.wires.attach()
    return "restart Docker's daemon"
