"""Gathers for a bug report what Docker and the kernel say, as text, a bound on each.

What can't be looked at is kept with the reason: that is often the very thing.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator

from orchestrator.runtime import host
from orchestrator.runtime.engine import Engine, EngineFailed
from orchestrator.runtime.namespace import NamespaceGone, NamespaceThread

_LINES = 400  # of each container's log
_SECONDS = 10
_COMMANDS = (
    *(("ip", "-details", "address"), ("ip", "rule"), ("ip", "neighbour")),
    *(("ip", "-4", "route", "show", "table", "all"), ("tc", "-statistics", "qdisc")),
    ("nft", "--stateless", "list", "ruleset"),
)
_HOST_COMMANDS = (("ip", "-brief", "address"), ("ip", "route"), ("nft", "list", "tables"))


def gather(orchestrator: str) -> tuple[dict[str, str], str]:
    """Return ({path: text}, this machine's name); `orchestrator` is our own container."""
    found: dict[str, str] = {"host.txt": "\n".join(_on_the_host())}
    try:
        engine = Engine()
        about, machine = engine.about()
        found["docker.json"] = json.dumps(about, indent=1)
        names = [container.name for container in engine.containers()]
    except EngineFailed as error:
        return {**found, "docker.json": str(error)}, ""
    for name in (orchestrator, *names):
        found[f"logs/{name}.txt"] = _said(_log, engine, name)
        found[f"containers/{name}.json"] = _said(_state, engine, name)
    for name in names:
        found[f"network/{name}.txt"] = "\n".join(_inside(engine, name))
    return found, machine


def _said(ask: Callable[[Engine, str], str], engine: Engine, name: str) -> str:
    try:
        return ask(engine, name)
    except EngineFailed as error:
        return str(error)


def _log(engine: Engine, name: str) -> str:
    return "\n".join(engine.logs(name, _LINES))


def _state(engine: Engine, name: str) -> str:
    return json.dumps(engine.state(name), indent=1)


def _on_the_host() -> Iterator[str]:
    for command in _HOST_COMMANDS:
        try:
            yield host.in_host_namespace(_run, command)
        except (NamespaceGone, OSError) as error:
            yield f"$ {' '.join(command)}\n{error}\n"


def _inside(engine: Engine, name: str) -> Iterator[str]:
    try:
        pid = engine.process(name)
        if pid is None:
            yield "it does not run"
            return
        thread = NamespaceThread(pid)
    except (EngineFailed, NamespaceGone) as error:
        yield str(error)
        return
    try:
        for command in _COMMANDS:
            yield thread.run(_run, command)
    except NamespaceGone as error:
        yield str(error)
    finally:
        thread.close()


def _run(command: tuple[str, ...]) -> str:
    """Return what a program says; a child is in the namespace of the thread that starts it."""
    try:
        ran = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=_SECONDS, check=False,
        )  # fmt: skip
        output = ran.stdout.decode(errors="replace")
    except (OSError, subprocess.TimeoutExpired) as error:
        output = f"{error}\n"
    return f"$ {' '.join(command)}\n{output}"
