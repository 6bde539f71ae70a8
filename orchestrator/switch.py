"""The hot path: one device, one destination, one transaction, one receipt.

Everything that changes who may send where goes through here, under one lock: a person's
switch, a new lease, a new configuration. The order is always the same. First the choice and
the marks are on disk, so that a router that starts by itself at any later moment loads them;
then one nftables transaction makes the old marks dead; then the dead connections are cut.
"""

from __future__ import annotations

import contextlib
import logging
import re
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from difflib import get_close_matches
from ipaddress import IPv4Address
from typing import Protocol

from orchestrator import store
from orchestrator.desired import MARKS_FILE
from orchestrator.documents import Document
from orchestrator.model import Config, PauseReceipt, Receipt
from orchestrator.render.router import all_marks, mark_changes, render_marks
from orchestrator.runtime.namespace import NamespaceGone
from orchestrator.runtime.router import Cut, RouterFailed, RouterNamespace
from orchestrator.runtime.volume import Volume

log = logging.getLogger(__name__)

NOTHING_CUT = Cut(0, 0.0)


class Refused(Exception):
    """A request that can't be met; nothing was changed. `hint` says what would be right."""

    def __init__(self, message: str, hint: str = "", *, unknown: bool = False) -> None:
        super().__init__(message)
        self.hint = hint
        self.unknown = unknown


class RouterSource(Protocol):
    """Where the open handle on the router's namespace comes from; None while it is not there."""

    def current(self) -> RouterNamespace | None: ...


