"""Devices that come to a Wi-Fi network, or go from one to another, go where that one leads.

In a thread of its own: the daemon's loop may wait for Docker, and whoever has moved meanwhile
would go on by the way of the network that it has left.
"""

from __future__ import annotations

import logging
import threading

from orchestrator.reconcile import Failures, Reconciler

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.1  # at the age of one small file


class RoamingWatch:
    """Takes in who is on which network, whenever hostapd's container has said something."""

    def __init__(self, reconciler: Reconciler) -> None:
        self._reconciler = reconciler
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="roaming", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """End the thread, and wait for it."""
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        seen = 0
        while not self._ending.wait(LOOK_EVERY_S):
            if (now := self._reconciler.stations_changed_at()) != seen:
                seen = now
                self._take_in()

    def _take_in(self) -> None:
        try:
            self._reconciler.take_in_leases()
        except Failures as error:
            log.error("who is on which Wi-Fi network could not be taken in: %s", error)
