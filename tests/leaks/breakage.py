"""Ways to break the home and the router, each with its undoing, and what each concerns.

A `Breakage` is broken at most once at a time; undoing what is not broken is harmless.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.containers import home
from tests.leaks.oracle import Stall

ROUTER = "manyways-router"
ORCHESTRATOR = "manyways-orchestrator"
BYSTANDERS = ("manyways-dhcp", "manyways-webui")  # no packet of a device passes through them
_BLOCK = "table inet leaks {{ chain block {{ type filter hook {} priority -10; policy drop; }}; }}"


@dataclass(slots=True)
class Breakage:
    """Something broken: what was done, how it is undone, whom it concerns.

    `destinations` have no service, None: all of them. `stalls` are of those behind which packets
    are held back rather than lost.
    """

    name: str
    undo: tuple[str, ...] = ()
    destinations: frozenset[str] | None = frozenset()
    stalls: list[Stall] = field(default_factory=list)


def main_process(container: str) -> str:
    """Return the process id of a container, "" if it does not run."""
    pid = home.host("docker", "inspect", "-f", "{{.State.Pid}}", container).stdout.strip()
    return "" if pid == "0" else pid


def crash(container: str) -> None:
    """SIGKILL from outside of Docker, so that Docker's restart policy acts."""
    if pid := main_process(container):
        home.host("kill", "-KILL", pid)


def block(machine: str, hook: str) -> tuple[str, ...]:
    """Drop everything in a hook of a machine of the home; return the command that undoes it."""
    home.run(machine, "nft", _BLOCK.format(hook))
    return ("docker", "exec", f"home-{machine}", "nft", "delete", "table", "inet", "leaks")


@contextlib.contextmanager
def second_dhcp_server() -> Iterator[None]:
    """The house's DHCP server falls silent, and one with another range answers instead."""
    silence = (
        "table inet leaks { chain out { type filter hook output priority -10; "
        "udp sport 67 drop; }; }"
    )
    arguments = (
        *("--conf-file=/dev/null", "--keep-in-foreground", "--user=root", "--pid-file"),
        *("--port=0", "--no-ping", "--dhcp-authoritative", "--dhcp-leasefile=/run/leases2"),
        "--dhcp-range=192.168.178.201,192.168.178.240,255.255.255.0,2m",
        *("--dhcp-option=option:router,192.168.178.1", "--log-dhcp"),
        "--dhcp-option=option:dns-server,192.168.178.1",
    )
    script = (
        "for p in /sys/class/net/*; do n=${p##*/}; "
        '[ "$n" = lo ] || { ip -4 addr flush dev $n; ip addr add 192.168.178.2/24 dev $n; }; done; '
        'exec dnsmasq "$@"'
    )
    with home.guest("home-wan", "--cap-add=SETGID", command=("sh", "-c", script, "-", *arguments)):
        home.run("house", "nft", silence)
        try:
            yield
        finally:
            home.attempt("house", "nft", "delete", "table", "inet", "leaks")


def renew_lease(egress: str) -> None:
    """Let an egress' DHCP client give its lease back and ask anew (udhcpc(1): USR2, USR1)."""
    listing = home.host("docker", "top", egress, "-eo", "pid,comm").stdout.splitlines()
    for pid in [line.split()[0] for line in listing if "udhcpc" in line]:
        home.host("kill", "-USR2", pid)
        home.host("kill", "-USR1", pid)
