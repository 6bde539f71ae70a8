"""Gather what can be seen of this machine, from a container or on the host itself.

Nothing is changed, but that the kernel may load modules that it is asked about. Files are read
below a root directory, the host's by way of /proc; the network is looked at from inside the
host's namespace. What can't be seen is kept with the reason, never left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import IPv4Network
from pathlib import Path
from typing import ParamSpec, TypeVar

from pyroute2.netlink.exceptions import NetlinkError

from orchestrator.config import ConfigErrors
from orchestrator.config.subnets import used_by_host
from orchestrator.doctor.machine import (
    Firewall,
    Forwarding,
    Hardware,
    Hold,
    Machine,
    NotSeen,
    Port,
    Radio,
    Unseen,
    known,
)
from orchestrator.first_start import CHOSEN, chosen_file
from orchestrator.model import HostFacts
from orchestrator.proposed_wifi import Air
from orchestrator.runtime import host
from orchestrator.runtime.engine import Engine, EngineFailed
from orchestrator.runtime.machine import air, board, kernel, network, radio, settings
from orchestrator.runtime.machine import engine as docker
from orchestrator.runtime.machine.files import Tree
from orchestrator.runtime.namespace import NamespaceGone

P = ParamSpec("P")
T = TypeVar("T")


def fact(look_at: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | Unseen:
    """Return what `look_at` returns, or Unseen with the reason why it could not look."""
    try:
        return look_at(*args, **kwargs)
    except NetlinkError as error:
        return Unseen(f"the kernel does not answer: {error}")
    except (NotSeen, NamespaceGone, EngineFailed, OSError) as error:
        return Unseen(str(error) or type(error).__name__)
    except (ValueError, LookupError, ArithmeticError) as error:
        return Unseen(f"what is there makes no sense ({type(error).__name__}: {error})")


@dataclass(frozen=True, slots=True)
class Network:
    """What is looked at from inside the host's network namespace."""

    ports: tuple[Port, ...] | Unseen
    holds: tuple[Hold, ...] | Unseen
    firewall: Firewall | Unseen
    forwarding: Forwarding | Unseen
    radios: tuple[Radio, ...] | Unseen
    routes: tuple[IPv4Network, ...] | Unseen


@dataclass(frozen=True, slots=True)
class Folders:
    """Where router.yaml and profiles/ are, and where the orchestrator keeps its state."""

    configuration: Path
    state: Path


def look(folders: Folders, *, hardware: bool = False) -> Machine:
    """Return this machine's facts, with those of the configuration."""
    tree = host_tree()
    found = fact(host.in_host_namespace, look_at_network, tree)
    seen = unseen_network(found.why) if isinstance(found, Unseen) else found
    return gather(tree, folders, seen, fact(host_facts, seen.routes), hardware=hardware)


def look_for_ports() -> tuple[tuple[Port, ...], tuple[IPv4Network, ...]]:
    """Return the host's ports, and the subnets that it and the house's router use.

    Raises NotSeen.
    """
    tree = host_tree()
    ports = known(fact(host.in_host_namespace, network.ports, tree))
    facts = known(fact(host_facts, fact(host.in_host_namespace, network.routes)))
    servers = fact(board.name_servers, tree)
    used = [use.network for use in used_by_host(facts)]
    return ports, (*used, *(() if isinstance(servers, Unseen) else servers))


def look_around() -> tuple[tuple[Port, ...], tuple[IPv4Network, ...], Air]:
    """Return what `look_for_ports` does, and what can be proposed of Wi-Fi. Raises NotSeen."""
    ports, taken = look_for_ports()
    tree = host_tree()
    told = fact(host.in_host_namespace, radio.radios, tree, ports)
    return ports, taken, air.look(tree, ports, told)


def host_tree() -> Tree:
    """Return the host's files, or those that a container with the host's processes can see."""
    root = fact(host.files)
    return Tree(Path("/proc/1/root") if isinstance(root, Unseen) else root)


def look_at_network(tree: Tree) -> Network:
    """Look at the network of the calling thread's namespace."""
    ports = fact(network.ports, tree)
    return Network(
        ports,
        fact(lambda: network.holds(tree, known(ports))),
        fact(network.firewall, tree),
        fact(lambda: network.forwarding(tree, known(ports))),
        fact(lambda: radio.radios(tree, known(ports))),
        fact(network.routes),
    )


def unseen_network(why: str) -> Network:
    """Return a network that could not be looked at."""
    gone = Unseen(f"the host's network can't be seen from here: {why}")
    return Network(gone, gone, gone, gone, gone, gone)


def gather(
    tree: Tree, folders: Folders, seen: Network, facts: HostFacts | Unseen, *, hardware: bool
) -> Machine:
    """Return all facts, those of the network as they were seen."""
    engine = fact(docker.ask)
    about, folder, floor = engine if isinstance(engine, tuple) else (engine, "/", 0.0)
    directory, more = folders.configuration, settings.added_vpns(folders.state)
    chosen = chosen_file(directory, folders.state / CHOSEN)
    config = fact(settings.read, directory, seen.ports, chosen)
    profiles = fact(lambda: settings.certificates(directory, known(config), more))
    certificates, unread = (profiles, ()) if isinstance(profiles, Unseen) else profiles
    return Machine(
        docker=about,
        boot_words=fact(_boot_words, tree),
        clock=fact(board.clock, tree, floor),
        kernel=fact(kernel.pieces, tree),
        ports=seen.ports,
        holds=seen.holds,
        switches=fact(radio.switches, tree),
        country=fact(radio.country, tree),
        power=fact(board.power, tree),
        host=facts,
        firewall=seen.firewall,
        forwarding=seen.forwarding,
        disks=fact(board.disks, tree, ("/", folder)),
        mistakes=config if config is None or isinstance(config, Unseen) else _mistakes(config),
        wanted=fact(lambda: settings.wanted(known(config), more)),
        secrets=fact(settings.secrets, directory),
        certificates=certificates,
        unread_profiles=unread,
        chosen=chosen is not None,
        hardware=_hardware(tree, seen) if hardware else None,
    )


def _mistakes(config: object) -> tuple[str, ...]:
    return tuple(map(str, config.errors)) if isinstance(config, ConfigErrors) else ()


def _boot_words(tree: Tree) -> str:
    return tree.text("/proc/cmdline") or ""


def _hardware(tree: Tree, seen: Network) -> Hardware:
    return Hardware(
        model=fact(board.model, tree),
        memory=fact(board.memory, tree),
        bits=fact(board.bits, tree),
        degrees=fact(board.degrees, tree),
        radios=seen.radios,
        card=fact(board.card, tree),
    )


def host_facts(routes: tuple[IPv4Network, ...] | Unseen) -> HostFacts:
    """Return what the host and Docker use, and what the host knows a way to.

    Raises NotSeen, NamespaceGone and EngineFailed.
    """
    ways, facts = known(routes), host.facts(Engine())
    there = {taken for taken, _ in facts.taken}
    more = tuple((way, "a route of this machine") for way in ways if way not in there)
    return replace(facts, taken=facts.taken + more)
