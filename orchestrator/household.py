"""The devices of the home, for the control API: what people ask for, and who is who."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from orchestrator import health, timers
from orchestrator.client import words
from orchestrator.identity import Identities
from orchestrator.model import Config, Receipt
from orchestrator.portraits import portraits
from orchestrator.reconcile import Reconciler
from orchestrator.refusal import Refused
from orchestrator.runtime import clock
from orchestrator.store import PROBE_NUMBER
from orchestrator.switch import Switchboard

_NOTHING_REFUSED: words.Refusals = {"dns_over_tls": 0, "dns_elsewhere": 0}


class Household:
    """Requests that concern devices. `by` is who asks, for the activity.

    All of them raise Refused; RouterFailed or OSError when it could not be done.
    """

    def __init__(
        self,
        switchboard: Switchboard,
        reconciler: Reconciler,
        devices: Callable[[], list[dict[str, Any]]],
        device: Callable[[str], dict[str, Any]],
        answering: Callable[[], set[str]],
    ) -> None:
        """`devices` returns those of GET /api/v1/devices, `device` one of them by its MAC.

        `answering` returns the MAC addresses of those that are not silent now. A phone that is
        silent may sleep, and counts as being here; or it has another address since.
        """
        self._answering = answering
        self._switchboard = switchboard
        self._reconciler = reconciler
        self._identities = Identities(switchboard)
        self._devices = devices
        self._device = device

    def reports(
        self,
        config: Config,
        reports: Sequence[health.DeviceReport],
        refused: Mapping[str, words.Refusals],
        joined: Callable[[str], words.Joined | None] = lambda _mac: None,
    ) -> list[dict[str, Any]]:
        """Return devices as the API describes them: their traffic, and who they are.

        `refused` is what was refused of their DNS, by MAC address; `joined` tells on which Wi-Fi
        network a MAC address is.
        """
        board = self._switchboard
        present = self._answering()
        known = portraits(
            config, board.state, board.maker, present=present, undoable=board.undoable
        )
        return [
            {
                **_traffic(r),
                **dataclasses.asdict(known[r.mac]),
                "refused": refused.get(r.mac, _NOTHING_REFUSED),
                "wifi": joined(r.mac),
            }
            for r in reports
            if r.mac in known
        ]

    def assign(
        self,
        reference: str,
        destination: str,
        minutes: int | None = None,
        until: str | None = None,
        by: str = "",
    ) -> dict[str, Any]:
        """Switch a device, for good or for a time, and return the receipt."""
        return self.assign_many([reference], destination, minutes, until, by)[0]

    def assign_many(
        self,
        references: Sequence[str],
        destination: str,
        minutes: int | None = None,
        until: str | None = None,
        by: str = "",
    ) -> list[dict[str, Any]]:
        """Switch all of these devices or none, and return a receipt for each."""
        for reference in references:
            self._leave_the_probe_alone(reference)
        timer = timers.wanted_timer(clock.moment(), clock.home_zone(), minutes, until)
        made = self._switchboard.assign_many(references, destination, timer, by)
        return [as_json(receipt) for receipt in made]

    def undo(self, reference: str, by: str = "") -> dict[str, Any]:
        """Take the last switch of a device back, and return the receipt of that."""
        return self.undo_many([reference], by)[0]

    def undo_many(self, references: Sequence[str], by: str = "") -> list[dict[str, Any]]:
        """Take the last switches of all of these devices back or none; return the receipts."""
        return [as_json(receipt) for receipt in self._switchboard.undo_many(references, by)]

    def rename(self, reference: str, name: str, by: str = "") -> dict[str, Any]:
        """Rename a device and return it."""
        self._leave_the_probe_alone(reference)
        return self._with_new_names(self._identities.rename(reference, name, by))

    def set_kind(self, reference: str, kind: str) -> dict[str, Any]:
        """Say what a device is, and return it."""
        self._leave_the_probe_alone(reference)
        return self._device(self._identities.set_kind(reference, kind))

    def dismiss(self, reference: str) -> dict[str, Any]:
        """Say that a device is a new one indeed, and return it."""
        self._leave_the_probe_alone(reference)
        return self._device(self._identities.dismiss(reference))

    def take_over(self, reference: str, old: str, by: str = "") -> dict[str, Any]:
        """Say that a new device is an old one, and return it."""
        self._leave_the_probe_alone(reference)
        self._leave_the_probe_alone(old)
        leases = self._lease_ends()
        mac = self._identities.take_over(reference, old, self._answering(), leases, by)
        return self._with_new_names(mac)

    def forget(self, reference: str, by: str = "") -> None:
        """Forget a device that is gone."""
        self._leave_the_probe_alone(reference)
        self._identities.forget(reference, self._present(), self._lease_ends(), by)
        self._reconciler.wanted.set()

    def _with_new_names(self, mac: str) -> dict[str, Any]:
        # The resolvers know it a second later. Whoever waited for that might wait for a container
        # that is being made, and hold one of the few threads of the control API meanwhile.
        self._reconciler.wanted.set()
        return self._device(mac)

    def _present(self) -> set[str]:
        return {d["mac"] for d in self._devices() if d["online"]}

    def _lease_ends(self) -> Mapping[str, int]:
        return {lease.mac: lease.expires for lease in self._reconciler.leases()}

    def _leave_the_probe_alone(self, reference: str) -> None:
        # Moved by somebody else it would prove what nobody looked at, or find a leak in that.
        if self._switchboard.find(reference).number == PROBE_NUMBER:
            raise Refused(f"'{reference}' is the device of a leak test", "it is gone in a minute")


def _traffic(report: health.DeviceReport) -> dict[str, Any]:
    return {
        **dataclasses.asdict(report),
        "destination": report.destination or "",
        "receipt": as_json(report.receipt) if report.receipt else None,
    }


def as_json(receipt: Receipt) -> dict[str, Any]:
    """Return a receipt as JSON's types; "no destination" gets a word."""
    plain = dataclasses.asdict(receipt)
    return {**plain, "old": receipt.old or "nowhere", "new": receipt.new or "nowhere"}
