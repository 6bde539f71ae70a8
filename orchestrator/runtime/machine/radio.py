"""Radios: switches, country, firmware, and what `iw` tells where it is installed."""

from __future__ import annotations

import ctypes
import fcntl
import re
import shutil
import socket
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from pyroute2.netlink import NLM_F_REQUEST
from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.netlink.nl80211 import NL80211, NL80211_NAMES, nl80211cmd

from orchestrator.doctor.machine import Country, Port, Radio, Switch
from orchestrator.runtime.machine.files import Tree

_RFKILL = "/sys/class/rfkill"
_SIOCETHTOOL, _GDRVINFO = 0x8946, 3  # linux/sockios.h, linux/ethtool.h
_IW_SECONDS = 10
_ON_THE_LINE = re.compile(r"cfg80211\.ieee80211_regdom=(\w\w)")
_ZONES = "/usr/share/zoneinfo"
_MOST = re.compile(r"Maximum associated stations in AP mode: (\d+)")
_MODE_AP = re.compile(r"^\s+\* AP$", re.MULTILINE)


def switches(tree: Tree) -> tuple[Switch, ...]:
    """Return the rfkill switches of radios. Raises NotSeen."""
    return tuple(
        Switch(
            tree.text(f"{_RFKILL}/{entry}/name") or entry,
            tree.text(f"{_RFKILL}/{entry}/soft") == "1",
            tree.text(f"{_RFKILL}/{entry}/hard") == "1",
        )
        for entry in tree.names(_RFKILL)
        if tree.text(f"{_RFKILL}/{entry}/type") == "wlan"
    )


def country(tree: Tree) -> Country:
    """Return every word on the Wi-Fi country that there is. Raises NotSeen."""
    settings = []
    if found := _ON_THE_LINE.search(tree.text("/proc/cmdline") or ""):
        settings.append(("cmdline.txt", found[1]))
    for line in (tree.text("/etc/wpa_supplicant/wpa_supplicant.conf") or "").splitlines():
        key, _, value = line.strip().partition("=")
        if key == "country":
            settings.append(("wpa_supplicant.conf", value.strip().strip('"')))
    zone = _zone(tree)
    return Country(_in_force(), tuple(settings), zone, _countries(tree, zone))


def _in_force() -> str | None:
    """Ask the kernel (nl80211); None when it has no answer."""
    try:
        with NL80211() as asking:
            asking.bind()
            question = nl80211cmd()
            question["cmd"] = NL80211_NAMES["NL80211_CMD_GET_REG"]
            answers = asking.nlm_request(question, msg_type=asking.prid, msg_flags=NLM_F_REQUEST)
            return next((str(a.get_attr("NL80211_ATTR_REG_ALPHA2") or "") for a in answers), None)
    except (NetlinkError, OSError):
        return None  # no cfg80211 in this kernel, or none that has been loaded


def _zone(tree: Tree) -> str:
    link = tree.link("/etc/localtime") or ""
    return link.partition("zoneinfo/")[2] or tree.text("/etc/timezone") or ""


def _countries(tree: Tree, zone: str) -> tuple[str, ...]:
    """Return the country of a time zone (zone.tab: code, position, name)."""
    if not zone or zone.startswith("Etc/"):
        return ()
    for line in (tree.text(f"{_ZONES}/zone.tab") or "").splitlines():
        code, *fields = line.split("\t")
        if len(fields) > 1 and fields[1] == zone:
            return (code,)
    return ()


@dataclass(frozen=True, slots=True)
class Told:
    """What `iw phy` says of one radio; None where it says nothing, or is not installed."""

    access_point: bool | None = None
    most_stations: int | None = None
    can_move: bool | None = None


def radios(tree: Tree, found: Sequence[Port]) -> tuple[Radio, ...]:
    """Return what the radios of this namespace tell. Raises NotSeen."""
    text = _iw()
    return tuple(
        _radio(port, told(text, tree.text(f"/sys/class/net/{port.name}/phy80211/name") or ""))
        for port in found
        if port.wireless
    )


def _radio(port: Port, says: Told) -> Radio:
    return Radio(
        port.name, port.driver, firmware(port.name), says.access_point, says.most_stations,
        says.can_move,
    )  # fmt: skip


def told(text: str | None, phy: str) -> Told:
    """Return what `text`, the output of `iw phy`, says of one radio."""
    parts = re.split(r"^Wiphy (\S+)$", text or "", flags=re.MULTILINE)
    own = dict(zip(parts[1::2], parts[2::2], strict=True)).get(phy)
    if own is None:
        return Told()
    most = _MOST.search(own)
    return Told(
        bool(_MODE_AP.search(own)), int(most[1]) if most else None, "* set_wiphy_netns" in own
    )


def _iw() -> str | None:
    program = shutil.which("iw")
    if program is None:
        return None
    try:
        ran = subprocess.run(
            [program, "phy"], capture_output=True, text=True, timeout=_IW_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ran.stdout if ran.returncode == 0 else None


def firmware(interface: str) -> str | None:
    """Return the firmware's version as the driver tells it (ethtool's drvinfo), if it does."""
    # struct ethtool_drvinfo: a number, then driver, version and fw_version of 32 bytes each.
    room = ctypes.create_string_buffer(struct.pack("I", _GDRVINFO), 196)
    # struct ifreq: the interface's name, and where the kernel shall write.
    request = struct.pack("16sP", interface.encode()[:15], ctypes.addressof(room)).ljust(40, b"\0")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        try:
            fcntl.ioctl(control, _SIOCETHTOOL, request)
        except OSError:
            return None
    text = room.raw[68:100].split(b"\0", 1)[0].decode("ascii", "replace").strip()
    return None if text in ("", "N/A") else text
