"""Each of the doctor's findings, provoked; and that it never takes for good what it can't see."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from ipaddress import IPv4Network
from pathlib import Path, PurePosixPath
from types import FrameType
from typing import Any

import pytest

from orchestrator.doctor import Finding, examine, exit_code, report
from orchestrator.doctor.engine import LEAST_ENGINE
from orchestrator.doctor.examine import CHECKS
from orchestrator.doctor.examine import HARDWARE as HARDWARE_CHECKS
from orchestrator.doctor.kernel import PIECES, Piece
from orchestrator.doctor.machine import (
    BaseChain,
    Certificate,
    Clock,
    Country,
    Disk,
    Docker,
    Firewall,
    Forwarding,
    Hold,
    Machine,
    Port,
    Power,
    Radio,
    SecretFile,
    Switch,
    Unseen,
    Wanted,
)
from orchestrator.model import HostFacts, Wifi, WifiNetwork
from orchestrator.tree import Style
from tests.machines import (
    DAY,
    DOCKERS_FORWARD,
    GOOD,
    HARDWARE,
    LAN_PORT,
    NOW,
    UPLINK,
    WLAN,
    said,
    the,
)


def with_wanted(**changes: object) -> Machine:
    assert isinstance(GOOD.wanted, Wanted)
    return replace(GOOD, wanted=replace(GOOD.wanted, **changes))  # type: ignore[arg-type]


def with_wifi(**changes: object) -> Machine:
    """A good machine that is to be an access point, but for these facts."""
    wifi = Wifi("DE", (WifiNetwork("Home", "correct horse"),))
    return replace(with_wanted(wifi=wifi), **changes)  # type: ignore[arg-type]


def with_wall(*chains: BaseChain, bridged: bool = True, legacy: tuple[str, ...] = ()) -> Machine:
    tables = ("ip filter",) if chains else ()
    return replace(GOOD, firewall=Firewall(chains, tables, legacy, bridged))


def with_certificate(begins: float, ends: float, what: str = "cert") -> Machine:
    return replace(GOOD, certificates=(Certificate("uk", what, NOW + begins, NOW + ends),))


def test_nothing_is_wrong_with_a_good_machine() -> None:
    found = examine(replace(GOOD, hardware=HARDWARE))
    assert [f for f in found if f.verdict != "ok"] == []
    assert exit_code(found) == 0
    assert report(found, Style()).splitlines()[-1] == f"Nothing is wrong ({len(found)} lines)."


PROVOKED = [
    # (name, machine, verdict, what the cause says, what the cure says)
    ("Docker", replace(GOOD, docker=Docker("20.10.24+dfsg1")), "error", "older than 26", "setup"),
    ("Docker", replace(GOOD, docker=Docker("28.0.0", rootless=True)), "error", "rootless", "root"),
    ("compose", replace(GOOD, docker=Docker("28.0.0", compose="2.3.3")), "error", "2.3.3", "setup"),
    ("compose", replace(GOOD, docker=Docker("28.0.0")), "not checked", "no container", "compose"),
    (
        "memory limits",
        replace(
            GOOD,
            docker=Docker("28.0.0", memory_limit=False),
            boot_words="cgroup_disable=memory root=/dev/mmcblk0p2",
        ),
        "warning",
        "the Pi's firmware adds",
        "cgroup_enable=memory cgroup_memory=1",
    ),
    (
        "clock",
        replace(GOOD, clock=Clock(NOW - 400 * DAY, NOW, synchronised=True, battery=False)),
        "error",
        "not yet valid",
        "timedatectl",
    ),
    (
        "clock",
        replace(GOOD, clock=Clock(NOW, NOW - DAY, synchronised=False, battery=False)),
        "warning",
        "after every power cut",
        "timedatectl",
    ),
    ("power", replace(GOOD, power=Power(0x50005)), "error", "at this moment", "supply"),
    ("power", replace(GOOD, power=Power(0x50000)), "warning", "since the start", "supply"),
    ("power", replace(GOOD, power=Power(0x80008)), "warning", "heat (now)", "heat sink"),
    ("power", replace(GOOD, power=Power(0x20000)), "warning", "heat (since the", "heat sink"),
    ("disk", replace(GOOD, disks=(Disk("/", 30 << 30, 9 << 20),)), "error", "only 9 MiB", "prune"),
    ("disk", replace(GOOD, disks=(Disk("/", 30 << 30, 700 << 20),)), "warning", "upgrade", "prune"),
    (
        "disk",
        replace(GOOD, disks=(Disk("/", 1 << 30, 1 << 30, read_only=True),)),
        "error",
        "read-only",
        "new card",
    ),
    (
        "disk",
        replace(GOOD, disks=(Disk("/", 9 << 30, 8 << 30, inodes_left=False),)),
        "error",
        "no more files",
        "prune",
    ),
    ("router.yaml", replace(GOOD, mistakes=None), "error", "is missing", "orchestrator init"),
    (
        "router.yaml",
        replace(GOOD, mistakes=("router.yaml:3: lan: x", "another")),
        "error",
        "2 mistakes: router.yaml:3",
        "orchestrator check",
    ),
    ("uplink", with_wanted(uplink_ports=("eth7",)), "error", "no eth7", "plug"),
    (
        "uplink",
        replace(GOOD, ports=(replace(UPLINK, carrier=False), LAN_PORT)),
        "error",
        "no link",
        "cable",
    ),
    ("LAN port", with_wanted(lan_ports=("eth7",)), "error", "no eth7", "plug"),
    (
        "LAN port",
        replace(GOOD, ports=(UPLINK, replace(LAN_PORT, addresses=("192.168.1.9/24",)))),
        "error",
        "192.168.1.9/24 on eth1",
        "ip address flush dev eth1",
    ),
    *(
        ("LAN port", replace(GOOD, holds=(Hold(program, "eth1"),)), "error", program, cure)
        for program, cure in (
            ("NetworkManager", "unmanaged-devices=interface-name:eth1"),
            ("dhcpcd", "denyinterfaces eth1"),
            ("wpa_supplicant", "wpa_supplicant@eth1"),
            ("systemd-networkd", "Unmanaged=yes"),
            ("pppd", "make pppd leave eth1 alone"),
        )
    ),
    (
        "subnets",
        replace(GOOD, host=HostFacts((), ((IPv4Network("192.168.77.0/24"), "interface eth0"),))),
        "error",
        "the home network 192.168.77.0/24 overlaps 192.168.77.0/24, in use by interface eth0",
        "address: 192.168.78.1/24",
    ),
    (
        "subnets",
        replace(GOOD, host=HostFacts((), ((IPv4Network("10.0.0.0/8"), "Docker network x"),))),
        "error",
        "the transit pool",
        "transit: 172.16.0.0/16",
    ),
    ("IP forwarding", replace(GOOD, forwarding=Forwarding(False, {})), "warning", "off", "sysctl"),
    (
        "IP forwarding",
        replace(
            GOOD,
            ports=(UPLINK, replace(LAN_PORT, addresses=("192.168.77.9/24",))),
            forwarding=Forwarding(True, {"eth1": True}),
        ),
        "error",
        "past the router",
        "ip address flush dev eth1",
    ),
    (
        "FORWARD policy",
        with_wall(replace(DOCKERS_FORWARD, jumps=frozenset())),
        "error",
        "can't reach its destinations",
        "restart docker",
    ),
    (
        "FORWARD policy",
        with_wall(replace(DOCKERS_FORWARD, jumps=frozenset()), bridged=False),
        "warning",
        "Docker's own",
        "restart docker",
    ),
    ("FORWARD policy", with_wall(legacy=("filter",)), "not checked", "legacy", "-S FORWARD"),
    (
        "br_netfilter",
        with_wall(DOCKERS_FORWARD, BaseChain("inet filter", "forward", "drop")),
        "warning",
        "chain forward of table inet filter",
        "bridge-nf-call-iptables = 0",
    ),
    (
        "iptables",
        with_wall(DOCKERS_FORWARD, legacy=("nat", "filter")),
        "warning",
        "legacy kind (nat, filter)",
        "update-alternatives",
    ),
    (
        "rfkill",
        replace(GOOD, switches=(Switch("phy0", soft=True, hard=False),)),
        "warning",
        "by software",
        "rfkill unblock wifi",
    ),
    (
        "rfkill",
        replace(GOOD, switches=(Switch("phy0", soft=False, hard=True),)),
        "warning",
        "hardware switch",
        "look for a switch",
    ),
    ("Wi-Fi country", replace(GOOD, country=Country("00")), "warning", "none is set", "raspi-con"),
    ("Wi-Fi country", replace(GOOD, country=Country(None)), "not checked", "kernel", "iw reg get"),
    (
        "Wi-Fi country",
        replace(GOOD, country=Country("GB", (("cmdline.txt", "DE"),))),
        "warning",
        "the kernel says GB, cmdline.txt says DE",
        "raspi-config",
    ),
    (
        "Wi-Fi country",
        replace(GOOD, country=Country("GB", (), "Europe/Berlin", ("DE",))),
        "warning",
        "it is GB, but the time zone Europe/Berlin belongs to DE",
        "timedatectl set-timezone",
    ),
    ("Wi-Fi", with_wifi(ports=(UPLINK, LAN_PORT), switches=()), "error", "no radio", "iw phy"),
    (
        "Wi-Fi",
        with_wifi(ports=(UPLINK, LAN_PORT, replace(WLAN, addresses=("192.168.1.9/24",)))),
        "error",
        "this machine itself uses wlan0 (192.168.1.9/24)",
        "nmcli device disconnect wlan0",
    ),
    (
        "Wi-Fi",
        with_wifi(holds=(Hold("NetworkManager", "wlan0"),)),
        "warning",
        "NetworkManager drives wlan0",
        "unmanaged-devices=interface-name:wlan0",
    ),
    (
        "Wi-Fi",
        with_wifi(holds=(Hold("wpa_supplicant", "wlan0"),)),
        "warning",
        "wpa_supplicant drives wlan0",
        "wpa_supplicant@wlan0",
    ),
    (
        "rfkill",
        with_wifi(switches=(Switch("phy0", soft=True, hard=False),)),
        "error",
        "by software",
        "rfkill unblock wifi",
    ),
    (
        "Wi-Fi country",
        with_wifi(country=Country("GB", (("cmdline.txt", "DE"),), "Europe/Berlin", ("DE",))),
        "error",
        "router.yaml says DE, but the kernel says GB",
        "raspi-config",
    ),
    (
        "Wi-Fi country",
        with_wifi(country=Country("00", (), "Europe/London", ("GB",))),
        "warning",
        "it is DE, but the time zone Europe/London belongs to GB",
        "timedatectl",
    ),
    (
        "secrets",
        replace(GOOD, secrets=(SecretFile(PurePosixPath("router.yaml"), public=True),)),
        "warning",
        "can read router.yaml",
        "`chmod -R go= router.yaml`",
    ),
    (
        "secrets",
        replace(GOOD, secrets=(SecretFile(PurePosixPath("profiles/uk.txt"), public=True),)),
        "warning",
        "can read profiles/uk.txt",
        "chmod",
    ),
    ("certificates", with_certificate(-400 * DAY, -DAY), "error", "uk: the own", "new profile"),
    ("certificates", with_certificate(-DAY, -1, "ca"), "error", "the provider's", "new profile"),
    ("certificates", with_certificate(-DAY, 3.5 * DAY), "warning", "in 3 days", "new profile"),
    ("certificates", with_certificate(-DAY, 60), "warning", "less than a day", "new profile"),
    ("certificates", with_certificate(DAY, 90 * DAY), "error", "begins on", "clock"),
]
# What other machines are told, most of it good.
APART = (
    replace(GOOD, kernel={}, power=None, chosen=True, unread_profiles=("profiles/de.ovpn",)),
    replace(GOOD, power=Power(0, history=False), country=Country(None)),
    replace(GOOD, ports=(UPLINK, LAN_PORT), switches=(), country=Country(None)),
    with_certificate(-DAY, 90 * DAY),
    with_wall(bridged=False),
    with_wifi(),
)


@pytest.mark.parametrize(("name", "machine", "verdict", "cause", "cure"), PROVOKED)
def test_a_finding_names_cause_and_cure(
    name: str, machine: Machine, verdict: str, cause: str, cure: str
) -> None:
    finding = next(f for f in said(machine, name) if f.verdict != "ok")
    assert finding.verdict == verdict
    assert cause in finding.cause
    assert cure in finding.cure


def test_every_check_is_provoked() -> None:
    assert {check.name for check in CHECKS} - {name for name, *_ in PROVOKED} == {"kernel"}


def test_every_finding_of_a_check_is_provoked() -> None:
    """Each place in the doctor's code where a finding is not "ok" has been reached above."""
    reached: set[tuple[str, int]] = set()

    def watch(frame: FrameType, event: str, _: object) -> Callable[..., Any] | None:
        if f"{os.sep}doctor{os.sep}" not in frame.f_code.co_filename:
            return None
        if event == "line":
            reached.add((Path(frame.f_code.co_filename).stem, frame.f_lineno))
        return watch

    unable = Machine(**{name: Unseen("dark") for name in (*FACTS, "boot_words")})  # type: ignore[arg-type]
    before = sys.gettrace()
    sys.settrace(watch)
    try:
        for machine in (*(m for _, m, *_ in PROVOKED), *APART, GOOD, unable):
            examine(machine)
    finally:
        sys.settrace(before)
    missed = []
    for check in CHECKS:
        module = sys.modules[check.find.__module__]
        source = Path(module.__file__ or "")
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding":
                lines = {(source.stem, n) for n in range(node.lineno, (node.end_lineno or 0) + 1)}
                if not lines & reached:
                    missed.append(f"{source.name}:{node.lineno}")
    assert sorted(set(missed)) == []


