"""The router namespace, from outside: one nftables transaction, one conntrack flush.

This is the hot path of a switch. Both the nftables context and the conntrack socket are kept
open, because opening them costs more than using them.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from typing import Any, ParamSpec, TypeVar

from orchestrator.render.marks import TABLE, TABLE_NAME
from orchestrator.render.router import HOME_MARK, STALE_SET
from orchestrator.runtime.conntrack import Conntrack, Flows
from orchestrator.runtime.namespace import NamespaceGone, NamespaceThread, namespace_inode
from orchestrator.runtime.nudge import TcpConnection, nudge
from orchestrator.runtime.readings import (
    Marks,
    Refused,
    Traffic,
    read_legs,
    read_live,
    read_marks,
    read_refused,
    read_stale,
    read_strangers,
    read_traffic,
)
from orchestrator.runtime.sets import Sets

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")


class RouterFailed(Exception):
    """The router's kernel tables refused a change; nothing of it was applied."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What a change of marks cut: entries removed, and the time from start to end.

    `by_mark` says how many of them had which mark.
    """

    connections: int
    milliseconds: float
    by_mark: Mapping[int, int] = field(default_factory=dict)

    def of_device(self, number: int) -> int:
        """Return how many were those of the device with that number."""
        return sum(n for mark, n in self.by_mark.items() if mark >> 8 & 0xFFF == number)


class RouterNamespace:
    """An open handle on the router's nftables and conntrack tables."""

    def __init__(self, pid: int) -> None:
        """Open the namespace of the router's process `pid`. Raises NamespaceGone."""
        self.pid = pid
        self._thread = NamespaceThread(pid)
        try:
            self._nft, self._conntrack, self._sets = self._thread.run(_open_sockets)
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
        self._thread.run(self._sets.close)
        self._thread.close()

    def marks(self) -> Marks | None:
        """Return the marks as the kernel has them; None before the rules are loaded.

        Like every question here it raises OSError and NamespaceGone.
        """
        return self._thread.run(read_marks, self._sets)

    def strangers(self) -> list[tuple[str, IPv4Address]]:
        """Return (MAC, address) of those who sent without a mark, the latest last."""
        return self._thread.run(read_strangers, self._sets)

    def traffic(self) -> Traffic | None:
        """Return what has flowed by device; None before the rules are loaded."""
        return self._thread.run(read_traffic, self._sets)

    def refused(self) -> Refused:
        """Return what was refused or turned of each device's DNS."""
        return self._thread.run(read_refused, self._sets)

    def legs(self, pool: IPv4Network) -> dict[int, tuple[int, int]]:
        """Return {slot: (bytes from its egress, bytes to it)}; `pool` is that of the transits."""
        return read_legs(self.pid, pool)

    def cut_stale(self) -> int:
        """Cut the connections that are refused but were never cut; return how many there were.

        Forgets which marks they had. None before the rules are loaded.
        """
        return self._thread.run(_cut_stale, self._nft, self._sets, self._conntrack)

    def origin(self, reply: TcpConnection) -> TcpConnection | None:
        """Return how a connection began, as `Conntrack.origin`. Raises NamespaceGone, OSError."""
        return self._thread.run(self._conntrack.origin, reply)

    def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call `function` inside the namespace; a switch waits meanwhile. Raises NamespaceGone."""
        return self._thread.run(function, *args, **kwargs)

    def change_marks(self, transaction: str, dead: Iterable[int]) -> Cut:
        """Apply nft commands as one transaction, then cut every connection with a `dead` mark.

        From the moment of the transaction no packet of those connections passes. Whoever has a way
        out from now on also asks its own resolver from now on. Raises RouterFailed when the kernel
        refuses it, and NamespaceGone; then nothing has changed.
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


def _open_sockets() -> tuple[Any, Conntrack, Sets]:
    # Debian's python3-nftables; imported here because only this thread may own the socket.
    from nftables import Nftables  # type: ignore[import-not-found,unused-ignore]

    return Nftables(), Conntrack(), Sets(TABLE_NAME)


def _command(nft: Any, text: str) -> str:
    code, output, error = nft.cmd(text)
    if code:
        raise RouterFailed(error.strip() or f"nft returned {code}")
    return str(output)


def _change(nft: Any, conntrack: Conntrack, transaction: str, dead: list[int]) -> Cut:
    start = time.perf_counter()
    if transaction:
        _command(nft, transaction)
    cut = {mark: _flush(conntrack, mark) for mark in dead}
    took = (time.perf_counter() - start) * 1000
    nudge(connection for flows in cut.values() for connection in flows.tcp)
    _forget_home_queries(conntrack)
    by_mark = {mark: flows.count for mark, flows in cut.items()}
    return Cut(sum(by_mark.values()), took, by_mark)


def _cut_stale(nft: Any, sets: Sets, conntrack: Conntrack) -> int:
    noted = read_stale(sets)
    if not noted:
        return 0
    live = read_live(sets)
    # Before the cut: what still sends after it is noted again. Left in the set, each mark would
    # cost a walk through the kernel's whole table at every look, for a minute.
    try:
        _command(nft, f"flush set {TABLE} {STALE_SET}")
    except RouterFailed:
        return 0  # the rules have gone meanwhile
    return sum(_flush(conntrack, mark).count for mark in noted - live)


def _forget_home_queries(conntrack: Conntrack) -> None:
    # A device that keeps its port would go on asking the home's resolver. The rules notice that,
    # too, but refuse the device until they are looked at.
    try:
        conntrack.delete(HOME_MARK)
    except OSError as error:
        log.error("queries to the home's resolver could not be forgotten: %s", error)


def _flush(conntrack: Conntrack, mark: int) -> Flows:
    # The mark is no longer in the map and no longer live, so no entry can join these.
    try:
        flows = conntrack.flows(mark)
        if flows.count:
            conntrack.delete(mark)
    except OSError as error:
        # The switch stands: the rules refuse these connections, they are only not forgotten yet.
        log.error("connections with mark %#x could not be cleared: %s", mark, error)
        return Flows(0, ())
    return flows
