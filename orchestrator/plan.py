"""From what is there to what shall be there, in actions that each say why.

Pure: the same plan is shown by `plan` and applied by `up`. Nothing that does not carry our
label is ever part of it; one of our names on somebody else's object is an error.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping

from orchestrator.model import (
    Action,
    ContainerSpec,
    DesiredState,
    FileSpec,
    NetworkSpec,
    ObservedContainer,
    ObservedState,
    OnChange,
    Plan,
    Verb,
)


class NotOurs(Exception):
    """Something with one of our names was not made by us; the message names it."""


def digest(spec: NetworkSpec | ContainerSpec) -> str:
    """Return a short digest of a spec; hot legs are not part of it, they change while it runs."""
    values = {k: v for k, v in dataclasses.asdict(spec).items() if k != "hot_legs"}
    text = json.dumps(values, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def make_plan(desired: DesiredState, observed: ObservedState) -> Plan:
    """Return the actions that lead from `observed` to `desired`; none when they agree.

    Raises NotOurs.
    """
    return Plan(tuple(_Planner(desired, observed).actions()))


class _Planner:
    def __init__(self, desired: DesiredState, observed: ObservedState) -> None:
        _refuse_foreign(observed)
        self._desired = desired
        self._observed = observed
        self._networks = {n.name: n for n in observed.networks}
        self._containers = {c.name: c for c in observed.containers}
        self._network_reasons = dict(self._networks_to_remove())
        self._container_reasons = dict(self._containers_to_remove())
        self._changed_files = {
            f.path: f for f in desired.files if observed.files.get(f.path) != f.content
        }

    def actions(self) -> Iterator[Action]:
        """Yield the steps in the order in which they are safe."""
        yield from self._removals()
        yield from self._file_writes()
        yield from self._network_creations()
        for spec in self._desired.containers:
            yield from self._container_steps(spec)
        yield from self._file_removals()

    def _networks_to_remove(self) -> Iterator[tuple[str, str]]:
        wanted = {n.name: n for n in self._desired.networks}
        for network in self._observed.networks:
            if network.name not in wanted:
                yield network.name, "no destination or uplink needs it any more"
            elif digest(wanted[network.name]) != network.spec:
                yield network.name, "its settings changed"

    def _containers_to_remove(self) -> Iterator[tuple[str, str]]:
        wanted = {c.name: c for c in self._desired.containers}
        for container in self._observed.containers:
            spec = wanted.get(container.name)
            if spec is None:
                yield container.name, "it is no longer configured"
            elif digest(spec) != container.spec:
                yield container.name, "its settings or its image changed"
            elif any(leg.network in self._network_reasons for leg in spec.legs):
                yield container.name, "one of its networks is made anew"
            elif any(leg.network not in container.networks for leg in spec.legs):
                yield container.name, "one of its legs is missing"
            elif self._holds_a_lost_network(spec, container):
                yield container.name, "one of its networks is gone"

    def _holds_a_lost_network(self, spec: ContainerSpec, container: ObservedContainer) -> bool:
        # A container that does not run can lose a network; one of the same name is no help to it.
        wanted = {leg.network for leg in (*spec.legs, *spec.hot_legs)}
        return bool(wanted & set(container.networks) - self._networks.keys())

    def _removals(self) -> Iterator[Action]:
        for name, reason in self._container_reasons.items():
            yield Action(Verb.REMOVE_CONTAINER, name, reason)
        for container in self._observed.containers:
            if container.name not in self._container_reasons:
                yield from self._disconnections(container)
        for name, reason in self._network_reasons.items():
            yield Action(Verb.REMOVE_NETWORK, name, reason)

    def _disconnections(self, container: ObservedContainer) -> Iterator[Action]:
        spec = next(c for c in self._desired.containers if c.name == container.name)
        wanted = {leg.network for leg in (*spec.legs, *spec.hot_legs)}
        for network in container.networks:
            if network in self._network_reasons or network not in wanted:
                reason = self._network_reasons.get(network, "the leg is not wanted")
                yield Action(Verb.DISCONNECT, f"{container.name} {network}", reason)

    def _file_writes(self) -> Iterator[Action]:
        for directory in self._desired.directories:
            if directory not in self._observed.directories:
                yield Action(Verb.MAKE_DIRECTORY, directory, "it is missing")
        for file in self._changed_files.values():
            reason = "its content changed" if file.path in self._observed.files else "it is missing"
            yield Action(Verb.WRITE_FILE, file.path, reason, file)

    def _file_removals(self) -> Iterator[Action]:
        wanted = {f.path for f in self._desired.files}
        for path in sorted(self._observed.files.keys() - wanted):
            yield Action(Verb.REMOVE_FILE, path, "nobody reads it any more")

    def _network_creations(self) -> Iterator[Action]:
        for spec in self._desired.networks:
            if spec.name not in self._networks:
                yield Action(Verb.CREATE_NETWORK, spec.name, "it is missing", spec)
            elif spec.name in self._network_reasons:
                reason = self._network_reasons[spec.name]
                yield Action(Verb.CREATE_NETWORK, spec.name, reason, spec)

    def _container_steps(self, spec: ContainerSpec) -> Iterator[Action]:
        observed = self._containers.get(spec.name)
        told = self._versions(spec.name)
        if observed is None:
            yield Action(Verb.CREATE_CONTAINER, spec.name, "it is missing", spec, told)
        elif spec.name in self._container_reasons:
            reason = self._container_reasons[spec.name]
            yield Action(Verb.CREATE_CONTAINER, spec.name, reason, spec, told)
        else:
            yield from self._changes_of(spec, observed, told)

    def _changes_of(
        self, spec: ContainerSpec, observed: ObservedContainer, told: Mapping[str, str]
    ) -> Iterator[Action]:
        kept = {n for n in observed.networks if n not in self._network_reasons}
        missing = [leg for leg in spec.hot_legs if leg.network not in kept]
        for leg in missing:
            reason = "the leg is missing"
            yield Action(Verb.CONNECT, f"{spec.name} {leg.network}", reason, leg)
        if not observed.running:
            yield Action(Verb.START_CONTAINER, spec.name, "it does not run", None, told)
            return
        verb, reason = _notification(self._news_for(spec.name, told), legs_changed=bool(missing))
        if verb is not None:
            yield Action(verb, spec.name, reason, None, told)

    def _versions(self, container: str) -> Mapping[str, str]:
        files = (f for f in self._desired.files if f.container == container)
        return {f.path: hashlib.sha256(f.content.encode()).hexdigest()[:16] for f in files}

    def _news_for(self, container: str, versions: Mapping[str, str]) -> Iterator[FileSpec]:
        # Not the files' content counts but what the container was told: the orchestrator may
        # have ended after writing a file and before saying so.
        known = self._observed.told.get(container, {})
        for file in self._desired.files:
            if file.container == container and known.get(file.path) != versions[file.path]:
                yield file


_NOTIFICATIONS = (
    (OnChange.RESTART, Verb.RESTART_CONTAINER),
    (OnChange.RULES, Verb.LOAD_RULES),
    (OnChange.RELOAD, Verb.RELOAD_CONTAINER),
)


def _notification(news: Iterable[FileSpec], *, legs_changed: bool) -> tuple[Verb | None, str]:
    """Return the one step that makes a container take all of the news, and why."""
    changed = {f.on_change: f.path for f in news}
    for kind, verb in _NOTIFICATIONS:
        if kind in changed:
            return verb, f"{changed[kind]} changed"
    return (Verb.LOAD_RULES, "a leg changed") if legs_changed else (None, "")


def _refuse_foreign(observed: ObservedState) -> None:
    foreign = [f"container {c.name}" for c in observed.containers if not c.spec]
    foreign += [f"network {n.name}" for n in observed.networks if not n.spec]
    if foreign:
        what = ", ".join(foreign)
        raise NotOurs(
            f"{what}: the name is one of ours, but it was not made by Manyways; remove it"
        )
