"""The machine itself: model, power supply, heat, clock, memory and disks."""

from __future__ import annotations

import ctypes
import os
import re
import time
from ipaddress import IPv4Interface, IPv4Network
from pathlib import Path

from orchestrator.doctor.machine import Card, Clock, Disk, NotSeen, Power
from orchestrator.runtime.machine.files import Tree

_MODEL = "/sys/firmware/devicetree/base/model"
_PLATFORM = "/sys/devices/platform"
_UNDER_VOLTAGE = 1
_ADDRESS = re.compile(r"\d+(\.\d+){3}")
_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised
_ROOM_FOR_TIMEX = 512
_SPEED = {0: 0, 1: 2, 2: 4, 3: 6, 4: 10}
_SIXTY_FOUR = ("aarch64", "x86_64")
_ELF, _CLASS_64 = b"\x7fELF", 2


def model(tree: Tree) -> str:
    """Return the board's name as its firmware tells it, or nothing."""
    dmi = "/sys/devices/virtual/dmi/id/product_name"
    return tree.text(_MODEL) or tree.text(dmi) or ""


def power(tree: Tree) -> Power | None:
    """Return the firmware's flags. Raises NotSeen."""
    for folder in _firmware_folders(tree):
        text = tree.text(f"{folder}/get_throttled")
        if text:
            return Power(int(text, 16))
    for sensor in tree.names("/sys/class/hwmon"):
        if tree.text(f"/sys/class/hwmon/{sensor}/name") == "rpi_volt":
            alarm = tree.text(f"/sys/class/hwmon/{sensor}/in0_lcrit_alarm")
            return Power(_UNDER_VOLTAGE if alarm == "1" else 0, history=False)
    if model(tree).startswith("Raspberry Pi"):
        raise NotSeen("this kernel does not tell it; on the Pi itself: `vcgencmd get_throttled`")
    return None


def _firmware_folders(tree: Tree) -> list[str]:
    socs = [name for name in tree.names(_PLATFORM) if name.startswith("soc")]
    return [
        f"{_PLATFORM}/{soc}/{name}"
        for soc in socs
        for name in tree.names(f"{_PLATFORM}/{soc}")
        if name.endswith("firmware")
    ]


def degrees(tree: Tree) -> float | None:
    """Return the processor's temperature in °C, if a sensor tells it."""
    text = tree.text("/sys/class/thermal/thermal_zone0/temp")
    return int(text) / 1000 if text else None


def clock(tree: Tree, floor: float) -> Clock:
    """Return the time, and whether something keeps it. `floor`: a moment that has passed."""
    made = max(floor, Path(__file__).stat().st_mtime)
    return Clock(time.time(), made, synchronised(), bool(tree.names("/sys/class/rtc")))


def synchronised() -> bool:
    """Say whether something keeps the machine's clock. Raises OSError."""
    room = ctypes.create_string_buffer(_ROOM_FOR_TIMEX)  # modes = 0: only look
    answer = ctypes.CDLL(None, use_errno=True).adjtimex(room)
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return bool(answer != _TIME_ERROR)


def name_servers(tree: Tree) -> tuple[IPv4Network, ...]:
    """Return the networks (as /24) of the private name servers that the host was told of."""
    lines = [line.split() for line in (tree.text("/etc/resolv.conf") or "").splitlines()]
    said = [words[1] for words in lines if words[:1] == ["nameserver"] and len(words) > 1]
    servers = [IPv4Interface(f"{text}/24") for text in said if _ADDRESS.fullmatch(text)]
    return tuple(s.network for s in servers if s.ip.is_private and not s.ip.is_loopback)


def memory(tree: Tree) -> int:
    """Return the memory in bytes. Raises NotSeen."""
    for line in (tree.text("/proc/meminfo") or "").splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024
    raise NotSeen("/proc/meminfo does not tell it")


def bits(tree: Tree) -> tuple[int, int]:
    """Return the word size of the kernel and of the host's programs. Raises NotSeen."""
    head = tree.raw("/bin/sh", 5) or b""
    if not head.startswith(_ELF):
        raise NotSeen("/bin/sh of the host is no program")
    kernel = 64 if os.uname().machine in _SIXTY_FOUR else 32
    return kernel, 64 if head[4] == _CLASS_64 else 32


def card(tree: Tree) -> Card | None:
    """Return the first SD card by its registers. Raises NotSeen."""
    for block in tree.names("/sys/block"):
        device = f"/sys/block/{block}/device"
        if block.startswith("mmcblk") and tree.text(f"{device}/type") == "SD":
            name, made = tree.text(f"{device}/name") or "", tree.text(f"{device}/date") or ""
            return Card(name, made, *_classes(tree.text(f"{device}/ssr") or ""))
    return None


def _classes(register: str) -> tuple[int, int, int, int]:
    """Speed, UHS, video and application class out of the 512 bits of an SD status register."""
    try:
        octets = bytes.fromhex(register)
    except ValueError:
        return 0, 0, 0, 0
    if len(octets) < 22:
        return 0, 0, 0, 0
    # SD specification, 4.10.2: bits 447:440, 399:396, 391:384 and 339:336, counted from the end.
    return _SPEED.get(octets[8], 0), octets[14] >> 4, octets[15], octets[21] & 0x0F


def disks(tree: Tree, paths: tuple[str, ...]) -> tuple[Disk, ...]:
    """Return the file systems that hold these paths, each once. Raises NotSeen."""
    found: dict[int, Disk] = {}
    for name in paths:
        path = tree.path(name)
        seen = os.statvfs(path)
        found.setdefault(
            path.stat().st_dev,
            Disk(
                name,
                seen.f_blocks * seen.f_frsize,
                seen.f_bavail * seen.f_frsize,
                bool(seen.f_flag & os.ST_RDONLY),
                seen.f_files == 0 or seen.f_favail > 0,
            ),
        )
    return tuple(found.values())
