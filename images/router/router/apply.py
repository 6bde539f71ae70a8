"""Load the router's rendered files into the kernel: at start, and again when they change.

`apply` loads everything; `apply legs` only sets up routing for the legs that are there now, and
is run whenever an interface comes or goes.

The order is what keeps the promise that nothing is forwarded without its rules: rules and
marks (one transaction), then policy routing, and only then forwarding on each leg. Every step
may be repeated; a second run changes nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from legs import LegsMissing, enable_forwarding, wait_for_legs
from router import tables

FILES = Path("/etc/manyways")
LEG_WAIT_S = 20.0
# How long the kernel waits for an egress that is gone before it says so with ICMP: three
# solicitations of 100 ms instead of three of a second (arp(7), ip-ntable(8)).
ARP_RETRANS_MS = 100


class ApplyFailed(Exception):
    """A command refused its input; the message is that command's own."""


def _run(command: list[str], stdin: str = "") -> str:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ApplyFailed(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def _batch(lines: list[str]) -> None:
    if lines:
        _run(["ip", "-batch", "-"], "\n".join(lines) + "\n")


def _listed(command: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(_run(["ip", "-j", *command.split()]) or "[]")
    return listed


def _load_rules(files: Path, lan: str) -> None:
    marks = None
    # A switch that finds no rules yet leaves its marks in the file only. It may have done so
    # between our reading and our loading, so look again before anything is forwarded.
    while marks != (marks := (files / "marks.nft").read_text()):
        _run(["nft", "-D", f"lan={lan}", "-f", "-"], (files / "rules.nft").read_text() + marks)


def _refuse_version6(files: Path, lan: str) -> None:
    # This adds an answer: without it IPv6 is dropped, and clients wait before they try IPv4.
    try:
        _run(["nft", "-D", f"lan={lan}", "-f", "-"], (files / "ipv6.nft").read_text())
    except (ApplyFailed, OSError) as error:
        print(f"router: IPv6 is dropped instead of refused: {error}", file=sys.stderr)


def _drop_docker_defaults() -> None:
    # Docker sets a default route by one of the networks, which one is its own choice.
    _batch(["route del default"] * len(_listed("route show default")))


def _legs_by_address() -> dict[str, str]:
    # A leg that joins a running container gets a MAC address of Docker's choice, but ours of IP.
    return {
        address["local"]: link["ifname"]
        for link in _listed("-4 address show")
        for address in link.get("addr_info", ())
    }


def _apply_policy_routing(legs: dict[str, Any], present: dict[str, str]) -> None:
    lan = legs["lan"]["network"]
    transits = legs["transits"]
    slots = {t["slot"] for t in transits}
    ours = range(tables.LAN_PRIORITY, tables.LAST_PRIORITY + 1)
    there = [r["priority"] for r in _listed("rule show") if r["priority"] in ours]
    gone = [
        p - tables.LAN_PRIORITY
        for p in there
        if tables.LAN_PRIORITY < p < tables.LAST_PRIORITY and p - tables.LAN_PRIORITY not in slots
    ]
    gateways = [(t["slot"], t["egress"] if t["address"] in present else None) for t in transits]
    _batch(tables.route_commands(gateways, ()))
    _batch(tables.rule_commands(tables.desired_rules(lan, slots), there))
    _batch(tables.route_commands((), gone))


def apply_rules(files: Path = FILES) -> None:
    """Load rules and marks. Raises LegsMissing without a LAN leg, ApplyFailed, OSError."""
    legs = json.loads((files / "router.json").read_text())
    lan = wait_for_legs({"lan": legs["lan"]["mac"]}, LEG_WAIT_S)["lan"]
    _load_rules(files, lan)
    _refuse_version6(files, lan)


def apply_legs(files: Path = FILES) -> list[str]:
    """Set up routing for the legs that are there; return the destinations that have none.

    A missing transit leg rejects that destination's traffic and disturbs no other. Call only
    with the rules loaded. Raises LegsMissing without a LAN leg, ApplyFailed, OSError.
    """
    legs = json.loads((files / "router.json").read_text())
    lan = wait_for_legs({"lan": legs["lan"]["mac"]}, LEG_WAIT_S)["lan"]
    _drop_docker_defaults()
    present = _legs_by_address()
    _apply_policy_routing(legs, present)
    transits = [present[t["address"]] for t in legs["transits"] if t["address"] in present]
    _batch([f"ntable change name arp_cache dev {n} retrans {ARP_RETRANS_MS}" for n in transits])
    for name in (lan, *transits):
        enable_forwarding(name)
    return [t["destination"] for t in legs["transits"] if t["address"] not in present]


def main(arguments: list[str]) -> int:
    """Apply rules and legs, or `legs` alone; say on standard error what went wrong."""
    try:
        if arguments != ["legs"]:
            apply_rules()
            print("router: rules and marks are loaded", flush=True)
        missing = apply_legs()
    except (LegsMissing, ApplyFailed, OSError, ValueError, KeyError) as error:
        print(f"router: {error}", file=sys.stderr)
        return 1
    for destination in missing:
        print(f"router: no leg to {destination}; its traffic is rejected", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
