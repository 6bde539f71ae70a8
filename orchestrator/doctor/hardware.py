"""What only a real machine can show: five minutes for its owner, before it goes into a cupboard.

Each line says what is expected, because a person who sees a number wants to know whether it
is a good one.
"""

from __future__ import annotations

from orchestrator.doctor.machine import Card, Hardware, Machine, NotSeen, Port, Radio, known
from orchestrator.doctor.power import CAPPED, HOT, SINCE_START, THROTTLED, UNDER_VOLTAGE
from orchestrator.doctor.words import Finding, Findings

LEAST_MEMORY = 800 << 20  # a 1 GB Pi shows some 900 MiB, less what its GPU takes
WARM, TOO_WARM = 65.0, 80.0
PI_STATIONS = 10
_GENERIC = ("cdc_ether", "cdc_ncm", "cdc_eem", "cdc_subset", "rndis_host")
_APPLICATION = {1: "A1", 2: "A2"}


def model(machine: Machine) -> Findings:
    """Which machine this is."""
    text = known(_hardware(machine).model)
    yield Finding("model", "ok", f"{text or 'not said'} (expected: Raspberry Pi 3 or later)")


def memory(machine: Machine) -> Findings:
    """How much memory there is."""
    size = known(_hardware(machine).memory)
    yield Finding(
        "memory",
        "ok" if size >= LEAST_MEMORY else "warning",
        f"{size >> 20} MiB (expected: {LEAST_MEMORY >> 20} MiB or more)",
        "" if size >= LEAST_MEMORY else "fewer destinations, or a model with 1 GB",
    )


def bits(machine: Machine) -> Findings:
    """A 32-bit system on a 64-bit kernel looks right to `uname` and runs other images."""
    kernel, programs = known(_hardware(machine).bits)
    good = (kernel, programs) == (64, 64)
    yield Finding(
        "system",
        "ok" if good else "error",
        f"kernel {kernel}-bit, programs {programs}-bit (expected: both 64)",
        "" if good else "install the 64-bit Raspberry Pi OS",
    )


def ethernet(machine: Machine) -> Findings:
    """Each wired port with its driver and its link."""
    for port in known(machine.ports):
        if port.device and not port.wireless:
            yield _wired(port)


def _wired(port: Port) -> Finding:
    link = (f"{port.speed} Mbit/s" if port.speed else "up") if port.carrier else "no link"
    seen = f"{port.name}: driver {port.driver or 'not said'} ({port.bus or 'bus not said'}), {link}"
    expected = "(expected: a driver of its own and 100 Mbit/s or more)"
    if port.driver in _GENERIC:
        return Finding(
            "Ethernet",
            "warning",
            f"{seen} {expected}",
            "a generic driver carries less: use an adapter with RTL8153 or AX88179, and its driver",
        )
    if port.carrier and 0 < port.speed < 100:
        return Finding("Ethernet", "warning", f"{seen} {expected}", "try another cable")
    return Finding("Ethernet", "ok", f"{seen} {expected}")


def radio(machine: Machine) -> Findings:
    """Each radio: driver, firmware, whether it can be an access point, and for how many."""
    radios = known(_hardware(machine).radios)
    for found in radios:
        yield Finding("radio", "ok", _driver(found))
        yield _access_point(found)
        yield _moves(found)
    if not radios and known(machine.switches):
        yield Finding(
            "radio",
            "ok",
            "it is no interface of this machine now (expected: so, while the access point has it)",
        )
    elif not radios:
        yield Finding("radio", "ok", "none (expected: brcmfmac, on a Raspberry Pi 3 or later)")


def _moves(found: Radio) -> Finding:
    if found.can_move is None:
        return Finding(
            "radio moves",
            "not checked",
            f"whether {found.interface} can be given to a container: there is no `iw` here",
            "on the machine itself: `iw phy` (expected: set_wiphy_netns among its commands)",
        )
    if not found.can_move:
        return Finding(
            "radio moves",
            "warning",
            f"{found.interface}'s driver does not let a container have it (expected: "
            "set_wiphy_netns among the commands of `iw phy`)",
            "use a USB adapter whose driver does (mt76, ath9k_htc)",
        )
    return Finding(
        "radio moves",
        "ok",
        f"{found.interface}: its driver says so (expected: so, and only Wi-Fi at work proves it)",
    )


