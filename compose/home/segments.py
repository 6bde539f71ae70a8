"""The wires of the simulated home: three veth pairs in the host's namespace.

macvlan networks hang on their ends. A Linux bridge would be simpler to picture, but Docker loads
br_netfilter, which sends every bridged frame through the host's firewall, where Docker's
FORWARD policy drops it. The pairs carry no address, and the host neither answers on them
nor forwards from them: they are wires, not ways out.
"""

import json
import subprocess
from pathlib import Path

PAIRS = (("mwh-lan0", "mwh-lan1"), ("mwh-wan0", "mwh-wan1"), ("mwh-inet0", "mwh-inet1"))
_SYSCTLS = {
    "ipv6/conf/{}/disable_ipv6": "1",
    "ipv4/conf/{}/arp_ignore": "8",  # answer no ARP at all
    "ipv4/conf/{}/rp_filter": "1",
    "ipv4/conf/{}/forwarding": "0",
}


class WireError(Exception):
    """The wires cannot be made; the message says why."""


def _ip(*arguments: str) -> str:
    done = subprocess.run(("ip", *arguments), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise WireError(f"`ip {' '.join(arguments)}` failed: {done.stderr.strip()}")
    return done.stdout


def _strangers_and_wires() -> tuple[set[str], set[str]]:
    """Return the names of ours that are taken by something else, and our wires that exist.

    Ours is a veth with one name of a pair whose peer has the other: no mark has to be written
    on it, so an interruption cannot leave one that nobody owns.
    """
    strangers: set[str] = set()
    wires: set[str] = set()
    links = {link["ifname"]: link for link in json.loads(_ip("-d", "-j", "link"))}
    for pair in PAIRS:
        for name, peer in (pair, pair[::-1]):
            if name in links:
                kind = links[name].get("linkinfo", {}).get("info_kind")
                ours = kind == "veth" and links[name].get("link") == peer
                (wires if ours else strangers).add(name)
    return strangers, wires


def _configure(name: str) -> None:
    for key, value in _SYSCTLS.items():
        path = Path("/proc/sys/net") / key.format(name)
        if path.exists():  # a kernel without IPv6 has nothing to switch off
            path.write_text(value)
    _ip("link", "set", name, "up")


def connect() -> list[str]:
    """Make the pairs that are missing and return the names of the new interfaces.

    Raises WireError when an interface with such a name exists and is not ours.
    """
    strangers, wires = _strangers_and_wires()
    if strangers:
        raise WireError(
            f"{', '.join(sorted(strangers))}: there is an interface with this name that does not "
            "belong to the simulated home; rename or remove it"
        )
    made: list[str] = []
    for pair in PAIRS:
        if pair[0] not in wires:
            _ip("link", "add", pair[0], "type", "veth", "peer", "name", pair[1])
            made += pair
        for name in pair:
            _configure(name)
    return made


def disconnect() -> list[str]:
    """Remove the pairs that are ours and return the names of the interfaces that went."""
    _, wires = _strangers_and_wires()
    for end, _ in PAIRS:
        if end in wires:
            _ip("link", "delete", end)
    return sorted(wires)
