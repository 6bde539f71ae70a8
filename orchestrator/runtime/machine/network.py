"""The host's network, from inside its namespace: ports, who drives them, firewall, forwarding."""

from __future__ import annotations

import fnmatch
import json
import socket
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network
from pathlib import PurePosixPath
from typing import Any

from pyroute2 import IPRoute

from orchestrator.doctor.machine import (
    BaseChain,
    Firewall,
    Forwarding,
    Hold,
    NotSeen,
    Port,
)
from orchestrator.runtime.machine.files import Tree

_MAIN = 254  # linux/rtnetlink.h: RT_TABLE_MAIN
_CLASS = "/sys/class/net"
_BY_ARGUMENT = ("wpa_supplicant", "dhclient", "udhcpc", "pppd")
_IPTABLES = ("filter", "nat", "mangle", "raw")


def ports(tree: Tree) -> tuple[Port, ...]:
    """Return the interfaces of this namespace, with what the host's /sys tells of them."""
    with IPRoute() as route:
        links = list(route.get_links())
        addresses: dict[int, list[str]] = {}
        for item in route.get_addr(family=socket.AF_INET):
            text = item.get_attr("IFA_LOCAL") or item.get_attr("IFA_ADDRESS")
            addresses.setdefault(item["index"], []).append(f"{text}/{item['prefixlen']}")
        defaults = {r.get_attr("RTA_OIF") for r in route.get_default_routes(family=socket.AF_INET)}
    return tuple(
        _port(tree, link.get_attr("IFLA_IFNAME"), link["index"], link.get_attr("IFLA_CARRIER"),
              link["index"] in defaults, tuple(addresses.get(link["index"], ())))
        for link in links
    )  # fmt: skip


def _port(
    tree: Tree, name: str, index: int, carrier: object, default: bool, addresses: tuple[str, ...]
) -> Port:
    inside = tree.names(f"{_CLASS}/{name}")
    driver = tree.link(f"{_CLASS}/{name}/device/driver") if "device" in inside else None
    bus = tree.link(f"{_CLASS}/{name}/device/subsystem") if "device" in inside else None
    return Port(
        name=name,
        index=index,
        device="device" in inside,
        wireless="phy80211" in inside,
        default_route=default,
        addresses=addresses,
        carrier=bool(carrier),
        driver=PurePosixPath(driver or "").name,
        speed=_speed(tree, name),
        bus=PurePosixPath(bus or "").name,
    )


def _speed(tree: Tree, name: str) -> int:
    try:
        text = tree.text(f"{_CLASS}/{name}/speed") or "0"
    except NotSeen:
        return 0  # a port without a link, or of a kind without speeds, says EINVAL
    return max(0, int(text))


def routes() -> tuple[IPv4Network, ...]:
    """Return the subnets to which this namespace knows a way, without the default one."""
    with IPRoute() as route:
        found = [
            IPv4Network((item.get_attr("RTA_DST"), item["dst_len"]))
            for item in route.get_routes(family=socket.AF_INET, table=_MAIN)
            if item["dst_len"]
        ]
    return tuple(dict.fromkeys(found))


# --- who drives a port ----------------------------------------------------------------------


def holds(tree: Tree, found: Sequence[Port]) -> tuple[Hold, ...]:
    """Return which programs drive which ports. Raises NotSeen."""
    running = [(words[0], words[1:]) for words in _programs(tree)]
    names = {name for name, _ in running}
    held = [hold for name, words in running for hold in _by_argument(name, words, found)]
    for port in found:
        if "NetworkManager" in names and _managed(tree, port):
            held.append(Hold("NetworkManager", port.name))
        if "systemd-networkd" in names and _configured(tree, port):
            held.append(Hold("systemd-networkd", port.name))
        if "dhcpcd" in names and port.device and not _denied(tree, port.name):
            held.append(Hold("dhcpcd", port.name))
    return tuple(dict.fromkeys(held))


def _programs(tree: Tree) -> Iterator[list[str]]:
    """Name and words of each process in the host's network; containers have their own."""
    ours = tree.link("/proc/thread-self/ns/net")
    for number in filter(str.isdigit, tree.names("/proc")):
        try:
            name = tree.text(f"/proc/{number}/comm")
            line = tree.text(f"/proc/{number}/cmdline")
            theirs = tree.link(f"/proc/{number}/ns/net")
        except NotSeen:
            continue  # it ended meanwhile (ESRCH)
        if name and (ours is None or theirs is None or theirs == ours):
            # The kernel cuts a name after 15 letters: systemd-networkd is one longer.
            full = "systemd-networkd" if name == "systemd-network" else name
            yield [full, *(line or "").split("\0")[1:]]