def battery(machine: Machine) -> Findings:
    """A clock that runs without power; a Pi before the 5 has none."""
    seen = known(machine.clock)
    has = "one" if seen.battery else "none, so the time comes from the network after each start"
    kept = "a time server keeps the time now" if seen.synchronised else "nothing keeps the time now"
    yield Finding(
        "battery clock",
        "ok" if seen.synchronised else "warning",
        f"{has}; {kept} (expected: none on a Pi 3 or 4, and a time server)",
        "" if seen.synchronised else "`timedatectl` says why; UDP port 123 must get out",
    )


def _driver(found: Radio) -> str:
    firmware = f"firmware {found.firmware}" if found.firmware else "its firmware is not said"
    return (
        f"{found.interface}: {found.driver or 'driver not said'}, {firmware} (expected: brcmfmac "
        "with firmware 7.45 or later, on a Pi)"
    )


def _access_point(found: Radio) -> Finding:
    if found.access_point is False:
        return Finding(
            "access point",
            "warning",
            f"{found.interface} can be none (expected: AP among its modes)",
            "use a USB adapter whose driver can (mt76, ath9k_htc), or a bought access point",
        )
    if found.access_point is None and found.driver != "brcmfmac":
        return Finding(
            "access point",
            "not checked",
            f"{found.interface} was not asked: there is no `iw` here",
            "on the machine itself: `iw phy` (expected: AP among its modes)",
        )
    most = found.most_stations
    if most is None and found.driver == "brcmfmac":
        limit = f"the driver tells no limit; a Pi's own radio takes about {PI_STATIONS} devices"
    else:
        limit = f"at most {most} devices" if most else "the driver tells no limit"
    return Finding("access point", "ok", f"{found.interface}: {limit} (expected: about 10 on a Pi)")


def supply(machine: Machine) -> Findings:
    """The firmware's memory of the power supply since the start."""
    seen = known(machine.power)
    if seen is None:
        yield Finding("supply", "ok", "no firmware that measures it (expected: 0x0, on a Pi)")
        return
    if not seen.history:
        raise NotSeen("this kernel tells of the moment only; on the Pi: `vcgencmd get_throttled`")
    flags = seen.flags
    said = {UNDER_VOLTAGE: "too little voltage", CAPPED: "clock capped", THROTTLED: "throttled",
            HOT: "hot"}  # fmt: skip
    ever = flags | flags >> SINCE_START
    words = ", ".join(word for flag, word in said.items() if ever & flag) or "nothing"
    good = not ever & UNDER_VOLTAGE
    yield Finding(
        "supply",
        "ok" if good else "warning",
        f"{flags:#x}: {words} since the start (expected: 0x0, also after an hour of load)",
        "" if good else "use the official supply of this model",
    )


def temperature(machine: Machine) -> Findings:
    """The processor's heat at this moment."""
    degrees = known(_hardware(machine).degrees)
    if degrees is None:
        yield Finding("temperature", "ok", f"no sensor (expected: below {WARM:.0f} °C)")
        return
    yield Finding(
        "temperature",
        "ok" if degrees < TOO_WARM else "warning",
        f"{degrees:.0f} °C (expected: below {WARM:.0f} °C at rest, always below {TOO_WARM:.0f} °C)",
        "" if degrees < TOO_WARM else "a heat sink, a fan, and air around the case",
    )


def card(machine: Machine) -> Findings:
    """What the SD card says of itself."""
    found = known(_hardware(machine).card)
    if found is None:
        yield Finding(
            "SD card", "ok", "none (expected: one on a Pi, unless it starts from a USB disk)"
        )
        return
    fast = found.application > 0 or found.uhs > 0 or found.video > 0
    yield Finding(
        "SD card",
        "ok" if fast else "warning",
        f"{found.name or 'no name'}, made {found.made or 'at no known time'}: {_classes(found)} "
        "(expected: A1 or A2, or at least class 10 with U1)",
        "" if fast else "a slow card makes every start and upgrade slow: use one that says A1",
    )


def _classes(found: Card) -> str:
    said = [
        f"class {found.speed}" if found.speed else "",
        f"U{found.uhs}" if found.uhs else "",
        f"V{found.video}" if found.video else "",
        _APPLICATION.get(found.application, ""),
    ]
    return ", ".join(filter(None, said)) or "no speed class"


def _hardware(machine: Machine) -> Hardware:
    if machine.hardware is None:
        raise NotSeen("nobody asked for it: add --hardware")
    return machine.hardware