def test_every_check_is_written_down() -> None:
    told = (Path(__file__).parents[2] / "docs" / "doctor.md").read_text()
    missing = [c.name for c in (*CHECKS, *HARDWARE_CHECKS) if f"\n| {c.name} |" not in told]
    assert missing == []


@pytest.mark.parametrize("piece", PIECES, ids=lambda piece: piece.name)
def test_a_missing_piece_of_the_kernel_says_what_it_costs(piece: Piece) -> None:
    assert isinstance(GOOD.kernel, dict)
    lacking = replace(GOOD, kernel={**GOOD.kernel, piece.name: "Operation not supported"})
    finding = the(lacking, "kernel")
    assert finding.verdict == piece.verdict
    assert finding.cause == f"no {piece.name} (Operation not supported): {piece.costs}"


def test_tun_is_an_error_only_where_a_vpn_is_configured() -> None:
    assert isinstance(GOOD.kernel, dict)
    without = {**GOOD.kernel, "tun": "there is no /dev/net/tun"}
    assert the(replace(GOOD, kernel=without), "kernel").verdict == "error"
    assert the(replace(with_wanted(vpns=()), kernel=without), "kernel").verdict == "warning"


def test_a_piece_that_was_not_tried_is_not_there() -> None:
    for piece in PIECES:
        rest = {name: "" for name in GOOD.kernel if name != piece.name}  # type: ignore[union-attr]
        assert piece.costs in the(replace(GOOD, kernel=rest), "kernel").cause


