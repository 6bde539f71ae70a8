"""How fast and with which words packets of a device are refused, measured on the device."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.containers import home

SCRIPT = Path(__file__).with_name("egress_lab") / "refusals"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One packet's fate; `how` is ICMP's "TYPE CODE", "reset -" or "nothing -"."""

    protocol: str  # udp, tcp, ping
    milliseconds: float
    how: str


def refusals(device: str, address: str, count: int, port: int | None = None) -> list[Refusal]:
    """Send `count` packets of each kind; without `port` each to another one."""
    words = (address, str(count), *([str(port)] if port else []))
    said = home.run(device, "python3", "-c", SCRIPT.read_text(), *words, timeout=8.0 * count)
    lines = (line.split(maxsplit=2) for line in said.splitlines())
    return [Refusal(protocol, float(took), how) for protocol, took, how in lines]
