"""Who is on which Wi-Fi network, and where that leads. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.model import Config, WifiNetwork
from orchestrator.wifi import WifiStation, WifiStatus, parse_status

STATUS_FILE = "run/hostapd/status.json"  # in the state volume
STALE_SECONDS = 60.0  # hostapd's container writes every 20 s at least


def is_fresh(status: WifiStatus, now: float) -> bool:
    """Say whether it was written lately; `now` is in seconds of CLOCK_BOOTTIME."""
    return -1.0 <= now - status.updated <= STALE_SECONDS  # after a reboot the clock begins anew


def max_stations(status: WifiStatus) -> int | None:
    """Return how many devices the radio takes; None: it does not say."""
    return status.radio.max_stations if status.radio else None


def joined(status: WifiStatus) -> dict[str, tuple[str, WifiStation]]:
    """Return {MAC: (SSID, station)}; of a device that two networks name, where it came last."""
    found: dict[str, tuple[str, WifiStation]] = {}
    for network in status.networks:
        for station in network.stations:
            mac = station.mac.lower()
            if mac not in found or found[mac][1].since <= station.since:
                found[mac] = (network.ssid, station)
    return found


def where_stations_are(text: str | None) -> Mapping[str, str] | None:
    """Return {MAC: SSID} by what hostapd's container wrote last; None: that can't be read.

    How long ago that was does not matter: who comes and goes is written at once.
    """
    if text is None:
        return {}  # it never ran, so nobody has joined
    status = parse_status(text)
    return None if status is None else {mac: ssid for mac, (ssid, _) in joined(status).items()}


def leads_to(config: Config, ssid: str | None) -> str | None:
    """Return the destination that joining `ssid` gives; None: that of all new devices."""
    networks = config.wifi.networks if config.wifi else ()
    return next((n.destination for n in networks if n.ssid == ssid), None)


def any_leads_somewhere(config: Config) -> bool:
    """Say whether any Wi-Fi network names a destination."""
    return config.wifi is not None and any(n.destination for n in config.wifi.networks)


def join_text(network: WifiNetwork) -> str:
    """Return what a QR code says to a phone that shall join. It holds the passphrase."""
    hidden = "H:true;" if network.hidden else ""
    return f"WIFI:T:WPA;S:{_escaped(network.ssid)};P:{_escaped(network.passphrase)};{hidden};"


def _escaped(text: str) -> str:
    return "".join(f"\\{sign}" if sign in '\\;,:"' else sign for sign in text)
