"""The kernel's side: rules, routes, addresses, legs. Everything here needs CAP_NET_ADMIN."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path

import legs
from egress.routing import TUNNEL
from egress.tunnel import Endpoint

_ARP = Path("/proc/net/arp")  # proc(5)
_SYS = Path("/sys/class/net")
_ACCEPT_REDIRECTS, _ARP_ANNOUNCE, _ARP_IGNORE = 4, 18, 19  # linux/ip.h: IPV4_DEVCONF_*
_BOOTSTRAP_SECONDS = 20


class NetworkError(Exception):
    """A command that has to work did not. The text says which, and why."""


def _run(command: Sequence[str], text: str) -> str:
    """Run `command` with `text` on its standard input; return what it complains about, or ""."""
    done = subprocess.run(
        command, input=text, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    return done.stderr.strip() or f"exit code {done.returncode}" if done.returncode else ""


def ip(commands: Sequence[str], *, tolerant: bool = False) -> None:
    """Run commands of ip(8). Raises NetworkError, unless `tolerant`: then what fails, fails."""
    if not commands:
        return
    trouble = _run(["ip", "-force", "-batch", "-"], "\n".join(commands) + "\n")
    if trouble and not tolerant:
        raise NetworkError(f"ip: {trouble} (commands: {'; '.join(commands)})")


def load_rules(path: Path, transit: str, uplink: str) -> None:
    """Load the firewall in one transaction. Raises NetworkError; then nothing was loaded."""
    trouble = _run(
        ["nft", "-D", f"transit={transit}", "-D", f"uplink={uplink}", "-f", str(path)], ""
    )
    if trouble:
        raise NetworkError(f"the rules cannot be loaded: {trouble}")


def _nft(commands: Sequence[str]) -> None:
    trouble = _run(["nft", "-f", "-"], "\n".join(commands) + "\n")
    if trouble:
        raise NetworkError(f"nft: {trouble}")


def allow_endpoint(endpoint: Endpoint | None) -> None:
    """Let packets to `endpoint` out of the uplink, and to no other; None: to nobody."""
    commands = ["flush set inet manyways endpoints"]
    if endpoint is not None:
        element = f"{endpoint.address} . {endpoint.protocol} . {endpoint.port}"
        commands.append(f"add element inet manyways endpoints {{ {element} }}")
    _nft(commands)


def allow_bootstrap(servers: Sequence[IPv4Address]) -> None:
    """Let the bootstrap user ask `servers` for a while, and no others; none: nobody."""
    commands = ["flush set inet manyways bootstrap_dns"]
    if servers:
        elements = ", ".join(f"{server} timeout {_BOOTSTRAP_SECONDS}s" for server in servers)
        commands.append(f"add element inet manyways bootstrap_dns {{ {elements} }}")
    _nft(commands)


def harden(interface: str) -> None:
    """Answer ARP only for the leg's own address, and take no advice on routes from its wire."""
    legs.set_ipv4_conf(
        socket.if_nametoindex(interface),
        {_ACCEPT_REDIRECTS: 0, _ARP_ANNOUNCE: 2, _ARP_IGNORE: 1},
    )


def replace_address(interface: str, old: IPv4Interface | None, new: IPv4Interface | None) -> None:
    """Exchange the address of `interface`. Connections that were masqueraded by it end."""
    if old == new:
        return
    if old is not None:
        # First, because the kernel would take a new address of the same subnet along.
        ip([f"address del {old} dev {interface}"], tolerant=True)
    if new is not None:
        ip([f"link set {interface} up", f"address replace {new} dev {interface}"])


def open_tunnel_forwarding() -> None:
    """Let packets that come out of the tunnel be forwarded. It may be gone again already."""
    with contextlib.suppress(OSError):
        legs.enable_forwarding(TUNNEL)


def exists(interface: str) -> bool:
    """Return whether there is such an interface."""
    return (_SYS / interface).exists()


def is_silent(interface: str, address: IPv4Address, table: Path = _ARP) -> bool:
    """Return whether `address` was asked for its MAC address on `interface` and does not answer.

    Who has not been asked lately is not silent.
    """
    try:
        lines = table.read_text().splitlines()[1:]
    except OSError:
        return False
    entries = (line.split() for line in lines)
    return any(e[0] == str(address) and e[-1] == interface and e[2] == "0x0" for e in entries if e)


def has_carrier(interface: str) -> bool:
    """Return whether the wire of `interface` is connected."""
    try:
        return (_SYS / interface / "carrier").read_text().strip() == "1"
    except OSError:  # the kernel refuses to say while the interface is down
        return False


def packets_received(interface: str) -> int:
    """Return how many packets have come out of `interface`; 0 when it is not there."""
    try:
        return int((_SYS / interface / "statistics/rx_packets").read_text())
    except (OSError, ValueError):
        return 0
