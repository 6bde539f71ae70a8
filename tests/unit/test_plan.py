"""Plans: each step with its reason, safe in its order, and none left when they were carried out."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model import (
    Action,
    ContainerSpec,
    DesiredState,
    FileSpec,
    Leg,
    Mount,
    NetworkSpec,
    ObservedContainer,
    ObservedNetwork,
    ObservedState,
    OnChange,
)
from orchestrator.plan import NotOurs, digest, make_plan

# --- a world that refuses what Docker would refuse -----------------------------------------------


class Impossible(Exception):
    """An action that the world refuses."""


@dataclass
class Container:
    spec: str
    running: bool
    networks: set[str]
    knows: dict[str, str] = field(default_factory=dict)


@dataclass
class World:
    """What is there, in memory. `knows` is what a container's program has read of its files."""

    desired: DesiredState
    networks: dict[str, str] = field(default_factory=dict)
    containers: dict[str, Container] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    directories: set[str] = field(default_factory=set)
    told: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def observed(self) -> ObservedState:
        return ObservedState(
            networks=tuple(ObservedNetwork(n, s) for n, s in self.networks.items()),
            containers=tuple(
                ObservedContainer(name, c.spec, c.running, tuple(sorted(c.networks)))
                for name, c in self.containers.items()
            ),
            files=dict(self.files),
            directories=frozenset(self.directories),
            told=dict(self.told),
        )

    def apply(self, action: Action) -> None:
        getattr(self, action.verb.name.lower())(action)
        if action.told is not None:
            self.told[action.target] = action.told

    def _require(self, condition: object, action: Action) -> None:
        if not condition:
            raise Impossible(f"{action.verb} {action.target}")

    def create_network(self, action: Action) -> None:
        self._require(action.target not in self.networks, action)
        assert isinstance(action.item, NetworkSpec)
        self.networks[action.target] = digest(action.item)

    def remove_network(self, action: Action) -> None:
        users = (c for c in self.containers.values() if action.target in c.networks)
        self._require(action.target in self.networks and not list(users), action)
        del self.networks[action.target]

    def create_container(self, action: Action) -> None:
        spec = action.item
        assert isinstance(spec, ContainerSpec)
        legs = {leg.network for leg in (*spec.legs, *spec.hot_legs)}
        folders = self.directories | {path.rpartition("/")[0] for path in self.files}
        self._require(action.target not in self.containers, action)
        self._require(legs <= self.networks.keys(), action)
        self._require({m.subpath for m in spec.mounts} <= folders, action)
        self.containers[action.target] = Container(digest(spec), True, legs)
        self._read(action.target, *OnChange)

    def remove_container(self, action: Action) -> None:
        self._require(action.target in self.containers, action)
        del self.containers[action.target]

    def start_container(self, action: Action) -> None:
        container = self.containers[action.target]
        lost = {n for n in container.networks if n.startswith("net")} - self.networks.keys()
        self._require(not container.running and not lost, action)
        container.running = True
        self._read(action.target, *OnChange)

    def restart_container(self, action: Action) -> None:
        self._require(self.containers[action.target].running, action)
        self._read(action.target, *OnChange)

    def reload_container(self, action: Action) -> None:
        self._require(self.containers[action.target].running, action)
        self._read(action.target, OnChange.RELOAD)

    def load_rules(self, action: Action) -> None:
        self._require(self.containers[action.target].running, action)
        self._read(action.target, OnChange.RULES)

    def connect(self, action: Action) -> None:
        name, network = action.target.split()
        joined = self.containers[name].networks
        self._require(network in self.networks and network not in joined, action)
        joined.add(network)

    def disconnect(self, action: Action) -> None:
        name, network = action.target.split()
        self._require(network in self.containers[name].networks, action)
        self.containers[name].networks.remove(network)

    def make_directory(self, action: Action) -> None:
        self.directories.add(action.target)

    def write_file(self, action: Action) -> None:
        assert isinstance(action.item, FileSpec)
        self.files[action.target] = action.item.content

    def remove_file(self, action: Action) -> None:
        self._require(action.target in self.files, action)
        del self.files[action.target]

    def _read(self, name: str, *kinds: OnChange) -> None:
        for file in self.desired.files:
            if file.container == name and file.on_change in kinds:
                self.containers[name].knows[file.path] = self.files[file.path]


