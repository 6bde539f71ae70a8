"""VPNs that are added on the page: looked through, kept, tried, offered, and removed again.

An added VPN runs from the beginning like any other destination, but no device can be switched to
it before it has worked once: a wrong password shall cost nobody the way out.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from orchestrator.added import Shelf
from orchestrator.client import words
from orchestrator.config.uploads import Upload, judge, judge_name, name_of, room_for
from orchestrator.desired import egress_directory, status_file
from orchestrator.health import Seen, proven
from orchestrator.model import Config
from orchestrator.reconcile import Reconciler
from orchestrator.runtime.clock import uptime
from orchestrator.runtime.volume import Volume
from orchestrator.switch import Refused, Switchboard, nearest

log = logging.getLogger(__name__)


class Trials:
    """The life of added VPNs."""

    def __init__(
        self, shelf: Shelf, reconciler: Reconciler, switchboard: Switchboard, volume: Volume
    ) -> None:
        self._shelf = shelf
        self._reconciler = reconciler
        self._switchboard = switchboard
        self._volume = volume
        self._began: dict[str, float] = {}  # name: a status older than this is of another trial
        self._lock = threading.Lock()  # held by whoever changes something

    @property
    def problems(self) -> tuple[str, ...]:
        """What was kept and can't be read or used."""
        return self._shelf.problems

    def add(self, upload: Upload) -> words.Trial:
        """Take in a VPN, or say everything that is wrong; then nothing is kept.

        Raises Refused, one of reconcile.Failures.
        """
        with self._alone():
            config = self._running()
            name = name_of(upload)
            judged = judge(upload)
            trouble = self._against(config, name)
            problems = [*([trouble] if trouble else []), *judged.problems]
            if problems:
                return words.Trial(name=name, accepted=False, problems=problems, notes=[])
            at = datetime.now(UTC).isoformat(timespec="seconds")
            self._reconciler.change_added(lambda: self._shelf.keep(name, upload, at))
            self._volume.remove(status_file(name))
            log.info("%s was added on the page; it is being tried", name)
            self._reconciler.converge()
            self._began[name] = uptime()
        return words.Trial(name=name, accepted=True, problems=[], notes=list(judged.notes))

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        # Each takes as long as containers take. Who waited for it would hold one of the few
        # threads of the control API, and four that wait are a page that does not answer.
        if not self._lock.acquire(blocking=False):
            raise Refused("another VPN is being added or removed", "try again in a moment")
        try:
            yield
        finally:
            self._lock.release()

    def _running(self) -> Config:
        config = self._reconciler.config
        if config is None or self._switchboard.state.stopped:
            raise Refused("the router does not run", "start it with: orchestrator up")
        return config

    def _against(self, config: Config, name: str) -> str:
        """Say what speaks against the name, or against one more destination."""
        kept, present = self._shelf.get(name), config.destination(name)
        if kept is not None and present is not None and present.added:
            if kept.offered:
                return f"name: '{name}' was added before, and works; remove it first"
            rest = tuple(d for d in config.destinations if d.name != name)
            config = replace(config, destinations=rest)
        return judge_name(config, name) or room_for(config, name)

    def offer_the_proven(self, seen: Seen) -> None:
        """Offer what has worked. Raises one of reconcile.Failures."""
        for destination in seen.config.destinations:
            name, status = destination.name, seen.egresses.get(destination.name)
            if destination.offered or status is None or not proven(seen, destination):
                continue
            if not self._lock.acquire(blocking=False):
                return  # somebody adds or removes one; the next look is soon
            try:
                self._offer(name, status.updated)
            finally:
                self._lock.release()

    def _offer(self, name: str, updated: float) -> None:
        if self._shelf.get(name) is None or updated <= self._began.get(name, 0.0):
            return  # removed, or added anew, while it was looked at
        self._reconciler.change_added(lambda: self._shelf.offer(name))
        log.info("%s works; devices can use it from now on", name)

    def remove(self, name: str) -> None:
        """Remove an added VPN with everything of it. Raises Refused, reconcile.Failures."""
        with self._alone():
            if name not in self._shelf:
                raise self._unknown(name)
            self._reconciler.change_added(lambda: self._forget(name))
            log.info("%s, which was added on the page, is removed", name)
            outcome = self._reconciler.converge()
            if not outcome.errors:
                self._volume.remove_directory(egress_directory(name))

    def _forget(self, name: str) -> None:
        kept = self._shelf.get(name)
        users = [] if kept is None or kept.overruled else self._switchboard.users(name)
        if users:
            verb = "goes" if len(users) == 1 else "go"
            raise Refused(
                f"{', '.join(users)} {verb} by {name}", "choose another destination for them first"
            )
        self._shelf.remove(name)

    def _unknown(self, name: str) -> Refused:
        config = self._reconciler.config
        known = [d.name for d in config.destinations] if config else []
        if name in known:
            return Refused(
                f"{name} was not added on the page",
                "who wants to be rid of it takes it out of router.yaml or profiles/",
            )
        return Refused(f"no destination is called '{name}'", nearest(name, known), unknown=True)
