"""What `orchestrator check` says: the mistakes, or what the configuration means."""

from __future__ import annotations

from orchestrator.config.errors import ConfigErrors
from orchestrator.model import Config, Destination, Uplink, WifiNetwork


def report(result: Config | ConfigErrors) -> str:
    """Plain text for a person, without any secret; ends without a newline."""
    if isinstance(result, ConfigErrors):
        count = len(result.errors)
        title = "1 mistake" if count == 1 else f"{count} mistakes"
        return "\n".join([f"{title} in the configuration:", *map(str, result.errors)])
    return "\n".join(_lines(result))


def _lines(config: Config) -> list[str]:
    lan = config.lan
    lines = [
        "The configuration is good.",
        f"lan           {_ports(config)}: {lan.address}, devices get {lan.dhcp_range}, "
        f"names end in .{lan.domain}",
    ]
    lines += _table("uplinks", [(u.name, _uplink(u)) for u in config.uplinks])
    lines += _table(
        "destinations", [(d.name, _destination(d, config)) for d in config.destinations]
    )
    lines += _table(
        "devices",
        [
            (d.name, ", ".join(filter(None, (d.mac, str(d.address or ""), d.destination))))
            for d in config.devices
        ],
    )
    if config.wifi:
        lines += _table("wifi", [(n.ssid, _wifi_network(n, config)) for n in config.wifi.networks])
    if config.address_service:
        lines.append(f"{'addresses':<14}asked of {config.address_service}")
    if config.notes:
        lines += ["notes", *(f"  {note}" for note in config.notes)]
    return lines


def _ports(config: Config) -> str:
    return ", ".join((*config.lan.interfaces, *(["Wi-Fi"] if config.wifi else [])))


def _wifi_network(network: WifiNetwork, config: Config) -> str:
    words = [
        f"security {network.security}",
        "hidden" if network.hidden else "",
        "isolated" if network.isolation else "",
        f"devices go by {network.destination or config.default_destination}",
    ]
    return ", ".join(filter(None, words))


def _table(title: str, rows: list[tuple[str, str]]) -> list[str]:
    width = max((len(name) for name, _ in rows), default=0)
    return [
        f"{title if at == 0 else '':<14}{name:<{width}}  {text}"
        for at, (name, text) in enumerate(rows)
    ]


def _uplink(uplink: Uplink) -> str:
    if uplink.static is None:
        return f"{uplink.interface}, address by DHCP"
    static = uplink.static
    return f"{uplink.interface}, {static.addresses}/{static.prefixlen} by {static.gateway}"


def _destination(destination: Destination, config: Config) -> str:
    profile = destination.profile
    if profile is None:
        text = f"straight out by {destination.uplink}"
    else:
        first = profile.remotes[0]
        more = f" and {len(profile.remotes) - 1} more" if len(profile.remotes) > 1 else ""
        text = (
            f"OpenVPN to {first.host}:{first.port}/{first.protocol}{more} by {destination.uplink}"
        )
    if destination.dns:
        text += f", DNS {', '.join(map(str, destination.dns))}"
    text += f", {destination.country}" if destination.country else ""
    text += f", called '{destination.title}'" if destination.title else ""
    return f"{text} (default)" if destination.name == config.default_destination else text
