"""From configuration and memory to everything that shall be there: networks, containers, files.

Pure. One function for each service, in the order in which they start: the egresses, then the
router, then what devices talk to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface

from orchestrator import addressing, naming, segment, store
from orchestrator.addressing import Side, mac_address
from orchestrator.model import (
    Config,
    ContainerSpec,
    DesiredState,
    Destination,
    FileSpec,
    Kind,
    Leg,
    Mount,
    NetworkSpec,
    OnChange,
    Radio,
)
from orchestrator.render import dhcp, egress, router
from orchestrator.render.names import render_home_resolver, render_names

STATE_VOLUME = "manyways-state"
CONTROL_VOLUME = "manyways-control"
CONTROL_DIRECTORY = "/run/manyways"
CONTROL_GROUP = "4711"
SERVICE_FILES = "/etc/manyways"
SERVICE_STATE = "/var/lib/manyways"
ROUTER, DHCP, WEBUI = "manyways-router", "manyways-dhcp", "manyways-webui"
MARKS_FILE = "rendered/router/marks.nft"  # written by each switch, never by a plan
NAMES_DIRECTORY = "rendered/names"
LEASES_FILE = "run/dhcp/dnsmasq.leases"

# Forwarding stays shut until a service has loaded its rules (images/common/legs.py). No type of
# ICMP is rationed, or a device with many connections would wait for some of its refusals. Without
# "loose", a packet of a connection that was cut is invalid instead of a new connection.
ROUTING_SYSCTLS = {
    "net.ipv4.ip_forward": "0",
    "net.ipv4.icmp_ratemask": "0",
    "net.ipv4.conf.all.rp_filter": "0",
    "net.ipv4.conf.default.rp_filter": "0",
    "net.ipv4.conf.all.send_redirects": "0",
    "net.ipv4.conf.default.send_redirects": "0",
    "net.ipv4.conf.all.accept_redirects": "0",
    "net.ipv4.conf.default.accept_redirects": "0",
    "net.netfilter.nf_conntrack_tcp_loose": "0",
    "net.netfilter.nf_conntrack_tcp_be_liberal": "1",
}


@dataclass(frozen=True, slots=True)
class Images:
    """Name and id of each service's image as this machine has them."""

    names: Mapping[str, str]
    ids: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that the desired state follows from. `addresses` maps the MAC of each lease.

    `radio` is what is known of the one that the Wi-Fi is meant for.
    """

    config: Config
    state: store.State
    addresses: Mapping[str, IPv4Address]
    images: Images
    radio: Radio | None = None


def desired_state(inputs: Inputs) -> DesiredState:
    """Return what shall be there."""
    destinations = inputs.config.destinations
    return DesiredState(
        networks=tuple(_networks(inputs)),
        containers=(
            *(_egress_container(inputs, d) for d in destinations),
            _router_container(inputs),
            _dhcp_container(inputs),
            _webui_container(inputs),
            *_segment_containers(inputs),
        ),
        files=tuple(_files(inputs)),
        directories=(
            "rendered/router",
            NAMES_DIRECTORY,
            "run/dhcp",
            *segment.directories(inputs.config),
            *(_state_directory(d.name) for d in destinations),
        ),
    )


def router_address(config: Config) -> IPv4Address:
    """Return the router's own address on the LAN, which is also that of the page."""
    return config.lan.address.ip


def allowed_hosts(config: Config) -> tuple[str, ...]:
    """Return the Host headers under which the page may be asked for."""
    domain = config.lan.domain
    return (str(router_address(config)), str(config.lan.webui), "manyways", f"manyways.{domain}")


def _state_directory(destination: str) -> str:
    return f"run/egress-{destination}"


def egress_directories(destination: str) -> tuple[str, str]:
    """Return the directories, below the volume, that belong to a destination alone."""
    return f"rendered/egress-{destination}", _state_directory(destination)


def status_file(destination: str) -> str:
    """Return where, below the volume, an egress writes its status."""
    return f"{_state_directory(destination)}/status.json"


# --- networks ------------------------------------------------------------------------------------


def _networks(inputs: Inputs) -> Iterable[NetworkSpec]:
    config, state = inputs.config, inputs.state
    yield segment.network(config)
    for uplink in config.uplinks:
        subnet = addressing.uplink_subnet(config.transit_pool, state.uplinks[uplink.name])
        name = addressing.uplink_network(uplink.name)
        yield NetworkSpec(name, "macvlan", subnet, subnet[254], {"parent": uplink.interface})
    for destination in config.destinations:
        yield _transit(inputs, destination)


def _transit(inputs: Inputs, destination: Destination) -> NetworkSpec:
    pool, slot = inputs.config.transit_pool, inputs.state.slots[destination.name]
    return NetworkSpec(
        addressing.transit_network(destination.name),
        "bridge",
        addressing.transit_subnet(pool, slot),
        addressing.transit_placeholder(pool, slot),
        {
            **segment.ISOLATED_BRIDGE,
            "com.docker.network.bridge.name": f"mw-transit{slot}",
        },
    )


