"""The router namespace, from outside: one nftables transaction, one conntrack flush.

This is the hot path of a switch. Both the nftables context and the conntrack socket are kept
open, because opening them costs more than using them.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from orchestrator.render.router import MARK_MAP, TABLE
from orchestrator.runtime.namespace import NamespaceGone, NamespaceThread, namespace_inode

_ALL_BITS = 0xFFFFFFFF


class RouterFailed(Exception):
    """The router's kernel tables refused a change; nothing of it was applied."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What a change of marks cut: entries removed, and the time from start to end."""

    connections: int
    milliseconds: float


class RouterNamespace:
    """An open handle on the router's nftables and conntrack tables."""

    def __init__(self, pid: int) -> None:
        """Open the namespace of the router's process `pid`. Raises NamespaceGone."""
        self.pid = pid
        self._thread = NamespaceThread(pid)
        try:
            self._nft, self._conntrack = self._thread.run(_open_sockets)
        except BaseException:
            self._thread.close()
            raise

    def is_current(self) -> bool:
        """Say whether the process still lives in the namespace that was opened."""
        try:
            return namespace_inode(self.pid) == self._thread.inode
        except NamespaceGone:
            return False

    def close(self) -> None:
        """Give the sockets and the thread back."""
        self._thread.run(self._conntrack.close)
        self._thread.close()

    def marks(self) -> dict[str, int] | None:
        """Return {MAC: live ct mark} as the kernel has it; None before the rules are loaded."""
        return self._thread.run(_read_marks, self._nft)

    def change_marks(self, transaction: str, dead: Iterable[int]) -> Cut:
        """Apply nft commands as one transaction, then cut every connection with a `dead` mark.

        From the moment of the transaction no packet of those connections passes. Raises
        RouterFailed when the kernel refuses; then nothing has changed.
        """
        return self._thread.run(_change, self._nft, self._conntrack, transaction, list(dead))


class RouterLink:
    """The handle on the router that runs now, opened again after each of its starts."""

    def __init__(self, process: Callable[[], int | None]) -> None:
        """`process` returns the router's process id, or None when it does not run."""
        self._process = process
        self._open: RouterNamespace | None = None
        self._lock = threading.Lock()

    def current(self) -> RouterNamespace | None:
        """Return the open handle; None while the router does not run."""
        with self._lock:
            if self._open is not None and self._open.is_current():
                return self._open
            if self._open is not None:
                self._open.close()
                self._open = None
            pid = self._process()
            if pid is not None:
                with contextlib.suppress(NamespaceGone):  # it ended while we looked
                    self._open = RouterNamespace(pid)
            return self._open


def _open_sockets() -> tuple[Any, Any]:
    # Debian's python3-nftables; imported here because only this thread may own the socket.
    from nftables import Nftables  # type: ignore[import-not-found,unused-ignore]
    from pyroute2 import NFCTSocket

    return Nftables(), NFCTSocket()


def _command(nft: Any, text: str) -> str:
    code, output, error = nft.cmd(text)
    if code:
        raise RouterFailed(error.strip() or f"nft returned {code}")
    return str(output)


def _read_marks(nft: Any) -> dict[str, int] | None:
    nft.set_json_output(True)
    try:
        listing = json.loads(_command(nft, f"list map {TABLE} {MARK_MAP}"))
    except RouterFailed:
        return None
    finally:
        nft.set_json_output(False)
    maps = (item["map"] for item in listing["nftables"] if "map" in item)
    return {mac: int(mark) for m in maps for mac, mark in m.get("elem", ())}


def _change(nft: Any, conntrack: Any, transaction: str, dead: list[int]) -> Cut:
    start = time.perf_counter()
    if transaction:
        _command(nft, transaction)
    cut = sum(_flush(conntrack, mark) for mark in dead)
    return Cut(cut, (time.perf_counter() - start) * 1000)


def _flush(conntrack: Any, mark: int) -> int:
    # The mark is no longer in the map and no longer live, so no entry can join these.
    count = sum(1 for _ in conntrack.dump(mark=mark, mark_mask=_ALL_BITS))
    if count:
        conntrack.flush(mark=mark, mark_mask=_ALL_BITS)
    return count
