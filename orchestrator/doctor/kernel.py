"""Pieces of the kernel, and what is lost without each of them.

The kernel itself is asked, in a network namespace of the doctor's own that ends with the
question: lists of modules say little about a kernel that somebody built, and nothing about
modules that an upgrade took away before the reboot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from orchestrator.doctor.machine import Machine, Wanted, known
from orchestrator.doctor.words import Finding, Findings

NAME = "kernel"
VPNS = "tun"  # needed by VPNs only
RULES = "nftables"  # without which no other rule can be tried


@dataclass(frozen=True, slots=True)
class Piece:
    """Something that the kernel must be able to do. `rules` are nft's, to be tried as they are."""

    name: str
    costs: str
    verdict: Literal["warning", "error"] = "error"
    rules: str = ""


def _chain(kind: str, hook: str, rule: str, more: str = "") -> str:
    head = f"type {kind} hook {hook} priority 0;"
    return f"table inet probe {{\n{more}\nchain c {{ {head}\n{rule}\n}}\n}}\n"


PIECES = (
    Piece("veth", "containers have no network"),
    Piece("bridge", "the router has no links to its destinations"),
    Piece("macvlan", "no container can be on the LAN or on an uplink"),
    Piece(VPNS, "VPN destinations can't work"),
    Piece("policy routing", "devices can't have destinations of their own"),
    Piece("conntrack over netlink", "a switch can't cut a device's connections"),
    Piece(RULES, "there are no rules, so no router", rules="table inet probe {\n}\n"),
    Piece(
        "nft marks by MAC address",
        "devices can't be told apart",
        rules=_chain("filter", "prerouting", "ct state new ct mark set ether saddr map @m",
                     "map m { type ether_addr : mark; }"),
    ),
    Piece(
        "nft sets that fill themselves",
        "devices without a lease are not found",
        rules=_chain("filter", "forward", "ct mark != 0 add @s { ct mark }",
                     "set s { type mark; size 16; flags dynamic,timeout; timeout 1m; }"),
    ),
    Piece("nft fib", "answers by a wrong way can't be told",
          rules=_chain("filter", "prerouting", "fib saddr . mark . iif oif missing drop")),
    Piece("nft reject", "what may not pass is not refused, so devices wait",
          rules=_chain("filter", "forward", "reject with icmpx admin-prohibited")),
    Piece("nft masquerade", "no destination reaches the internet",
          rules=_chain("nat", "postrouting", "masquerade")),
    Piece("nft dnat", "DNS can't be kept within its destination",
          rules=_chain("nat", "prerouting", "udp dport 53 dnat ip to 192.0.2.1")),
    Piece("nft MSS clamping", "large pages hang in a VPN",
          rules=_chain("filter", "forward", "tcp flags syn tcp option maxseg size set rt mtu")),
    Piece(
        "nft reject at ingress",
        "IPv6 is dropped instead of refused, so devices take a moment longer to use IPv4",
        "warning",
        "table netdev probe {\nchain c { type filter hook ingress device lo priority 0;\n"
        "meta protocol ip6 reject with icmpv6 admin-prohibited\n}\n}\n",
    ),
)  # fmt: skip


def kernel(machine: Machine) -> Findings:
    """One finding for each missing piece, or one that all are there."""
    why = known(machine.kernel)
    missing = [piece for piece in PIECES if why.get(piece.name, "it was not tried")]
    if any(piece.name == RULES for piece in missing):
        missing = [piece for piece in missing if not piece.rules or piece.name == RULES]
    for piece in missing:
        yield Finding(
            NAME,
            _verdict(piece, machine),
            f"no {piece.name} ({why.get(piece.name, 'it was not tried')}): {piece.costs}",
            "use the kernel of Debian or Raspberry Pi OS; after an upgrade of it, reboot",
        )
    if not missing:
        yield Finding(NAME, "ok", f"has all {len(PIECES)} pieces that are needed")


def _verdict(piece: Piece, machine: Machine) -> Literal["warning", "error"]:
    wanted = machine.wanted
    if piece.name == VPNS and isinstance(wanted, Wanted) and not wanted.vpns:
        return "warning"
    return piece.verdict
