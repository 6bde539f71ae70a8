"""`orchestrator init`: what it proposes loads without a word, whatever the machine is like."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import IPv4Interface, IPv4Network
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator import cli
from orchestrator.config import load
from orchestrator.doctor.machine import Country, NotSeen, Port, Radio, Unseen
from orchestrator.interview import interview
from orchestrator.model import HostFacts, HostInterface
from orchestrator.proposal import (
    NO_AIR,
    NoProposal,
    Proposal,
    decided,
    of_config,
    plugs,
    propose,
    render,
)
from orchestrator.proposed_wifi import AccessPoint, Air, country_of
from orchestrator.runtime import machine
from orchestrator.runtime.machine.air import look as look_at_the_air
from orchestrator.runtime.machine.air import passphrase
from tests.machines import LAN_PORT, UPLINK, WLAN, tree

ROOT = Path(__file__).parents[2]
PORTS = (UPLINK, LAN_PORT, WLAN)
AIR = Air(("wlan0",), "GB", "k3mp-x7rd-92ha-vbtz")
NOWHERE = replace(AIR, country="")
HOUSE = (IPv4Network("192.168.1.0/24"),)


def wire(name: str, **more: object) -> Port:
    return Port(name, 9, True, **more)  # type: ignore[arg-type]


def host(ports: tuple[Port, ...], taken: tuple[IPv4Network, ...]) -> HostFacts:
    """The same machine as `orchestrator check` sees it."""
    return HostFacts(
        tuple(
            HostInterface(
                p.name, tuple(map(IPv4Interface, p.addresses)), p.default_route, p.wireless
            )
            for p in ports
        ),
        tuple((network, "something") for network in taken),
    )


def networks(ports: tuple[Port, ...]) -> tuple[IPv4Network, ...]:
    return tuple(IPv4Interface(text).network for port in ports for text in port.addresses)


def loads_without_a_word(
    directory: Path, proposal: Proposal, ports: tuple[Port, ...], taken: tuple[IPv4Network, ...]
) -> None:
    (directory / "router.yaml").write_text(render(proposal, ports))
    (directory / "router.yaml").chmod(0o600)  # as compose/orchestrator writes it
    config = load(directory, host(ports, taken))
    assert config.notes == ()
    assert config.lan.interfaces == ((proposal.lan,) if proposal.lan else ())
    assert of_config(config) == proposal
    assert config.lan.address == proposal.address
    assert [uplink.interface for uplink in config.uplinks] == [proposal.uplink]
    assert config.refuse_new_devices is proposal.refuse_new


MACHINES = {
    "a Pi with a USB adapter": PORTS,
    "two adapters": (*PORTS, wire("eth2"), wire("eth10")),
    "no default route, a cable": (wire("eth0", carrier=True), wire("eth1")),
    "no default route, no cable": (wire("eth0"), wire("eth1")),
    "set up over Wi-Fi": (
        replace(WLAN, default_route=True, addresses=("192.168.1.9/24",)),
        wire("eth0"),
        wire("eth1", carrier=True),
    ),
    "long names": (
        wire("enxb827eb123456"),
        wire("enp1s0", default_route=True, addresses=("10.0.0.5/8",)),
    ),
    "names that YAML reads otherwise": (wire("on", default_route=True), wire("null")),
    "two default routes": (UPLINK, wire("eth5", default_route=True), LAN_PORT),
    "Docker's and virtual ones": (*PORTS, Port("docker0", 8, False), Port("veth1", 7, False)),
    "the usual LAN is taken": (replace(UPLINK, addresses=("192.168.77.5/24",)), LAN_PORT),
    "the transit is taken": (replace(UPLINK, addresses=("10.213.4.5/16",)), LAN_PORT),
    "all of 192.168 and 10.213 are taken": (
        replace(UPLINK, addresses=("192.168.0.5/16", "10.213.4.5/16")),
        LAN_PORT,
    ),
    "an address on the LAN port": (UPLINK, replace(LAN_PORT, addresses=("192.168.77.3/24",))),
}


@pytest.mark.parametrize("ports", MACHINES.values(), ids=MACHINES)
def test_what_is_proposed_loads_without_a_word(tmp_path: Path, ports: tuple[Port, ...]) -> None:
    taken = networks(ports)
    loads_without_a_word(tmp_path, propose(ports, taken), ports, taken)


@pytest.mark.parametrize("ports", MACHINES.values(), ids=MACHINES)
@pytest.mark.parametrize("air", [AIR, Air(("wlan0", "wlan1"), "DE", '"\\ #: {}!')])
def test_with_wifi_too(tmp_path: Path, ports: tuple[Port, ...], air: Air) -> None:
    ports = (*(port for port in ports if port.name != "wlan0"), WLAN, replace(WLAN, name="wlan1"))
    taken = networks(ports)
    proposal = propose(ports, taken, air)
    assert proposal.wifi is not None
    loads_without_a_word(tmp_path, proposal, ports, taken)


ADDRESSES = st.builds(
    lambda number, size: str(IPv4Interface((number, size))),
    st.one_of(
        st.integers(0x0A000001, 0x0AFFFFFE),
        st.integers(0xC0A80001, 0xC0A8FFFE),
        st.integers(0xAC100001, 0xAC1FFFFE),
        st.integers(0x01000000, 0xDFFFFFFF),
    ),
    st.integers(8, 30),
)
A_PORT = st.builds(
    Port,
    name=st.from_regex(r"[a-zA-Z][a-zA-Z0-9_.:@-]{0,14}", fullmatch=True),
    index=st.just(2),
    device=st.sampled_from((True, True, True, False)),
    wireless=st.sampled_from((False, False, False, True)),
    default_route=st.sampled_from((False, False, False, True)),
    addresses=st.lists(ADDRESSES, max_size=2).map(tuple),
    carrier=st.booleans(),
)


@given(st.lists(A_PORT, min_size=2, max_size=8, unique_by=lambda port: port.name))
@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)
def test_whatever_is_proposed_loads_without_a_word(tmp_path: Path, found: list[Port]) -> None:
    ports = tuple(found)
    taken = networks(ports)
    try:
        proposal = propose(ports, taken)
    except NoProposal:
        return
    loads_without_a_word(tmp_path, proposal, ports, taken)


def test_the_ports_are_taken_in_the_order_that_a_person_expects() -> None:
    proposal = propose(MACHINES["two adapters"], HOUSE)
    assert (proposal.uplink, proposal.lan) == ("eth0", "eth1")
    assert "Also possible here: eth2, eth10." in render(proposal, MACHINES["two adapters"])


def test_a_port_without_an_address_of_the_host_is_preferred() -> None:
    ports = (UPLINK, replace(LAN_PORT, addresses=("192.168.1.9/24",)), wire("eth2"))
    assert propose(ports, HOUSE).lan == "eth2"


def test_a_way_to_the_internet_is_never_the_home_network() -> None:
    with pytest.raises(NoProposal):
        propose((UPLINK, replace(LAN_PORT, default_route=True)), HOUSE)


@pytest.mark.parametrize(
    "ports", [(), (WLAN,), (UPLINK,), (UPLINK, WLAN), (Port("veth0", 1, False),)]
)
def test_a_machine_with_too_few_ports_is_told_what_it_lacks(ports: tuple[Port, ...]) -> None:
    with pytest.raises(NoProposal) as lack:
        propose(ports, ())
    assert "USB Ethernet adapter" in lack.value.hint


def test_a_machine_on_which_every_private_network_is_used_is_told_so() -> None:
    every = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
    with pytest.raises(NoProposal, match="every private network"):
        propose(PORTS, every)


def test_what_to_plug_where_is_told_and_that_wifi_is_not_configured() -> None:
    lines = plugs(propose(PORTS, HOUSE), PORTS)
    assert lines[0] == "eth0: a cable to the router that the house has"
    assert lines[1].startswith("eth1: ")
    assert "wlan0" in lines[-1]
    assert "not configured" in lines[-1]
    assert not any("radio" in line for line in plugs(propose(PORTS[:2], HOUSE), PORTS[:2]))


def test_a_radio_is_enough_for_the_home_network(tmp_path: Path) -> None:
    ports = (UPLINK, WLAN)
    proposal = propose(ports, HOUSE, AIR)
    assert proposal.lan == ""
    loads_without_a_word(tmp_path, proposal, ports, HOUSE)
    lines = plugs(proposal, ports)
    assert lines[1] == 'Wi-Fi: join "Manyways" with the passphrase k3mp-x7rd-92ha-vbtz'
    assert lines[2].endswith("from a device in that Wi-Fi")


def test_no_country_no_wifi_unless_somebody_tells_it() -> None:
    assert decided(propose(PORTS, HOUSE, NOWHERE)).wifi is None
    with pytest.raises(NoProposal, match="country is not known"):
        decided(propose((UPLINK, WLAN), HOUSE, NOWHERE))


@pytest.mark.parametrize(
    ("seen", "country"),
    [
        (Country("GB"), "GB"),
        (Country("00", (("cmdline.txt", "de"),), "Europe/London", ("GB",)), "DE"),
        (Country("99", (), "Europe/Berlin", ("DE",)), "DE"),
        (Country("GB", (("cmdline.txt", "DE"),)), ""),
        (Country(None, (), "Europe/Zurich", ("CH", "DE", "LI")), ""),
        (Country("XX"), ""),
        (Country(None), ""),
    ],
)
def test_the_country_is_what_all_agree_on(seen: Country, country: str) -> None:
    assert country_of(seen) == country


@pytest.mark.parametrize(
    ("port", "told", "free"),
    [
        (WLAN, (), ("wlan0",)),
        (WLAN, Unseen("dark"), ("wlan0",)),
        (WLAN, (Radio("wlan0", "brcmfmac", access_point=True),), ("wlan0",)),
        (WLAN, (Radio("wlan0", "brcmfmac", access_point=False),), ()),
        (replace(WLAN, addresses=("192.168.1.9/24",)), (), ()),
        (replace(WLAN, default_route=True), (), ()),
    ],
)
def test_a_radio_that_the_machine_uses_or_that_cannot_is_not_free(
    tmp_path: Path, port: Port, told: tuple[Radio, ...] | Unseen, free: tuple[str, ...]
) -> None:
    files = tree(tmp_path, {"/etc/localtime": "-> /usr/share/zoneinfo/Etc/UTC"})
    assert look_at_the_air(files, (UPLINK, port), told).radios == free


def test_no_two_passphrases_are_equal_and_each_is_good() -> None:
    many = {passphrase() for _ in range(500)}
    assert len(many) == 500
    assert all(len(word) == 19 and not set(word) & set("0o1li") for word in many)


# --- the questions --------------------------------------------------------------------------


class Person:
    """Answers questions one by one, and keeps them."""

    def __init__(self, *answers: str) -> None:
        self._answers = iter(answers)
        self.asked: list[str] = []

    def __call__(self, question: str) -> str:
        self.asked.append(question)
        try:
            return next(self._answers) + "\n"
        except StopIteration:
            raise EOFError from None


MANY = MACHINES["two adapters"]


def test_enter_alone_takes_what_is_proposed_and_five_questions_are_enough() -> None:
    person = Person(*[""] * 5)
    proposal = propose(MANY, HOUSE)
    assert interview(proposal, MANY, HOUSE, person) == proposal
    assert len(person.asked) == 5


def test_what_is_the_only_possibility_is_not_asked() -> None:
    person = Person(*[""] * 4)
    assert interview(propose(PORTS, HOUSE), PORTS, HOUSE, person) is not None
    assert len(person.asked) == 4
    assert not any("your devices?" in question for question in person.asked[:3])


def test_answers_change_the_proposal_and_it_still_loads(tmp_path: Path) -> None:
    person = Person("eth2", "eth10", "10.5.5.1/20", "refuse", "y")
    found = interview(propose(MANY, HOUSE), MANY, HOUSE, person)
    assert found == Proposal("eth2", "eth10", IPv4Interface("10.5.5.1/20"), refuse_new=True)
    loads_without_a_word(tmp_path, found, MANY, HOUSE)


def test_the_uplink_of_the_answer_is_no_lan_port_any_more() -> None:
    person = Person("eth1", "", "", "", "")
    found = interview(propose(MANY, HOUSE), MANY, HOUSE, person)
    assert found is not None
    assert (found.uplink, found.lan) == ("eth1", "eth2")


def test_an_answer_that_leaves_no_port_is_told() -> None:
    with pytest.raises(NoProposal, match="no port is left"):
        interview(propose(PORTS, HOUSE), PORTS, HOUSE, Person("eth1"))


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("192.168.1.1/24", "overlaps 192.168.1.0/24"),
        ("10.213.7.1/24", "overlaps 10.213.0.0/16"),
        ("8.8.8.8/24", "not a private network"),
        ("192.168.5.1", "write 192.168.5.1/24"),
        ("nonsense", "not an address"),
    ],
)
def test_a_wrong_address_is_asked_again_with_the_reason(answer: str, why: str) -> None:
    person = Person("", "", answer, "192.168.9.1/24", "", "")
    found = interview(propose(MANY, HOUSE), MANY, HOUSE, person)
    assert found is not None
    assert found.address == IPv4Interface("192.168.9.1/24")
    assert why in person.asked[3]


def test_a_wrong_word_is_asked_again() -> None:
    person = Person("eth7", "eth0", "", "", "", "maybe", "no")
    assert interview(propose(MANY, HOUSE), MANY, HOUSE, person) is None
    assert "write one of: eth0, eth1, eth2, eth10" in person.asked[1]


@pytest.mark.parametrize("air", [AIR, NOWHERE])
@pytest.mark.parametrize("ports", [MANY, PORTS, (UPLINK, WLAN)])
def test_with_wifi_there_are_five_questions_at_most(ports: tuple[Port, ...], air: Air) -> None:
    proposal = propose(ports, HOUSE, air)
    asked: list[str] = []

    def person(question: str) -> str:
        asked.append(question)
        return "GB" if "which country" in question else ""

    found = interview(proposal, ports, HOUSE, person)
    assert len(asked) <= 5
    assert found is not None
    assert found.wifi == AccessPoint("GB", AIR.passphrase)


def test_a_name_and_a_country_are_asked_until_they_are_good(tmp_path: Path) -> None:
    ports = (UPLINK, WLAN)
    person = Person("XX", "gb", "é" * 17, 'Café "Zum # Ende"', "", "", "")
    found = interview(propose(ports, HOUSE, NOWHERE), ports, HOUSE, person)
    assert found is not None
    assert found.wifi == AccessPoint("GB", AIR.passphrase, 'Café "Zum # Ende"')
    assert "two letters" in person.asked[1]
    assert "at most 32" in person.asked[3]
    loads_without_a_word(tmp_path, found, ports, HOUSE)


def test_none_means_no_wifi_where_there_is_a_port() -> None:
    found = interview(propose(PORTS, HOUSE, AIR), PORTS, HOUSE, Person("", "none", "", "", ""))
    assert found is not None
    assert found.wifi is None
    with pytest.raises(NoProposal, match="without Wi-Fi"):
        interview(propose((UPLINK, WLAN), HOUSE, AIR), (UPLINK, WLAN), HOUSE, Person("none"))


# --- the verb -------------------------------------------------------------------------------


@pytest.fixture
def on_a_pi(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "look_around", lambda: (PORTS, HOUSE, AIR))


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Set what stands on standard input."""
    reading: list[int] = []

    def give(text: str) -> None:
        read, write = os.pipe()
        os.write(write, text.encode())
        os.close(write)
        reading.append(read)
        monkeypatch.setattr(sys, "stdin", os.fdopen(read, closefd=False))

    yield give
    for descriptor in reading:
        os.close(descriptor)


