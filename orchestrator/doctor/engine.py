"""Docker: its age, its plugin, and whether it can bound a container's memory."""

from __future__ import annotations

import re

from orchestrator.doctor.machine import Machine, known
from orchestrator.doctor.words import Finding, Findings

LEAST_ENGINE = (26, 0)  # volume subpaths, which keep containers' files apart
LEAST_COMPOSE = (2, 5)  # secrets of a build
_SETUP = "`make setup` in the checkout installs what is needed"


def docker(machine: Machine) -> Findings:
    """The engine's version, and in whose name it runs."""
    engine = known(machine.docker)
    if _version(engine.version) < LEAST_ENGINE:
        yield Finding(
            "Docker",
            "error",
            f"Docker Engine {engine.version} is older than {LEAST_ENGINE[0]}, the first that "
            "keeps the containers' files apart",
            _SETUP,
        )
    elif engine.rootless:
        yield Finding(
            "Docker",
            "error",
            "Docker runs rootless: it can't give containers a leg on a port of this machine",
            "use the engine that runs as root",
        )
    else:
        yield Finding("Docker", "ok", f"Docker Engine {engine.version}")


def compose(machine: Machine) -> Findings:
    """The version of the compose plugin, as it stands on what it made."""
    version = known(machine.docker).compose
    if version is None:
        yield Finding(
            "compose",
            "not checked",
            "no container of Manyways was made by compose here",
            "`docker compose version` tells it",
        )
    elif _version(version) < LEAST_COMPOSE:
        least = ".".join(map(str, LEAST_COMPOSE))
        yield Finding("compose", "error", f"compose {version} is older than {least}", _SETUP)
    else:
        yield Finding("compose", "ok", f"compose {version}")


def memory_cgroup(machine: Machine) -> Findings:
    """Whether the kernel lets Docker bound memory; Raspberry Pi's firmware switches that off."""
    if known(machine.docker).memory_limit:
        yield Finding("memory limits", "ok", "the memory cgroup is on")
        return
    words = machine.boot_words if isinstance(machine.boot_words, str) else ""
    by_firmware = "cgroup_disable=memory" in words.split()
    yield Finding(
        "memory limits",
        "warning",
        "the memory cgroup is off"
        + (" (cgroup_disable=memory, which the Pi's firmware adds)" if by_firmware else "")
        + ": one container gone wild can take all memory",
        "add `cgroup_enable=memory cgroup_memory=1` to the one line of /boot/firmware/cmdline.txt"
        " (on older systems /boot/cmdline.txt) and reboot",
    )


def _version(text: str) -> tuple[int, int]:
    """The first two numbers: 26.1.5+dfsg1 -> (26, 1). What is none counts as current."""
    found = re.match(r"v?(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (1 << 30, 0)
