"""The ports that router.yaml names: who else holds them, and what the host has on them."""

from __future__ import annotations

from orchestrator.doctor.machine import Machine, known
from orchestrator.doctor.words import Finding, Findings

NAME = "LAN port"
_CURES = {
    "NetworkManager": "write `[keyfile]` and `unmanaged-devices=interface-name:{0}` into "
    "/etc/NetworkManager/conf.d/manyways.conf, then `systemctl reload NetworkManager`",
    "dhcpcd": "add `denyinterfaces {0}` to /etc/dhcpcd.conf, then `systemctl restart dhcpcd`",
    "systemd-networkd": "give {0} a .network file with `Unmanaged=yes` under `[Link]`, then "
    "`networkctl reload`",
    "wpa_supplicant": "`systemctl disable --now wpa_supplicant@{0}`, or let NetworkManager leave "
    "{0} alone",
    "dhclient": "take {0} out of /etc/network/interfaces, then `ifdown {0}`",
}


def lan_port(machine: Machine) -> Findings:
    """A LAN port belongs to the home network alone: no program and no address of the host."""
    wanted = known(machine.wanted)
    ports = {port.name: port for port in known(machine.ports)}
    for name in wanted.lan_ports:
        port = ports.get(name)
        if port is None:
            yield Finding(
                NAME, "error", f"there is no {name}", "plug the adapter in; `ip link` lists all"
            )
            continue
        if port.addresses:
            yield Finding(
                NAME,
                "error",
                f"the host has {', '.join(port.addresses)} on {name}, so it can be reached from "
                "the home network, and devices past the router",
                "take the address out of the host's settings (/etc/network/interfaces, `nmcli "
                f"connection`), then `ip address flush dev {name}`",
            )
        yield from _holders(name, machine)
        if not port.addresses and not holders(name, machine):
            yield Finding(NAME, "ok", f"{name} is nobody else's")


def holders(name: str, machine: Machine) -> list[str]:
    """Return the programs of the host that drive an interface. Raises NotSeen."""
    return [hold.program for hold in known(machine.holds) if hold.interface == name]


def _holders(name: str, machine: Machine) -> Findings:
    for program in holders(name, machine):
        yield Finding(
            NAME,
            "error",
            f"{program} drives {name}: it gives it addresses and takes it down as it likes",
            cure(program, name),
        )


def cure(program: str, name: str) -> str:
    """Return how a program is made to leave an interface alone."""
    return _CURES.get(program, f"make {program} leave {{0}} alone").format(name)


def uplink(machine: Machine) -> Findings:
    """An uplink stays the host's own; it only has to be there and have a wire."""
    wanted = known(machine.wanted)
    ports = {port.name: port for port in known(machine.ports)}
    for name in wanted.uplink_ports:
        port = ports.get(name)
        if port is None:
            yield Finding(
                "uplink", "error", f"there is no {name}", "plug the adapter in; `ip link` lists all"
            )
        elif not port.carrier:
            yield Finding(
                "uplink",
                "error",
                f"{name} has no link",
                "plug its cable into the house's router, and see that both ends' lights are on",
            )
        else:
            yield Finding("uplink", "ok", f"{name} is there and has a link")
