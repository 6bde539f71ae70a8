"""One change of the marks, whole or not at all: disk, kernel and memory tell the same story.

The order is always the same. First the choice and the marks are on disk, so that a router that
starts by itself at any later moment loads them; then one nftables transaction makes the old marks
dead; then the dead connections are cut.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Collection, Mapping
from ipaddress import IPv4Address
from typing import Protocol

from orchestrator import store
from orchestrator.desired import MARKS_FILE
from orchestrator.documents import Document
from orchestrator.render.marks import all_marks, mark_changes, render_marks
from orchestrator.runtime.namespace import NamespaceGone
from orchestrator.runtime.router import Cut, RouterFailed, RouterNamespace
from orchestrator.runtime.volume import Volume

log = logging.getLogger(__name__)

NOTHING_CUT = Cut(0, 0.0)
Left = Callable[[str, Collection[IPv4Address]], None]


class RouterSource(Protocol):
    """Where the open handle on the router's namespace comes from; None while it is not there."""

    def current(self) -> RouterNamespace | None: ...


class Ledger:
    """What is remembered, and the marks that carry it out. Its caller holds the one lock."""

    def __init__(
        self,
        document: Document[store.State],
        state: store.State,
        volume: Volume,
        router: RouterSource,
        left: Left,
    ) -> None:
        self._document = document
        self.state = state
        self._volume = volume
        self._router = router
        self._left = left

    def refresh(self) -> bool:
        """Make the kernel's marks what they should be; False: the router runs without its rules.

        Raises RouterFailed.
        """
        router = self._router.current()
        if router is not None:
            with contextlib.suppress(NamespaceGone):  # the next one starts with the file
                self._align(router, store.live_marks(self.state))
                return router.marks() is not None
        return True

    def cut_stale(self) -> None:
        """Cut what a switch that was interrupted left: refused since then, but not forgotten.

        Raises EngineFailed, RouterFailed.
        """
        with contextlib.suppress(NamespaceGone):
            router = self._router.current()
            if router is not None and (cut := router.cut_stale()):
                log.info("%d connections of interrupted switches were still in use; cut", cut)

    def commit(self, new: store.State, addresses: Mapping[str, IPv4Address]) -> Cut:
        """Make `new` true; `addresses` say where devices are that leave a destination.

        Raises RouterFailed or OSError when it could not be done, and then nothing changed.
        """
        old, marks = self.state, store.live_marks(new)
        before = store.live_marks(old)
        try:
            self._persist(old, new)
            cut = self._change_kernel(before, marks) if before != marks else NOTHING_CUT
        except BaseException:
            # Whatever it was: disk and memory shall not tell different stories.
            with contextlib.suppress(OSError):
                self._persist(new, old)
            raise
        self.state = new
        self._tell_who_left(old, new, addresses)
        return cut

    def _tell_who_left(
        self, old: store.State, new: store.State, addresses: Mapping[str, IPv4Address]
    ) -> None:
        now = {d.mac: d.active for d in new.devices}
        behind: dict[str, list[IPv4Address]] = {}
        for device in old.devices:
            address = addresses.get(device.mac)
            if address and device.active and now.get(device.mac) != device.active:
                behind.setdefault(device.active, []).append(address)
        for destination, those in behind.items():
            self._left(destination, those)

    def _persist(self, old: store.State, new: store.State) -> None:
        if new != old:
            self._document.write(new)
        text = render_marks(store.live_marks(new))
        if self._volume.read(MARKS_FILE) != text:
            self._volume.write(MARKS_FILE, text)

    def _change_kernel(self, before: Mapping[str, int], marks: Mapping[str, int]) -> Cut:
        router = self._router.current()
        if router is None:
            return NOTHING_CUT  # nothing is forwarded; the file is what the router will load
        dead = set(before.values()) - set(marks.values())
        try:
            try:
                return router.change_marks(mark_changes(before, marks), dead)
            except RouterFailed:
                return self._align(router, marks)
        except NamespaceGone:
            return NOTHING_CUT  # the next one starts with the file

    def _align(self, router: RouterNamespace, marks: Mapping[str, int]) -> Cut:
        """Start from what the kernel has, when it is not what was remembered."""
        present = router.marks()
        if present is None or present.agree_with(marks):
            return NOTHING_CUT  # None: its rules are not loaded; it will read the file by itself
        return router.change_marks(all_marks(marks), present.all() - set(marks.values()))
