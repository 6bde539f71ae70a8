"""The host's interfaces: look at one, silence it, attach it, and give it back."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from commands import Refused, run

from porter import words

SETTINGS = Path(os.environ.get("HOST_SETTINGS", "/proc/sys"))


def links() -> dict[str, dict[str, Any]]:
    """Return {name: what `ip -j link` says}. Raises Refused."""
    return {link["ifname"]: link for link in json.loads(run("ip", "-j", "link") or "[]")}


def look(name: str, link: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an interface has now: see words.was, and the settings that we change."""
    addresses = json.loads(run("ip", "-j", "address", "show", "dev", name) or "[]")
    routes = json.loads(run("ip", "-j", "route", "show", "dev", name) or "[]")
    infos = [i for a in addresses if a.get("ifname") == name for i in a["addr_info"]]
    return words.was(link, infos, routes) | {"settings": _settings(name)}


def silence(name: str) -> None:
    """Take every address of the host off an interface, and its voice. Raises Refused.

    It holds when this returns: what could not be set is an error.
    """
    for pattern, value in words.HARDENING.items():
        path = SETTINGS / pattern.format(name)
        try:
            if path.read_text().strip() != value:
                path.write_text(value)
        except FileNotFoundError:
            if "ipv6" not in pattern or (SETTINGS / "net/ipv6").exists():
                raise Refused(f"{name} has no setting {path.name}") from None
        except OSError as error:
            raise Refused(f"{name}: {path.name} can't be set: {error.strerror}") from error
    if json.loads(run("ip", "-j", "-4", "address", "show", "dev", name) or "[]"):
        run("ip", "-4", "address", "flush", "dev", name)


def attach(port: str, bridge: str) -> None:
    """Make a port part of a bridge, and bring it up. Raises Refused."""
    run("ip", "link", "set", "dev", port, "master", bridge)
    run("ip", "link", "set", "dev", port, "up")


def give_back(name: str, before: Mapping[str, Any]) -> None:
    """Let an interface be as it was; what can't be restored is left out."""
    master = before.get("master")
    _try("ip", "link", "set", "dev", name, *(("master", str(master)) if master else ("nomaster",)))
    for pattern, value in (before.get("settings") or {}).items():
        with contextlib.suppress(OSError):
            (SETTINGS / pattern.format(name)).write_text(value)
    _try("ip", "link", "set", "dev", name, "up" if before.get("up") else "down")
    for address in before.get("addresses") or ():
        _try("ip", "address", "replace", *address, "dev", name)
    for route in before.get("routes") or ():
        _try("ip", "route", "replace", *route, "dev", name)


def radios(*through: str) -> list[words.Radio]:
    """Return the radios of this namespace, or of that which `through` enters. Raises Refused."""
    try:
        return words.parse_radios(run(*through, "iw", "phy"), run(*through, "iw", "dev"))
    except Refused as error:
        if "nl80211 not found" in str(error):
            return []  # the kernel has no driver of a radio yet
        raise


def move_radio(radio: words.Radio, pid: int) -> None:
    """Move a radio into the network namespace of a process. Raises Refused."""
    run("iw", f"phy#{radio.number}", "set", "netns", str(pid))


def _settings(name: str) -> dict[str, str]:
    found = {}
    for pattern in words.HARDENING:
        with contextlib.suppress(OSError):
            found[pattern] = (SETTINGS / pattern.format(name)).read_text().strip()
    return found


def _try(*command: str) -> None:
    with contextlib.suppress(Refused):
        run(*command)