def test_without_nftables_its_rules_are_not_counted_one_by_one() -> None:
    without = {piece.name: "Invalid argument" if piece.rules else "" for piece in PIECES}
    assert the(replace(GOOD, kernel=without), "kernel").cause.startswith("no nftables (Invalid")


def test_a_radio_that_the_access_point_has_is_no_trouble() -> None:
    assert exit_code(examine(with_wifi())) == 0
    moved = with_wifi(ports=(UPLINK, LAN_PORT))
    assert exit_code(examine(moved)) == 0
    assert "the access point has it" in the(moved, "Wi-Fi").cause


def test_a_country_that_only_router_yaml_names_is_enough() -> None:
    machine = with_wifi(country=Country("00", (), "Europe/Berlin", ("DE",)))
    assert the(machine, "Wi-Fi country").verdict == "ok"


def test_what_the_router_chose_itself_is_no_mistake() -> None:
    finding = the(replace(GOOD, chosen=True), "router.yaml")
    assert (finding.verdict, "init --yes" in finding.cause) == ("ok", True)


def test_the_least_engine_itself_is_good() -> None:
    version = f"{LEAST_ENGINE[0]}.{LEAST_ENGINE[1]}.0"
    assert the(replace(GOOD, docker=Docker(version)), "Docker").verdict == "ok"


