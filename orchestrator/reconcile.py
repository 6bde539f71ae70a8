"""Observe, plan, apply: bring what is there to what shall be there, again and again.

A configuration that can't be read changes nothing: the last good one, kept on disk, stays in
force. A step that fails is reported and tried again later; the steps after it are still taken,
so that one broken destination doesn't keep the others away. A change that could cut the home
network off is on probation (probation.py).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from pathlib import Path

from orchestrator import config as configuration
from orchestrator import store
from orchestrator.added import Shelf
from orchestrator.config.uploads import overruled, with_added
from orchestrator.desired import LEASES_FILE, ROUTER, Images, Inputs, desired_state
from orchestrator.documents import Document
from orchestrator.first_start import KEEP, FirstStart, said
from orchestrator.gates import Gates
from orchestrator.leases import parse_leases
from orchestrator.model import (
    Action,
    Config,
    DesiredState,
    FileSpec,
    HostFacts,
    Lease,
    ObservedState,
    Plan,
    Radio,
    Verb,
    Wifi,
)
from orchestrator.plan import NotOurs, make_plan
from orchestrator.probation import Probation
from orchestrator.proposal import of_config
from orchestrator.runtime.engine import Engine, EngineFailed
from orchestrator.runtime.host import PortFailed
from orchestrator.runtime.namespace import NamespaceGone
from orchestrator.runtime.router import RouterFailed
from orchestrator.runtime.volume import Volume
from orchestrator.stations import STATUS_FILE
from orchestrator.store import StoreFull, settle
from orchestrator.switch import Switchboard

log = logging.getLogger(__name__)

BRIEF_LEASE_S = 120  # dnsmasq gives none that is shorter
ROLES = ("router", "dhcp", "webui", "egress", "hostapd")
_LOAD_RULES = ["/usr/local/bin/apply"]

# What a step or the world may refuse; anything else is a mistake of ours and is not hidden.
Failures = (
    EngineFailed, RouterFailed, PortFailed, NamespaceGone, NotOurs, StoreFull, OSError
)  # fmt: skip


class BadConfiguration(Exception):
    """The configuration has mistakes; nothing was changed."""

    def __init__(self, errors: tuple[str, ...]) -> None:
        super().__init__("the configuration has mistakes; nothing was changed")
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done, and what could not be done."""

    actions: tuple[Action, ...] = ()
    errors: tuple[str, ...] = ()


