"""hostapd.conf for the access point. It holds the passphrases: mode 0600."""

from __future__ import annotations

from orchestrator.model import Band, Radio, Security, Wifi, WifiNetwork
from orchestrator.wifi import RADAR, band_of, channel_of, security_of

_MOST = 15  # bytes of an interface's name

# MFP (802.11w) stays off with WPA2 alone: some firmware does not let stations in with it.
_SECURITY = {
    Security.WPA2: ("wpa_key_mgmt=WPA-PSK", "ieee80211w=0"),
    Security.TRANSITION: (
        *("wpa_key_mgmt=WPA-PSK SAE", "ieee80211w=1", "sae_require_mfp=1", "sae_pwe=2"),
    ),
    Security.WPA3: ("wpa_key_mgmt=SAE", "ieee80211w=2", "sae_pwe=2"),
}


def render_hostapd(
    wifi: Wifi, radio: Radio | None, bridge: str = "br0", interface: str = "wlan0"
) -> str:
    """Return hostapd.conf. `radio` None: nothing is known of it, and the least is taken.

    The first network is on `interface`; the others are on interfaces that hostapd makes.
    """
    lines = [
        f"interface={interface}",
        "driver=nl80211",
        "logger_syslog=0",
        "logger_stdout=-1",
        "logger_stdout_level=2",
        *_radio(wifi, radio),
        *_network(wifi.networks[0], radio, bridge),
    ]
    for number, network in enumerate(wifi.networks[1:], 1):
        lines.append(f"bss={further_interface(interface, number)}")
        lines += _network(network, radio, bridge)
    return "\n".join(lines) + "\n"


def further_interface(interface: str, number: int) -> str:
    """Return the name of the interface of SSID `number`, which counts from 1 after the first."""
    ending = f"-{number}"
    return interface[: _MOST - len(ending)] + ending


def _radio(wifi: Wifi, radio: Radio | None) -> list[str]:
    band, channel = band_of(wifi, radio), channel_of(wifi, radio)
    lines = [
        f"country_code={wifi.country}",
        "ieee80211d=1",
        f"hw_mode={'a' if band is Band.GHZ_5 else 'g'}",
        f"channel={channel}",
        "ieee80211n=1",
    ]
    if band is Band.GHZ_5 and radio is not None and radio.vht:
        lines.append("ieee80211ac=1")
    if channel in RADAR:
        lines.append("ieee80211h=1")
    if len(wifi.networks) > 1:
        # Else hostapd counts up from the radio's own address, and refuses one that is odd.
        lines.append("use_driver_iface_addr=1")
    return lines


def _network(network: WifiNetwork, radio: Radio | None, bridge: str) -> list[str]:
    lines = [
        f"bridge={bridge}",
        "ctrl_interface=/run/hostapd",
        # As hexadecimal digits, a name may hold anything.
        f"ssid2={network.ssid.encode().hex()}",
        "utf8_ssid=1",
        f"ignore_broadcast_ssid={int(network.hidden)}",
        f"ap_isolate={int(network.isolation)}",
        "wmm_enabled=1",
        "auth_algs=1",
        "wpa=2",
        "rsn_pairwise=CCMP",
        # hostapd takes the rest of the line as it is: nothing in it needs to be escaped.
        f"wpa_passphrase={network.passphrase}",
        *_SECURITY[security_of(network, radio)],
    ]
    if radio is not None and radio.max_stations:
        lines.append(f"max_num_sta={radio.max_stations}")
    return lines
