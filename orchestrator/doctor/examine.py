"""Every check, in the order in which a person should read them, and their common course."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.doctor import (
    clock,
    configuration,
    disk,
    engine,
    firewall,
    hardware,
    kernel,
    ports,
    power,
    subnets,
    wifi,
)
from orchestrator.doctor.machine import Machine, NotSeen
from orchestrator.doctor.words import Check, Finding

CHECKS = (
    Check("Docker", engine.docker),
    Check("compose", engine.compose),
    Check("memory limits", engine.memory_cgroup),
    Check("kernel", kernel.kernel),
    Check("clock", clock.clock),
    Check("power", power.power),
    Check("disk", disk.disks),
    Check("router.yaml", configuration.router_yaml),
    Check("uplink", ports.uplink),
    Check("LAN port", ports.lan_port),
    Check("subnets", subnets.subnets),
    Check("IP forwarding", firewall.forwarding),
    Check("FORWARD policy", firewall.forward_policy),
    Check("br_netfilter", firewall.bridge_filter),
    Check("iptables", firewall.iptables_kind),
    Check("Wi-Fi", wifi.radio),
    Check("rfkill", wifi.rfkill),
    Check("Wi-Fi country", wifi.country),
    Check("secrets", configuration.secrets),
    Check("certificates", configuration.certificates),
)
HARDWARE = (
    Check("model", hardware.model),
    Check("memory", hardware.memory),
    Check("system", hardware.bits),
    Check("Ethernet", hardware.ethernet),
    Check("radio", hardware.radio),
    Check("supply", hardware.supply),
    Check("temperature", hardware.temperature),
    Check("SD card", hardware.card),
    Check("battery clock", hardware.battery),
)


def examine(machine: Machine) -> list[Finding]:
    """Return at least one finding of each check; the hardware's where it was looked at."""
    checks = CHECKS if machine.hardware is None else CHECKS + HARDWARE
    return [finding for check in checks for finding in _run(check, machine)]


def _run(check: Check, machine: Machine) -> list[Finding]:
    found: list[Finding] = []
    try:
        found.extend(check.find(machine))
    except NotSeen as why:
        found.append(Finding(check.name, "not checked", str(why)))
    return found or [Finding(check.name, "not checked", "there was nothing to look at")]


def exit_code(findings: Sequence[Finding]) -> int:
    """0 all is well; 1 a warning, or something could not be looked at; 2 an error."""
    codes = {"ok": 0, "not checked": 1, "warning": 1, "error": 2}
    return max((codes[finding.verdict] for finding in findings), default=1)
