"""What the router remembers: its devices, what was chosen for them, and the numbers it gave out.

`State` is one small document. Everything that changes it is a pure function here, so that the
rules (a new device gets the default destination; a mark is never used for two connections'
lives) can be read in one place and tested without a disk.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address

from orchestrator.addressing import Side, is_ours, mac_address
from orchestrator.model import Config
from orchestrator.timers import Timer

MAX_DEVICES = 0xFFF
MAX_GENERATION = 0xFFF
MAX_SLOTS = 239  # the third byte of the transit pool; above it lie the uplinks' placeholders
MAX_UPLINKS = 15
PROBE_NUMBER = 0  # the leak test's device; no other gets it
MEETINGS_AT_ONCE = 12  # a switch waits meanwhile


class StoreFull(Exception):
    """A number space (devices, destinations, uplinks) is used up."""


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """A device that was seen or configured.

    `name`, `kind` and `choice` are what a person said on the page or the command line (None:
    nothing yet); with a `timer` the choice is for a time. `dismissed`: a person said that it is
    none of the devices that it may have been with another MAC address. `active` is the destination
    in its live ct mark (None: it is rejected), and `generation` counts the changes of `active`.
    `typed_address` is where a device was seen that has no lease, because somebody typed its
    address in by hand.
    """

    mac: str
    number: int
    hostname: str = ""
    name: str | None = None
    choice: str | None = None
    active: str | None = None
    generation: int = 0
    typed_address: IPv4Address | None = None
    kind: str | None = None
    timer: Timer | None = None
    dismissed: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """All that is remembered. `slots` and `uplinks` map names to the numbers they were given.

    `install` makes this router's MAC addresses differ from a neighbour's. `choices_lost` is
    set when the document was damaged beyond reading: then nobody knows what was chosen, and a
    device without a choice is rejected rather than sent by the default destination.
    `probe_generation` goes on counting where the last leak test's device ended.
    `paused` are the destinations that a person has paused, in order. `retired` are the numbers
    of forgotten devices with the last generation that they had. `left_leases` maps the MAC
    addresses that devices have given up to the ends of the leases that they left running.
    `offsets` say which address of a range "uplink/destination" has: nobody's changes when another
    destination comes or goes.
    """

    install: str
    devices: tuple[KnownDevice, ...] = ()
    slots: Mapping[str, int] = field(default_factory=dict)
    uplinks: Mapping[str, int] = field(default_factory=dict)
    stopped: bool = False
    choices_lost: bool = False
    probe_generation: int = 0
    paused: tuple[str, ...] = ()
    retired: Mapping[int, int] = field(default_factory=dict)
    left_leases: Mapping[str, int] = field(default_factory=dict)
    offsets: Mapping[str, int] = field(default_factory=dict)

    def device(self, mac: str) -> KnownDevice | None:
        return next((d for d in self.devices if d.mac == mac), None)

    def with_device(self, device: KnownDevice) -> State:
        others = tuple(d for d in self.devices if d.mac != device.mac)
        # The probe comes last: no other device shall get another name because of it.
        order = sorted((*others, device), key=lambda d: (d.number == PROBE_NUMBER, d.number))
        return replace(self, devices=tuple(order))


def _free_number(used: Iterable[int], limit: int, what: str) -> int:
    taken = set(used)
    for number in range(1, limit + 1):
        if number not in taken:
            return number
    raise StoreFull(f"all {limit} {what} are in use")


def _numbered(
    given: Mapping[str, int], names: Iterable[str], limit: int, what: str
) -> Mapping[str, int]:
    """Give every name a number and keep the ones given; forget names only when room is needed."""
    wanted = list(names)
    result = dict(given)
    for name in wanted:
        if name not in result:
            if len(result) >= limit:
                result = {known: n for known, n in result.items() if known in wanted}
            result[name] = _free_number(result.values(), limit, what)
    return result


def _offsets(config: Config, state: State) -> Mapping[str, int]:
    """Give every destination on an uplink without DHCP one of its addresses, once for all."""
    result: dict[str, int] = {}
    for uplink in config.uplinks:
        room = len(uplink.static.addresses) if uplink.static else 0
        users = [d.name for d in config.destinations if uplink.static and d.uplink == uplink.name]
        keys = [offset_key(uplink.name, n) for n in sorted(users, key=lambda n: state.slots[n])]
        kept = {k: state.offsets[k] for k in keys if state.offsets.get(k, room) < room}
        for key in keys:
            if key not in kept:
                what = f"addresses of the uplink '{uplink.name}'"
                kept[key] = _free_number((n + 1 for n in kept.values()), room, what) - 1
        result |= kept
    return result


def offset_key(uplink: str, destination: str) -> str:
    """Return the name under which `State.offsets` holds a destination."""
    return f"{uplink}/{destination}"


def _as_added(destination: str) -> str:
    """Return a name that no destination has, and that a person understands."""
    return f"{destination} (as added)"


def disowned(state: State, destinations: Collection[str]) -> State:
    """Return `state` with nowhere to go for the devices that had chosen one of `destinations`.

    Something else has that name from now on, and nobody chose that for them.
    """
    for device in state.devices:
        back_to = device.timer.back_to if device.timer else None
        if device.timer is not None and back_to is not None and back_to in destinations:
            timer = replace(device.timer, back_to=_as_added(back_to))
            state = state.with_device(device := replace(device, timer=timer))
        if device.choice is not None and device.choice in destinations:
            nowhere = replace(device, choice=_as_added(device.choice))
            state = state.with_device(_activated(nowhere, None))
    return state


def _seen(state: State, mac: str, hostname: str, keep: frozenset[str]) -> State:
    known = state.device(mac)
    if known is None:
        return _added(state, mac, hostname, keep)
    changed = replace(known, hostname=hostname or known.hostname)
    return state if changed == known else state.with_device(changed)


def _added(state: State, mac: str, hostname: str, keep: frozenset[str]) -> State:
    """Add a device, in the place of one that nobody named or chose for when no number is left.

    Phones change their MAC address for privacy, so strangers collect over the years. Whoever
    takes over a number goes on counting its generations: the stranger's marks were live.
    """
    if len(state.devices) < MAX_DEVICES:
        number = _free_number((d.number for d in state.devices), MAX_DEVICES, "device numbers")
        new = KnownDevice(mac, number, hostname, generation=state.retired.get(number, 0))
        retired = {n: last for n, last in state.retired.items() if n != number}
        return replace(state, retired=retired).with_device(new)
    strangers = (d for d in state.devices if not (d.name or d.choice or d.mac in keep))
    forgotten = next(strangers, None)
    if forgotten is None:
        raise StoreFull(f"all {MAX_DEVICES} device numbers are in use")
    state = replace(state, devices=tuple(d for d in state.devices if d is not forgotten))
    device = KnownDevice(mac, forgotten.number, hostname, generation=forgotten.generation)
    return state.with_device(device)


def without(state: State, device: KnownDevice) -> State:
    """Return `state` without a device; whoever gets its number goes on counting."""
    others = tuple(d for d in state.devices if d.mac != device.mac)
    retired = {**state.retired, device.number: device.generation}
    return replace(state, devices=others, retired=retired)


def probe_mac(state: State) -> str:
    """Return the MAC address of the leak test's device."""
    return mac_address(state.install, Side.LEAKTEST_LAN)


