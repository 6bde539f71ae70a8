"""Load the router's rendered files into the kernel: at start, and again when they change.

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

from legs import LegsMissing, enable_forwarding, legs_by_mac, wait_for_legs
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


def _drop_docker_defaults() -> None:
    # Docker sets a default route by one of the networks, which one is its own choice.
    _batch(["route del default"] * len(_listed("route show default")))


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
    gateways = [(t["slot"], t["egress"] if t["mac"] in present else None) for t in transits]
    _batch(tables.route_commands(gateways, ()))
    _batch(tables.rule_commands(tables.desired_rules(lan, slots), there))
    _batch(tables.route_commands((), gone))


def apply(files: Path = FILES) -> list[str]:
    """Load everything and return the names of destinations whose leg is missing.

    A missing transit leg rejects that destination's traffic and disturbs no other. Raises
    LegsMissing without a LAN leg, and ApplyFailed.
    """
    legs = json.loads((files / "router.json").read_text())
    lan = wait_for_legs({"lan": legs["lan"]["mac"]}, LEG_WAIT_S)["lan"]
    _load_rules(files, lan)
    _drop_docker_defaults()
    present = legs_by_mac()
    _apply_policy_routing(legs, present)
    transit_names = [present[t["mac"]] for t in legs["transits"] if t["mac"] in present]
    _batch(
        [f"ntable change name arp_cache dev {n} retrans {ARP_RETRANS_MS}" for n in transit_names]
    )
    for name in (lan, *transit_names):
        enable_forwarding(name)
    return [t["destination"] for t in legs["transits"] if t["mac"] not in present]


def main() -> int:
    """Apply once; say on standard error what went wrong."""
    try:
        missing = apply()
    except (LegsMissing, ApplyFailed, OSError, ValueError) as error:
        print(f"router: {error}", file=sys.stderr)
        return 1
    for destination in missing:
        print(f"router: {destination} has no leg here; its traffic is rejected", file=sys.stderr)
    print("router: rules and routes are loaded", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
