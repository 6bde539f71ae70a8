"""The hot path: devices, a destination, one transaction, a receipt for each.

Everything that changes who may send where goes through here, under one lock: a person's
switch, the end of a switch for a time, a new lease, a new configuration. How a change is carried
out, so that it is whole or not at all, is `ledger`'s.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Address

from orchestrator import naming, references, store, succession, timers
from orchestrator.documents import Document
from orchestrator.ledger import Ledger, Left
from orchestrator.ledger import RouterSource as RouterSource
from orchestrator.model import Config, PauseReceipt, Receipt
from orchestrator.naming import Maker
from orchestrator.receipts import as_event, receipt
from orchestrator.refusal import Refused as Refused
from orchestrator.refusal import nearest as nearest
from orchestrator.runtime import clock
from orchestrator.runtime.router import Cut
from orchestrator.runtime.volume import Volume
from orchestrator.stations import STATUS_FILE, where_stations_are
from orchestrator.store import PROBE_NUMBER, KnownDevice
from orchestrator.timers import Moment, Timer
from orchestrator.undo import LastSwitches

ON_TRIAL = "its state says how far it is; devices can use it as soon as it has worked once"

Happened = Callable[..., None]  # called with the kind and the fields of a client.words.Event


class Switchboard:
    """The devices, their choices, and the marks that carry them out."""

    def __init__(
        self,
        document: Document[store.State],
        state: store.State,
        volume: Volume,
        router: RouterSource,
        left: Left = lambda _name, _addresses: None,
        *,
        happened: Happened = lambda _kind, **_fields: None,
        maker: Maker = lambda _mac: "",
        moment: Callable[[], Moment] = clock.moment,
    ) -> None:
        """`left` hears which destination is left by the devices with which addresses.

        `happened` hears what a person may want to read later. It is called while marks can't be
        changed, so it must be quick.
        """
        self._ledger = Ledger(document, state, volume, router, left)
        self._volume = volume
        self._happened = happened
        self.maker = maker
        self._moment = moment
        self._config: Config | None = None
        self._addresses: Mapping[str, IPv4Address] = {}
        self._receipts: dict[str, Receipt] = {}
        self._last = LastSwitches()
        self._changes = 0
        self._lock = threading.RLock()

    @property
    def state(self) -> store.State:
        """What is remembered now."""
        return self._ledger.state

    @property
    def changes(self) -> int:
        """A number that grows with every change of what is remembered, and every receipt."""
        return self._changes

    @property
    def slots(self) -> Mapping[str, int]:
        """{destination: slot} of the configuration in force; before there is one, of all ever."""
        config = self._config
        given = self.state.slots.items()
        return {n: slot for n, slot in given if config is None or config.destination(n)}

    @property
    def addresses(self) -> Mapping[str, IPv4Address]:
        """{MAC: address} of every device that has a lease, or was seen at a typed-in address."""
        return store.addresses(self.state, self._addresses)

    @property
    def receipts(self) -> Mapping[str, Receipt]:
        """The last receipt of each device, by MAC, since the start."""
        return self._receipts

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep everything as it is: while rules are being loaded, or a change is thought out."""
        with self._lock:
            yield

    def settle(
        self, config: Config, hostnames: Mapping[str, str], addresses: Mapping[str, IPv4Address]
    ) -> None:
        """Take in a configuration and the leases. Raises store.StoreFull, OSError, RouterFailed."""
        with self._lock:
            self._config = config
            self._addresses = addresses
            before = self.state
            self.commit(store.settle(config, before, hostnames, self.stations()))
            self._tell_who_moved(before)

    def stations(self) -> Mapping[str, str] | None:
        """Return {MAC: SSID} of the devices on the Wi-Fi; None: that can't be read."""
        return where_stations_are(self._volume.read(STATUS_FILE))

    def _tell_who_moved(self, before: store.State) -> None:
        for device in self.state.devices:
            old = before.device(device.mac)
            if old is None or (old.ssid, old.active) == (device.ssid, device.active):
                continue
            if device.ssid and old.ssid != device.ssid and old.active != device.active:
                ways = {"old": old.active or "", "new": device.active or ""}
                self.tell("joined", device.mac, message=device.ssid, **ways)

    def meet(self, seen: Mapping[str, IPv4Address]) -> bool:
        """Take in devices that send without a lease; say whether there was anything new.

        Raises store.StoreFull, OSError, RouterFailed.
        """
        with self._lock:
            if self._config is None:
                return False
            leased, stations = self._addresses.keys(), self.stations()
            new = store.meet(self._config, self.state, seen, leased, stations)
            if new == self.state:
                return False
            self.commit(new)
            return True

    def set_stopped(self, stopped: bool) -> None:
        """Remember whether the router shall be there at all. Raises OSError."""
        with self._lock:
            if self.state.stopped != stopped:
                self.commit(replace(self.state, stopped=stopped))

    def assign(
        self, reference: str, destination: str, timer: Timer | None = None, by: str = ""
    ) -> Receipt:
        """Send a device by another destination, with a timer for a time; cut its connections.

        `reference` is a name, a MAC or an IP address. Raises Refused for an unknown device or
        destination; RouterFailed or OSError when it could not be done, and then nothing changed.
        """
        return self.assign_many([reference], destination, timer, by)[0]

    def assign_many(
        self,
        references: Sequence[str],
        destination: str,
        timer: Timer | None = None,
        by: str = "",
    ) -> list[Receipt]:
        """Send devices by another destination, all of them or none. Raises as `assign`."""
        with self._lock:
            self._check_destination(destination)
            devices = {d.mac: d for d in map(self.find, references)}
            chosen = [self._chosen(d, destination, timer) for d in devices.values()]
            receipts = self._switch("switched", chosen, by)
            moment = self._moment()
            for new in chosen:
                self._last.note(devices[new.mac], new, moment)
            return receipts

    def _chosen(self, device: KnownDevice, destination: str, timer: Timer | None) -> KnownDevice:
        if timer is None:
            return replace(device, choice=destination, timer=None)
        for_good = device.timer.back_to if device.timer else device.choice
        stays = replace(device, choice=for_good, timer=None)
        if store.wanted_destination(self.config, self.state, stays) == destination:
            return stays  # for a time where it is anyway: there would be nothing to go back to
        return replace(device, choice=destination, timer=replace(timer, back_to=for_good))

    def undo(self, reference: str, by: str = "") -> Receipt:
        """Take a device's last switch back: choice and timer become what they were before it.

        Raises Refused when there is none, or it is too long ago; else as `assign`.
        """
        return self.undo_many([reference], by)[0]

    def undo_many(self, references: Sequence[str], by: str = "") -> list[Receipt]:
        """Take the last switches of these devices back, all of them or none. Raises as `undo`."""
        with self._lock:
            back = {device.mac: device for device in map(self._before, references)}
            receipts = self._switch("undone", list(back.values()), by)
            for mac in back:
                self._last.forget(mac)
            return receipts

    def _before(self, reference: str) -> KnownDevice:
        device = self.find(reference)
        before = self._last.before(self.config, device.mac, self._moment())
        if before is None:
            hint = "a switch can be taken back once, for ten minutes"
            raise Refused(f"there is nothing to take back for '{reference}'", hint)
        return replace(device, choice=before.choice, timer=before.timer)

    @property
    def undoable(self) -> frozenset[str]:
        """The MAC addresses of the devices whose last switch can be taken back.

        Every status asks, and must not wait while rules are being loaded.
        """
        config = self._config
        return frozenset() if config is None else self._last.possible(config, self._moment())

    def go_back(self) -> None:
        """End the switches that have had their time. Raises RouterFailed, OSError."""
        with self._lock:
            timed = [(d, d.timer) for d in self.state.devices if d.timer]
            if self._config is None or not timed:
                return
            moment, state = self._moment(), self.state
            over = [(d, timer) for d, timer in timed if timers.is_over(timer, moment)]
            if over:
                back = [replace(d, choice=timer.back_to, timer=None) for d, timer in over]
                self._switch("switched_back", back, "")
                for device in back:
                    self._last.forget(device.mac)
                return
            for device, timer in timed:
                shown = timers.after_a_jump(timer, moment)
                state = state.with_device(replace(device, timer=shown))
            if state != self.state:
                self.commit(state)

    def _switch(self, kind: str, devices: Sequence[KnownDevice], by: str) -> list[Receipt]:
        """Put `devices`, as they are now, in the place of what they were; all of them at once."""
        before = state = self.state
        for device in devices:
            state = state.with_device(device)
        cut = self.commit(store.settle(self.config, state, {}))
        named, titles, now = self.names(), self.titles(), datetime.now(UTC)
        timers_before = {d.mac: d.timer for d in before.devices}
        receipts = []
        for device in devices:
            mac = device.mac
            made = receipt(self.config, (before, self.state), mac, named[mac], cut, now)
            receipts.append(made)
            if made.old == made.new and timers_before[mac] == device.timer:
                continue
            self._receipts[mac] = made
            self._changes += 1
            if device.number != PROBE_NUMBER:
                self._happened(kind, device=titles[mac], by=by, **as_event(made))
        return receipts

    def admit_probe(self, destination: str) -> str:
        """Let the leak test's device in, on `destination`; return its MAC.

        Raises Refused before there is a configuration, OSError, RouterFailed.
        """
        with self._lock:
            state = store.with_probe(self.state, destination)
            self.commit(store.settle(self.config, state, {}))
            return store.probe_mac(self.state)

    def forget_probe(self) -> None:
        """Forget the leak test's device and its marks. Raises OSError, RouterFailed."""
        with self._lock:
            self.commit(store.without_probe(self.state))
            self._receipts.pop(store.probe_mac(self.state), None)

    def pause(self, destination: str, *, pause: bool = True) -> PauseReceipt:
        """Refuse everything of a destination's devices, or serve them again; keep their choices.

        Raises Refused for an unknown destination; RouterFailed or OSError when it could not be
        done, and then nothing changed.
        """
        with self._lock:
            config, before = self.config, self.state
            self._check_destination(destination)
            cut = self.commit(store.paused(config, before, destination, pause=pause))
            wanted = (store.wanted_destination(config, self.state, d) for d in self.state.devices)
            return PauseReceipt(
                destination=destination,
                paused=pause,
                changed=pause != (destination in before.paused),
                devices=sum(name == destination for name in wanted),
                connections_cut=cut.connections,
                milliseconds=round(cut.milliseconds, 1),
                at=_now(),
            )

    def disown(self, destinations: Collection[str]) -> None:
        """Let go nowhere who chose one of `destinations`, which means something else from now on.

        Raises RouterFailed, OSError.
        """
        with self._lock:
            self.commit(store.disowned(self.state, destinations))
            for device in self.state.devices:
                self._last.forget(device.mac)  # it might lead to the new one

    def users(self, destination: str) -> list[str]:
        """Return the names of the devices that go by a destination, would, or will."""
        with self._lock:
            config, titles = self.config, self.titles()
            return [
                titles[d.mac]
                for d in self.state.devices
                if destination
                in (
                    d.active,
                    store.wanted_destination(config, self.state, d),
                    d.timer and d.timer.back_to,
                )
            ]

    def find(self, reference: str) -> KnownDevice:
        """Return the device with that name, title, MAC or IP address. Raises Refused."""
        return references.find(self.config, self.state, self.addresses, self.maker, reference)

    def names(self) -> dict[str, str]:
        """Return {MAC: name}. Raises Refused before there is a configuration."""
        return naming.names(self.config, self.state)

    def titles(self) -> dict[str, str]:
        """Return {MAC: what people call it}. Raises Refused before there is a configuration."""
        return naming.titles(self.config, self.state, self.maker)

    def refresh(self) -> bool:
        """Make the kernel's marks what they should be; False: the router runs without its rules.

        Raises RouterFailed.
        """
        with self._lock:
            return self._ledger.refresh()

    def cut_stale(self) -> None:
        """Cut what a switch that was interrupted left: refused since then, but not forgotten.

        Raises EngineFailed, RouterFailed.
        """
        with self._lock:
            self._ledger.cut_stale()

    @property
    def config(self) -> Config:
        """The configuration in force. Raises Refused before there is one."""
        if self._config is None:
            raise Refused("there is no valid configuration yet", "`orchestrator check` says why")
        return self._config

    def commit(self, new: store.State) -> Cut:
        """Make `new` true, whole or not at all; for those that hold the lock (`held`).

        Raises RouterFailed, OSError.
        """
        known, before = {d.mac for d in self.state.devices}, self.state
        cut = self._ledger.commit(new, store.addresses(new, self._addresses))
        self._changes += new != before
        newcomers = [d for d in new.devices if d.mac not in known and d.number != PROBE_NUMBER]
        for device in newcomers:
            if succession.is_unnamed(self.config, device):
                self.tell("new_device", device.mac, new=device.active or "")
        return cut

    def tell(self, kind: str, mac: str, **fields: object) -> None:
        """Let `happened` know of a device, by the title that it has now."""
        self._happened(kind, mac=mac, **{"device": self.titles().get(mac, ""), **fields})

    def forget_switches(self, mac: str) -> None:
        """Forget a device's receipt, and what it was before."""
        self._receipts.pop(mac, None)
        self._last.forget(mac)

    def _check_destination(self, name: str) -> None:
        known = [d.name for d in self.config.destinations]
        destination = self.config.destination(name)
        if destination is None:
            message = f"no destination is called '{name}'"
            raise Refused(message, nearest(name, known), unknown=True)
        if not destination.offered:
            raise Refused(f"{name} is being tried: it has not worked yet", ON_TRIAL)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
