"""An engine in memory, for what the orchestrator decides; the real one is in tests/containers."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.model import (
    Action,
    ContainerSpec,
    Leg,
    NetworkSpec,
    ObservedContainer,
    ObservedNetwork,
    Verb,
)
from orchestrator.plan import digest
from orchestrator.runtime.engine import EngineFailed


class FakeEngine:
    """Takes every action of a plan, but those that `refuses` names."""

    def __init__(self) -> None:
        self.there: dict[str, ObservedContainer] = {}
        self.nets: dict[str, ObservedNetwork] = {}
        self.executed: list[tuple[str, list[str]]] = []
        self.refuses: Callable[[Action], bool] = lambda _action: False
        self.silent = False
        self.built = "1"

    def containers(self) -> tuple[ObservedContainer, ...]:
        self._check()
        return tuple(self.there.values())

    def networks(self) -> tuple[ObservedNetwork, ...]:
        self._check()
        return tuple(self.nets.values())

    def image_id(self, name: str) -> str:
        self._check()
        return f"sha256:{name}:{self.built}"

    def logs(self, container: str, lines: int) -> list[str]:
        self._check()
        return [f"{container} {lines}"]

    def execute(self, container: str, command: list[str]) -> None:
        self.executed.append((container, command))

    def process(self, container: str) -> int | None:
        self._check()
        return None  # nothing really runs here

    def end(self, container: str, grace: int) -> bool:
        self._check()
        return self.there.pop(container, None) is not None

    def perform(self, action: Action) -> None:
        self._check()
        if self.refuses(action):
            raise EngineFailed(f"{action.verb} {action.target}: not today")
        getattr(self, f"_{action.verb.name.lower()}")(action)

    def _check(self) -> None:
        if self.silent:
            raise EngineFailed("the Docker engine does not answer")

    def _create_network(self, action: Action) -> None:
        assert isinstance(action.item, NetworkSpec)
        self.nets[action.target] = ObservedNetwork(action.target, digest(action.item))

    def _remove_network(self, action: Action) -> None:
        del self.nets[action.target]

    def _create_container(self, action: Action) -> None:
        spec = action.item
        assert isinstance(spec, ContainerSpec)
        legs = tuple(sorted(leg.network for leg in (*spec.legs, *spec.hot_legs)))
        self.there[spec.name] = ObservedContainer(spec.name, digest(spec), True, legs)

    def _remove_container(self, action: Action) -> None:
        del self.there[action.target]

    def _start_container(self, action: Action) -> None:
        found = self.there[action.target]
        self.there[action.target] = ObservedContainer(found.name, found.spec, True, found.networks)

    def _restart_container(self, action: Action) -> None:
        assert self.there[action.target].running
        assert action.verb is Verb.RESTART_CONTAINER

    _reload_container = _restart_container

    def _connect(self, action: Action) -> None:
        assert isinstance(action.item, Leg)
        self._change_legs(action, lambda legs, network: (*legs, network))

    def _disconnect(self, action: Action) -> None:
        self._change_legs(action, lambda legs, gone: tuple(n for n in legs if n != gone))

    def _change_legs(
        self, action: Action, change: Callable[[tuple[str, ...], str], tuple[str, ...]]
    ) -> None:
        name, network = action.target.split()
        found = self.there[name]
        self.there[name] = ObservedContainer(
            name, found.spec, found.running, change(found.networks, network)
        )
