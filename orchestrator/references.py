"""Which device somebody means: by its name, its title, its MAC or its IP address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv4Address

from orchestrator import naming
from orchestrator.model import Config
from orchestrator.naming import Maker
from orchestrator.refusal import Refused, nearest
from orchestrator.store import KnownDevice, State


def find(
    config: Config,
    state: State,
    addresses: Mapping[str, IPv4Address],
    maker: Maker,
    reference: str,
) -> KnownDevice:
    """Return the device that `reference` means; `addresses` are by MAC. Raises Refused."""
    wanted = _canonical(reference)
    if (exact := state.device(wanted)) is not None:
        return exact
    names = naming.names(config, state)
    for device in state.devices:
        if wanted in (names[device.mac], str(addresses.get(device.mac))):
            return device
    titled = naming.by_title(config, state, maker, reference)
    if len(titled) == 1:
        return titled[0]
    if titled:
        hint = f"say which: {', '.join(names[d.mac] for d in titled)}"
        raise Refused(f"several devices are called '{reference}'", hint)
    hint = nearest(wanted, list(names.values()))
    raise Refused(f"no device is called '{reference}'", hint, unknown=True)


def _canonical(reference: str) -> str:
    """Return a reference in lower case; a MAC address in the notation that we keep."""
    text = reference.strip().lower()
    dashed = re.fullmatch(r"(?:[0-9a-f]{2}-){5}[0-9a-f]{2}", text)
    return text.replace("-", ":") if dashed else text
