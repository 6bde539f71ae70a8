"""A first router.yaml for a machine: which port is what, and addresses that nobody has.

Pure: ports and used subnets go in, a proposal comes out, and its text. What is proposed is
what `orchestrator check` takes without a word; a machine for which there is no such thing is
told what it lacks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Interface, IPv4Network

from orchestrator import proposed_wifi
from orchestrator.config import values
from orchestrator.config.addressing import DEFAULT_TRANSIT
from orchestrator.config.subnets import free
from orchestrator.doctor.machine import Port
from orchestrator.model import Config
from orchestrator.proposed_wifi import AccessPoint, Air, access_point, of_wifi

NO_AIR = Air()
_LAN_SIZE, _TRANSIT_SIZE = 24, 16
_PLAIN = re.compile(r"[a-z]{2,}[a-z0-9]*[0-9][a-z0-9]*")  # no word of YAML has a digit in it


class NoProposal(Exception):
    """This machine lacks something; `hint` says what would help."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Proposal:
    """What router.yaml will say. `transit` is None when its default is free.

    `lan` is "" where Wi-Fi is the only way to the devices.
    """

    uplink: str
    lan: str
    address: IPv4Interface
    transit: IPv4Network | None = None
    refuse_new: bool = False
    wifi: AccessPoint | None = None


def of_config(config: Config) -> Proposal:
    """Return the proposal that a configuration with one uplink and one LAN port came from."""
    pool = config.transit_pool
    return Proposal(
        config.uplinks[0].interface,
        next(iter(config.lan.interfaces), ""),
        config.lan.address,
        None if pool == DEFAULT_TRANSIT else pool,
        config.refuse_new_devices,
        of_wifi(config.wifi),
    )


def wired(ports: Sequence[Port]) -> tuple[Port, ...]:
    """Return the ports with a socket for a cable, in the order of their names."""
    real = [port for port in ports if port.device and not port.wireless and _usable(port.name)]
    return tuple(sorted(real, key=lambda port: _natural(port.name)))


def lan_choices(ports: Sequence[Port], uplink: str) -> tuple[Port, ...]:
    """Return the ports that could be the LAN's; those without an address of the host first."""
    free_ports = [p for p in wired(ports) if p.name != uplink and not p.default_route]
    return tuple(sorted(free_ports, key=lambda port: bool(port.addresses)))


def propose(ports: Sequence[Port], taken: Sequence[IPv4Network], air: Air = NO_AIR) -> Proposal:
    """Return what fits this machine. Raises NoProposal.

    Its Wi-Fi may still lack a country, which `decided` or a person then decides about.
    """
    uplink = _uplink(ports)
    choices, wifi = lan_choices(ports, uplink), access_point(air)
    if not choices and wifi is None:
        raise NoProposal(
            f"there is no port for the home network: {uplink} leads to the house's router, and "
            "neither another wired port nor a radio is free",
            "plug a USB Ethernet adapter in, and say `orchestrator init` again",
        )
    transit = DEFAULT_TRANSIT
    if any(map(transit.overlaps, taken)):
        transit = _free(_TRANSIT_SIZE, taken)
    network = _free(_LAN_SIZE, [*taken, transit])
    address = IPv4Interface((network.network_address + 1, network.prefixlen))
    lan = choices[0].name if choices else ""
    return Proposal(
        uplink, lan, address, None if transit == DEFAULT_TRANSIT else transit, wifi=wifi
    )


def decided(proposal: Proposal) -> Proposal:
    """Return the proposal without Wi-Fi in a country that nobody has told. Raises NoProposal."""
    if proposal.wifi is None or proposal.wifi.country:
        return proposal
    if not proposal.lan:
        raise NoProposal(
            "the only way to your devices is this machine's radio, and its country is not known",
            "say `orchestrator init`, which asks for it",
        )
    return replace(proposal, wifi=None)


