"""Taking a destination down for some seconds, so that its kill switch can be seen at work.

Whatever happens to the orchestrator meanwhile, the destination comes back: a killed OpenVPN is
started again by its egress, and an uplink that is taken down is put up again by a command that
runs in the egress itself.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

from orchestrator.runtime.engine import Engine
from orchestrator.runtime.namespace import NamespaceGone, namespace_inode

_DOWN_S = 4


def kill_tunnel(egress: int) -> bool:
    """Kill OpenVPN in the container of process `egress`; False when it does not run there.

    Raises NamespaceGone, OSError.
    """
    found = list(_processes(namespace_inode(egress), "openvpn"))
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return bool(found)


def interrupt_uplink(engine: Engine, container: str, interface: str) -> None:
    """Take an egress' uplink down for some seconds; returns at once. Raises EngineFailed."""
    link = f"ip link set {interface}"
    engine.execute(container, ["sh", "-c", f"{link} down; sleep {_DOWN_S}; {link} up"], detach=True)


def _processes(inode: int, name: str) -> Iterator[int]:
    for path in Path("/proc").glob("[0-9]*/comm"):
        pid = int(path.parent.name)
        try:
            if path.read_text().strip() == name and namespace_inode(pid) == inode:
                yield pid
        except (OSError, NamespaceGone):
            continue  # it ended while we looked