# --- containers ----------------------------------------------------------------------------------


def _container(
    inputs: Inputs,
    name: str,
    role: str,
    legs: tuple[Leg, ...],
    *,
    hot_legs: tuple[Leg, ...] = (),
    capabilities: tuple[str, ...] = (),
    sysctls: Mapping[str, str] | None = None,
    mounts: tuple[Mount, ...] = (),
    devices: tuple[str, ...] = (),
    environment: Mapping[str, str] | None = None,
    user: str = "",
    groups: tuple[str, ...] = (),
    tmpfs: tuple[str, ...] = ("/run", "/tmp"),
    stop_signal: str = "SIGTERM",
) -> ContainerSpec:
    return ContainerSpec(
        name=name,
        role=role,
        image=inputs.images.names[role],
        image_id=inputs.images.ids[role],
        legs=legs,
        hot_legs=hot_legs,
        capabilities=capabilities,
        sysctls=sysctls or {},
        mounts=mounts,
        devices=devices,
        environment=environment or {},
        user=user,
        groups=groups,
        tmpfs=tmpfs,
        stop_signal=stop_signal,
    )


def _mount(subpath: str, target: str = SERVICE_FILES, *, read_only: bool = True) -> Mount:
    return Mount(STATE_VOLUME, subpath, target, read_only)


def _egress_container(inputs: Inputs, destination: Destination) -> ContainerSpec:
    config, state = inputs.config, inputs.state
    slot = state.slots[destination.name]
    uplink_number = state.uplinks[destination.uplink]
    placeholder = addressing.uplink_subnet(config.transit_pool, uplink_number)[slot]
    return _container(
        inputs,
        addressing.egress_container(destination.name),
        "egress",
        (
            Leg(
                addressing.transit_network(destination.name),
                addressing.transit_egress(config.transit_pool, slot),
                mac_address(state.install, Side.EGRESS_TRANSIT, slot),
            ),
            Leg(
                addressing.uplink_network(destination.uplink),
                placeholder,
                mac_address(state.install, Side.EGRESS_UPLINK, slot),
            ),
        ),
        # KILL: its dnsmasq gives up root, and is told of new servers by a signal.
        capabilities=("NET_ADMIN", "NET_RAW", "NET_BIND_SERVICE", "SETUID", "SETGID", "KILL"),
        sysctls=ROUTING_SYSCTLS,
        mounts=(
            _mount(f"rendered/egress-{destination.name}"),
            _mount(NAMES_DIRECTORY, "/names"),
            _mount(_state_directory(destination.name), SERVICE_STATE, read_only=False),
        ),
        devices=("/dev/net/tun",) if destination.kind is Kind.OPENVPN else (),
    )


def _router_container(inputs: Inputs) -> ContainerSpec:
    config, state = inputs.config, inputs.state
    lan_mac = mac_address(state.install, Side.ROUTER_LAN)
    return _container(
        inputs,
        ROUTER,
        "router",
        (Leg(addressing.LAN_NETWORK, router_address(config), lan_mac),),
        hot_legs=tuple(
            Leg(
                addressing.transit_network(d.name),
                addressing.transit_router(config.transit_pool, state.slots[d.name]),
            )
            for d in config.destinations
        ),
        capabilities=("NET_ADMIN",),
        sysctls={
            **ROUTING_SYSCTLS,
            # A reset towards the far end of a cut connection leaves by the way it had.
            "net.ipv4.fwmark_reflect": "1",
            # A leg answers ARP for its own address, not for those of the transits.
            "net.ipv4.conf.all.arp_ignore": "1",
        },
        mounts=(_mount("rendered/router"),),
        # It holds a namespace and nothing else: there is nothing to end in order.
        stop_signal="SIGKILL",
    )


def _dhcp_container(inputs: Inputs) -> ContainerSpec:
    config, state = inputs.config, inputs.state
    mac = mac_address(state.install, Side.DHCP_LAN)
    return _container(
        inputs,
        DHCP,
        "dhcp",
        (Leg(addressing.LAN_NETWORK, config.lan.dhcp_server, mac),),
        capabilities=("NET_ADMIN", "NET_RAW", "NET_BIND_SERVICE", "SETUID", "SETGID"),
        mounts=(
            _mount("rendered/dhcp"),
            _mount(NAMES_DIRECTORY, "/names"),
            _mount("run/dhcp", SERVICE_STATE, read_only=False),
        ),
        environment={"LAN_MAC": mac},
    )


