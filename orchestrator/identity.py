"""What people say about who a device is: its name, its kind, that it is another one, or gone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from orchestrator import naming, succession
from orchestrator.store import KnownDevice
from orchestrator.switch import Switchboard


class Identities:
    """Changes names and pictures, and lets one device be another; `by` is who wants it.

    Every method takes a device by name, title, MAC or IP address, and raises Refused, or
    OSError when it could not be remembered. Those that change marks raise RouterFailed, too.
    """

    def __init__(self, switchboard: Switchboard) -> None:
        self._board = switchboard

    def rename(self, reference: str, name: str, by: str = "") -> str:
        """Give a device a name of a person's choice; return its MAC."""
        board = self._board
        with board.held():
            device, title = board.find(reference), naming.checked_title(name)
            naming.check_free(board.config, board.state, board.maker, device.mac, title)
            old = board.titles()[device.mac]
            self._put(replace(device, name=title))
            if title != old:
                board.tell("renamed", device.mac, old=old, new=title, by=by)
            return device.mac

    def set_kind(self, reference: str, kind: str) -> str:
        """Say what a device is; return its MAC."""
        with self._board.held():
            device = self._board.find(reference)
            self._put(replace(device, kind=kind))
            return device.mac

    def dismiss(self, reference: str) -> str:
        """Say that a new device is none of those that it may have been; return its MAC."""
        with self._board.held():
            device = self._board.find(reference)
            self._put(replace(device, dismissed=True))
            return device.mac

    def take_over(
        self,
        reference: str,
        old_reference: str,
        present: Collection[str],
        leases: Mapping[str, int],
        by: str = "",
    ) -> str:
        """Say that a new device is an old one with another MAC address; return the new one.

        `present` are the devices that are here, `leases` the ends of the leases that run.
        """
        board = self._board
        with board.held():
            new, old = board.find(reference), board.find(old_reference)
            state = succession.leaving(board.state, old.mac, leases)
            board.commit(succession.taken_over(board.config, state, new, old, present))
            for device in (new, old):
                board.forget_switches(device.mac)
            board.tell("took_over", new.mac, old=old.mac, new=new.mac, by=by)
            return new.mac

    def forget(
        self, reference: str, present: Collection[str], leases: Mapping[str, int], by: str = ""
    ) -> None:
        """Forget a device that is not here any more."""
        board = self._board
        with board.held():
            device = board.find(reference)
            title = board.titles()[device.mac]
            board.commit(succession.forgotten(board.config, board.state, device, present, leases))
            board.forget_switches(device.mac)
            board.tell("forgotten", device.mac, device=title, by=by)

    def _put(self, device: KnownDevice) -> None:
        self._board.commit(self._board.state.with_device(device))
