"""The radio: what switches it off, and in which country it believes to be."""

from __future__ import annotations

from typing import Literal

from orchestrator.doctor.machine import Country, Machine, Port, Wanted, known
from orchestrator.doctor.ports import cure, holders
from orchestrator.doctor.words import Finding, Findings
from orchestrator.model import Wifi

_NOWHERE = ("", "00", "99")  # the world's smallest common rules; a driver's own
_SET = "`raspi-config nonint do_wifi_country XX` with your country's two letters, and reboot"
_NONE = "there is no radio"


def _has_radio(machine: Machine) -> bool:
    return any(port.wireless for port in known(machine.ports)) or bool(known(machine.switches))


def _wifi(machine: Machine) -> Wifi | None:
    """What router.yaml says of Wi-Fi; without a good router.yaml nothing."""
    return machine.wanted.wifi if isinstance(machine.wanted, Wanted) else None


def _severity(machine: Machine) -> Literal["warning", "error"]:
    """An idle radio may be as it likes; an access point needs it right."""
    return "error" if _wifi(machine) else "warning"


def radio(machine: Machine) -> Findings:
    """The radio of the access point is there, and this machine does not use it itself."""
    wanted = known(machine.wanted).wifi
    if wanted is None:
        yield Finding("Wi-Fi", "ok", "router.yaml configures no access point")
        return
    if not _has_radio(machine):
        yield Finding(
            "Wi-Fi",
            "error",
            "router.yaml configures an access point, and there is no radio",
            "plug one in (`iw phy` lists all), or take `wifi:` out of router.yaml",
        )
        return
    seen = [p for p in known(machine.ports) if p.wireless and wanted.radio in (None, p.name)]
    for port in seen:
        yield from _disturbed(port, machine)
    if not any(port.addresses or holders(port.name, machine) for port in seen):
        where = f"{', '.join(port.name for port in seen)} is nobody else's"
        moved = "the radio is no interface of this machine: the access point has it"
        yield Finding("Wi-Fi", "ok", where if seen else moved)


def _disturbed(port: Port, machine: Machine) -> Findings:
    """Whatever else uses the radio that the access point takes."""
    if port.addresses or port.default_route:
        yield Finding(
            "Wi-Fi",
            "error",
            f"this machine itself uses {port.name} ({', '.join(port.addresses) or 'default route'})"
            ", and loses that way when the access point takes the radio",
            f"put a cable in, then forget that network: `nmcli device disconnect {port.name}`",
        )
    for program in holders(port.name, machine):
        yield Finding(
            "Wi-Fi",
            "warning",
            f"{program} drives {port.name}, and may seize it before the access point does",
            cure(program, port.name),
        )


def rfkill(machine: Machine) -> Findings:
    """A radio that is switched off can be no access point."""
    if not _has_radio(machine):
        yield Finding("rfkill", "ok", _NONE)
        return
    off = [switch for switch in known(machine.switches) if switch.soft or switch.hard]
    for switch in off:
        yield Finding(
            "rfkill",
            _severity(machine),
            f"{switch.name} is switched off by {'a hardware switch' if switch.hard else 'software'}"
            ": no Wi-Fi",
            "look for a switch or a key with an antenna"
            if switch.hard
            else "`rfkill unblock wifi`; Raspberry Pi OS keeps the radio off until it knows the "
            f"country: {_SET}",
        )
    if not off:
        yield Finding("rfkill", "ok", "no radio is switched off")


def country(machine: Machine) -> Findings:
    """The country decides on channels and power; a wrong one is forbidden, none is weak."""
    if not _has_radio(machine):
        yield Finding("Wi-Fi country", "ok", _NONE)
        return
    seen = known(machine.country)
    wanted, named = _wifi(machine), _named(seen)
    others = {where: which for where, which in named.items() if wanted and which != wanted.country}
    if wanted and others:
        said = ", ".join(f"{where} says {which}" for where, which in others.items())
        yield Finding(
            "Wi-Fi country", "error", f"router.yaml says {wanted.country}, but {said}", _SET
        )
    elif wanted and not named:
        yield _compared(wanted.country, seen)
    elif not named:
        if seen.in_force is None:
            yield Finding(
                "Wi-Fi country", "not checked", "the kernel does not say it", "`iw reg get`"
            )
            return
        yield Finding(
            "Wi-Fi country",
            "warning",
            "none is set: few channels, little power, and no 5 GHz for an access point",
            _SET,
        )
    elif len(set(named.values())) > 1:
        said = ", ".join(f"{where} says {which}" for where, which in named.items())
        yield Finding("Wi-Fi country", "warning", f"there are several: {said}", _SET)
    else:
        yield _compared(next(iter(named.values())), seen)


def _named(seen: Country) -> dict[str, str]:
    every = [("the kernel", seen.in_force or ""), *seen.settings]
    return {where: which.upper() for where, which in every if which not in _NOWHERE}


def _compared(which: str, seen: Country) -> Finding:
    if seen.of_zone and which not in seen.of_zone:
        return Finding(
            "Wi-Fi country",
            "warning",
            f"it is {which}, but the time zone {seen.zone} belongs to {', '.join(seen.of_zone)}",
            f"if {which} is wrong: {_SET}; if the time zone is: `timedatectl set-timezone`",
        )
    return Finding("Wi-Fi country", "ok", f"it is {which}")
