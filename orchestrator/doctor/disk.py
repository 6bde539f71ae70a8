"""The SD card: full or worn out it takes no change any more, and says so to nobody."""

from __future__ import annotations

from orchestrator.doctor.machine import Disk, Machine, known
from orchestrator.doctor.words import Finding, Findings

MIB = 1 << 20
FULL, NEARLY = 200 * MIB, 1024 * MIB
_SPACE = (
    "`docker system prune` removes what no container uses; `journalctl --vacuum-size=50M` old logs"
)


def disks(machine: Machine) -> Findings:
    """Room on what the host and Docker write to."""
    for disk in known(machine.disks):
        yield _judged(disk)


def _judged(disk: Disk) -> Finding:
    room = f"{disk.free // MIB} MiB of {disk.size // MIB} MiB are free on {disk.path}"
    if disk.read_only:
        return Finding(
            "disk",
            "error",
            f"{disk.path} is read-only: the kernel does that to a card that fails",
            "`dmesg | grep mmc` tells why; save router.yaml and profiles/, and use a new card",
        )
    if not disk.inodes_left:
        return Finding("disk", "error", f"no more files fit on {disk.path}", _SPACE)
    if disk.free < FULL:
        return Finding("disk", "error", f"only {room}", _SPACE)
    if disk.free < NEARLY:
        return Finding("disk", "warning", f"only {room}: too little for an upgrade", _SPACE)
    return Finding("disk", "ok", room)
