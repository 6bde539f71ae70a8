"""Devices that change their MAC address, and devices that are gone.

A phone that makes up a new address is a new device to the network, and somebody has to say that it
is the old one: then it takes over what was said of that, name and choice, in one change.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from orchestrator import store
from orchestrator.model import Config
from orchestrator.naming import is_private
from orchestrator.refusal import Refused
from orchestrator.store import PROBE_NUMBER, KnownDevice, State

MOST_CANDIDATES = 3


def is_unnamed(config: Config, device: KnownDevice) -> bool:
    """Say whether nobody has given `device` a name yet, here or in router.yaml."""
    return device.name is None and not is_configured(config, device)


def is_configured(config: Config, device: KnownDevice) -> bool:
    return any(d.mac == device.mac for d in config.devices)


def candidates(
    config: Config, state: State, device: KnownDevice, present: Collection[str]
) -> list[KnownDevice]:
    """Return who a new device may have been before it changed its MAC address, three at most.

    `present` are the MAC addresses of the devices that are here now.
    """
    if device.dismissed or not (is_private(device.mac) and is_unnamed(config, device)):
        return []
    if device.number == PROBE_NUMBER:
        return []
    found = [
        other
        for other in state.devices
        if other.name and is_private(other.mac) and other.mac not in present
        and not is_configured(config, other)
        and other.hostname.casefold() == device.hostname.casefold()
    ]  # fmt: skip
    if not device.hostname and len(found) > 1:
        return []  # with nothing in common but silence it could be anybody
    return found[:MOST_CANDIDATES]


def taken_over(
    config: Config, state: State, new: KnownDevice, old: KnownDevice, present: Collection[str]
) -> State:
    """Return `state` in which `new` is what `old` was, and `old` is no more. Raises Refused."""
    if new.mac == old.mac:
        raise Refused("a device can't take over its own name", "name the old one")
    for device in (new, old):
        if is_configured(config, device):
            message = f"the device {device.mac} has its name from router.yaml"
            raise Refused(message, "write the new MAC address there")
    if old.mac in present:
        raise Refused("the old device is still here, so this is another one", "give it a name")
    heir = replace(
        new,
        name=old.name or new.name,
        kind=old.kind or new.kind,
        choice=old.choice,
        timer=old.timer,
        dismissed=False,
    )
    return store.settle(config, store.without(state, old).with_device(heir), {})


def forgotten(
    config: Config, state: State, device: KnownDevice, present: Collection[str],
    leases: Mapping[str, int],
) -> State:  # fmt: skip
    """Return `state` without a device that is gone. `leases` are those that run. Raises Refused."""
    if is_configured(config, device):
        raise Refused("router.yaml names this device", "take it out of there")
    if device.mac in present:
        raise Refused("this device is here now", "forget it when it has gone")
    if device.mac in leases:
        raise Refused(
            "the lease of this device still runs, so it would come back by itself",
            "forget it when its lease has ended",
        )
    return store.without(state, device)


def leaving(state: State, mac: str, leases: Mapping[str, int]) -> State:
    """Return `state` that knows of a lease that nobody will end: its device has another address.

    What such leases were known before is forgotten when they are over.
    """
    mine = {mac: leases[mac]} if mac in leases else {}
    others = {m: end for m, end in state.left_leases.items() if leases.get(m) == end}
    return replace(state, left_leases={**others, **mine})
