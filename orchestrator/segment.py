"""The home's own segment: the network under the LAN, the access point on it, and the porter.

One wired port alone carries a macvlan network. Several, or a radio, are joined by a bridge of
Docker's, to which the porter brings what the host has. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from orchestrator import addressing
from orchestrator.addressing import Side, mac_address
from orchestrator.model import (
    Config,
    ContainerSpec,
    FileSpec,
    Leg,
    Mount,
    NetworkSpec,
    OnChange,
    Radio,
    Wifi,
)
from orchestrator.render.hostapd import render_hostapd

HOSTAPD, PORTER = "manyways-hostapd", "manyways-porter"
BRIDGE = "mw-lan"
HOSTAPD_STATE, PORTER_STATE = "run/hostapd", "run/porter"
PORTER_STATUS_FILE = f"{PORTER_STATE}/status.json"
_DEFAULT_INTERFACE = "wlan0"

# No address of the host on the link, and no way out by the host.
ISOLATED_BRIDGE = {
    "com.docker.network.bridge.inhibit_ipv4": "true",
    "com.docker.network.bridge.enable_ip_masquerade": "false",
}
# The access point only bridges: it has no address, and answers for none.
_SILENT = {
    "net.ipv4.ip_forward": "0",
    "net.ipv4.conf.all.arp_ignore": "8",
    "net.ipv4.conf.default.arp_ignore": "8",
}


def network(config: Config) -> NetworkSpec:
    """Return the Docker network of the LAN."""
    lan = config.lan
    if config.lan_is_bridge:
        driver, options = "bridge", {**ISOLATED_BRIDGE, "com.docker.network.bridge.name": BRIDGE}
    else:
        driver, options = "macvlan", {"parent": carrier(config)}
    return NetworkSpec(addressing.LAN_NETWORK, driver, lan.network, lan.placeholder, options)


def carrier(config: Config) -> str:
    """Return the host's interface on which the LAN is."""
    return BRIDGE if config.lan_is_bridge else config.lan.interfaces[0]


def containers(
    config: Config, install: str, image: str, image_id: str, radio: Radio | None, volume: str
) -> Iterable[ContainerSpec]:
    """Yield the access point and the porter, as far as the LAN needs them.

    `radio` is what is known of the one that is meant; `volume` holds the state.
    """
    if config.wifi is not None:
        yield _access_point(config, install, image, image_id, stays(radio), volume)
    if config.lan_is_bridge:
        yield ContainerSpec(
            name=PORTER,
            role="porter",
            image=image,
            image_id=image_id,
            legs=(),
            # To enter the host's network namespace, which it shares with process 1, to move a
            # port and a radio there, and nothing else.
            capabilities=("SYS_ADMIN", "SYS_PTRACE", "NET_ADMIN"),
            mounts=(
                Mount(volume, "rendered/porter", "/etc/manyways"),
                Mount(volume, PORTER_STATE, "/var/lib/manyways", read_only=False),
                Mount(volume, HOSTAPD_STATE, "/radio"),
            ),
            entrypoint=("/usr/local/bin/carry",),
            pid_mode="host",
        )


def stays(radio: Radio | None) -> bool:
    """Say whether the access point must come to the radio, in the host's own network."""
    return radio is not None and not radio.can_move


def _access_point(
    config: Config, install: str, image: str, image_id: str, in_host: bool, volume: str
) -> ContainerSpec:
    mac = mac_address(install, Side.HOSTAPD_LAN)
    leg = Leg(addressing.LAN_NETWORK, config.lan.access_point, mac)
    return ContainerSpec(
        name=HOSTAPD,
        role="hostapd",
        image=image,
        image_id=image_id,
        legs=() if in_host else (leg,),
        capabilities=("NET_ADMIN", "NET_RAW"),
        sysctls={} if in_host else _SILENT,
        mounts=(
            Mount(volume, "rendered/hostapd", "/etc/manyways"),
            Mount(volume, HOSTAPD_STATE, "/var/lib/manyways", read_only=False),
        ),
        environment={} if in_host else {"LAN_MAC": mac},
        network_mode="host" if in_host else "",
    )


def files(config: Config, radio: Radio | None) -> Iterable[FileSpec]:
    """Yield what the two read."""
    wifi = config.wifi
    if wifi is not None:
        bridge = BRIDGE if stays(radio) else "br0"
        text = render_hostapd(wifi, radio, bridge, _interface(wifi, radio))
        yield FileSpec("rendered/hostapd/hostapd.conf", text, HOSTAPD, OnChange.RESTART)
    if config.lan_is_bridge:
        order = {
            "bridge": BRIDGE,
            "ports": list(config.lan.interfaces),
            # Empty: the only one that there is.
            "radio": None if wifi is None else wifi.radio or "",
        }
        text = json.dumps(order, indent=1) + "\n"
        yield FileSpec("rendered/porter/porter.json", text, PORTER, OnChange.RELOAD)


def directories(config: Config) -> tuple[str, ...]:
    """Return where the two write; the porter waits in one for the access point."""
    return (HOSTAPD_STATE, PORTER_STATE) if config.lan_is_bridge else ()


def _interface(wifi: Wifi, radio: Radio | None) -> str:
    """Return the radio's interface. Those that hostapd makes for more SSIDs have longer names."""
    if radio is None or not radio.interfaces:
        return _DEFAULT_INTERFACE
    if wifi.radio in radio.interfaces:
        return str(wifi.radio)
    return min(radio.interfaces, key=lambda name: (len(name), name))
