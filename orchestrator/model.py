"""The words of Manyways as frozen values.

Everything that is planned, rendered, shown or stored passes through these types, so that
the pure modules (config, desired, plan, render, status) can be read and tested without root,
Docker or a network. Nothing here does I/O.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface, IPv4Network


# --- configuration: what router.yaml and profiles/ say ---------------------------------------


class Kind(enum.StrEnum):
    """What carries the traffic of a destination."""

    DIRECT = "direct"
    OPENVPN = "openvpn"


@dataclass(frozen=True, slots=True)
class AddressRange:
    """An inclusive range of IPv4 addresses."""

    first: IPv4Address
    last: IPv4Address

    def __contains__(self, address: object) -> bool:
        return isinstance(address, IPv4Address) and self.first <= address <= self.last

    def __len__(self) -> int:
        return int(self.last) - int(self.first) + 1

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"


@dataclass(frozen=True, slots=True)
class Lan:
    """The home network. `address` is the router's own, with the prefix length of the LAN."""

    interfaces: tuple[str, ...]
    address: IPv4Interface
    dhcp_range: AddressRange
    lease_time: int  # seconds
    domain: str

    @property
    def network(self) -> IPv4Network:
        return self.address.network


@dataclass(frozen=True, slots=True)
class StaticAddresses:
    """Addresses on an uplink without DHCP: each egress takes one of the range."""

    addresses: AddressRange
    prefixlen: int
    gateway: IPv4Address
    dns: tuple[IPv4Address, ...]


@dataclass(frozen=True, slots=True)
class Uplink:
    """A way to a provider: a host interface, and how an egress gets its address there.

    `static` is None when the address comes by DHCP.
    """

    name: str
    interface: str
    static: StaticAddresses | None = None


@dataclass(frozen=True, slots=True)
class Remote:
    """One endpoint of a VPN: host name or address, port, and "udp" or "tcp"."""

    host: str
    port: int
    protocol: str


@dataclass(frozen=True, slots=True)
class Profile:
    """An OpenVPN profile after cleaning: only directives that cannot hurt the router.

    `directives` are the kept lines, without any `remote`, `proto`, `port`, `dev` or
    `auth-user-pass`, and without inline blocks; `inline` maps a block's tag (`ca`, `cert`,
    `key`, `tls-auth`, `tls-crypt`, …) to its text. `needs_credentials` is true when the
    profile says `auth-user-pass`; `credentials` are user name and password when the profile
    (inline) or the destination's credentials file gives them. `notes` tell the person, with
    the line, what was neutralised and why.
    """

    remotes: tuple[Remote, ...]
    directives: tuple[str, ...]
    inline: Mapping[str, str]
    needs_credentials: bool = False
    credentials: tuple[str, str] | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Destination:
    """What a person picks: a name, and how traffic leaves.

    `dns` are the configured upstream servers; empty means those pushed by the VPN, else the
    uplink's.
    """

    name: str
    kind: Kind
    uplink: str
    dns: tuple[IPv4Address, ...] = ()
    profile: Profile | None = None


@dataclass(frozen=True, slots=True)
class ConfiguredDevice:
    """A device as router.yaml names it. None: nothing said."""

    mac: str  # lower case, colons
    name: str
    address: IPv4Address | None = None
    destination: str | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """All of router.yaml and profiles/, validated, with every default filled in."""

    lan: Lan
    uplinks: tuple[Uplink, ...]
    destinations: tuple[Destination, ...]
    default_destination: str
    devices: tuple[ConfiguredDevice, ...]
    transit_pool: IPv4Network
    notes: tuple[str, ...] = ()  # what was neutralised, for `check` and `status`

    def destination(self, name: str) -> Destination | None:
        return next((d for d in self.destinations if d.name == name), None)

    def uplink(self, name: str) -> Uplink:
        return next(u for u in self.uplinks if u.name == name)


@dataclass(frozen=True, slots=True)
class HostInterface:
    """An interface of the host as netlink reports it."""

    name: str
    addresses: tuple[IPv4Interface, ...]
    is_default_route: bool = False
    wireless: bool = False


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What the host already has, against which a configuration is checked.

    `taken` are the subnets that the host uses and that are not ours: its addresses' networks
    and other Docker networks, each with a word on where it was seen.
    """

    interfaces: tuple[HostInterface, ...]
    taken: tuple[tuple[IPv4Network, str], ...] = ()
