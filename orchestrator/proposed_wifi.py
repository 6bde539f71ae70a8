"""Wi-Fi in a first router.yaml: one network on the machine's own radio. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from orchestrator.config import countries, values
from orchestrator.doctor.machine import Country
from orchestrator.model import Wifi

SSID = "Manyways"
_NOWHERE = ("", "00", "99")  # the world's smallest common rules; a driver's own


@dataclass(frozen=True, slots=True)
class Air:
    """Radios that nothing of this machine uses, by interface; where they are, if that is known;
    and a new passphrase.
    """

    radios: tuple[str, ...] = ()
    country: str = ""
    passphrase: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class AccessPoint:
    """What `wifi:` will say. Without a country, which is a person's to tell, it can't be written.

    `radio` is None when there is only one.
    """

    country: str
    passphrase: str = field(repr=False)
    ssid: str = SSID
    radio: str | None = None


def access_point(air: Air) -> AccessPoint | None:
    """Return what fits; None without a free radio."""
    if not air.radios:
        return None
    radio = air.radios[0] if len(air.radios) > 1 else None
    return AccessPoint(air.country, air.passphrase, radio=radio)


def of_wifi(wifi: Wifi | None) -> AccessPoint | None:
    """Return the access point that a configuration with one network came from."""
    if wifi is None:
        return None
    network = wifi.networks[0]
    return AccessPoint(wifi.country, network.passphrase, network.ssid, wifi.radio)


def country_of(seen: Country) -> str:
    """Return the country on which all that is set agrees, or else the time zone's; or ""."""
    said = [which.upper() for which in (seen.in_force or "", *(w for _, w in seen.settings))]
    named = {which for which in said if which not in _NOWHERE} or set(seen.of_zone)
    return next(iter(named)) if len(named) == 1 and is_country(min(named)) else ""


def is_country(text: str) -> bool:
    """Say whether router.yaml may name this country."""
    try:
        return countries.country(text) == text
    except values.Bad:
        return False


def render(wifi: AccessPoint) -> str:
    """Return the `wifi` section of router.yaml."""
    radio = f'  radio: "{wifi.radio}"\n' if wifi.radio else ""
    return _TEXT.format(
        country=wifi.country,
        radio=radio,
        ssid=_quoted(wifi.ssid),
        passphrase=_quoted(wifi.passphrase),
    )


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


_TEXT = """
# Wi-Fi by this machine's own radio, on one network with the LAN port.
wifi:
  # Where the radio is: the law of that country says which channels and how much power.
  country: "{country}"
{radio}  networks:
    - ssid: {ssid}
      # 8 to 63 letters, digits and signs. This one was made by chance, for this machine.
      passphrase: {passphrase}
"""
