"""The radio: what switches it off, and in which country it believes to be."""

from __future__ import annotations

from orchestrator.doctor.machine import Country, Machine, known
from orchestrator.doctor.words import Finding, Findings

_NOWHERE = ("", "00", "99")  # the world's smallest common rules; a driver's own
_SET = "`raspi-config nonint do_wifi_country XX` with your country's two letters, and reboot"
_NONE = "there is no radio"


def _has_radio(machine: Machine) -> bool:
    return any(port.wireless for port in known(machine.ports)) or bool(known(machine.switches))


def rfkill(machine: Machine) -> Findings:
    """A radio that is switched off can be no access point."""
    if not _has_radio(machine):
        yield Finding("rfkill", "ok", _NONE)
        return
    off = [switch for switch in known(machine.switches) if switch.soft or switch.hard]
    for switch in off:
        yield Finding(
            "rfkill",
            "warning",
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
    named = _named(seen)
    if not named:
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
