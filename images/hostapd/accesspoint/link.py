"""This container's side of the home network: a bridge that holds the leg and the radio."""

from __future__ import annotations

import contextlib
from pathlib import Path

from commands import Refused, run

import legs
from accesspoint import words

BRIDGE = "br0"


def make_bridge(mac: str) -> None:
    """Put the leg with the address `mac` into the bridge, without any address of its own.

    Raises Refused, legs.LegsMissing.
    """
    leg = legs.wait_for_legs({"lan": mac})["lan"]
    run("ip", "address", "flush", "dev", leg)
    if not Path(f"/sys/class/net/{BRIDGE}").exists():
        # Without a wait: a port that comes forwards at once. There is no second way to loop by.
        run("ip", "link", "add", BRIDGE, "type", "bridge", "forward_delay", "0")
    with contextlib.suppress(Refused):  # a kernel without IPv6
        run("ip", "link", "set", BRIDGE, "addrgenmode", "none")
    run("ip", "link", "set", leg, "master", BRIDGE)
    run("ip", "link", "set", BRIDGE, "up")


def radio(wanted: str) -> words.Radio | None:
    """Return the radio of this namespace, by the interface `wanted` if any. Raises Refused."""
    try:
        return words.parse_radio(run("iw", "phy"), run("iw", "dev"), wanted)
    except Refused as error:
        if "nl80211 not found" in str(error):
            return None  # the kernel has no driver of a radio yet
        raise


def max_stations(phy: int) -> int | None:
    """Return how many stations a radio says it can have. Raises Refused."""
    return words.parse_max_stations(run("iw", f"phy#{phy}", "info"))


def name_interface(found: words.Radio, name: str) -> None:
    """Give the radio's interface the name that hostapd's settings use. Raises Refused.

    Only in a namespace of our own.
    """
    if found.interface is None:
        run("iw", f"phy#{found.phy}", "interface", "add", name, "type", "managed")
    elif found.interface != name:
        run("ip", "link", "set", found.interface, "down")
        run("ip", "link", "set", found.interface, "name", name)