def _uplink(ports: Sequence[Port]) -> str:
    every = wired(ports)
    if not every:
        raise NoProposal(
            "this machine has no wired port; Wi-Fi can't carry the router's several MAC addresses",
            "put a cable from its port to the house's router, or plug a USB Ethernet adapter in",
        )
    # The way to the internet first; on a machine that has it by Wi-Fi, where a cable is.
    best = max(every, key=lambda p: (p.default_route, bool(p.addresses), p.carrier))
    return best.name


def _free(size: int, taken: Sequence[IPv4Network]) -> IPv4Network:
    found = free(size, taken)
    if found is None:
        raise NoProposal(
            "every private network is in use on this machine",
            "copy router.example.yaml to router.yaml, and choose addresses by hand",
        )
    return found


def _usable(name: str) -> bool:
    try:
        return values.interface(name) == name
    except values.Bad:
        return False


def _natural(name: str) -> tuple[list[int], str]:
    """Two before ten."""
    return [int(number) for number in re.findall(r"\d+", name)], name


def render(proposal: Proposal, ports: Sequence[Port]) -> str:
    """Return the text of router.yaml."""
    others = [p.name for p in lan_choices(ports, proposal.uplink) if p.name != proposal.lan]
    also = f"\n  # Also possible here: {', '.join(others)}." if others else ""
    text = _TEXT.format(
        lan=_LAN.format(also=also, lan=_quoted(proposal.lan)) if proposal.lan else "",
        address=proposal.address,
        network=proposal.address.network,
        uplink=_quoted(proposal.uplink),
        new="refuse" if proposal.refuse_new else "default",
    )
    wifi = proposed_wifi.render(proposal.wifi) if proposal.wifi else ""
    return text + wifi + (_TRANSIT.format(transit=proposal.transit) if proposal.transit else "")


def _quoted(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else f'"{name}"'


_TEXT = """\
# Manyways: the configuration of the router, as `orchestrator init` wrote it for this machine.
#
# router.example.yaml shows all that can be written here, and docs/configuration.md explains
# every word. After a change: `orchestrator check`, then `orchestrator up`.

# The home network: the devices that pick their way out.
lan:
{lan}  # The router's own address in the home network. When this was written, nothing on this
  # machine used {network}, and the house's router did not either.
  address: {address}

# The way to your provider: the port to the router that the house already has. It gives the
# addresses.
uplinks:
  home:
    interface: {uplink}
    address: dhcp

# What a device gets that nobody has decided about yet: the default destination, which is
# "direct", or, with "refuse", nothing until somebody chooses for it on the page.
new_devices: {new}
"""

_LAN = """\
  # The port of this machine that leads to your devices. Put a switch or a Wi-Fi access point
  # behind it for more than one device.{also}
  interfaces: [{lan}]

"""

_TRANSIT = """
# The links between the router and its destinations. The usual 10.213.0.0/16 is in use here.
transit: {transit}
"""


def plugs(proposal: Proposal, ports: Sequence[Port]) -> list[str]:
    """Return, as lines, what to plug where, and what to do next."""
    radios = [port.name for port in ports if port.wireless]
    wifi = proposal.wifi
    ways = [f"behind {proposal.lan}"] if proposal.lan else []
    lines = [f"{proposal.uplink}: a cable to the router that the house has"]
    if proposal.lan:
        lines.append(
            f"{proposal.lan}: a cable to a device, or to a switch or a Wi-Fi access point for all"
        )
    if wifi:
        ways.append("in that Wi-Fi")
        lines.append(f'Wi-Fi: join "{wifi.ssid}" with the passphrase {wifi.passphrase}')
    lines += [
        f"the page: http://{proposal.address.ip}/ from a device {' or '.join(ways)}",
        "VPNs: one .ovpn file each into profiles/ beside router.yaml",
    ]
    if radios and not wifi:
        lines.append(
            f"this machine's radio ({', '.join(radios)}) is not used: Wi-Fi is not configured, for "
            "want of a country, by choice, or because the machine itself uses the radio"
        )
    return lines
