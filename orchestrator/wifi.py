"""What follows from a Wi-Fi configuration: band, channel, security, and where a station goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ValidationError

from orchestrator.model import Band, Config, Radio, Security, Wifi, WifiNetwork

CHANNELS = {
    Band.GHZ_2_4: tuple(range(1, 14)),
    Band.GHZ_5: (*range(36, 65, 4), *range(100, 145, 4), *range(149, 178, 4)),
}
# Forbidden in hardly any country, and without waiting for radars.
PREFERRED = {Band.GHZ_2_4: 6, Band.GHZ_5: 36}
RADAR = range(52, 145)  # channels on which an access point must listen for radars first


class WifiStation(BaseModel):
    """A device on an access point. `since` is in seconds of CLOCK_BOOTTIME."""

    mac: str
    signal_dbm: int | None = None
    since: float = 0


class WifiNetworkStatus(BaseModel):
    """One SSID as it runs."""

    ssid: str
    interface: str = ""
    stations: tuple[WifiStation, ...] = ()


class RadioStatus(BaseModel):
    """The radio that carries the access point; `max_stations` None: not said."""

    phy: str
    interface: str = ""
    max_stations: int | None = None


class WifiStatus(BaseModel):
    """status.json of the access point. `updated` is in seconds of CLOCK_BOOTTIME."""

    updated: float
    state: Literal["waiting", "starting", "on", "failed"]
    message: str = ""
    radio: RadioStatus | None = None
    channel: int | None = None
    networks: tuple[WifiNetworkStatus, ...] = ()


def parse_status(text: str | None) -> WifiStatus | None:
    """Return what the access point wrote; None when there is nothing readable."""
    try:
        return WifiStatus.model_validate_json(text) if text else None
    except ValidationError:
        return None


def ssid_of(mac: str, status: WifiStatus | None) -> str | None:
    """Return the SSID that a device is on; None when it is on none."""
    for network in status.networks if status else ():
        if any(station.mac.lower() == mac for station in network.stations):
            return network.ssid
    return None


def destination_for(mac: str, status: WifiStatus | None, config: Config) -> str | None:
    """Return the default destination that a device's SSID names.

    None: it is on no Wi-Fi network, or on one that names none.
    """
    ssid = ssid_of(mac, status)
    networks = config.wifi.networks if config.wifi else ()
    return next((one.destination for one in networks if one.ssid == ssid), None)


def find_radio(wifi: Wifi, radios: Sequence[Radio]) -> Radio | None:
    """Return the radio that is meant; None when it is not there, or not the only one."""
    if wifi.radio is None:
        return radios[0] if len(radios) == 1 else None
    return next((one for one in radios if wifi.radio in (one.phy, *one.interfaces)), None)


def band_of(wifi: Wifi, radio: Radio | None) -> Band:
    """Return the band: as said, or that of the channel, or 2.4 GHz, which every device knows."""
    if wifi.band is not Band.AUTO:
        return wifi.band
    if wifi.channel is not None:
        return Band.GHZ_2_4 if wifi.channel in CHANNELS[Band.GHZ_2_4] else Band.GHZ_5
    only_5 = radio is not None and set(radio.channels) == {Band.GHZ_5}
    return Band.GHZ_5 if only_5 else Band.GHZ_2_4


def channel_of(wifi: Wifi, radio: Radio | None) -> int:
    """Return the channel: as said, or one that is likely to be allowed."""
    band = band_of(wifi, radio)
    if wifi.channel is not None:
        return wifi.channel
    allowed = allowed_channels(wifi, radio, band)
    quiet = [channel for channel in allowed if channel not in RADAR]
    preferred = PREFERRED[band]
    return quiet[0] if quiet and preferred not in quiet else preferred


def allowed_channels(wifi: Wifi, radio: Radio | None, band: Band) -> tuple[int, ...]:
    """Return the channels that are known to be allowed; empty when that is not known.

    The radio follows the rules of the country that it was last told of. hostapd tells it of
    `wifi.country` when it starts; what another country forbids says nothing before.
    """
    if radio is None or radio.country != wifi.country:
        return ()
    return tuple(radio.channels.get(band, ()))


def security_of(network: WifiNetwork, radio: Radio | None) -> Security:
    """Return the security that a network gets: never AUTO."""
    if network.security is not Security.AUTO:
        return network.security
    return Security.TRANSITION if radio is not None and radio.wpa3 else Security.WPA2
