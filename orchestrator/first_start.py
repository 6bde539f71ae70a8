"""What the router chooses by itself when nobody has written a router.yaml yet.

The choice is made once, kept in the state volume, and is the same after every start. A router.yaml
that a person writes always wins; the choice is set aside then. Nothing is chosen beside a
configuration that has ever been in force: whoever removes router.yaml by accident keeps what the
last good one said.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from ipaddress import IPv4Network
from pathlib import Path

from orchestrator.config.load import FILE
from orchestrator.doctor.machine import NotSeen, Port
from orchestrator.documents import write_atomically
from orchestrator.proposal import NoProposal, Proposal, decided, propose, render
from orchestrator.proposed_wifi import Air

log = logging.getLogger(__name__)

CHOSEN = Path("chosen", FILE)  # below the state volume
KEEP = (
    "to keep this as router.yaml: `orchestrator init --yes`; to change it: `orchestrator init`; "
    "then `orchestrator up`"
)
Look = Callable[[], tuple[tuple[Port, ...], tuple[IPv4Network, ...], Air]]


class FirstStart:
    """The settings that are in force while there is no router.yaml."""

    def __init__(self, directory: Path, state: Path, look: Look) -> None:
        """`directory` is the configuration's folder; `look` may raise NotSeen."""
        self._written = directory / FILE
        self._chosen = state / CHOSEN
        self._look = look
        self.lack = ""  # why nothing could be chosen

    def file(self) -> Path | None:
        """Return the chosen file, when it is what counts."""
        return chosen_file(self._written.parent, self._chosen)

    def settle(self, *, fresh: bool) -> None:
        """Choose, where nothing is written; set the choice aside, where something is.

        `fresh`: no configuration has ever been in force. Raises OSError.
        """
        self.lack = ""
        if os.path.lexists(self._written):
            if self._chosen.exists():
                os.replace(self._chosen, self._chosen.with_name(f"{FILE}.old"))
                log.info("there is a router.yaml now; what was chosen without it is set aside")
        elif fresh and self._written.parent.is_dir() and not self._chosen.exists():
            self._choose()

    def _choose(self) -> None:
        try:
            ports, taken, air = self._look()
            proposal = decided(propose(ports, taken, air))
            _check(proposal, ports)
        except NotSeen as why:
            self.lack = f"this machine's ports can't be seen: {why}"
        except NoProposal as lack:
            self.lack = f"{lack.message}; {lack.hint}"
        else:
            write_atomically(self._chosen, render(proposal, ports).encode())
            log.info("%s; %s", said(proposal), KEEP)


def chosen_file(directory: Path, chosen: Path) -> Path | None:
    """Return `chosen` where it stands for the router.yaml that `directory` lacks."""
    lacks = not os.path.lexists(directory / FILE)
    return chosen if lacks and chosen.exists() else None


def said(proposal: Proposal) -> str:
    """Return in a sentence what was chosen. It holds no secret."""
    ways = [f"{proposal.lan} to your devices"] if proposal.lan else []
    if wifi := proposal.wifi:
        ways.append(
            f'Wi-Fi "{wifi.ssid}" is for them '
            f"(`orchestrator wifi --join {wifi.ssid}` shows its passphrase)"
        )
    return (
        f"there is no router.yaml, so this was chosen: {proposal.uplink} leads to the house's "
        f"router, {', '.join(ways)}, and this router is {proposal.address} there"
    )


def _check(proposal: Proposal, ports: Sequence[Port]) -> None:
    """Refuse what a person could decide and a program must not. Raises NoProposal."""
    by_name = {port.name: port for port in ports}
    if not by_name[proposal.uplink].default_route:
        raise NoProposal(
            "no wired port leads to the internet yet, so the way out can't be told",
            "put a cable from this machine to the house's router, or say `orchestrator init`",
        )
    if proposal.lan and by_name[proposal.lan].addresses:
        raise NoProposal(
            f"{proposal.lan} has an address of this machine, so it may lead to another network",
            "say `orchestrator init` if it shall be the home network's port",
        )
