"""What the radio cannot do, said before anything is changed, with what it can."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.config.reader import Section
from orchestrator.model import Band, HostFacts, Radio, Security, Wifi
from orchestrator.wifi import allowed_channels, band_of, channel_of, find_radio


def check_radio(
    section: Section, blocks: Sequence[Section], wifi: Wifi, host: HostFacts | None
) -> None:
    """Report everything in a `wifi` section that this machine's radio cannot do.

    `blocks` are the sections of its networks, in the same order.
    """
    if host is None or host.radios is None:
        return
    radio = _chosen(section, wifi, host.radios)
    if radio is None:
        return
    for port in host.interfaces:
        if port.name in radio.interfaces and port.is_default_route:
            section.error(
                "radio",
                f"{port.name} is this machine's way to the internet",
                "connect this machine to the house's router by cable",
            )
    _check_air(section, wifi, radio)
    if len(wifi.networks) > radio.max_networks:
        section.error(
            "networks",
            f"there are {len(wifi.networks)}, and {radio_name(radio)} can have "
            f"{radio.max_networks} at once",
            f"keep {'one' if radio.max_networks == 1 else radio.max_networks} of them",
        )
    for block, network in zip(blocks, wifi.networks, strict=True):
        if network.security in (Security.WPA3, Security.TRANSITION) and not radio.wpa3:
            block.error(
                "security",
                f"{radio_name(radio)} cannot be an access point with WPA3",
                "write `security: wpa2`",
            )


def _chosen(section: Section, wifi: Wifi, radios: Sequence[Radio]) -> Radio | None:
    radio = find_radio(wifi, radios)
    able = [one for one in radios if one.access_point]
    names = ", ".join(radio_name(one) for one in able)
    if not radios:
        section.error(
            "radio",
            "this machine has no Wi-Fi radio",
            "plug one in, or remove `wifi:` and put an access point behind a LAN port",
        )
    elif radio is None and wifi.radio is None:
        hint = f"write `radio: {names.split(', ')[0]}`; possible here: {names}" if able else ""
        section.error("radio", f"is missing, and this machine has {len(radios)} radios", hint)
    elif radio is None:
        section.error(
            "radio",
            f"this machine has no radio {wifi.radio}",
            f"it has {', '.join(radio_name(one) for one in radios)}",
        )
    elif not radio.access_point:
        section.error(
            "radio",
            f"{radio_name(radio)} cannot be an access point",
            f"write `radio: {names}`" if able else "use another radio, such as a USB adapter",
        )
        return None
    return radio


def _check_air(section: Section, wifi: Wifi, radio: Radio) -> None:
    band = band_of(wifi, radio)
    if band not in radio.channels:
        bands = " and ".join(f"{one} GHz" for one in radio.channels) or "no band that is known"
        section.error(
            "band" if wifi.band is not Band.AUTO else "channel",
            f"{radio_name(radio)} knows no {band} GHz",
            f"it knows {bands}",
        )
        return
    if radio.country != wifi.country:
        return
    allowed, channel = allowed_channels(wifi, radio, band), channel_of(wifi, radio)
    if channel not in allowed:
        listed = ", ".join(map(str, allowed))
        section.error(
            "channel" if wifi.channel is not None else "band",
            f"{radio_name(radio)} may not be an access point on channel {channel} of {band} GHz "
            f"in {wifi.country}",
            f"possible here: {listed}" if listed else "use the other band",
        )


def radio_name(radio: Radio) -> str:
    """What people call a radio: its interface, as `ip link` shows it."""
    return radio.interfaces[0] if radio.interfaces else radio.phy
