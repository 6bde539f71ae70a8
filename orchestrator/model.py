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

    @property
    def placeholder(self) -> IPv4Address:
        """The gateway that Docker insists on; nobody has it."""
        return self.network.broadcast_address - 1

    @property
    def webui(self) -> IPv4Address:
        return self.network.broadcast_address - 2

    @property
    def dhcp_server(self) -> IPv4Address:
        return self.network.broadcast_address - 3

    @property
    def access_point(self) -> IPv4Address:
        """The container with the radio; a device's, unless the LAN is a bridge."""
        return self.network.broadcast_address - 4


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
    the line, what was neutralised and why. `dns` are the name servers that the profile itself
    names; they are already part of the destination's `dns`.
    """

    remotes: tuple[Remote, ...]
    directives: tuple[str, ...]
    inline: Mapping[str, str] = field(repr=False)  # holds private keys
    needs_credentials: bool = False
    credentials: tuple[str, str] | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()
    dns: tuple[IPv4Address, ...] = ()


# The root servers of the DNS, a to m (https://www.iana.org/domains/root/servers): each address
# is hundreds of machines all over the world, made to be asked small questions by everybody.
ROOT_SERVERS = tuple(
    IPv4Address(server)
    for server in (
        *("198.41.0.4", "170.247.170.2", "192.33.4.12", "199.7.91.13", "192.203.230.10"),
        *("192.5.5.241", "192.112.36.4", "198.97.190.53", "192.36.148.17", "192.58.128.30"),
        *("193.0.14.129", "199.7.83.42", "202.12.27.33"),
    )
)


@dataclass(frozen=True, slots=True)
class Destination:
    """What a person picks: a name, and how traffic leaves.

    `dns` are the configured upstream servers; empty means those pushed by the VPN, else the
    uplink's. `internet_probe` are asked in turn whether anything beyond the provider answers;
    empty means that nobody is. `title` is what people call it, `country` its ISO 3166-1 code;
    empty: nothing said, or unknown. `added`: on the page, not in a file; until it has worked once
    it is not `offered`, and no device can be switched to it.
    """

    name: str
    kind: Kind
    uplink: str
    dns: tuple[IPv4Address, ...] = ()
    profile: Profile | None = None
    internet_probe: tuple[IPv4Address, ...] = ROOT_SERVERS
    title: str = ""
    country: str = ""
    added: bool = False
    offered: bool = True


@dataclass(frozen=True, slots=True)
class ConfiguredDevice:
    """A device as router.yaml names it. None: nothing said."""

    mac: str  # lower case, colons
    name: str
    address: IPv4Address | None = None
    destination: str | None = None
    dns_over_tls: bool = False  # may it hide its queries from the destination's resolver?


class Band(enum.StrEnum):
    """The frequencies of an access point."""

    AUTO = "auto"
    GHZ_2_4 = "2.4"
    GHZ_5 = "5"


class Security(enum.StrEnum):
    """How stations of a Wi-Fi network authenticate."""

    AUTO = "auto"  # WPA2 and WPA3 side by side where the radio can, else WPA2
    WPA2 = "wpa2"
    TRANSITION = "wpa2+wpa3"
    WPA3 = "wpa3"


@dataclass(frozen=True, slots=True)
class WifiNetwork:
    """One SSID. `destination` is where who joins it goes, unless somebody chose for the device."""

    ssid: str
    passphrase: str = field(repr=False)
    security: Security = Security.AUTO
    hidden: bool = False
    isolation: bool = False  # may stations not talk to each other?
    destination: str | None = None


@dataclass(frozen=True, slots=True)
class Wifi:
    """The access point. `radio` names a phy or its interface; None: the only one that there is.

    `country` is an ISO 3166-1 code; `channel` None: one that hardly any country forbids.
    """

    country: str
    networks: tuple[WifiNetwork, ...]
    radio: str | None = None
    band: Band = Band.AUTO
    channel: int | None = None


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
    address_service: str | None = None  # a URL that answers with the address it was asked from
    refuse_new_devices: bool = False  # until somebody chooses, instead of the default
    internet_probe: tuple[IPv4Address, ...] = ROOT_SERVERS  # of destinations that say nothing else
    wifi: Wifi | None = None

    @property
    def lan_is_bridge(self) -> bool:
        """Is the LAN a bridge, because more than one port, or a radio, belongs to it?"""
        return self.wifi is not None or len(self.lan.interfaces) > 1

    @property
    def service_addresses(self) -> tuple[IPv4Address, ...]:
        """The last usable addresses of the LAN, which no device may have."""
        lan = self.lan
        last = (lan.dhcp_server, lan.webui, lan.placeholder)
        return (lan.access_point, *last) if self.lan_is_bridge else last

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
class Radio:
    """A radio as nl80211 describes it (`iw phy`).

    `channels` maps each band that it has to the channels on which it may be an access point, by
    the rules of `country` (empty: those of the whole world, by which less is allowed than in any
    one country). `max_networks` is how many SSIDs it can have at once, `max_stations` how many
    clients (None: not said). `vht`: it knows 802.11ac.
    """

    phy: str
    interfaces: tuple[str, ...]
    access_point: bool
    channels: Mapping[Band, tuple[int, ...]]
    max_networks: int = 1
    max_stations: int | None = None
    wpa3: bool = False
    vht: bool = False
    country: str = ""
    can_move: bool = True  # to another network namespace


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What the host already has, against which a configuration is checked.

    `taken` are the subnets that the host uses and that are not ours: its addresses' networks
    and other Docker networks, each with a word on where it was seen. `radios` None: nobody looked.
    """

    interfaces: tuple[HostInterface, ...]
    taken: tuple[tuple[IPv4Network, str], ...] = ()
    radios: tuple[Radio, ...] | None = None