class Reconciler:
    """Holds the configuration in force and makes the world agree with it."""

    def __init__(
        self,
        directory: Path,
        tag: str,
        engine: Engine,
        volume: Volume,
        switchboard: Switchboard,
        last_good: Document[Config],
        host_facts: Callable[[], HostFacts],
        prepare_lan_port: Callable[[str], None],
        gates: Gates,
        added: Shelf,
        probation: Probation,
        first_start: FirstStart,
        unfinished: Callable[[], str] = lambda: "",
        radio: Callable[[Wifi | None], Radio | None] = lambda _wifi: None,
    ) -> None:
        """`unfinished` says why what is on disk may not be taken in yet; "" when it may."""
        self._first_start = first_start
        self._directory = directory
        self._tag = tag
        self._engine = engine
        self._volume = volume
        self._switchboard = switchboard
        self._last_good = last_good
        self._host_facts = host_facts
        self._prepare_lan_port = prepare_lan_port
        self._gates = gates
        self._radio = radio
        self._lock = threading.Lock()
        self._reading = threading.Lock()
        self._images: Images | None = None
        self._added = added
        self.probation = probation
        self._applying = ""  # the change on probation that `converge` makes so
        self._unfinished = unfinished
        self._files: Config | None = last_good.read().value
        self.config: Config | None = self._files and self._in_force(self._files)
        self.config_errors: tuple[str, ...] = ()
        self.errors: tuple[str, ...] = ()
        self.readings = 0  # how often the configuration was read
        self.wanted = threading.Event()  # set by whoever wants `converge` soon, and not to wait

    def reload(self, *, asked: bool = False) -> tuple[str, ...]:
        """Read the configuration; return its mistakes, and keep the last good one if it has any.

        What was taken back is only taken in again when a person has `asked`. Raises OSError.
        """
        with self._reading:  # the start and a person's `up` may come at once
            try:
                self._settle_first_start()
                config = self._read()
            except BadConfiguration as bad:
                self.config_errors = bad.errors
            else:
                self.config_errors = ()
                if asked or not self.probation.refuses(config):
                    self._take_in(config)
                if asked:
                    self.probation.wake()
            self.readings += 1
            return self.config_errors

    def _take_in(self, config: Config) -> None:
        self.probation.begin(self._files, config)  # before anything of it is in force
        self._disown_overruled(config)
        if config != self._files:
            self._last_good.write(config)
        self._put_in_force(config)

    def _put_in_force(self, config: Config) -> None:
        self._files = config
        with self._switchboard.held():
            self.config = self._in_force(config)

    def _in_force(self, config: Config) -> Config:
        config = with_added(config, self._added.usable)
        pending = self.probation.pending
        if pending is None or pending.previous.lan == config.lan:
            return config
        # Who gets an address of a home network that is taken back has to ask again soon.
        lease_time = min(config.lan.lease_time, BRIEF_LEASE_S)
        return replace(config, lan=replace(config.lan, lease_time=lease_time))

    def confirm(self) -> bool:
        """Keep the change that is on probation; False when there is none. Raises OSError."""
        with self._reading:
            waited = self.probation.pending is not None
            if waited:
                self.probation.confirmed()
                self.readings += 1
                if self._files is not None:
                    self._put_in_force(self._files)
                self.wanted.set()
            return waited

    def take_back(self, why: str) -> bool:
        """Put the configuration before the change in force; False when it was just confirmed.

        A full disk does not keep the home locked out: the next start goes back once more.
        """
        with self._reading:
            pending = self.probation.pending
            if pending is None:
                return False
            log.error("the change of router.yaml is taken back: %s", why)
            try:
                self._last_good.write(pending.previous)
            except OSError as error:
                log.error("the configuration in force can't be written down: %s", error)
            self.probation.taken_back(why)
            self._put_in_force(pending.previous)
            self.readings += 1
        self.wanted.set()
        return True

    def change_added(self, change: Callable[[], None]) -> None:
        """Change what was added on the page, and let it take effect on every choice at once.

        No device is switched meanwhile. Raises what `change` does, or one of `Failures`.
        """
        with self._reading, self._switchboard.held():
            change()
            if self._files is not None:
                self.config = self._in_force(self._files)
                self.readings += 1
                self.take_in_leases()

    def _disown_overruled(self, config: Config) -> None:
        # Before the file's destination is in force: nobody chose that one for those devices.
        names = overruled(config, self._added.usable)
        news = [n for n in names if (kept := self._added.get(n)) and not kept.overruled]
        if news:
            self._switchboard.disown(news)
        self._added.overrule(names)

    def _settle_first_start(self) -> None:
        if self._unfinished():
            return
        try:
            self._first_start.settle(fresh=self._files is None)
        except OSError as error:
            raise BadConfiguration((f"settings can't be chosen: {error}",)) from error

    def _read(self) -> Config:
        if unfinished := self._unfinished():
            raise BadConfiguration((unfinished,))
        chosen = self._first_start.file()
        try:
            config = configuration.load(self._directory, self._host_facts(), chosen)
        except configuration.ConfigErrors as errors:
            lack = self._first_start.lack
            more = (f"nothing was chosen instead: {lack}",) if lack else ()
            raise BadConfiguration((*map(str, errors.errors), *more)) from errors
        except (EngineFailed, NamespaceGone, OSError) as error:
            raise BadConfiguration((f"the host can't be looked at: {error}",)) from error
        if chosen is None:
            return config
        return replace(config, chosen=f"{said(of_config(config))}; {KEEP}")

    def look_at_images(self) -> None:
        """Take in images that were built since; what runs of older ones is made anew.

        Not done by itself: while an upgrade builds, the old orchestrator would start new images
        with its own older files. Raises EngineFailed.
        """
        self._images = self._images_now()

    def image(self, role: str) -> str:
        """Return the name of a service's image."""
        return f"manyways/{role}:{self._tag}"

    def _images_now(self) -> Images:
        names = {role: self.image(role) for role in ROLES}
        return Images(names, {role: self._engine.image_id(name) for role, name in names.items()})

    def leases(self) -> tuple[Lease, ...]:
        """Return the leases that the DHCP server has given, but for those that were left behind.

        One that is renewed is no longer left: its device is back.
        """
        left = self._switchboard.state.left_leases
        found = parse_leases(self._volume.read(LEASES_FILE) or "")
        return tuple(lease for lease in found if left.get(lease.mac) != lease.expires)

    def leases_changed_at(self) -> int:
        """Return a number that changes with the leases."""
        return self._volume.changed_at(LEASES_FILE)

    def stations_changed_at(self) -> int:
        """Return a number that changes with what hostapd says; 0 without Wi-Fi."""
        wifi = self.config is not None and self.config.wifi is not None
        return self._volume.changed_at(STATUS_FILE) if wifi else 0

    def preview(self) -> Plan:
        """Return what `up` would do with the configuration and images as they are now.

        Nothing is taken in. Raises BadConfiguration or one of `Failures`.
        """
        config, leases = with_added(self._read(), self._added.usable), self.leases()
        hostnames = {lease.mac: lease.hostname for lease in leases}
        stations = self._switchboard.stations()
        state = settle(config, self._switchboard.state, hostnames, stations)
        addresses = store.addresses(state, {lease.mac: lease.address for lease in leases})
        radio = self._radio(config.wifi)
        desired = desired_state(Inputs(config, state, addresses, self._images_now(), radio))
        return make_plan(desired, self._observe())

    def converge(self) -> Outcome:
        """Make the world agree with the configuration in force; return what was done."""
        with self._lock:
            try:
                outcome = self._converge()
            except Failures as error:
                outcome = Outcome(errors=(str(error),))
            with self._reading:
                self.probation.applied(self._applying)  # as far as it could be
            self.errors = outcome.errors
            return outcome

    def take_in_leases(self) -> None:
        """Let new devices, changed addresses and who joined which Wi-Fi network take effect.

        Raises one of `Failures`.
        """
        leases = self.leases()
        addresses: Mapping[str, IPv4Address] = {lease.mac: lease.address for lease in leases}
        hostnames = {lease.mac: lease.hostname for lease in leases}
        with self._switchboard.held():  # an older configuration must not come after a newer one
            if self.config is not None:
                self._switchboard.settle(self.config, hostnames, addresses)

    def remove_everything(self) -> Outcome:
        """Remove the containers and networks; names, choices and leases stay on disk."""
        with self._lock:
            with self._reading:
                self.probation.rest()
            try:
                plan = make_plan(DesiredState(), self._observe())
            except Failures as error:
                return Outcome(errors=(str(error),))
            return self._apply(plan)

    def _converge(self) -> Outcome:
        with self._reading, self._switchboard.held():
            self.take_in_leases()
            config, state, pending = self.config, self._switchboard.state, self.probation.pending
            addresses = self._switchboard.addresses
        self._applying = pending.change if pending and not state.stopped else ""
        if config is None:
            return Outcome()
        if not state.stopped and not config.lan_is_bridge:  # else the porter prepares its ports
            self._prepare_lan_port(config.lan.interfaces[0])
        desired = self._desired(config, state, addresses)
        outcome = self._apply(make_plan(desired, self._observe()))
        if not self._switchboard.refresh():
            self._load_rules()
        self._gates.fill()  # a router that started by itself has an empty set
        return outcome

    def _load_rules(self) -> None:
        # No switch may come between the reading of the marks and their loading.
        with self._switchboard.held():
            self._engine.execute(ROUTER, _LOAD_RULES)
        self._gates.fill()

    def _desired(
        self, config: Config, state: store.State, addresses: Mapping[str, IPv4Address]
    ) -> DesiredState:
        if state.stopped:
            return DesiredState()
        if self._images is None:
            self.look_at_images()
        assert self._images is not None
        radio = self._radio(config.wifi)
        return desired_state(Inputs(config, state, addresses, self._images, radio))

    def _observe(self) -> ObservedState:
        return ObservedState(
            networks=self._engine.networks(),
            containers=self._engine.containers(),
            files=self._volume.files(),
            directories=self._volume.directories(),
            told=self._volume.told(),
        )

    def _apply(self, plan: Plan) -> Outcome:
        outcome = Outcome()
        for action in plan.actions:
            log.info("%s %s: %s", action.verb, action.target, action.reason)
            try:
                self._perform(action)
                if action.told is not None:
                    self._volume.remember_told(action.target, action.told)
            except Failures as error:
                log.error("%s", error)
                outcome = replace(outcome, errors=(*outcome.errors, str(error)))
            else:
                outcome = replace(outcome, actions=(*outcome.actions, action))
        return outcome

    def _perform(self, action: Action) -> None:
        if action.verb is Verb.LOAD_RULES:
            self._load_rules()
        elif action.verb is Verb.MAKE_DIRECTORY:
            self._volume.make_directory(action.target)
        elif action.verb is Verb.WRITE_FILE:
            assert isinstance(action.item, FileSpec)
            self._volume.write(action.target, action.item.content)
        elif action.verb is Verb.REMOVE_FILE:
            self._volume.remove(action.target)
        else:
            self._engine.perform(action)
