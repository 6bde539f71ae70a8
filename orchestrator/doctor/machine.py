"""What can be seen of a machine, as frozen values: all that the doctor's checks know.

Whatever could not be looked at is `Unseen` with the reason, so that no check can take it for
good: `known` refuses to hand it out, and the finding then says "not checked" and why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import PurePosixPath
from typing import TypeVar

from orchestrator.model import HostFacts, Wifi

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unseen:
    """Stands for a fact that could not be looked at."""

    why: str


class NotSeen(Exception):
    """A check needs a fact that could not be looked at; the message says why it could not."""


def known(fact: T | Unseen) -> T:
    """Return a fact. Raises NotSeen."""
    if isinstance(fact, Unseen):
        raise NotSeen(fact.why)
    return fact


@dataclass(frozen=True, slots=True)
class Docker:
    """The engine. `compose` is the version that made the orchestrator's container, if any."""

    version: str
    memory_limit: bool = True
    rootless: bool = False
    compose: str | None = None


@dataclass(frozen=True, slots=True)
class Clock:
    """Seconds since 1970. `floor` is a moment that has certainly passed, `battery` an RTC."""

    now: float
    floor: float
    synchronised: bool
    battery: bool


@dataclass(frozen=True, slots=True)
class Port:
    """An interface of the host. `device` is false for what exists in the kernel only."""

    name: str
    index: int
    device: bool
    wireless: bool = False
    default_route: bool = False
    addresses: tuple[str, ...] = ()
    carrier: bool = False
    driver: str = ""
    speed: int = 0  # Mbit/s; 0 when unknown
    bus: str = ""  # "usb", "sdio", "pci", "platform"


@dataclass(frozen=True, slots=True)
class Hold:
    """A program of the host that drives an interface; with interface "" any that it finds."""

    program: str
    interface: str


@dataclass(frozen=True, slots=True)
class Switch:
    """An rfkill switch of a radio."""

    name: str
    soft: bool
    hard: bool


@dataclass(frozen=True, slots=True)
class Country:
    """Wi-Fi countries: the kernel's, those that settings name, and those of the time zone.

    `in_force` is None when the kernel could not be asked.
    """

    in_force: str | None
    settings: tuple[tuple[str, str], ...] = ()  # (where, country)
    zone: str = ""
    of_zone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Power:
    """The Pi's flags on its supply. Without `history` they tell of this moment only."""

    flags: int
    history: bool = True


@dataclass(frozen=True, slots=True)
class BaseChain:
    """A chain that sees forwarded packets, in a table of the host."""

    table: str  # "ip filter"
    name: str
    policy: str
    jumps: frozenset[str] = frozenset()
    drops: bool = False  # a rule of it drops or rejects


@dataclass(frozen=True, slots=True)
class Firewall:
    """The host's own. `bridged` says whether packets within a bridge pass it, too."""

    chains: tuple[BaseChain, ...]
    nft_tables: tuple[str, ...]  # those of iptables' nft kind, "ip filter"
    legacy_tables: tuple[str, ...]
    bridged: bool


@dataclass(frozen=True, slots=True)
class Forwarding:
    """IPv4 forwarding of the host as a whole, and of each of its interfaces."""

    host: bool
    ports: Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class Disk:
    """A file system; bytes."""

    path: str
    size: int
    free: int
    read_only: bool = False
    inodes_left: bool = True


@dataclass(frozen=True, slots=True)
class Wanted:
    """What router.yaml asks of the machine."""

    lan_ports: tuple[str, ...]
    uplink_ports: tuple[str, ...]
    networks: tuple[tuple[IPv4Network, str, str], ...]  # (subnet, what it is, key in router.yaml)
    vpns: tuple[str, ...] = ()
    wifi: Wifi | None = None


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A file with a key or a password; the path is relative to the configuration's folder."""

    path: PurePosixPath
    public: bool


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate of a profile. `what` is "ca" or "cert"; seconds since 1970."""

    profile: str
    what: str
    begins: float
    ends: float


@dataclass(frozen=True, slots=True)
class Radio:
    """A radio, as far as it tells. None where it does not."""

    interface: str
    driver: str
    firmware: str | None = None
    access_point: bool | None = None
    most_stations: int | None = None
    can_move: bool | None = None  # to another network namespace


@dataclass(frozen=True, slots=True)
class Card:
    """An SD card by its own registers. Classes are 0 when the card names none."""

    name: str
    made: str
    speed: int
    uhs: int
    video: int
    application: int


@dataclass(frozen=True, slots=True)
class Hardware:
    """What only a look at a real machine shows."""

    model: str | Unseen
    memory: int | Unseen  # bytes
    bits: tuple[int, int] | Unseen  # of the kernel, and of the programs
    degrees: float | Unseen | None
    radios: tuple[Radio, ...] | Unseen
    card: Card | Unseen | None


@dataclass(frozen=True, slots=True)
class Machine:
    """All facts. `power` is None on a machine whose firmware does not measure it."""

    docker: Docker | Unseen
    boot_words: str | Unseen
    clock: Clock | Unseen
    kernel: Mapping[str, str] | Unseen  # piece -> why it is missing, or ""
    ports: tuple[Port, ...] | Unseen
    holds: tuple[Hold, ...] | Unseen
    switches: tuple[Switch, ...] | Unseen
    country: Country | Unseen
    power: Power | Unseen | None
    host: HostFacts | Unseen
    firewall: Firewall | Unseen
    forwarding: Forwarding | Unseen
    disks: tuple[Disk, ...] | Unseen
    mistakes: tuple[str, ...] | Unseen | None  # of router.yaml; None when there is no such file
    wanted: Wanted | Unseen
    secrets: tuple[SecretFile, ...] | Unseen
    certificates: tuple[Certificate, ...] | Unseen
    unread_profiles: tuple[str, ...] = ()
    chosen: bool = False  # what `mistakes` and `wanted` tell was chosen for lack of a router.yaml
    hardware: Hardware | None = None