# --- what shall be there, and what is -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """A Docker network that shall exist."""

    name: str
    driver: str  # "macvlan" or "bridge"
    subnet: IPv4Network
    gateway: IPv4Address  # a placeholder: Docker insists on one, nobody has it
    options: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Leg:
    """A container's interface on a network. An empty MAC address leaves it to Docker.

    Docker Engine 26 and 27 take a MAC address when a container is created, and ignore it when
    a network is connected later.
    """

    network: str
    address: IPv4Address
    mac: str = ""


@dataclass(frozen=True, slots=True)
class Mount:
    """A part of a named volume inside a container."""

    volume: str
    subpath: str
    target: str
    read_only: bool = True


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """A container that shall run.

    `legs` are there before it starts, and a change of them recreates it; `hot_legs` come and
    go while it runs (a new destination must not disturb the others). `image` is the image's
    name, `image_id` what it resolves to now, so that a new build recreates the container.
    """

    name: str
    role: str
    image: str
    image_id: str
    legs: tuple[Leg, ...]
    hot_legs: tuple[Leg, ...] = ()
    capabilities: tuple[str, ...] = ()
    sysctls: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    devices: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    groups: tuple[str, ...] = ()
    tmpfs: tuple[str, ...] = ("/run", "/tmp")
    stop_signal: str = "SIGTERM"
    entrypoint: tuple[str, ...] = ()  # empty: the image's own
    restart: bool = True  # whenever it ends, and after a reboot
    pid_mode: str = ""  # "host": it sees the host's processes
    network_mode: str = ""  # "host": it has no network of its own, and no legs


class OnChange(enum.StrEnum):
    """What makes a running container take a changed file."""

    RESTART = "restart"
    RELOAD = "reload"  # SIGHUP
    RULES = "rules"  # the router loads its rules again, atomically
    NOTHING = "nothing"  # its program notices by itself


@dataclass(frozen=True, slots=True)
class FileSpec:
    """A rendered file: where (relative to the volume), its content, who must be told."""

    path: str
    content: str = field(repr=False)
    container: str | None
    on_change: OnChange


@dataclass(frozen=True, slots=True)
class DesiredState:
    """Everything that shall be there, in the order in which it is made."""

    networks: tuple[NetworkSpec, ...] = ()
    containers: tuple[ContainerSpec, ...] = ()
    files: tuple[FileSpec, ...] = ()
    directories: tuple[str, ...] = ()  # that containers write to, relative to the volume


@dataclass(frozen=True, slots=True)
class ObservedNetwork:
    """A Docker network with one of our names."""

    name: str
    spec: str  # the digest of the NetworkSpec it was made from, "" when it is not ours


@dataclass(frozen=True, slots=True)
class ObservedContainer:
    """A container with one of our names."""

    name: str
    spec: str  # the digest of the ContainerSpec it was made from, "" when it is not ours
    running: bool
    networks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ObservedState:
    """What is there. `files` maps paths below the volume to their content.

    `told` says for each container which versions (digests) of its files it was told of.
    """

    networks: tuple[ObservedNetwork, ...] = ()
    containers: tuple[ObservedContainer, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    directories: frozenset[str] = frozenset()
    told: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


class Verb(enum.StrEnum):
    """What an action does; the words that `plan` shows."""

    CREATE_NETWORK = "create network"
    REMOVE_NETWORK = "remove network"
    CREATE_CONTAINER = "create container"
    REMOVE_CONTAINER = "remove container"
    START_CONTAINER = "start container"
    RESTART_CONTAINER = "restart container"
    RELOAD_CONTAINER = "reload container"
    LOAD_RULES = "load rules"
    CONNECT = "connect"
    DISCONNECT = "disconnect"
    MAKE_DIRECTORY = "make directory"
    WRITE_FILE = "write file"
    REMOVE_FILE = "remove file"


@dataclass(frozen=True, slots=True)
class Action:
    """One step, and why it is taken. `item` is the spec that the step needs, if any.

    `told`, when the step has succeeded, is what its container knows of its files.
    """

    verb: Verb
    target: str
    reason: str
    item: NetworkSpec | ContainerSpec | FileSpec | Leg | None = field(default=None, repr=False)
    told: Mapping[str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps from what is there to what shall be there, in order."""

    actions: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a switch did; `milliseconds` from the first packet refused to the last entry cut."""

    mac: str
    device: str
    old: str | None
    new: str | None
    connections_cut: int
    milliseconds: float
    at: str  # ISO 8601, UTC
    until: str | None = None  # when the device goes back by itself
    note: str = ""  # why the device is refused all the same


@dataclass(frozen=True, slots=True)
class PauseReceipt:
    """What pausing or resuming a destination did; `changed` is false when it was so already.

    `devices` counts those that are refused from now on, or served again.
    """

    destination: str
    paused: bool
    changed: bool
    devices: int
    connections_cut: int
    milliseconds: float
    at: str  # ISO 8601, UTC


# --- what is seen while it runs ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Lease:
    """A DHCP lease. `expires` is in seconds since the epoch; 0: never."""

    mac: str
    address: IPv4Address
    hostname: str
    expires: int
