"""What is asked of the porter, what the host says, and what was there before. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

# What an interface of the home network must never do for the host: speak or hear IPv6, answer
# ARP, take a packet for one of the host's addresses, forward one. It has no address, so that every
# source fails the check of the reverse path.
HARDENING = {
    "net/ipv6/conf/{}/disable_ipv6": "1",
    "net/ipv4/conf/{}/arp_ignore": "8",
    "net/ipv4/conf/{}/rp_filter": "1",
    "net/ipv4/conf/{}/forwarding": "0",
    "net/ipv4/conf/{}/accept_local": "0",
    "net/ipv4/conf/{}/proxy_arp": "0",
}
_KERNELS_OWN = "kernel"  # routes that come and go with an address


@dataclass(frozen=True, slots=True)
class Order:
    """porter.json. `radio` names a phy or an interface; empty: the only one. None: no Wi-Fi."""

    bridge: str
    ports: tuple[str, ...]
    radio: str | None


@dataclass(frozen=True, slots=True)
class Radio:
    """A radio in the host's namespace. `macs` are those of its interfaces."""

    number: int
    phy: str
    interfaces: tuple[str, ...]
    macs: tuple[str, ...]
    can_move: bool


def parse_order(text: str) -> Order:
    """Return what porter.json says. Raises ValueError, KeyError or TypeError."""
    found = json.loads(text)
    radio = found["radio"]
    if radio is not None and not isinstance(radio, str):
        raise ValueError("radio: not a name")
    return Order(str(found["bridge"]), tuple(str(p) for p in found["ports"]), radio)


def parse_radios(iw_phy: str, iw_dev: str) -> list[Radio]:
    """Return the radios of what `iw phy` and `iw dev` print."""
    own = dict(_sections(iw_dev, r"^phy#(\d+)$"))
    found = []
    for phy, text in _sections(iw_phy, r"^Wiphy (\S+)$"):
        # Older versions of iw leave the number to be read from the name.
        number = re.search(r"^\s*wiphy index: (\d+)", text, re.MULTILINE)
        number = number or re.fullmatch(r"phy(\d+)", phy)
        if number is None:
            continue
        interfaces = own.get(number[1], "")
        found.append(
            Radio(
                int(number[1]),
                phy,
                tuple(re.findall(r"^\s*Interface (\S+)", interfaces, re.MULTILINE)),
                tuple(re.findall(r"^\s*addr ([0-9a-f:]{17})", interfaces, re.MULTILINE)),
                re.search(r"^\s*\* set_wiphy_netns$", text, re.MULTILINE) is not None,
            )
        )
    return found


def _sections(text: str, heading: str) -> Iterable[tuple[str, str]]:
    parts = re.split(heading, text, flags=re.MULTILINE)
    return zip(parts[1::2], parts[2::2], strict=True)


def chosen(radios: Iterable[Radio], name: str, known_macs: Iterable[str]) -> Radio | None:
    """Return the radio that is meant; `known_macs` are those it had when it was seen by name.

    After it came back it may have another number, and its interface another name.
    """
    found = list(radios)
    if not name:
        return found[0] if len(found) == 1 else _by_mac(found, known_macs)
    named = (r for r in found if name == r.phy or name in r.interfaces)
    return _by_mac(found, known_macs) or next(named, None)


def _by_mac(radios: list[Radio], macs: Iterable[str]) -> Radio | None:
    wanted = set(macs)
    return next((r for r in radios if wanted & set(r.macs)), None)


def cannot_move(message: str) -> bool:
    """Say whether `iw` failed because the driver does not let its radio change the namespace."""
    return "(-95)" in message or "Operation not supported" in message


def was(link: Mapping[str, Any], addresses: Iterable[Any], routes: Iterable[Any]) -> dict[str, Any]:
    """Return what an interface has now, as `ip -j` prints it, in what can be given back."""
    return {
        "up": "UP" in link.get("flags", ()),
        "master": link.get("master"),
        "addresses": [_address(a) for a in addresses if a.get("scope") != "link"],
        "routes": [_route(r) for r in routes if r.get("protocol") != _KERNELS_OWN],
    }


def _address(found: Mapping[str, Any]) -> list[str]:
    words = [f"{found['local']}/{found['prefixlen']}"]
    if "broadcast" in found:
        words += ["broadcast", str(found["broadcast"])]
    if "label" in found:
        words += ["label", str(found["label"])]
    return words


def _route(found: Mapping[str, Any]) -> list[str]:
    words = [str(found["dst"])]
    names = {"gateway": "via", "prefsrc": "src", "metric": "metric", "protocol": "proto"}
    for key, word in names.items():
        if key in found:
            words += [word, str(found[key])]
    return words
