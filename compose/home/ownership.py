"""Whose router is it? The demo must never disturb or delete one that serves a real home.

The demo's router has the names of a real one, because it is started the same way. It is
recognised by its configuration directory, by its networks' parents, and by a note in .demo/ that
is written before the router starts (an interrupted start leaves volumes and nothing else).
"""

from pathlib import Path

from engine import DemoError, identifiers, inspect

OWNED = "io.manyways.owner=manyways"
PROJECT = "com.docker.compose.project=manyways"
ORCHESTRATOR = "manyways-orchestrator"
_NOTE = "router-started"


def claim(demo: Path) -> None:
    """Note that whatever a router leaves on this machine from now on is the demo's."""
    (demo / _NOTE).touch()


def release(demo: Path) -> None:
    """Forget the note: nothing of the demo's router is left."""
    (demo / _NOTE).unlink(missing_ok=True)


def of_router(kind: str) -> list[str]:
    """Return the names of a router's containers, networks or volumes, whoever started it.

    The label alone does not tell: a container that anyone runs from the router's images has it.
    """
    found = inspect(kind, *identifiers(kind, OWNED), *identifiers(kind, PROJECT))
    names = {thing["Name"].lstrip("/") for thing in found}
    return sorted(name for name in names if name.startswith("manyways-"))


def stranger(demo: Path) -> str:
    """Return what shows that a router of somebody else is on this machine; "" if none is.

    A stopped one counts: its volumes hold the names and choices of a real home.
    """
    for container in inspect("container", ORCHESTRATOR):
        source = next(
            (mount["Source"] for mount in container["Mounts"] if mount["Destination"] == "/config"),
            "nowhere",
        )
        if Path(source) == demo / "config":
            return ""
        return f"{ORCHESTRATOR} runs with the configuration in {source}"
    if (demo / _NOTE).exists():
        return ""
    for network in inspect("network", *of_router("network")):
        parent = (network["Options"] or {}).get("parent", "")
        if parent and not parent.startswith("mwh-"):
            return f"the network {network['Name']} is on the interface {parent}"
    for kind in ("container", "volume"):
        for thing in of_router(kind):
            return f"there is the {kind} {thing}"
    return ""


def refuse_stranger(demo: Path) -> None:
    """Raise DemoError when a router that is not this demo's is on this machine."""
    if reason := stranger(demo):
        raise DemoError(
            f"a router that this demo did not start is on this machine ({reason}); the demo would "
            "disturb it. Run the demo on another machine, or take that router away first: "
            "`docker exec manyways-orchestrator orchestrator down`, then, in its own directory, "
            "`docker compose down --volumes`, which also forgets its names and choices."
        )
