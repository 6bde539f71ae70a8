"""What service containers keep in memory, because it changes often and a card wears out.

It is read where the kernel shows a process' files, so nothing has to be mounted twice, and a reboot
without the orchestrator finds no place missing.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

from orchestrator.addressing import egress_container
from orchestrator.runtime.engine import EngineFailed
from orchestrator.runtime.namespace import started_at

ASK_AGAIN_S = 0.3  # a container that does not run is asked for no more often than this
_STATUS = re.compile(r"run/egress-([^/]+)/status\.json")
_INSIDE = "run/manyways/status.json"


class Insides:
    """Where the files of running egresses are."""

    def __init__(self, process: Callable[[str], int | None]) -> None:
        """`process` returns a container's process id; it may raise EngineFailed."""
        self._process = process
        self._known: dict[str, tuple[int, float]] = {}  # container: process, and its start
        self._asked: dict[str, float] = {}

    def place(self, name: str) -> Path | None:
        """Return the place of an egress' status by its name; None for any other file.

        While the egress does not run it is a place where nothing is.
        """
        found = _STATUS.fullmatch(name)
        return self._root(egress_container(found[1])) / _INSIDE if found else None

    def _root(self, container: str) -> Path:
        pid, began = self._known.get(container, (0, 0.0))
        if not pid or started_at(pid) != began:
            pid = self._ask(container)
        return Path(f"/proc/{pid}/root")  # there is no process 0

    def _ask(self, container: str) -> int:
        self._known.pop(container, None)
        now = time.monotonic()
        if now - self._asked.get(container, float("-inf")) < ASK_AGAIN_S:
            return 0
        self._asked[container] = now
        try:
            pid = self._process(container)
        except EngineFailed:
            return 0
        began = started_at(pid) if pid else None
        if not pid or began is None:
            return 0
        self._known[container] = pid, began
        return pid
