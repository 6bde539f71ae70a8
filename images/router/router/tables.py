"""Policy routing of the router namespace: which commands lead from what is there to what shall be.

Each destination has a table, numbered by its slot, with the way to its egress and behind it a
`prohibit`, so that a mark without a live route is answered with ICMP and never falls through
to another table. The rules, by priority (ip-rule(8)):

  1000        to the LAN: main, so that replies and the page find their way
  1000+slot   mark of that slot: its table
  2000        any other mark: prohibit
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

LAN_PRIORITY = 1000
LAST_PRIORITY = 2000
SLOT_MASK = 0xFF
PROHIBIT_METRIC = 4096


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of `ip rule`, without its priority."""

    priority: int
    selector: str


def desired_rules(lan: str, slots: Iterable[int]) -> list[Rule]:
    """Return the rules for the LAN's network and the given slots."""
    return [
        Rule(LAN_PRIORITY, f"to {lan} lookup main"),
        *(
            Rule(
                LAN_PRIORITY + slot, f"fwmark {slot:#x}/{SLOT_MASK:#x} lookup {LAN_PRIORITY + slot}"
            )
            for slot in sorted(slots)
        ),
        Rule(LAST_PRIORITY, f"not fwmark 0x0/{SLOT_MASK:#x} prohibit"),
    ]


def rule_commands(desired: Iterable[Rule], present: Iterable[int]) -> list[str]:
    """Return `ip -batch` lines: what is missing first, so that no mark is ever without a rule.

    `present` are the priorities of the rules in our band.
    """
    wanted = {rule.priority: rule for rule in desired}
    there = set(present)
    add = [
        f"rule add priority {priority} {wanted[priority].selector}"
        for priority in sorted(wanted.keys() - there)
    ]
    remove = [f"rule del priority {priority}" for priority in sorted(there - wanted.keys())]
    return add + remove


def route_commands(gateways: Iterable[tuple[int, str | None]], stale: Iterable[int]) -> list[str]:
    """Return `ip -batch` lines for (slot, gateway) pairs; None: the leg is not there.

    `stale` are the slots whose tables shall be empty.
    """
    lines = []
    for slot, gateway in gateways:
        table = LAN_PRIORITY + slot
        lines.append(f"route replace prohibit default metric {PROHIBIT_METRIC} table {table}")
        if gateway is not None:
            lines.append(f"route replace default via {gateway} table {table}")
    lines += [f"route flush table {LAN_PRIORITY + slot}" for slot in stale]
    return lines