def _by_argument(program: str, words: list[str], found: Sequence[Port]) -> list[Hold]:
    if program not in _BY_ARGUMENT:
        return []
    said = {word.removeprefix("-i") for word in words}
    return [Hold(program, port.name) for port in found if port.name in said]


def _managed(tree: Tree, port: Port) -> bool:
    lines = (tree.text(f"/run/NetworkManager/devices/{port.index}") or "").splitlines()
    said = dict(line.partition("=")[::2] for line in lines)
    return said.get("managed") != "false" and bool(
        said.get("managed") == "true" or said.get("connection-uuid")
    )


def _configured(tree: Tree, port: Port) -> bool:
    lines = (tree.text(f"/run/systemd/netif/links/{port.index}") or "").splitlines()
    state = dict(line.partition("=")[::2] for line in lines).get("ADMIN_STATE", "")
    return state not in ("", "unmanaged")


def _denied(tree: Tree, name: str) -> bool:
    """Say whether dhcpcd.conf keeps its hands off an interface (dhcpcd.conf(5))."""
    allowed: list[str] | None = None
    for line in (tree.text("/etc/dhcpcd.conf") or "").splitlines():
        key, *patterns = line.split() or [""]
        if key == "denyinterfaces" and any(fnmatch.fnmatch(name, p) for p in patterns):
            return True
        if key == "allowinterfaces":
            allowed = [*(allowed or []), *patterns]
    return allowed is not None and not any(fnmatch.fnmatch(name, p) for p in allowed)


# --- the firewall ---------------------------------------------------------------------------


def firewall(tree: Tree) -> Firewall:
    """Return what of the host's rules sees forwarded packets. Raises NotSeen."""
    from nftables import Nftables  # type: ignore[import-not-found,unused-ignore]

    nft = Nftables()
    nft.set_json_output(True)
    chains = [item["chain"] for item in _listing(nft, "list chains") if "chain" in item]
    forward = [
        chain
        for chain in chains
        if chain.get("hook") == "forward" and chain["family"] in ("ip", "inet")
    ]
    kinds = {
        f"{chain['family']} {chain['table']}"
        for chain in chains
        if chain["table"] in _IPTABLES and chain["name"].isupper() and "hook" in chain
    }
    names = (tree.text("/proc/thread-self/net/ip_tables_names") or "").split()
    bridged = tree.text("/proc/sys/net/bridge/bridge-nf-call-iptables") == "1"
    return Firewall(
        tuple(_base_chain(nft, chain) for chain in forward),
        tuple(sorted(kinds)),
        tuple(names),
        bridged,
    )


def _listing(nft: Any, command: str) -> list[dict[str, Any]]:
    code, output, error = nft.cmd(command)
    if code != 0:
        raise NotSeen(f"the kernel does not show its rules ({error.strip() or code})")
    return list(json.loads(output)["nftables"]) if output else []


def _base_chain(nft: Any, chain: dict[str, Any]) -> BaseChain:
    table = f"{chain['family']} {chain['table']}"
    rules = [item["rule"] for item in _listing(nft, f"list chain {table} {chain['name']}")
             if "rule" in item]  # fmt: skip
    parts = [part for rule in rules for part in rule["expr"] if isinstance(part, dict)]
    jumps = frozenset(part["jump"]["target"] for part in parts if "jump" in part)
    drops = any("drop" in part or "reject" in part for part in parts)
    return BaseChain(table, chain["name"], chain.get("policy", "accept"), jumps, drops)


def forwarding(tree: Tree, found: Sequence[Port]) -> Forwarding:
    """Return whether the host forwards IPv4. Raises NotSeen."""
    folder = "/proc/sys/net/ipv4"
    all_over = tree.text(f"{folder}/ip_forward")
    if all_over is None:
        raise NotSeen(f"there is no {folder}/ip_forward")
    each = {port.name: tree.text(f"{folder}/conf/{port.name}/forwarding") == "1" for port in found}
    return Forwarding(all_over == "1", each)
