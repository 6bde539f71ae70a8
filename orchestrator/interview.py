"""At most five questions about a proposal. Enter alone takes what is proposed.

Pure but for the asking itself, which is the caller's: `ask` shows a question and returns the
answer. A wrong answer is asked again, with what would be right.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from ipaddress import IPv4Network

from orchestrator.config import countries, values
from orchestrator.config.addressing import DEFAULT_TRANSIT
from orchestrator.doctor.machine import Port
from orchestrator.proposal import NoProposal, Proposal, lan_choices, wired

MOST = 5
LONGEST_SSID = 32  # bytes
Ask = Callable[[str], str]


def interview(
    proposal: Proposal, ports: Sequence[Port], taken: Sequence[IPv4Network], ask: Ask
) -> Proposal | None:
    """Return the proposal as the answers make it; None when it is not to be written.

    Raises NoProposal when an answer leaves no way to the devices, and whatever `ask` raises.
    """
    counted = _Counted(ask)
    proposal = _uplink(proposal, ports, counted)
    proposal = _lan(proposal, ports, counted)
    proposal = _wifi(proposal, counted)
    # What matters least is left out where the others have taken its place.
    if counted.questions < MOST - 1:
        proposal = _address(proposal, taken, counted)
    if counted.questions < MOST - 1:
        proposal = _new_devices(proposal, counted)
    written = _choice(
        f"Write this: {proposal.uplink} to the house's router, {_devices(proposal)}, "
        f"{proposal.address}?",
        ("yes", "no"),
        "yes",
        counted,
    )
    return proposal if written == "yes" else None


class _Counted:
    """Counts questions; one that is asked again after a wrong answer is the same."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._last = ""
        self.questions = 0

    def __call__(self, question: str) -> str:
        now = question.rstrip("\n").rpartition("\n")[2]
        self.questions += now != self._last
        self._last = now
        return self._ask(question)


def _new_devices(proposal: Proposal, ask: Ask) -> Proposal:
    new = _choice(
        "A new device: 'direct' to the internet, or 'refuse' until somebody chooses for it?",
        ("direct", "refuse"),
        "direct",
        ask,
    )
    return replace(proposal, refuse_new=new == "refuse")


def _devices(proposal: Proposal) -> str:
    ways = [f"{proposal.lan} to your devices"] if proposal.lan else []
    ways += [f'Wi-Fi "{proposal.wifi.ssid}"'] if proposal.wifi else []
    return ", ".join(ways)


def _wifi(proposal: Proposal, ask: Ask) -> Proposal:
    """Ask for the country where it is not known, and for the name. "none": no Wi-Fi."""
    wifi = proposal.wifi
    if wifi and not wifi.country:
        country = _country(ask)
        wifi = replace(wifi, country=country) if country else None
    if wifi:
        ssid = _ssid(wifi.ssid, ask)
        wifi = replace(wifi, ssid=ssid) if ssid else None
    if wifi is None and not proposal.lan:
        raise NoProposal(
            "without Wi-Fi there is no way to your devices",
            "plug a USB Ethernet adapter in, and say `orchestrator init` again",
        )
    return replace(proposal, wifi=wifi)


def _country(ask: Ask) -> str:
    question = 'In which country is this machine, in two letters? ("none": no Wi-Fi) [none] '
    said = ""
    while True:
        answer = ask(said + question).strip()
        if answer.lower() in ("", "none"):
            return ""
        try:
            return countries.country(answer.upper())
        except values.Bad as bad:
            said = f"{bad.message}; {bad.hint}\n"


def _ssid(proposed: str, ask: Ask) -> str:
    said = ""
    while True:
        answer = ask(f'{said}How shall the Wi-Fi be called? ("none": no Wi-Fi) [{proposed}] ')
        answer = answer.strip()
        if answer.lower() == "none":
            return ""
        if not answer:
            return proposed
        if answer.isprintable() and len(answer.encode(errors="replace")) <= LONGEST_SSID:
            return answer
        said = "write at most 32 letters, digits, spaces and signs (é and the like count twice)\n"


def _uplink(proposal: Proposal, ports: Sequence[Port], ask: Ask) -> Proposal:
    names = tuple(port.name for port in wired(ports))
    name = _choice("Which port leads to the house's router?", names, proposal.uplink, ask)
    if name == proposal.uplink:
        return proposal
    choices = lan_choices(ports, name)
    if not choices and proposal.wifi:
        return replace(proposal, uplink=name, lan="")
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
    if not names:
        return proposal
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