def test_the_file_goes_to_standard_output_and_all_other_words_to_the_other(
    on_a_pi: None, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert cli.main(["init", "--yes"]) == 0
    out, err = capsys.readouterr()
    (tmp_path / "router.yaml").write_text(out)
    assert load(tmp_path, host(PORTS, HOUSE)).lan.interfaces == ("eth1",)
    assert out.startswith("# Manyways:"), "by this line compose/orchestrator knows it"
    assert "eth0: a cable to the router" in err


def test_questions_are_answered_on_standard_input(
    on_a_pi: None, answers: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    answers("\nHome\n192.168.9.1/24\nrefuse\n\n")
    assert cli.main(["init"]) == 0
    out, err = capsys.readouterr()
    assert '- ssid: "Home"' in out
    assert "address: 192.168.9.1/24" in out
    assert "new_devices: refuse" in out
    assert "Which port leads to the house's router?" in err


@pytest.mark.parametrize(("text", "code"), [("", 64), ("\n\n", 64), ("\n\n\n\nno\n", 1)])
def test_without_a_yes_nothing_comes_out(
    on_a_pi: None, answers: Callable[[str], None], capsys: pytest.CaptureFixture[str],
    text: str, code: int,
) -> None:  # fmt: skip
    answers(text)
    assert cli.main(["init"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert ("--yes" in err) is (code == 64)


def test_what_cannot_be_seen_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def dark() -> None:
        raise NotSeen("the Docker engine does not answer")

    monkeypatch.setattr(machine, "look_around", dark)
    assert cli.main(["init", "--yes"]) == 1
    out, err = capsys.readouterr()
    assert (out, "the Docker engine does not answer" in err) == ("", True)


def test_a_lack_is_said_with_what_would_help(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(machine, "look_around", lambda: ((UPLINK,), HOUSE, NO_AIR))
    assert cli.main(["init", "--yes"]) == 1
    out, err = capsys.readouterr()
    assert (out, "USB Ethernet adapter" in err) == ("", True)


def test_doctor_and_init_import_nothing_before_they_run() -> None:
    code = "import sys, orchestrator.cli, orchestrator.verbs; print(*sorted(sys.modules))"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=20,
        check=True,
    )  # fmt: skip
    loaded = set(ran.stdout.split())
    assert not {"orchestrator.doctor", "orchestrator.proposal", "pyroute2", "docker"} & loaded