def _webui_container(inputs: Inputs) -> ContainerSpec:
    config, state = inputs.config, inputs.state
    mac = mac_address(state.install, Side.WEBUI_LAN)
    return _container(
        inputs,
        WEBUI,
        "webui",
        (Leg(addressing.LAN_NETWORK, config.lan.webui, mac),),
        mounts=(Mount(CONTROL_VOLUME, "", CONTROL_DIRECTORY),),
        environment={
            "MANYWAYS_HOSTS": ",".join(allowed_hosts(config)),
            "MANYWAYS_SOCKET": f"{CONTROL_DIRECTORY}/control.sock",
        },
        groups=(CONTROL_GROUP,),
        tmpfs=("/tmp",),
    )


def _segment_containers(inputs: Inputs) -> Iterable[ContainerSpec]:
    if not inputs.config.lan_is_bridge:
        return ()
    image, image_id = inputs.images.names["hostapd"], inputs.images.ids["hostapd"]
    install = inputs.state.install
    return segment.containers(inputs.config, install, image, image_id, inputs.radio, STATE_VOLUME)


# --- files ---------------------------------------------------------------------------------------


def _files(inputs: Inputs) -> Iterable[FileSpec]:
    config, state = inputs.config, inputs.state
    view = _router_view(inputs)
    for name, content in (
        ("rules.nft", router.render_rules(view)),
        ("ipv6.nft", router.render_version6()),
        ("router.json", router.render_legs(view)),
    ):
        yield FileSpec(f"rendered/router/{name}", content, ROUTER, OnChange.RULES)
    dnsmasq = dhcp.render_dhcp(config.lan, router_address(config))
    yield FileSpec("rendered/dhcp/dnsmasq.conf", dnsmasq, DHCP, OnChange.RESTART)
    resolver = render_home_resolver(config.lan.dhcp_server, config.lan.network, config.lan.domain)
    yield FileSpec("rendered/dhcp/resolver.conf", resolver, DHCP, OnChange.RESTART)
    reserved = {d.mac: d.address for d in config.devices if d.address}
    text = dhcp.render_reservations(reserved)
    yield FileSpec("rendered/dhcp/reservations", text, DHCP, OnChange.RELOAD)
    hosts = render_names(config, naming.names(config, state), {**reserved, **inputs.addresses})
    yield FileSpec(f"{NAMES_DIRECTORY}/hosts", hosts, None, OnChange.NOTHING)
    yield from segment.files(config, inputs.radio)
    for destination in config.destinations:
        yield from _egress_files(inputs, destination)


def _router_view(inputs: Inputs) -> router.RouterView:
    config, state = inputs.config, inputs.state
    return router.RouterView(
        lan_mac=mac_address(state.install, Side.ROUTER_LAN),
        lan=config.lan.network,
        address=router_address(config),
        page=config.lan.webui,
        resolver=config.lan.dhcp_server,
        transit_pool=config.transit_pool,
        transits=tuple(
            router.Transit(
                slot=state.slots[d.name],
                destination=d.name,
                address=addressing.transit_router(config.transit_pool, state.slots[d.name]),
                egress=addressing.transit_egress(config.transit_pool, state.slots[d.name]),
                egress_mac=mac_address(state.install, Side.EGRESS_TRANSIT, state.slots[d.name]),
            )
            for d in config.destinations
        ),
        dns_over_tls=tuple(sorted(d.mac for d in config.devices if d.dns_over_tls)),
    )


def _egress_files(inputs: Inputs, destination: Destination) -> Iterable[FileSpec]:
    name = destination.name
    for file, content in egress.render_egress(_egress_spec(inputs, destination)).items():
        yield FileSpec(
            f"rendered/egress-{name}/{file}",
            content,
            addressing.egress_container(name),
            OnChange.RESTART,
        )


def _egress_spec(inputs: Inputs, destination: Destination) -> egress.EgressSpec:
    config, state = inputs.config, inputs.state
    slot = state.slots[destination.name]
    subnet = addressing.transit_subnet(config.transit_pool, slot)
    address = addressing.transit_egress(config.transit_pool, slot)
    return egress.EgressSpec(
        name=destination.name,
        kind=destination.kind,
        transit_mac=mac_address(state.install, Side.EGRESS_TRANSIT, slot),
        transit_address=IPv4Interface((address, subnet.prefixlen)),
        transit_router=addressing.transit_router(config.transit_pool, slot),
        lan=config.lan.network,
        domain=config.lan.domain,
        uplink_mac=mac_address(state.install, Side.EGRESS_UPLINK, slot),
        uplink_static=_static_uplink(inputs, destination),
        dns=destination.dns,
        internet_probe=destination.internet_probe,
        profile=destination.profile,
        address_service=config.address_service,
    )


def _static_uplink(inputs: Inputs, destination: Destination) -> egress.StaticUplink | None:
    static = inputs.config.uplink(destination.uplink).static
    if static is None:
        return None
    offset = inputs.state.offsets[store.offset_key(destination.uplink, destination.name)]
    address = static.addresses.first + offset
    return egress.StaticUplink(
        IPv4Interface((address, static.prefixlen)), static.gateway, static.dns
    )
