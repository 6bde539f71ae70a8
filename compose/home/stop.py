"""Removing what the demo made, whole or half-built, and nothing else."""

from pathlib import Path

import ownership
import segments
from engine import DemoError, attempt, identifiers, inspect

HOME = "io.manyways.home=1"
HOME_PROJECT = "com.docker.compose.project=manyways-home"


def stop_router(demo: Path) -> list[str]:
    """Remove the demo's router with its volumes; return what could not be removed, and why.

    A router of somebody else stays, and says so in the answer.
    """
    if reason := ownership.stranger(demo):
        print(f"left alone: a router that this demo did not start ({reason})")
        return []
    # First, because it would make again what is removed below.
    problems = _remove("container", [ownership.ORCHESTRATOR])
    for kind in ("container", "network", "volume"):
        problems += _remove(kind, ownership.of_router(kind))
    if not problems:
        ownership.release(demo)
    return problems


def stop_home() -> list[str]:
    """Remove the simulated home and its wires; return what could not be removed, and why.

    Raises DemoError while the demo's router hangs on the wires.
    """
    for network in inspect("network", *ownership.of_router("network")):
        if (network["Options"] or {}).get("parent", "").startswith("mwh-"):
            raise DemoError(
                "a router still runs in this home; `make demo-down`, in the checkout that started "
                "it, ends both"
            )
    problems = []
    for kind in ("container", "network", "volume"):
        problems += _remove(
            kind, sorted({*identifiers(kind, HOME), *identifiers(kind, HOME_PROJECT)})
        )
    if not problems:
        try:
            _say("interface", segments.disconnect())
        except segments.WireError as error:
            problems.append(str(error))
    return problems


def _remove(kind: str, names: list[str]) -> list[str]:
    """Remove each thing that exists; return a line for each that stays."""
    options = {"container": ("--force", "--volumes"), "network": (), "volume": ()}[kind]
    problems, removed = [], []
    for thing in inspect(kind, *names):
        name = thing["Name"].lstrip("/")
        outcome = attempt(kind, "rm", *options, name)
        if outcome.returncode == 0:
            removed.append(name)
        elif inspect(kind, name):  # not one that went away by itself meanwhile
            problems.append(f"{kind} {name}: {outcome.stderr.strip()}")
    _say(kind, removed)
    return problems


def _say(kind: str, names: list[str]) -> None:
    if names:
        print(f"removed {kind}: {' '.join(names)}", flush=True)


def fail_on(problems: list[str]) -> None:
    """Raise DemoError when something could not be removed."""
    if problems:
        raise DemoError("could not be removed:\n  " + "\n  ".join(problems))