def with_probe(state: State, destination: str) -> State:
    """Return `state` with the leak test's device, whose choice is `destination`."""
    generation = state.probe_generation
    return state.with_device(
        KnownDevice(
            probe_mac(state), PROBE_NUMBER, "leaktest", choice=destination, generation=generation
        )
    )


def without_probe(state: State) -> State:
    """Return `state` without the leak test's device; its marks are never used again."""
    probe = state.device(probe_mac(state))
    if probe is None:
        return state
    others = tuple(d for d in state.devices if d is not probe)
    return replace(state, devices=others, probe_generation=probe.generation)


def without_choices(state: State) -> State:
    """Return `state` after its choices became doubtful: devices and names stay, choices do not."""
    # A timer goes, too: the choice that it would bring back is as old as the others.
    devices = tuple(replace(device, choice=None, timer=None) for device in state.devices)
    return replace(state, devices=devices, choices_lost=True)


def paused(config: Config, state: State, destination: str, *, pause: bool) -> State:
    """Return `state` with a destination paused or, with `pause` false, resumed."""
    names = {*state.paused, destination} if pause else {*state.paused} - {destination}
    return settle(config, replace(state, paused=tuple(sorted(names))), {})


def wanted_destination(config: Config, state: State, device: KnownDevice) -> str | None:
    """Return what was chosen for `device`, whether it works or not; None: nothing yet.

    What a person chose comes first, then router.yaml's word for the device, then the default.
    """
    configured = next((d for d in config.devices if d.mac == device.mac), None)
    wanted = device.choice or (configured.destination if configured else None)
    if wanted is None and not state.choices_lost and not is_new(config, device):
        return config.default_destination
    return wanted


def is_new(config: Config, device: KnownDevice) -> bool:
    """Say whether `device` waits for somebody to choose. A name that it was given is no choice."""
    known = device.choice is not None or any(d.mac == device.mac for d in config.devices)
    return config.refuse_new_devices and not known