def _assert_as_desired(world: World) -> None:
    desired = world.desired
    assert world.networks == {n.name: digest(n) for n in desired.networks}
    assert world.files == {f.path: f.content for f in desired.files}
    assert world.directories >= set(desired.directories)
    assert world.containers.keys() == {c.name for c in desired.containers}
    for spec in desired.containers:
        container = world.containers[spec.name]
        legs = {leg.network for leg in (*spec.legs, *spec.hot_legs)}
        assert (container.spec, container.running) == (digest(spec), True)
        assert container.networks == legs
    for file in desired.files:
        if file.container and file.on_change is not OnChange.NOTHING:
            assert world.containers[file.container].knows[file.path] == file.content


# --- arbitrary wishes, arbitrary worlds ----------------------------------------------------------

_NETWORKS = ("net-lan", "net-up", "net-a", "net-b")
_CONTAINERS = ("router", "dhcp", "egress")
_KINDS = {
    "router": (OnChange.RULES,),
    "dhcp": (OnChange.RESTART, OnChange.RELOAD),
    "egress": (OnChange.RESTART,),
}
_ADDRESS, _SUBNET = IPv4Address("10.0.0.2"), IPv4Network("10.0.0.0/29")


def _network(name: str, version: str = "") -> NetworkSpec:
    return NetworkSpec(name, "bridge", _SUBNET, _ADDRESS, {"version": version})


def _container(
    name: str, legs: tuple[str, ...], hot: tuple[str, ...] = (), version: str = ""
) -> ContainerSpec:
    return ContainerSpec(
        name=name,
        role=name,
        image=name,
        image_id=version,
        legs=tuple(Leg(n, _ADDRESS) for n in legs),
        hot_legs=tuple(Leg(n, _ADDRESS) for n in hot),
        mounts=(Mount("state", f"run/{name}", "/x"),),
    )


@st.composite
def _wishes(draw: st.DrawFn) -> DesiredState:
    networks = draw(st.lists(st.sampled_from(_NETWORKS), unique=True))
    containers, files = [], []
    for name in draw(st.lists(st.sampled_from(_CONTAINERS), unique=True)):
        legs = draw(st.lists(st.sampled_from(networks), unique=True)) if networks else []
        split = draw(st.integers(0, len(legs))) if name == "router" else len(legs)
        containers.append(_container(name, tuple(legs[:split]), tuple(legs[split:])))
        files += [
            FileSpec(f"rendered/{name}/{n}", "new", name, draw(st.sampled_from(_KINDS[name])))
            for n in range(draw(st.integers(0, 2)))
        ]
    if draw(st.booleans()):
        files.append(FileSpec("rendered/names/hosts", "new", None, OnChange.NOTHING))
    return DesiredState(
        networks=tuple(_network(n) for n in networks),
        containers=tuple(containers),
        files=tuple(files),
        directories=tuple(f"run/{c.name}" for c in containers),
    )


@st.composite
def _worlds(draw: st.DrawFn) -> World:
    desired = draw(_wishes())
    wanted: dict[str, NetworkSpec | ContainerSpec] = {n.name: n for n in desired.networks}
    wanted |= {c.name: c for c in desired.containers}

    def spec_of(name: str) -> str:
        current = name in wanted and draw(st.integers(0, 3))
        return digest(wanted[name]) if current else "old"

    world = World(desired)
    there = draw(st.lists(st.sampled_from(_NETWORKS), unique=True))
    world.networks = {name: spec_of(name) for name in there}
    paths = st.sampled_from([f.path for f in desired.files] + ["rendered/router/stale"])
    world.files = draw(st.dictionaries(paths, st.sampled_from(["old", "new"])))
    world.directories = set(draw(st.lists(st.sampled_from([f"run/{c}" for c in _CONTAINERS]))))
    for name in draw(st.lists(st.sampled_from(_CONTAINERS), unique=True)):
        running = draw(st.booleans())
        # Only what does not run can be attached to a network that is gone.
        possible = (*world.networks, "bridge") if running else (*_NETWORKS, "bridge")
        networks = draw(st.sets(st.sampled_from(possible)))
        own = [f for f in desired.files if f.container == name]
        knows = {f.path: draw(st.sampled_from(["old", "new"])) for f in own}
        world.containers[name] = Container(spec_of(name), running, networks, knows)
        said = draw(st.sets(st.sampled_from(sorted(knows)))) if knows else set()
        world.told[name] = {path: _version(knows[path]) for path in said}
    return world