def test_the_hosts_own_manager_may_hold_the_uplink() -> None:
    held = replace(GOOD, holds=(Hold("NetworkManager", "eth0"),))
    assert exit_code(examine(held)) == 0


def test_a_machine_without_a_radio_has_no_trouble_with_it() -> None:
    machine = replace(GOOD, ports=(UPLINK, LAN_PORT), switches=(), country=Country(None))
    assert the(machine, "Wi-Fi country").verdict == "ok"
    assert the(machine, "rfkill").verdict == "ok"


def test_a_firewall_that_lets_forwarded_packets_pass_is_no_trouble() -> None:
    machine = with_wall(DOCKERS_FORWARD, BaseChain("inet filter", "forward", "accept"))
    assert exit_code(examine(machine)) == 0
    machine = with_wall(BaseChain("ip filter", "FORWARD", "accept"), bridged=False)
    assert the(machine, "FORWARD policy").cause == "accepts"


def test_a_kernel_that_remembers_no_voltage_is_not_said_to() -> None:
    finding = the(replace(GOOD, power=Power(0, history=False)), "power")
    assert "at this moment" in finding.cause
    assert "vcgencmd" in finding.cause


def test_an_unusable_profile_is_not_checked_and_the_others_are() -> None:
    machine = replace(with_certificate(-DAY, -1), unread_profiles=("profiles/de.ovpn",))
    verdicts = [
        (f.verdict, f.cause.split(":")[0].split(" ")[0]) for f in said(machine, "certificates")
    ]
    assert verdicts == [("not checked", "profiles/de.ovpn"), ("error", "uk")]


