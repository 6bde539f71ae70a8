"""Devices that never asked for an address: whoever typed one in by hand is not invisible.

The router notes who sends without a mark, in a set that is bounded and forgets. Here it is read
every few seconds, and who stands in it becomes a device like one with a lease. A set that is full
is no home with many guests but somebody who makes up MAC addresses: then nobody is taken in, so
that a flood can't fill the memory, and a person is told.
"""

from __future__ import annotations

from orchestrator.render.router import STRANGERS_SIZE
from orchestrator.runtime.namespace import NamespaceGone
from orchestrator.switch import RouterSource, Switchboard


class Strangers:
    """Looks who sends without being known."""

    def __init__(self, switchboard: Switchboard, router: RouterSource) -> None:
        self._switchboard = switchboard
        self._router = router
        self._flooded = False

    @property
    def problems(self) -> tuple[str, ...]:
        """What a person should know, in sentences."""
        if not self._flooded:
            return ()
        return (
            f"{STRANGERS_SIZE} unknown devices or more knocked within minutes: somebody makes up"
            " MAC addresses; meanwhile no device without a lease is taken in",
        )

    def take_in(self) -> bool:
        """Make devices of those that the router has noted; say whether there was a new one.

        Raises EngineFailed, store.StoreFull, OSError, RouterFailed.
        """
        router = self._router.current()
        try:
            noted = router.strangers() if router is not None else ()
        except NamespaceGone:
            return False
        self._flooded = len(noted) >= STRANGERS_SIZE
        # Whoever came last to an address has it; whom it had before stays in the set for a while.
        latest = {address: mac for mac, address in noted}
        seen = {mac: address for address, mac in latest.items()}
        return bool(seen) and not self._flooded and self._switchboard.meet(seen)