def _version(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()[:16]


@given(_worlds())
def test_a_plan_that_was_carried_out_leaves_nothing_to_do(world: World) -> None:
    for action in make_plan(world.desired, world.observed()).actions:
        assert action.reason
        world.apply(action)
    _assert_as_desired(world)
    assert make_plan(world.desired, world.observed()).actions == ()


@given(_worlds(), st.data())
def test_a_plan_may_be_broken_off_anywhere_and_made_again(
    world: World, data: st.DataObject
) -> None:
    actions = make_plan(world.desired, world.observed()).actions
    for action in actions[: data.draw(st.integers(0, len(actions)))]:
        world.apply(action)
    for action in make_plan(world.desired, world.observed()).actions:
        world.apply(action)
    _assert_as_desired(world)
    assert make_plan(world.desired, world.observed()).actions == ()


@given(_worlds())
def test_without_wishes_everything_of_ours_goes(world: World) -> None:
    stopped = dataclasses.replace(world, desired=DesiredState())
    for action in make_plan(stopped.desired, stopped.observed()).actions:
        stopped.apply(action)
    assert (stopped.networks, stopped.containers, stopped.files) == ({}, {}, {})


# --- what each difference leads to ---------------------------------------------------------------

_FILES = (
    FileSpec("rendered/router/rules.nft", "rules", "router", OnChange.RULES),
    FileSpec("rendered/dhcp/dnsmasq.conf", "conf", "dhcp", OnChange.RESTART),
    FileSpec("rendered/dhcp/reservations", "reserved", "dhcp", OnChange.RELOAD),
    FileSpec("rendered/names/hosts", "names", None, OnChange.NOTHING),
)
_DESIRED = DesiredState(
    networks=(_network("net-lan"), _network("net-a")),
    containers=(
        _container("egress", ("net-a",)),
        _container("router", ("net-lan",), ("net-a",)),
        _container("dhcp", ("net-lan",)),
    ),
    files=_FILES,
    directories=("run/egress", "run/router", "run/dhcp"),
)


def _settled() -> World:
    world = World(_DESIRED)
    for action in make_plan(_DESIRED, ObservedState()).actions:
        world.apply(action)
    return world


def _shown(desired: DesiredState, observed: ObservedState) -> list[str]:
    return [f"{a.verb} {a.target}: {a.reason}" for a in make_plan(desired, observed).actions]


def test_from_nothing_egresses_come_before_the_router_and_files_before_both() -> None:
    assert _shown(_DESIRED, ObservedState()) == [
        "make directory run/egress: it is missing",
        "make directory run/router: it is missing",
        "make directory run/dhcp: it is missing",
        "write file rendered/router/rules.nft: it is missing",
        "write file rendered/dhcp/dnsmasq.conf: it is missing",
        "write file rendered/dhcp/reservations: it is missing",
        "write file rendered/names/hosts: it is missing",
        "create network net-lan: it is missing",
        "create network net-a: it is missing",
        "create container egress: it is missing",
        "create container router: it is missing",
        "create container dhcp: it is missing",
    ]


def _without_destination(_world: World) -> DesiredState:
    containers = (_container("router", ("net-lan",)), _container("dhcp", ("net-lan",)))
    return dataclasses.replace(_DESIRED, networks=_DESIRED.networks[:1], containers=containers)


def _network_changed(_world: World) -> DesiredState:
    changed = _network("net-a", "2")
    return dataclasses.replace(_DESIRED, networks=(_DESIRED.networks[0], changed))


def _image_built(_world: World) -> DesiredState:
    new = _container("dhcp", ("net-lan",), version="2")
    return dataclasses.replace(_DESIRED, containers=(*_DESIRED.containers[:2], new))


def _stopped(world: World) -> DesiredState:
    world.containers["router"].running = False
    return _DESIRED


def _network_lost(world: World) -> DesiredState:
    world.containers["router"].running = False
    world.containers["egress"].running = False
    del world.networks["net-a"]
    return _DESIRED


def _leg_lost(world: World) -> DesiredState:
    world.containers["router"].networks.remove("net-a")
    world.containers["dhcp"].networks.remove("net-lan")
    return _DESIRED


def _strange_leg(world: World) -> DesiredState:
    world.containers["egress"].networks.add("bridge")
    return _DESIRED


def _content(index: int, content: str) -> DesiredState:
    files = list(_FILES)
    files[index] = dataclasses.replace(files[index], content=content)
    return dataclasses.replace(_DESIRED, files=tuple(files))


def _not_told(world: World) -> DesiredState:
    del world.told["dhcp"]
    return _DESIRED


def _stale_file(world: World) -> DesiredState:
    world.files["rendered/egress-old/rules.nft"] = "x"
    return _DESIRED


@pytest.mark.parametrize(
    ("change", "steps"),
    [
        (
            _without_destination,
            [
                "remove container egress: it is no longer configured",
                "disconnect router net-a: no destination or uplink needs it any more",
                "remove network net-a: no destination or uplink needs it any more",
            ],
        ),
        (
            _network_changed,
            [
                "remove container egress: one of its networks is made anew",
                "disconnect router net-a: its settings changed",
                "remove network net-a: its settings changed",
                "create network net-a: its settings changed",
                "create container egress: one of its networks is made anew",
                "connect router net-a: the leg is missing",
                "load rules router: a leg changed",
            ],
        ),
        (
            _image_built,
            [
                "remove container dhcp: its settings or its image changed",
                "create container dhcp: its settings or its image changed",
            ],
        ),
        (_stopped, ["start container router: it does not run"]),
        (
            _network_lost,
            [
                "remove container egress: one of its networks is gone",
                "remove container router: one of its networks is gone",
                "create network net-a: it is missing",
                "create container egress: one of its networks is gone",
                "create container router: one of its networks is gone",
            ],
        ),
        (
            _leg_lost,
            [
                "remove container dhcp: one of its legs is missing",
                "connect router net-a: the leg is missing",
                "load rules router: a leg changed",
                "create container dhcp: one of its legs is missing",
            ],
        ),
        (_strange_leg, ["disconnect egress bridge: the leg is not wanted"]),
        (
            lambda _: _content(0, "other"),
            [
                "write file rendered/router/rules.nft: its content changed",
                "load rules router: rendered/router/rules.nft changed",
            ],
        ),
        (
            lambda _: _content(1, "other"),
            [
                "write file rendered/dhcp/dnsmasq.conf: its content changed",
                "restart container dhcp: rendered/dhcp/dnsmasq.conf changed",
            ],
        ),
        (
            lambda _: _content(2, "other"),
            [
                "write file rendered/dhcp/reservations: its content changed",
                "reload container dhcp: rendered/dhcp/reservations changed",
            ],
        ),
        (
            lambda _: _content(3, "other"),
            ["write file rendered/names/hosts: its content changed"],
        ),
        (_not_told, ["restart container dhcp: rendered/dhcp/dnsmasq.conf changed"]),
        (_stale_file, ["remove file rendered/egress-old/rules.nft: nobody reads it any more"]),
        (lambda _: _DESIRED, []),
    ],
)
def test_each_difference_has_its_steps_and_its_reasons(
    change: Callable[[World], DesiredState], steps: list[str]
) -> None:
    world = _settled()
    desired = change(world)
    assert _shown(desired, world.observed()) == steps


def test_hot_legs_do_not_change_a_containers_digest() -> None:
    assert digest(_container("router", ("net-lan",))) == digest(
        _container("router", ("net-lan",), ("net-a",))
    )
    assert digest(_container("router", ("net-lan",))) != digest(_container("router", ("net-a",)))


def test_somebody_elses_objects_are_named_and_never_touched() -> None:
    world = _settled()
    world.networks["net-a"] = ""
    world.containers["dhcp"].spec = ""
    with pytest.raises(NotOurs, match="container dhcp, network net-a: the name is one of ours"):
        make_plan(_DESIRED, world.observed())
    with pytest.raises(NotOurs):
        make_plan(DesiredState(), world.observed())
