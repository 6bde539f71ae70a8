"""What the host's interfaces had before they were ours, on disk until it is given back.

What was found belongs to one boot: after another one, the host has made its interfaces anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import report

_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Memory:
    """before.json."""

    def __init__(self, path: Path) -> None:
        """Read what is there; of another boot, only the radio's addresses stay."""
        self._path = path
        self._boot = _BOOT.read_text().strip()
        found = report.read(path)
        ports = found.get("ports")
        same = found.get("boot") == self._boot and isinstance(ports, dict)
        self._ports: dict[str, dict[str, Any]] = dict(ports or {}) if same else {}
        radio = found.get("radio")
        self._radio: dict[str, Any] = radio if isinstance(radio, dict) else {}

    @property
    def interfaces(self) -> tuple[str, ...]:
        """The interfaces that were taken."""
        return tuple(self._ports)

    def keep(self, interface: str, before: Mapping[str, Any]) -> None:
        """Remember an interface as it is before we touch it. Raises OSError."""
        self._ports[interface] = dict(before)
        self._write()

    def radio_macs(self, name: str) -> tuple[str, ...]:
        """Return by which addresses the radio is known again that is asked for by `name`."""
        macs = self._radio.get("macs")
        known = self._radio.get("name") == name and isinstance(macs, list)
        return tuple(map(str, macs)) if known and macs else ()

    def keep_radio(self, name: str, macs: tuple[str, ...]) -> None:
        """Remember by which addresses it is known again. Raises OSError."""
        if macs and macs != self.radio_macs(name):
            self._radio = {"name": name, "macs": list(macs)}
            self._write()

    def take(self, interface: str) -> dict[str, Any]:
        """Forget an interface and return what it had; to be called when it was given back."""
        before = self._ports.pop(interface)
        self._write()
        return before

    def _write(self) -> None:
        found = {"boot": self._boot, "ports": self._ports, "radio": self._radio}
        report.write(self._path, found)