class Switchboard:
    """The devices, their choices, and the marks that carry them out."""

    def __init__(
        self,
        document: Document[store.State],
        state: store.State,
        volume: Volume,
        router: RouterSource,
        left: Callable[[str, Collection[IPv4Address]], None] = lambda _name, _addresses: None,
    ) -> None:
        """`left` hears which destination is left by the devices with which addresses."""
        self._document = document
        self._state = state
        self._volume = volume
        self._router = router
        self._left = left
        self._config: Config | None = None
        self._addresses: Mapping[str, IPv4Address] = {}
        self._receipts: dict[str, Receipt] = {}
        self._changes = 0
        self._lock = threading.RLock()

    @property
    def state(self) -> store.State:
        """What is remembered now."""
        return self._state

    @property
    def changes(self) -> int:
        """A number that grows with every change of what is remembered, and every receipt."""
        return self._changes

    @property
    def slots(self) -> Mapping[str, int]:
        """{destination: slot} of the configuration in force; before there is one, of all ever."""
        config = self._config
        given = self._state.slots.items()
        return {n: slot for n, slot in given if config is None or config.destination(n)}

    @property
    def addresses(self) -> Mapping[str, IPv4Address]:
        """{MAC: address} of every device that has a lease, or was seen at a typed-in address."""
        return store.addresses(self._state, self._addresses)

    @property
    def receipts(self) -> Mapping[str, Receipt]:
        """The last receipt of each device, by MAC, since the start."""
        return self._receipts

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep every mark as it is, for as long as the rules are being loaded."""
        with self._lock:
            yield

    def settle(
        self, config: Config, hostnames: Mapping[str, str], addresses: Mapping[str, IPv4Address]
    ) -> None:
        """Take in a configuration and the leases. Raises store.StoreFull, OSError, RouterFailed."""
        with self._lock:
            self._config = config
            self._addresses = addresses
            self._commit(store.settle(config, self._state, hostnames))

    def meet(self, seen: Mapping[str, IPv4Address]) -> bool:
        """Take in devices that send without a lease; say whether there was anything new.

        Raises store.StoreFull, OSError, RouterFailed.
        """
        with self._lock:
            if self._config is None:
                return False
            new = store.meet(self._config, self._state, seen, self._addresses.keys())
            if new == self._state:
                return False
            self._commit(new)
            return True

    def set_stopped(self, stopped: bool) -> None:
        """Remember whether the router shall be there at all. Raises OSError."""
        with self._lock:
            if self._state.stopped != stopped:
                self._commit(replace(self._state, stopped=stopped))

    def assign(self, reference: str, destination: str) -> Receipt:
        """Send a device by another destination and cut its connections.

        `reference` is a name, a MAC or an IP address. Raises Refused for an unknown device or
        destination; RouterFailed or OSError when it could not be done, and then nothing changed.
        """
        with self._lock:
            config, device = self._configured(), self.find(reference)
            self._check_destination(destination)
            name = self.names()[device.mac]
            wanted = store.wanted_destination(config, self._state, device)
            state = self._state.with_device(replace(device, choice=destination))
            cut = self._commit(store.settle(config, state, {}))
            receipt = Receipt(
                mac=device.mac,
                device=name,
                old=wanted if wanted in self._state.paused else device.active,
                new=destination,
                connections_cut=cut.connections,
                milliseconds=round(cut.milliseconds, 1),
                at=_now(),
                note=f"{destination} is paused" if destination in self._state.paused else "",
            )
            if receipt.old != receipt.new:
                self._receipts[device.mac] = receipt
                self._changes += 1
            return receipt

    def admit_probe(self, destination: str) -> str:
        """Let the leak test's device in, on `destination`; return its MAC.

        Raises Refused before there is a configuration, OSError, RouterFailed.
        """
        with self._lock:
            state = store.with_probe(self._state, destination)
            self._commit(store.settle(self._configured(), state, {}))
            return store.probe_mac(self._state)

    def forget_probe(self) -> None:
        """Forget the leak test's device and its marks. Raises OSError, RouterFailed."""
        with self._lock:
            self._commit(store.without_probe(self._state))
            self._receipts.pop(store.probe_mac(self._state), None)

    def pause(self, destination: str, *, pause: bool = True) -> PauseReceipt:
        """Refuse everything of a destination's devices, or serve them again; keep their choices.

        Raises Refused for an unknown destination; RouterFailed or OSError when it could not be
        done, and then nothing changed.
        """
        with self._lock:
            config, before = self._configured(), self._state
            self._check_destination(destination)
            cut = self._commit(store.paused(config, before, destination, pause=pause))
            wanted = (store.wanted_destination(config, self._state, d) for d in self._state.devices)
            return PauseReceipt(
                destination=destination,
                paused=pause,
                changed=pause != (destination in before.paused),
                devices=sum(name == destination for name in wanted),
                connections_cut=cut.connections,
                milliseconds=round(cut.milliseconds, 1),
                at=_now(),
            )

    def rename(self, reference: str, name: str) -> str:
        """Give a device a name of a person's choice and return its MAC. Raises Refused, OSError."""
        with self._lock:
            device = self.find(reference)
            wanted = store.as_label(name)
            if not wanted or wanted != name.lower():
                hint = f"'{wanted}' would do" if wanted else "letters, digits and hyphens"
                raise Refused(f"'{name}' can't be a name in the home network", hint)
            others = {mac: n for mac, n in self.names().items() if mac != device.mac}
            if wanted in {*others.values(), *store.RESERVED_NAMES}:
                raise Refused(f"the name '{wanted}' is taken", "choose another one")
            self._commit(self._state.with_device(replace(device, name=wanted)))
            return device.mac

    def find(self, reference: str) -> store.KnownDevice:
        """Return the device with that name, MAC or IP address. Raises Refused."""
        wanted = _canonical(reference)
        names, addresses = self.names(), self.addresses
        for device in self._state.devices:
            address = addresses.get(device.mac)
            if wanted in (device.mac, names[device.mac], str(address)):
                return device
        hint = nearest(wanted, list(names.values()))
        raise Refused(f"no device is called '{reference}'", hint, unknown=True)

    def names(self) -> dict[str, str]:
        """Return {MAC: name}. Raises Refused before there is a configuration."""
        return store.names(self._configured(), self._state)

    def refresh(self) -> bool:
        """Make the kernel's marks what they should be; False: the router runs without its rules.

        Raises RouterFailed.
        """
        with self._lock:
            router = self._router.current()
            if router is not None:
                with contextlib.suppress(NamespaceGone):  # the next one starts with the file
                    self._align(router, store.live_marks(self._state))
                    return router.marks() is not None
            return True

    def cut_stale(self) -> None:
        """Cut what a switch that was interrupted left: refused since then, but not forgotten.

        Raises EngineFailed, RouterFailed.
        """
        with self._lock, contextlib.suppress(NamespaceGone):
            router = self._router.current()
            if router is not None and (cut := router.cut_stale()):
                log.info("%d connections of interrupted switches were still in use; cut", cut)

    def _check_destination(self, name: str) -> None:
        known = [d.name for d in self._configured().destinations]
        if name not in known:
            message = f"no destination is called '{name}'"
            raise Refused(message, nearest(name, known), unknown=True)

    def _configured(self) -> Config:
        if self._config is None:
            raise Refused("there is no valid configuration yet", "`orchestrator check` says why")
        return self._config

    def _commit(self, new: store.State) -> Cut:
        old, marks = self._state, store.live_marks(new)
        before = store.live_marks(old)
        try:
            self._persist(old, new)
            cut = self._change_kernel(before, marks) if before != marks else NOTHING_CUT
        except BaseException:
            # Whatever it was: disk and memory shall not tell different stories.
            with contextlib.suppress(OSError):
                self._persist(new, old)
            raise
        self._state = new
        self._changes += new != old
        self._tell_who_left(old, new)
        return cut

    def _tell_who_left(self, old: store.State, new: store.State) -> None:
        now, addresses = {d.mac: d.active for d in new.devices}, self.addresses
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


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _canonical(reference: str) -> str:
    """Return a reference in lower case; a MAC address in the notation that we keep."""
    text = reference.strip().lower()
    dashed = re.fullmatch(r"(?:[0-9a-f]{2}-){5}[0-9a-f]{2}", text)
    return text.replace("-", ":") if dashed else text


def nearest(wanted: str, known: list[str]) -> str:
    """Return a hint that names what was probably meant, or else all there is."""
    close = get_close_matches(wanted.lower(), known, n=1, cutoff=0.5)
    if close:
        return f"did you mean '{close[0]}'?"
    if not known:
        return "there is none yet"
    return f"there {'is' if len(known) == 1 else 'are'} {', '.join(sorted(known))}"
