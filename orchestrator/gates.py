"""Shut the router's way to an egress that carries nothing, and open it when it carries again.

The kernel itself finds out by ARP that an egress is gone, which takes from a third of a second to
half a minute, and it never finds out that one is frozen. Docker says both at once. So the slot
of an egress that stops goes into a set of the router's rules, which refuse its devices' packets
from then on; it comes out when the egress has written a status since. All of that is for speed:
without the orchestrator the kernel's own way remains, and nothing leaks by it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping

from orchestrator.addressing import EGRESS_PREFIX, egress_container
from orchestrator.desired import status_file
from orchestrator.health import parse_egress_status
from orchestrator.model import ObservedContainer
from orchestrator.render.marks import shut_slots
from orchestrator.runtime.clock import uptime
from orchestrator.runtime.engine import ContainerEvent
from orchestrator.runtime.namespace import NamespaceGone
from orchestrator.runtime.router import RouterFailed
from orchestrator.runtime.volume import Volume
from orchestrator.switch import RouterSource, Switchboard

log = logging.getLogger(__name__)

STATUS_EVERY_S = 20.0  # how old the status of a healthy egress may be
LAST_WORDS_S = 15.0  # for longer than this nobody takes to end; then the engine kills
_STOPS = frozenset(("die", "stop", "destroy", "start"))  # what starts is not ready yet
_DEADLY = frozenset(("9", "15"))


class Gates:
    """Which destinations are shut, in memory and in the router's kernel."""

    def __init__(
        self,
        switchboard: Switchboard,
        volume: Volume,
        router: RouterSource,
        clock: Callable[[], float] = uptime,
    ) -> None:
        self._switchboard = switchboard
        self._volume = volume
        self._router = router
        self._clock = clock
        self._since: dict[str, float] = {}  # name: its status must be younger than this
        self._frozen: dict[str, float] = {}
        self._shut: frozenset[str] = frozenset()
        self._lock = threading.Lock()

    @property
    def shut(self) -> frozenset[str]:
        """The names of the destinations whose egress is down or not ready yet."""
        return self._shut

    def saw(self, event: ContainerEvent) -> None:
        """Take in what has just happened to a container. Raises EngineFailed."""
        if not event.container.startswith(EGRESS_PREFIX):
            return
        name, now = event.container.removeprefix(EGRESS_PREFIX), self._clock()
        with self._lock:
            if event.action == "pause":
                self._frozen.setdefault(name, now)
            elif event.action == "unpause":
                self._thaw(name, now)
            elif event.action in _STOPS or (event.action == "kill" and event.signal in _DEADLY):
                self._frozen.pop(name, None)
                # Who is told to end may say so before it does; that is no sign of life.
                self._since[name] = now + (LAST_WORDS_S if event.action == "kill" else 0)
            else:
                return
            self._update()

    def look(
        self,
        containers: Mapping[str, ObservedContainer],
        started: Callable[[str], float | None],
    ) -> None:
        """Judge every egress anew, because events may have been missed. Raises EngineFailed.

        `started` returns when a container's process began (s of the boot clock), or None.
        """
        names = self._switchboard.slots
        found = {name: self._down_since(name, containers, started) for name in names}
        with self._lock:
            self._frozen.clear()
            for name, since in found.items():
                self._since[name] = max(since, self._since.get(name, since))
            self._update()

    def _down_since(
        self,
        name: str,
        containers: Mapping[str, ObservedContainer],
        started: Callable[[str], float | None],
    ) -> float:
        container = egress_container(name)
        observed = containers.get(container)
        began = started(container) if observed is not None and observed.running else None
        return self._clock() if began is None else began

    def open_the_ready(self) -> None:
        """Open what has become ready. Cheap while nothing is shut. Raises EngineFailed."""
        if self._since:
            with self._lock:
                self._update()

    def fill(self) -> None:
        """Tell the kernel all of it, as after its rules were loaded anew. Raises EngineFailed."""
        with self._lock:
            self._tell()

    def _thaw(self, name: str, now: float) -> None:
        # Nothing about an egress changes by a short pause, so its status of before still holds.
        frozen_at = self._frozen.pop(name, None)
        if frozen_at is not None and now - frozen_at > STATUS_EVERY_S:
            self._since[name] = now

    def _update(self) -> None:
        names = self._switchboard.slots
        for name, since in tuple(self._since.items()):
            if name not in names or self._is_ready(name, since):
                del self._since[name]
        shut = frozenset((*self._since, *self._frozen))
        if shut != self._shut:
            self._shut = shut
            self._tell()

    def _is_ready(self, name: str, since: float) -> bool:
        status = parse_egress_status(self._volume.read(status_file(name)))
        # The boot clock begins anew with each boot: a time to come is one of the boot before.
        return status is not None and since < status.updated <= self._clock() + 1

    def _tell(self) -> None:
        router, slots = self._router.current(), self._switchboard.slots
        if router is None:
            return
        try:
            shut = (slots[name] for name in self._shut if name in slots)
            router.change_marks(shut_slots(shut), ())
        except (RouterFailed, NamespaceGone) as error:
            # Its rules are not loaded yet: whoever loads them fills the set again.
            log.debug("the router was not told which destinations are shut: %s", error)
