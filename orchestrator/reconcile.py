"""Observe, plan, apply: bring what is there to what shall be there, again and again.

A configuration that can't be read changes nothing: the last good one, kept on disk, stays in
force. A step that fails is reported and tried again later; the steps after it are still taken,
so that one broken destination doesn't keep the others away.
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
from orchestrator.runtime.engine import Engine, EngineFailed
from orchestrator.runtime.host import PortFailed
from orchestrator.runtime.namespace import NamespaceGone
from orchestrator.runtime.router import RouterFailed
from orchestrator.runtime.volume import Volume
from orchestrator.store import StoreFull, settle
from orchestrator.switch import Switchboard

log = logging.getLogger(__name__)

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
        unfinished: Callable[[], str] = lambda: "",
        radio: Callable[[Wifi | None], Radio | None] = lambda _wifi: None,
    ) -> None:
        """`unfinished` says why what is on disk may not be taken in yet; "" when it may."""
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
        self._unfinished = unfinished
        self._files: Config | None = last_good.read().value
        self.config: Config | None = self._files and with_added(self._files, added.usable)
        self.config_errors: tuple[str, ...] = ()
        self.errors: tuple[str, ...] = ()
        self.readings = 0  # how often the configuration was read
        self.wanted = threading.Event()  # set by whoever wants `converge` soon, and not to wait

    def reload(self) -> tuple[str, ...]:
        """Read the configuration; return its mistakes, and keep the last good one if it has any."""
        with self._reading:  # the start and a person's `up` may come at once
            try:
                config = self._read()
            except BadConfiguration as bad:
                self.config_errors = bad.errors
            else:
                self.config_errors = ()
                self._disown_overruled(config)
                if config != self._files:
                    self._last_good.write(config)
                self._files = config
                with self._switchboard.held():
                    self.config = with_added(config, self._added.usable)
            self.readings += 1
            return self.config_errors

    def change_added(self, change: Callable[[], None]) -> None:
        """Change what was added on the page, and let it take effect on every choice at once.

        No device is switched meanwhile. Raises what `change` does, or one of `Failures`.
        """
        with self._reading, self._switchboard.held():
            change()
            if self._files is not None:
                self.config = with_added(self._files, self._added.usable)
                self.readings += 1
                self.take_in_leases()

    def _disown_overruled(self, config: Config) -> None:
        # Before the file's destination is in force: nobody chose that one for those devices.
        names = overruled(config, self._added.usable)
        news = [n for n in names if (kept := self._added.get(n)) and not kept.overruled]
        if news:
            self._switchboard.disown(news)
        self._added.overrule(names)

    def _read(self) -> Config:
        if unfinished := self._unfinished():
            raise BadConfiguration((unfinished,))
        try:
            return configuration.load(self._directory, self._host_facts())
        except configuration.ConfigErrors as errors:
            raise BadConfiguration(tuple(str(error) for error in errors.errors)) from errors
        except (EngineFailed, NamespaceGone, OSError) as error:
            raise BadConfiguration((f"the host can't be looked at: {error}",)) from error

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

    def preview(self) -> Plan:
        """Return what `up` would do with the configuration and images as they are now.

        Nothing is taken in. Raises BadConfiguration or one of `Failures`.
        """
        config, leases = with_added(self._read(), self._added.usable), self.leases()
        hostnames = {lease.mac: lease.hostname for lease in leases}
        state = settle(config, self._switchboard.state, hostnames)
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
            self.errors = outcome.errors
            return outcome

    def take_in_leases(self) -> None:
        """Let new devices and changed addresses take effect. Raises one of `Failures`."""
        leases = self.leases()
        addresses: Mapping[str, IPv4Address] = {lease.mac: lease.address for lease in leases}
        hostnames = {lease.mac: lease.hostname for lease in leases}
        with self._switchboard.held():  # an older configuration must not come after a newer one
            if self.config is not None:
                self._switchboard.settle(self.config, hostnames, addresses)

    def remove_everything(self) -> Outcome:
        """Remove the containers and networks; names, choices and leases stay on disk."""
        with self._lock:
            try:
                plan = make_plan(DesiredState(), self._observe())
            except Failures as error:
                return Outcome(errors=(str(error),))
            return self._apply(plan)

    def _converge(self) -> Outcome:
        with self._switchboard.held():
            self.take_in_leases()
            config, state = self.config, self._switchboard.state
            addresses = self._switchboard.addresses
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