# --- what can't be seen ---------------------------------------------------------------------

OTHERS = ("unread_profiles", "hardware", "boot_words", "chosen")
FACTS = [field.name for field in fields(Machine) if field.name not in OTHERS]


@pytest.mark.parametrize("fact", FACTS)
def test_what_cannot_be_seen_is_never_good(fact: str) -> None:
    blind = replace(GOOD, **{fact: Unseen("it is dark in here")})  # type: ignore[arg-type]
    found = examine(blind)
    assert any((f.verdict, f.cause) == ("not checked", "it is dark in here") for f in found)
    assert exit_code(found) == 1


def test_nothing_at_all_can_be_seen() -> None:
    dark = {name: Unseen("dark") for name in (*FACTS, "boot_words")}
    found = examine(Machine(**dark))  # type: ignore[arg-type]
    assert [finding.verdict for finding in found] == ["not checked"] * len(CHECKS)


def test_what_was_found_before_a_check_went_blind_is_kept() -> None:
    machine = replace(
        GOOD,
        ports=(UPLINK, replace(LAN_PORT, addresses=("192.168.1.9/24",))),
        holds=Unseen("dark"),
    )
    assert [f.verdict for f in said(machine, "LAN port")] == ["error", "not checked"]


def test_the_exit_code_is_that_of_the_worst() -> None:
    ok, warning = Finding("a", "ok", "x"), Finding("b", "warning", "x")
    error, unseen = Finding("c", "error", "x"), Finding("d", "not checked", "x")
    together: tuple[list[Finding], ...] = ([ok], [ok, unseen], [ok, warning], [error, ok], [])
    assert [exit_code(findings) for findings in together] == [0, 1, 1, 2, 1]


# --- what a person reads --------------------------------------------------------------------


def test_a_finding_is_a_line_with_its_cure_below() -> None:
    found = [
        Finding("disk", "ok", "there is room"),
        Finding("LAN port", "error", "NetworkManager drives eth1", "make it leave eth1 alone"),
        Finding("rfkill", "not checked", "it is dark"),
    ]
    assert report(found, Style(unicode=False)).splitlines() == [
        "disk            ok           there is room",
        "LAN port        ERROR        NetworkManager drives eth1",
        "                             -> make it leave eth1 alone",
        "rfkill          not checked  it is dark",
        "1 error, 1 could not be checked.",
    ]


