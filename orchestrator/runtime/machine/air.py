"""What a first access point needs to know: which radio is free, the country, and a passphrase."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from orchestrator.doctor.machine import Port, Radio, Unseen
from orchestrator.proposed_wifi import Air, country_of
from orchestrator.runtime.machine import radio
from orchestrator.runtime.machine.files import Tree

# Without the letters and digits that look like others on paper: 31 signs, 79 bits in sixteen.
_SIGNS = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP = 4, 4


def look(tree: Tree, ports: Sequence[Port], told: Sequence[Radio] | Unseen) -> Air:
    """Return what can be proposed of Wi-Fi here. Raises NotSeen."""
    unable = {} if isinstance(told, Unseen) else {r.interface: r.access_point for r in told}
    free = tuple(
        port.name
        for port in ports
        if port.wireless
        and not (port.addresses or port.default_route)
        and unable.get(port.name) is not False
    )
    return Air(free, country_of(radio.country(tree)), passphrase())


def passphrase() -> str:
    """Return a new passphrase that can be read aloud: `k3mp-x7rd-92ha-vbtz`."""
    groups = ("".join(secrets.choice(_SIGNS) for _ in range(_GROUP)) for _ in range(_GROUPS))
    return "-".join(groups)