def effective_destination(config: Config, state: State, device: KnownDevice) -> str | None:
    """Return the destination that `device` shall use now; None rejects its traffic.

    A destination that no longer exists, or is paused, is never replaced by another: that would
    be a leak.
    """
    wanted = wanted_destination(config, state, device)
    if wanted is None or wanted in state.paused or not config.destination(wanted):
        return None
    return wanted


def settle(config: Config, state: State, hostnames: Mapping[str, str]) -> State:
    """Return `state` brought up to date with the configuration and the leases.

    `hostnames` maps the MAC of each lease to the name that the device gave itself ("" for
    none). Every device whose effective destination differs from its active one gets a new
    generation, so that its new ct mark was never live before.

    Raises StoreFull.
    """
    state = replace(
        state,
        slots=_numbered(state.slots, (d.name for d in config.destinations), MAX_SLOTS, "slots"),
        uplinks=_numbered(state.uplinks, (u.name for u in config.uplinks), MAX_UPLINKS, "uplinks"),
        # Whoever writes a destination of that name later means one that works.
        paused=tuple(name for name in state.paused if config.destination(name)),
    )
    state = replace(state, offsets=_offsets(config, state))
    keep = frozenset(hostnames) | {d.mac for d in config.devices}
    for configured in config.devices:
        state = _seen(state, configured.mac, "", keep)
    for mac, hostname in hostnames.items():
        # A leak test that was killed may leave its lease, but no device.
        if mac != probe_mac(state) or state.device(mac):
            state = _with_lease(_seen(state, mac, hostname, keep), mac)
    for device in state.devices:
        wanted = effective_destination(config, state, device)
        if wanted != device.active:
            state = state.with_device(_activated(device, wanted))
    return state


def _with_lease(state: State, mac: str) -> State:
    device = state.device(mac)
    if device is None or device.typed_address is None:
        return state
    return state.with_device(replace(device, typed_address=None))


def meet(
    config: Config, state: State, seen: Mapping[str, IPv4Address], leased: Collection[str]
) -> State:
    """Return `state` with the devices that were seen at an address without having a lease.

    `seen` maps MAC addresses as they came from the wire; those that are no device of the home's
    are left out, and so is, for this time, who comes after the first dozen. Raises StoreFull.
    """
    keep = frozenset((*seen, *leased, *(d.mac for d in config.devices)))
    known = typed_addresses(state)
    news = (
        (mac, address)
        for mac, address in seen.items()
        if mac not in leased
        and known.get(mac) != address
        and _may_be_a_device(config, state.install, mac, address)
    )
    for mac, address in itertools.islice(news, MEETINGS_AT_ONCE):
        state = _at(_seen(state, mac, "", keep), mac, address)
    return settle(config, state, {})


def _at(state: State, mac: str, address: IPv4Address) -> State:
    """Return `state` with a device at a typed-in address, where nobody else is any more."""
    for other in [d for d in state.devices if d.typed_address == address]:
        state = state.with_device(replace(other, typed_address=None))
    device = state.device(mac)
    assert device is not None
    return state.with_device(replace(device, typed_address=address))


def _may_be_a_device(config: Config, install: str, mac: str, address: IPv4Address) -> bool:
    lan = config.lan
    taken = (lan.address.ip, *config.service_addresses, lan.network[0], lan.network[-1])
    is_one_host = mac != "00:00:00:00:00:00" and not int(mac[:2], 16) & 1
    is_in_the_home = address in lan.network and address not in taken
    return is_one_host and is_in_the_home and not is_ours(install, mac)


def addresses(state: State, leased: Mapping[str, IPv4Address]) -> dict[str, IPv4Address]:
    """Return {MAC: address} of every device with a lease, or seen at an address of nobody's."""
    given, typed = set(leased.values()), typed_addresses(state)
    return {**{mac: at for mac, at in typed.items() if at not in given}, **leased}


def typed_addresses(state: State) -> dict[str, IPv4Address]:
    """Return {MAC: address} of the devices that were seen without a lease."""
    return {d.mac: d.typed_address for d in state.devices if d.typed_address is not None}


def _activated(device: KnownDevice, destination: str | None) -> KnownDevice:
    generation = device.generation % MAX_GENERATION + 1
    return replace(device, active=destination, generation=generation)


def mark_of(state: State, device: KnownDevice) -> int | None:
    """Return the live ct mark (generation << 20 | device << 8 | slot); None: rejected."""
    if device.active is None:
        return None
    return device.generation << 20 | device.number << 8 | state.slots[device.active]


def live_marks(state: State) -> dict[str, int]:
    """Return {MAC: live ct mark} of every device that may send."""
    marks = ((d.mac, mark_of(state, d)) for d in state.devices)
    return {mac: mark for mac, mark in marks if mark is not None}