def test_all_of_it_fits_eighty_columns() -> None:
    for _, machine, *_ in PROVOKED:
        lines = report(examine(replace(machine, hardware=HARDWARE)), Style()).splitlines()
        assert max(map(len, lines)) <= 80


def test_what_comes_from_the_machine_moves_no_cursor() -> None:
    finding = Finding("disk", "error", "x\x1b[2Jy", "z\x07")
    assert "\x1b" not in report([finding], Style())
    assert "\x07" not in report([finding], Style())


# --- the hardware ---------------------------------------------------------------------------


def test_without_the_question_the_hardware_is_not_shown() -> None:
    names = {finding.name for finding in examine(GOOD)}
    assert not names & {"model", "SD card", "temperature"}


def test_each_line_of_the_hardware_says_what_is_expected() -> None:
    found = examine(replace(GOOD, hardware=HARDWARE))
    lines = [f for f in found if f.name in {check.name for check in HARDWARE_CHECKS}]
    assert len({finding.name for finding in lines}) == len(HARDWARE_CHECKS)
    assert [f.name for f in lines if "expected: " not in f.cause] == []
    assert "about 10 devices" in the(replace(GOOD, hardware=HARDWARE), "access point").cause


@pytest.mark.parametrize(
    ("change", "name", "cause"),
    [
        ({"memory": 430 << 20}, "memory", "430 MiB"),
        ({"bits": (64, 32)}, "system", "programs 32-bit"),
        ({"degrees": 82.0}, "temperature", "82 °C"),
        ({"card": replace(HARDWARE.card, speed=4, uhs=0, application=0)}, "SD card", "class 4"),  # type: ignore[type-var]
        (
            {"radios": (replace(HARDWARE.radios[0], access_point=False),)},  # type: ignore[index]
            "access point",
            "can be none",
        ),
    ],
)
def test_poor_hardware_is_named(change: dict[str, object], name: str, cause: str) -> None:
    poor = replace(GOOD, hardware=replace(HARDWARE, **change))  # type: ignore[arg-type]
    finding = the(poor, name)
    assert finding.verdict in ("warning", "error")
    assert cause in finding.cause
    assert finding.cure


@pytest.mark.parametrize(
    ("port", "cause"),
    [
        (replace(LAN_PORT, driver="cdc_ether"), "cdc_ether"),
        (replace(LAN_PORT, speed=10), "10 Mbit/s"),
    ],
)
def test_a_poor_adapter_is_named(port: Port, cause: str) -> None:
    machine = replace(GOOD, ports=(UPLINK, port, WLAN), hardware=HARDWARE)
    finding = next(f for f in said(machine, "Ethernet") if f.verdict == "warning")
    assert cause in finding.cause


@pytest.mark.parametrize(
    ("moves", "verdict", "cause"),
    [(True, "ok", "says so"), (False, "warning", "does not let"), (None, "not checked", "no `iw`")],
)
def test_whether_the_radio_can_move(moves: bool | None, verdict: str, cause: str) -> None:
    radios = (Radio("wlan0", "brcmfmac", "7.45.98", can_move=moves),)
    finding = the(replace(GOOD, hardware=replace(HARDWARE, radios=radios)), "radio moves")
    assert (finding.verdict, cause in finding.cause) == (verdict, True)


def test_a_radio_at_work_is_not_said_to_be_none() -> None:
    away = replace(GOOD, hardware=replace(HARDWARE, radios=()))
    assert "while the access point has it" in the(away, "radio").cause
    assert the(replace(away, switches=()), "radio").cause.startswith("none")


def test_a_machine_without_a_battery_clock_needs_a_time_server() -> None:
    assert the(replace(GOOD, hardware=HARDWARE), "battery clock").verdict == "ok"
    alone = replace(GOOD, hardware=HARDWARE, clock=Clock(NOW, NOW, False, battery=False))
    assert the(alone, "battery clock").verdict == "warning"


def test_a_supply_that_was_weak_once_is_remembered() -> None:
    finding = the(replace(GOOD, power=Power(0x50000), hardware=HARDWARE), "supply")
    assert (finding.verdict, "too little voltage, throttled" in finding.cause) == ("warning", True)
    blind = replace(GOOD, power=Power(0, history=False), hardware=HARDWARE)
    assert the(blind, "supply").verdict == "not checked"
