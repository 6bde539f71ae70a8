"""Which changes of the configuration could cut the home network off from its router.

Pure. Those are applied on probation (probation.py). All others hurt nobody but the device, the
destination or the uplink that they name: the page can be reached and says what does not work, so
that they need no confirmation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from orchestrator.model import Config, Wifi, WifiNetwork

_LAN_FIELDS = ("interfaces", "address", "dhcp_range", "domain")
_WIFI_FIELDS = ("country", "radio", "band", "channel")
_NETWORK_FIELDS = ("passphrase", "security", "hidden", "isolation")


def risky(old: Config, new: Config) -> tuple[str, ...]:
    """Return what of `new` could cut devices off that `old` served, one phrase each; no secrets."""
    return tuple(_reasons(old, new))


def _reasons(old: Config, new: Config) -> Iterator[str]:
    for field in _LAN_FIELDS:
        before, after = getattr(old.lan, field), getattr(new.lan, field)
        if before != after:
            yield f"lan.{field} from {_words(before)} to {_words(after)}"
    if old.transit_pool != new.transit_pool:
        yield f"transit_pool from {old.transit_pool} to {new.transit_pool}"
    yield from _wifi_reasons(old.wifi, new.wifi)


def _wifi_reasons(old: Wifi | None, new: Wifi | None) -> Iterator[str]:
    if old is None or new is None:
        if old is not new:
            yield "wifi is new" if old is None else "wifi is gone"
        return
    for field in _WIFI_FIELDS:
        before, after = getattr(old, field), getattr(new, field)
        if before != after:
            yield f"wifi.{field} from {_words(before)} to {_words(after)}"
    networks = {network.ssid: network for network in new.networks}
    for network in old.networks:
        yield from _network_reasons(network, networks.pop(network.ssid, None))
    # The access point starts anew for it, with all the others on the same radio.
    yield from (f"the Wi-Fi network '{ssid}' is new" for ssid in networks)


def _network_reasons(old: WifiNetwork, new: WifiNetwork | None) -> Iterator[str]:
    if new is None:
        yield f"the Wi-Fi network '{old.ssid}' is gone"
    elif replace(old, destination=None) != replace(new, destination=None):
        changed = [f for f in _NETWORK_FIELDS if getattr(old, f) != getattr(new, f)]
        yield f"{', '.join(changed) or 'settings'} of the Wi-Fi network '{old.ssid}'"


def _words(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return "automatic" if value is None else str(value)
