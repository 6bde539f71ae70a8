"""The power supply: a weak one resets USB adapters and damages SD cards, and names no reason."""

from __future__ import annotations

from orchestrator.doctor.machine import Machine, known
from orchestrator.doctor.words import Finding, Findings

# The firmware's flags: now, and since the start 16 bits higher.
UNDER_VOLTAGE, CAPPED, THROTTLED, HOT = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_SLOW = CAPPED | THROTTLED | HOT
SINCE_START = 16
_SUPPLY = (
    "use the official supply of this model (5.1 V) with its own cable; feed disks and hungry USB "
    "adapters by a hub with a supply of its own"
)
_COOLING = "give it a heat sink or a fan, and air around its case"


def power(machine: Machine) -> Findings:
    """Under-voltage and throttling, now and since the start."""
    seen = known(machine.power)
    if seen is None:
        yield Finding("power", "ok", "no firmware that measures it: no Raspberry Pi")
        return
    now, ever = seen.flags, seen.flags | seen.flags >> SINCE_START
    if now & UNDER_VOLTAGE:
        yield Finding("power", "error", "too little voltage at this moment", _SUPPLY)
    elif ever & UNDER_VOLTAGE:
        yield Finding("power", "warning", "there was too little voltage since the start", _SUPPLY)
    elif ever & _SLOW:
        when = "now" if now & _SLOW else "since the start"
        yield Finding(
            "power", "warning", f"the processor was slowed down for its heat ({when})", _COOLING
        )
    elif seen.history:
        yield Finding("power", "ok", "neither too little voltage nor throttling since the start")
    else:
        yield Finding(
            "power",
            "ok",
            "enough voltage at this moment; of earlier ones `vcgencmd get_throttled` tells",
        )
