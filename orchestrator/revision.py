"""Whether the status has something new to say, without building it.

A page that is open asks each second. The whole status costs a look at Docker and at many files;
here it costs a counter and a stat(2) for each file, and only a file that has changed is read.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable

from orchestrator import stations
from orchestrator.desired import LEASES_FILE, status_file
from orchestrator.gates import Gates
from orchestrator.health import STALE_SECONDS, parse_egress_status
from orchestrator.leases import parse_leases
from orchestrator.reconcile import Reconciler
from orchestrator.runtime.clock import uptime
from orchestrator.runtime.offers import OfferWatch
from orchestrator.runtime.volume import Volume
from orchestrator.strangers import Strangers
from orchestrator.switch import Switchboard
from orchestrator.wifi import parse_status as parse_wifi_status


class _Fact:
    """What a file says, as far as it matters; read anew when the file has changed."""

    def __init__(
        self, volume: Volume, name: str, read: Callable[[str], tuple[object, float]]
    ) -> None:
        self._volume = volume
        self._name = name
        self._read = read
        self._changed_at = -1
        self.value: object = None
        self.until = float("inf")  # from then on it says something else by itself

    def look(self) -> object:
        changed_at = self._volume.changed_at(self._name)
        if changed_at != self._changed_at:
            self._changed_at = changed_at
            self.value, self.until = self._read(self._volume.read(self._name) or "")
        return self.value, uptime() > self.until


class Revision:
    """A short text that changes with what the status would say."""

    def __init__(
        self,
        switchboard: Switchboard,
        reconciler: Reconciler,
        volume: Volume,
        gates: Gates,
        strangers: Strangers,
        offers: OfferWatch,
        presence: Callable[[], object],
        access: Callable[[], object],
    ) -> None:
        """`presence` returns something that changes when a device comes or goes, `access` when
        somebody else may do something else.
        """
        self._access = access
        self._presence = presence
        self._switchboard = switchboard
        self._reconciler = reconciler
        self._volume = volume
        self._gates = gates
        self._strangers = strangers
        self._offers = offers
        self._leases = _Fact(volume, LEASES_FILE, _leased)
        self._egresses: dict[str, _Fact] = {}
        self._wifi = _Fact(volume, stations.STATUS_FILE, _joined)
        self._events = itertools.count(1)
        self._event = 0

    def saw_event(self) -> None:
        """A container has changed."""
        self._event = next(self._events)

    def now(self) -> str:
        """Return the text as it is now."""
        return f"{zlib.crc32(repr(self._facts()).encode()):08x}"

    def _facts(self) -> tuple[object, ...]:
        reconciler, dhcp = self._reconciler, self._offers.latest
        return (
            self._event,
            self._switchboard.changes,
            reconciler.readings,
            reconciler.config_errors,
            reconciler.errors,
            self._strangers.problems,
            sorted(self._gates.shut),
            dhcp and (dhcp.servers, dhcp.problem),
            self._leases.look(),
            self._wifi.look() if reconciler.config and reconciler.config.wifi else None,
            self._presence(),
            self._access(),
            [self._egress(name).look() for name in sorted(self._switchboard.slots)],
        )

    def _egress(self, name: str) -> _Fact:
        if name not in self._egresses:
            self._egresses[name] = _Fact(self._volume, status_file(name), _said)
        return self._egresses[name]


def _leased(text: str) -> tuple[object, float]:
    return sorted((x.mac, str(x.address), x.hostname) for x in parse_leases(text)), float("inf")


def _joined(text: str) -> tuple[object, float]:
    """Everything but how well stations are heard, which changes all the time."""
    status = parse_wifi_status(text)
    if status is None:
        return None, float("inf")
    who = sorted((mac, ssid) for mac, (ssid, _) in stations.joined(status).items())
    radio = (status.state, status.message, status.channel, stations.max_stations(status))
    return (who, radio), status.updated + stations.STALE_SECONDS


def _said(text: str) -> tuple[object, float]:
    status = parse_egress_status(text)
    if status is None:
        return None, float("inf")
    # The latency is another one each time, and no page has to be made anew for it.
    return status.model_dump(exclude={"updated", "latency_ms"}), status.updated + STALE_SECONDS
