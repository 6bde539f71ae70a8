"""Conntrack of an egress, from outside: its datagram flows end with a switch, too.

The router's own entries are cut in the hot path. The egress the device has left still holds the
NAT entry of each of its UDP sockets, and would go on with it if the device came back soon. The
egress' rules mark such entries with the device's address, so one message clears them. TCP entries
carry no mark: the far end's reset needs them. None of this keeps a switch waiting.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address

from orchestrator.runtime.conntrack import Conntrack
from orchestrator.runtime.engine import EngineFailed
from orchestrator.runtime.namespace import NamespaceGone, NamespaceThread

log = logging.getLogger(__name__)


def marks_of_address(address: IPv4Address) -> set[int]:
    """Return the ct marks that may stand for an address.

    nft 1.1 turns the bytes of a packet into a number, nft 1.0 takes them as they are. No other
    device of a home has the address with its bytes reversed.
    """
    return {int(address), int.from_bytes(address.packed, sys.byteorder)}


def forget_datagrams(pid: int, addresses: Collection[IPv4Address]) -> None:
    """Clear the flows of these devices in the namespace of an egress' process.

    Raises NamespaceGone, OSError.
    """
    thread = NamespaceThread(pid)
    try:
        thread.run(_flush, set[int]().union(*map(marks_of_address, addresses)))
    finally:
        thread.close()


def _flush(marks: Collection[int]) -> None:
    with contextlib.closing(Conntrack()) as conntrack:
        for mark in marks:
            conntrack.delete(mark)


class Departures:
    """Clears up behind devices that have left, one after the other, in the background."""

    def __init__(self, process: Callable[[str], int | None]) -> None:
        """`process` returns the process id of a destination's egress; None: it does not run."""
        self._process = process
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="departures")

    def left(self, destination: str, addresses: Collection[IPv4Address]) -> None:
        """Note that devices with these addresses do not go by `destination` any more."""
        self._worker.submit(self._clear, destination, addresses)

    def _clear(self, destination: str, addresses: Collection[IPv4Address]) -> None:
        try:
            pid = self._process(destination)
            if pid is not None:
                forget_datagrams(pid, addresses)
        except NamespaceGone:
            pass  # and its conntrack with it
        except (EngineFailed, OSError) as error:
            log.error("flows of a device that left %s could not be cleared: %s", destination, error)
