"""The clock: a Pi has none that runs without power, and certificates need the right time."""

from __future__ import annotations

from datetime import UTC, datetime

from orchestrator.doctor.machine import Machine, known
from orchestrator.doctor.words import Finding, Findings

_DAY_S = 86400


def clock(machine: Machine) -> Findings:
    """Whether the time can be right, and whether something keeps it so."""
    seen = known(machine.clock)
    cure = (
        "switch time synchronisation on (`timedatectl set-ntp true`), and see that UDP port 123 "
        "gets out by the house's router"
    )
    if seen.now + _DAY_S < seen.floor:
        yield Finding(
            "clock",
            "error",
            f"this machine believes that it is {day(seen.now)}, but its software was made on "
            f"{day(seen.floor)}: VPN certificates are refused as not yet valid",
            cure,
        )
    elif not seen.synchronised:
        why = "" if seen.battery else ", and without a battery it is wrong after every power cut"
        yield Finding(
            "clock", "warning", f"nothing keeps this machine's clock ({day(seen.now)}){why}", cure
        )
    else:
        yield Finding("clock", "ok", f"it is {day(seen.now)}, and kept by a time server")


def day(seconds: float) -> str:
    """A date in UTC, as 2026-11-25."""
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
