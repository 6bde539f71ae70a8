"""At most five questions about a proposal. Enter alone takes what is proposed.

Pure but for the asking itself, which is the caller's: `ask` shows a question and returns the
answer. A wrong answer is asked again, with what would be right.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from ipaddress import IPv4Network

from orchestrator.config import values
from orchestrator.config.addressing import DEFAULT_TRANSIT
from orchestrator.doctor.machine import Port
from orchestrator.proposal import NoProposal, Proposal, lan_choices, wired

Ask = Callable[[str], str]


def interview(
    proposal: Proposal, ports: Sequence[Port], taken: Sequence[IPv4Network], ask: Ask
) -> Proposal | None:
    """Return the proposal as the answers make it; None when it is not to be written.

    Raises NoProposal when an answer leaves no port for the home network, and whatever `ask`
    raises.
    """
    proposal = _uplink(proposal, ports, ask)
    proposal = _lan(proposal, ports, ask)
    proposal = _address(proposal, taken, ask)
    new = _choice(
        "A new device: 'direct' to the internet, or 'refuse' until somebody chooses for it?",
        ("direct", "refuse"),
        "direct",
        ask,
    )
    proposal = replace(proposal, refuse_new=new == "refuse")
    written = _choice(
        f"Write this: {proposal.uplink} to the house's router, {proposal.lan} to your devices, "
        f"{proposal.address}?",
        ("yes", "no"),
        "yes",
        ask,
    )
    return proposal if written == "yes" else None


def _uplink(proposal: Proposal, ports: Sequence[Port], ask: Ask) -> Proposal:
    names = tuple(port.name for port in wired(ports))
    name = _choice("Which port leads to the house's router?", names, proposal.uplink, ask)
    if name == proposal.uplink:
        return proposal
    choices = lan_choices(ports, name)
    if not choices:
        raise NoProposal(
            f"with {name} as the way out, no port is left for the home network",
            "plug a USB Ethernet adapter in, and say `orchestrator init` again",
        )
    names = tuple(port.name for port in choices)
    lan = proposal.lan if proposal.lan in names else names[0]
    return replace(proposal, uplink=name, lan=lan)


def _lan(proposal: Proposal, ports: Sequence[Port], ask: Ask) -> Proposal:
    names = tuple(port.name for port in lan_choices(ports, proposal.uplink))
    lan = _choice("Which port leads to your devices?", names, proposal.lan, ask)
    return replace(proposal, lan=lan)


def _address(proposal: Proposal, taken: Sequence[IPv4Network], ask: Ask) -> Proposal:
    question, said = "The router's own address in the home network?", ""
    while True:
        answer = ask(f"{said}{question} [{proposal.address}] ").strip()
        if not answer:
            return proposal
        try:
            address = values.lan_address(answer)
        except values.Bad as bad:
            said = f"{bad.message}; {bad.hint}\n" if bad.hint else f"{bad.message}\n"
            continue
        used = [*taken, proposal.transit or DEFAULT_TRANSIT]
        collision = next((network for network in used if network.overlaps(address.network)), None)
        if collision is None:
            return replace(proposal, address=address)
        said = f"{address.network} overlaps {collision}, which is in use\n"


def _choice(question: str, choices: Sequence[str], proposed: str, ask: Ask) -> str:
    """Ask for one of several words, of which the first letters are enough."""
    if len(choices) == 1:
        return choices[0]
    said = ""
    while True:
        answer = ask(f"{said}{question} ({', '.join(choices)}) [{proposed}] ").strip().lower()
        if not answer:
            return proposed
        exact = [choice for choice in choices if choice.lower() == answer]
        meant = exact or [choice for choice in choices if choice.lower().startswith(answer)]
        if len(meant) == 1:
            return meant[0]
        said = f"write one of: {', '.join(choices)}\n"
