"""The facts of a machine, gathered from a made-up tree of files as a real one has them."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from orchestrator.added import Shelf
from orchestrator.config import ConfigErrors
from orchestrator.config.uploads import Upload
from orchestrator.doctor import der, examine
from orchestrator.doctor.machine import (
    Card,
    Clock,
    Hold,
    Machine,
    NotSeen,
    Power,
    Switch,
    Unseen,
    Wanted,
)
from orchestrator.model import Config
from orchestrator.runtime.machine import (
    Folders,
    board,
    fact,
    gather,
    network,
    radio,
    settings,
    unseen_network,
)
from orchestrator.runtime.machine.files import Tree
from tests.machines import GOOD, LAN_PORT, UPLINK, WLAN, certificate, process, said, the, tree

PORTS = (UPLINK, LAN_PORT, WLAN)
PI = {"/sys/firmware/devicetree/base/model": "Raspberry Pi 3 Model B Rev 1.2\0"}
FIRMWARE = "/sys/devices/platform/soc/soc:firmware/get_throttled"


# --- files ----------------------------------------------------------------------------------


def test_links_are_followed_as_the_host_would(tmp_path: Path) -> None:
    host = tree(
        tmp_path / "host",
        {
            "/run/lock/word": "right",
            "/var/run": "-> /run",
            "/a/b/c": "-> ../../var/run/lock",
            "/up": "-> ../../../run",
        },
    )
    (tmp_path / "run").mkdir()
    assert host.text("/var/run/lock/word") == "right"
    assert host.text("/a/b/c/word") == "right"
    assert host.text("/up/lock/word") == "right"  # nothing is above the root
    assert host.link("/var/run") == "/run"


def test_links_in_a_circle_are_no_trap(tmp_path: Path) -> None:
    host = tree(tmp_path, {"/a": "-> /b", "/b": "-> /a"})
    with pytest.raises(NotSeen, match="links without end"):
        host.text("/a")


def test_what_is_not_there_differs_from_what_cannot_be_seen(tmp_path: Path) -> None:
    assert tree(tmp_path, {"/x": "1"}).text("/x/y") is None
    assert tree(tmp_path, {}).names("/nothing") == []
    closed = Tree(tmp_path / "no-such-root")
    with pytest.raises(NotSeen, match="can't be seen from here"):
        closed.text("/proc/cmdline")
    with pytest.raises(NotSeen):
        closed.names("/proc")


def test_a_closed_root_makes_everything_unseen_and_nothing_good(tmp_path: Path) -> None:
    closed = Tree(tmp_path / "no-such-root")
    machine = gather(
        closed, Folders(tmp_path, tmp_path), unseen_network("dark"), Unseen("dark"), hardware=True
    )
    blind = [getattr(machine, name) for name in ("power", "switches", "country", "disks", "kernel")]
    assert all(isinstance(value, Unseen) for value in blind)
    assert machine.hardware is not None
    assert isinstance(machine.hardware.memory, Unseen)


# --- the board ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({**PI, FIRMWARE: "50005\n"}, Power(0x50005)),
        ({**PI, "/sys/devices/platform/soc@107c000000/x:firmware/get_throttled": "0"}, Power(0)),
        (
            {
                **PI,
                "/sys/class/hwmon/hwmon1/name": "rpi_volt",
                "/sys/class/hwmon/hwmon1/in0_lcrit_alarm": "1",
            },
            Power(1, history=False),
        ),
        ({"/sys/class/hwmon/hwmon0/name": "coretemp"}, None),
    ],
)
def test_power(tmp_path: Path, files: dict[str, str], expected: Power | None) -> None:
    assert board.power(tree(tmp_path, files)) == expected


def test_a_pi_whose_kernel_does_not_tell_its_voltage_is_not_called_good(tmp_path: Path) -> None:
    seen = fact(board.power, tree(tmp_path, PI))
    finding = the(replace(GOOD, power=seen), "power")
    assert finding.verdict == "not checked"
    assert "vcgencmd" in finding.cause


def test_under_voltage_from_the_file_to_the_finding(tmp_path: Path) -> None:
    seen = fact(board.power, tree(tmp_path, {**PI, FIRMWARE: "50005\n"}))
    assert the(replace(GOOD, power=seen), "power").verdict == "error"


def test_model_memory_and_heat(tmp_path: Path) -> None:
    host = tree(
        tmp_path,
        {
            **PI,
            "/proc/meminfo": "MemTotal:         927232 kB\nMemFree: 1 kB\n",
            "/sys/class/thermal/thermal_zone0/temp": "48312\n",
        },
    )
    assert board.model(host) == "Raspberry Pi 3 Model B Rev 1.2"
    assert board.memory(host) == 927232 * 1024
    assert board.degrees(host) == pytest.approx(48.312)
    assert board.degrees(tree(tmp_path / "other", {"/x": ""})) is None


def test_32_bit_programs_are_told_from_64_bit_ones(tmp_path: Path) -> None:
    for number, (kind, expected) in enumerate(((1, 32), (2, 64))):
        host = tree(
            tmp_path / str(number),
            {
                "/usr/bin/dash": b"\x7fELF" + bytes((kind,)) + b"...",
                "/usr/bin/sh": "-> dash",
                "/bin": "-> usr/bin",
            },
        )
        assert board.bits(host)[1] == expected


def test_the_classes_of_an_sd_card(tmp_path: Path) -> None:
    register = bytearray(64)
    register[8], register[14], register[15], register[21] = 4, 0x30, 30, 0x02
    device = "/sys/block/mmcblk0/device"
    host = tree(
        tmp_path,
        {
            f"{device}/type": "SD",
            f"{device}/name": "SN64G",
            f"{device}/date": "03/2023",
            f"{device}/ssr": register.hex() + "\n",
        },
    )
    assert board.card(host) == Card("SN64G", "03/2023", 10, 3, 30, 2)
    assert board.card(tree(tmp_path / "other", {"/sys/block/sda/device/type": "disk"})) is None


def test_a_card_without_a_register_is_named_without_a_class(tmp_path: Path) -> None:
    device = "/sys/block/mmcblk0/device"
    found = board.card(tree(tmp_path, {f"{device}/type": "SD", f"{device}/ssr": "not hex"}))
    assert found == Card("", "", 0, 0, 0, 0)


def test_the_clock_of_this_machine(tmp_path: Path) -> None:
    seen = board.clock(tree(tmp_path, {"/sys/class/rtc/rtc0/name": "rtc"}), floor=0.0)
    assert seen.battery
    assert abs(seen.now - time.time()) < 60
    assert seen.floor > 1.7e9, "the program itself was made at some time"


def test_each_file_system_is_looked_at_once(tmp_path: Path) -> None:
    host = tree(tmp_path, {"/var/lib/docker/x": ""})
    (disk,) = board.disks(host, ("/", "/var/lib/docker"))
    assert disk.path == "/"
    assert disk.size >= disk.free > 0


def test_private_name_servers_give_away_the_routers_network(tmp_path: Path) -> None:
    text = (
        "nameserver 192.168.178.1\nnameserver 9.9.9.9\nnameserver 127.0.0.53\nnameserver fe80::1\n"
    )
    host = tree(tmp_path, {"/etc/resolv.conf": text})
    assert board.name_servers(host) == (IPv4Network("192.168.178.0/24"),)


# --- the radio ------------------------------------------------------------------------------


def test_rfkill_from_the_file_to_the_finding(tmp_path: Path) -> None:
    host = tree(
        tmp_path,
        {
            "/sys/class/rfkill/rfkill0/type": "bluetooth",
            "/sys/class/rfkill/rfkill0/soft": "1",
            "/sys/class/rfkill/rfkill1/type": "wlan",
            "/sys/class/rfkill/rfkill1/name": "phy0",
            "/sys/class/rfkill/rfkill1/soft": "1",
            "/sys/class/rfkill/rfkill1/hard": "0",
        },
    )
    assert radio.switches(host) == (Switch("phy0", soft=True, hard=False),)
    assert the(replace(GOOD, switches=radio.switches(host)), "rfkill").verdict == "warning"


def test_the_country_by_settings_and_time_zone(tmp_path: Path) -> None:
    host = tree(
        tmp_path,
        {
            "/proc/cmdline": "console=tty1 cfg80211.ieee80211_regdom=GB quiet\n",
            "/etc/wpa_supplicant/wpa_supplicant.conf": 'ctrl_interface=x\ncountry="GB"\n',
            "/etc/localtime": "-> /usr/share/zoneinfo/Europe/Berlin",
            "/usr/share/zoneinfo/zone.tab": "# codes\nDE\t+5230+01322\tEurope/Berlin\tmost\n",
        },
    )
    seen = radio.country(host)
    assert seen.settings == (("cmdline.txt", "GB"), ("wpa_supplicant.conf", "GB"))
    assert (seen.zone, seen.of_zone) == ("Europe/Berlin", ("DE",))
    finding = the(replace(GOOD, country=replace(seen, in_force="GB")), "Wi-Fi country")
    assert "belongs to DE" in finding.cause


def test_utc_belongs_to_no_country(tmp_path: Path) -> None:
    assert radio.country(tree(tmp_path, {"/etc/timezone": "Etc/UTC\n"})).of_zone == ()


IW = """Wiphy phy1
\twiphy index: 1
\tSupported interface modes:
\t\t * managed
\t\t * AP
\t\t * AP/VLAN
\tMaximum associated stations in AP mode: 32
Wiphy phy0
\twiphy index: 0
\tSupported interface modes:
\t\t * IBSS
\t\t * managed
"""


def test_iw_tells_of_each_radio_apart() -> None:
    good, poor = (radio.told(IW, phy) for phy in ("phy1", "phy0"))
    assert (good.access_point, good.most_stations) == (True, 32)
    assert (poor.access_point, poor.most_stations) == (False, None)
    assert radio.told(IW, "phy7").access_point is None
    assert radio.told(None, "phy0") == radio.Told()
    assert not good.can_move


def test_the_radio_of_a_pi_says_that_it_can_move() -> None:
    text = (Path(__file__).parents[1] / "radio_samples" / "brcmfmac.phy").read_text()
    assert radio.told(text, "phy0").can_move


# --- who drives a port ----------------------------------------------------------------------

OURS = {"/proc/thread-self/ns/net": "-> net:[1]"}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {
                **process(5, "NetworkManager", "--no-daemon"),
                "/run/NetworkManager/devices/2": "[device]\nmanaged=true\n",
                "/run/NetworkManager/devices/3": "[device]\nconnection-uuid=1-2\nnm-owned=false\n",
                "/run/NetworkManager/devices/4": "[device]\nmanaged=false\n",
            },
            {Hold("NetworkManager", "eth0"), Hold("NetworkManager", "eth1")},
        ),
        (
            {"/run/NetworkManager/devices/3": "[device]\nmanaged=true\n"},  # of an earlier start
            set(),
        ),
        (
            {
                **process(9, "dhcpcd", "-q"),
                "/etc/dhcpcd.conf": "persistent\ndenyinterfaces wlan* eth1\n",
            },
            {Hold("dhcpcd", "eth0")},
        ),
        (
            {**process(9, "dhcpcd"), "/etc/dhcpcd.conf": "allowinterfaces eth1\n"},
            {Hold("dhcpcd", "eth1")},
        ),
        (process(9, "wpa_supplicant", "-B", "-iwlan0"), {Hold("wpa_supplicant", "wlan0")}),
        (process(9, "wpa_supplicant", "-u", "-s"), set()),
        (process(9, "dhclient", "-v", "eth1"), {Hold("dhclient", "eth1")}),
        (process(9, "udhcpc", "-i", "eth1", namespace="net:[7]"), set()),  # in a container
        (
            {
                **process(9, "systemd-networkd"),
                "/run/systemd/netif/links/2": "ADMIN_STATE=configured\nOPER_STATE=routable\n",
                "/run/systemd/netif/links/3": "ADMIN_STATE=unmanaged\n",
            },
            {Hold("systemd-networkd", "eth0")},
        ),
    ],
)
def test_who_drives_which_port(tmp_path: Path, files: dict[str, str], expected: set[Hold]) -> None:
    assert set(network.holds(tree(tmp_path, {**OURS, **files}), PORTS)) == expected


def test_network_manager_on_the_lan_port_from_the_files_to_the_finding(tmp_path: Path) -> None:
    files = {
        **OURS,
        **process(5, "NetworkManager"),
        "/run/NetworkManager/devices/3": "[device]\nmanaged=true\n",
    }
    holds = network.holds(tree(tmp_path, files), PORTS)
    finding = the(replace(GOOD, holds=holds), "LAN port")
    assert (finding.verdict, "NetworkManager drives eth1" in finding.cause) == ("error", True)


# --- the configuration's folder -------------------------------------------------------------

MINIMAL = "lan: {interfaces: [eth1]}\n"
PROFILE = "client\ndev tun\nremote 198.51.100.7 1194 udp\n<ca>\n{ca}</ca>\n<cert>\n{cert}</cert>\n"
KEY = "<key>\n-----BEGIN PRIVATE KEY-----\nTWFueXdheXM=\n-----END PRIVATE KEY-----\n</key>\n"


def with_settings(directory: Path, text: str = MINIMAL) -> Machine:
    (directory / "router.yaml").write_text(text)
    return of_settings(directory)


def of_settings(directory: Path) -> Machine:
    config = settings.read(directory, PORTS)
    more = settings.added_vpns(directory / "state")
    found, unread = settings.certificates(directory, config, more)
    return replace(
        GOOD,
        mistakes=None if config is None else config_mistakes(config),
        wanted=fact(settings.wanted, config, more),
        secrets=settings.secrets(directory),
        certificates=found,
        unread_profiles=unread,
    )


def config_mistakes(config: object) -> tuple[str, ...]:
    return tuple(map(str, config.errors)) if isinstance(config, ConfigErrors) else ()


def test_a_good_configuration_says_what_it_wants(tmp_path: Path) -> None:
    machine = with_settings(tmp_path)
    assert isinstance(machine.wanted, Wanted)
    assert machine.wanted.lan_ports == ("eth1",)
    assert machine.wanted.uplink_ports == ("eth0",), "by the default route"
    assert the(machine, "router.yaml").verdict == "ok"


def test_a_missing_configuration_is_an_error_and_what_needs_it_is_not_checked(
    tmp_path: Path,
) -> None:
    machine = of_settings(tmp_path)
    assert "orchestrator init" in the(machine, "router.yaml").cure
    for name in ("uplink", "LAN port", "subnets", "IP forwarding"):
        finding = the(machine, name)
        assert (finding.verdict, finding.cause) == ("not checked", "router.yaml is missing")


def test_a_wrong_configuration_is_an_error_and_profiles_are_looked_at_all_the_same(
    tmp_path: Path,
) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "de.ovpn").write_text("nonsense\n")
    machine = with_settings(tmp_path, "lann: {}\n")
    assert "mistakes" in the(machine, "router.yaml").cause
    assert the(machine, "subnets").verdict == "not checked"
    assert said(machine, "certificates")[0].cause.startswith("profiles/de.ovpn")


@pytest.mark.parametrize(
    ("name", "content", "secret"),
    [
        ("uk.txt", "bob\nhunter2\n", True),
        ("uk.key", "", True),
        ("uk.ovpn", "client\n" + KEY, True),
        ("uk.ovpn", "client\n", False),
        ("ca.crt", "", False),
    ],
)
def test_files_that_everybody_may_read(
    tmp_path: Path, name: str, content: str, secret: bool
) -> None:
    folder = tmp_path / "profiles"
    folder.mkdir()
    path = folder / name
    path.write_text(content)
    path.chmod(0o644)
    folder.chmod(0o755)
    assert [file.public for file in settings.secrets(tmp_path)] == [True] * secret
    verdict = the(replace(GOOD, secrets=settings.secrets(tmp_path)), "secrets").verdict
    assert verdict == ("warning" if secret else "ok")
    path.chmod(0o600)
    assert not any(file.public for file in settings.secrets(tmp_path))
    path.chmod(0o644)
    folder.chmod(0o700)  # nobody else gets as far as the file
    assert not any(file.public for file in settings.secrets(tmp_path))


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("wifi:\n  networks:\n    - ssid: Home\n      passphrase: correct horse\n", True),
        ('wifi: {networks: [{ssid: Home, "passphrase": "correct horse"}]}\n', True),
        ("#   passphrase: correct horse\n", False),
        (MINIMAL, False),
    ],
)
def test_a_passphrase_in_router_yaml_that_everybody_may_read(
    tmp_path: Path, text: str, secret: bool
) -> None:
    path = tmp_path / "router.yaml"
    path.write_text(text)
    path.chmod(0o644)
    tmp_path.chmod(0o755)
    assert [str(f.path) for f in settings.secrets(tmp_path) if f.public] == ["router.yaml"] * secret
    path.chmod(0o600)
    assert not any(file.public for file in settings.secrets(tmp_path))


def test_the_choice_stands_for_a_missing_router_yaml(tmp_path: Path) -> None:
    chosen = tmp_path / "chosen.yaml"
    chosen.write_text(MINIMAL)
    assert settings.read(tmp_path, PORTS) is None
    assert isinstance(settings.read(tmp_path, PORTS, chosen), Config)


def moment(days: float) -> str:
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + days * 86400))


@pytest.mark.parametrize(
    ("begins", "ends", "verdicts"),
    [
        (-800, -1, ["error"]),
        (-800, 5, ["warning"]),
        (-800, 13.9, ["warning"]),
        (-800, 15, ["ok"]),
        (3, 800, ["error"]),
    ],
)
def test_a_real_certificate_from_the_profile_to_the_finding(
    tmp_path: Path, begins: float, ends: float, verdicts: list[str]
) -> None:
    ca = certificate(tmp_path, "authority", moment(-900), moment(20_000))  # beyond 2050
    own = certificate(tmp_path, "own", moment(begins), moment(ends))
    folder = tmp_path / "profiles"
    folder.mkdir()
    (folder / "uk.ovpn").write_text(PROFILE.format(ca=ca, cert=own) + KEY)
    machine = with_settings(tmp_path)
    assert the(machine, "router.yaml").verdict == "ok"
    assert len(machine.certificates) == 2  # type: ignore[arg-type]
    now = Clock(time.time(), 0.0, synchronised=True, battery=False)
    found = said(replace(machine, clock=now), "certificates")
    assert [finding.verdict for finding in found] == verdicts
    assert all(f.cause.startswith("uk: the own") for f in found if f.verdict != "ok")


def test_a_vpn_that_was_added_on_the_page_is_looked_at_too(tmp_path: Path) -> None:
    ca = certificate(tmp_path, "authority", moment(-900), moment(900))
    own = certificate(tmp_path, "own", moment(-900), moment(-1))
    profile = PROFILE.format(ca=ca, cert=own) + KEY
    Shelf(tmp_path / "state" / "added").keep("nl", Upload("nl", profile), "2026-09-01T00:00:00Z")
    machine = with_settings(tmp_path)
    assert isinstance(machine.wanted, Wanted)
    assert machine.wanted.vpns == ("nl",)
    now = Clock(time.time(), 0.0, synchronised=True, battery=False)
    finding = the(replace(machine, clock=now), "certificates")
    assert (finding.verdict, finding.cause[:7]) == ("error", "nl: the")


def test_of_several_authorities_the_one_that_lasts_longest_counts(tmp_path: Path) -> None:
    old = certificate(tmp_path, "old", moment(-900), moment(-100))
    new = certificate(tmp_path, "new", moment(-900), moment(900))
    own = certificate(tmp_path, "own", moment(-1), moment(900))
    (tmp_path / "profiles").mkdir()
    profile = PROFILE.format(ca=old + new, cert=own) + KEY
    (tmp_path / "profiles" / "uk.ovpn").write_text(profile)
    machine = with_settings(tmp_path)
    now = Clock(time.time(), 0.0, synchronised=True, battery=False)
    assert the(replace(machine, clock=now), "certificates").verdict == "ok"


def test_the_dates_are_openssls_own(tmp_path: Path) -> None:
    pem = certificate(tmp_path, "any", "19991231235959Z", "20500101000000Z")
    assert der.validity(f"words before\n{pem}\nand after") == [(946684799.0, 2524608000.0)]


@pytest.mark.parametrize("pem", [
    "",
    "-----BEGIN CERTIFICATE-----\nTWFueXdheXM=\n-----END CERTIFICATE-----",
    "-----BEGIN CERTIFICATE-----\n=\n-----END CERTIFICATE-----",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
])  # fmt: skip
def test_what_is_no_certificate_is_said_to_be_none(pem: str) -> None:
    with pytest.raises(der.Unreadable):
        der.validity(pem)


EVERYTHING = (
    "/sys/firmware/devicetree/base/model",
    FIRMWARE,
    "/sys/class/hwmon/hwmon0/name",
    "/sys/class/rtc/rtc0/name",
    "/sys/class/thermal/thermal_zone0/temp",
    "/sys/class/rfkill/rfkill0/type",
    "/sys/block/mmcblk0/device/type",
    "/sys/block/mmcblk0/device/ssr",
    "/sys/class/net/eth1/speed",
    "/proc/meminfo",
    "/proc/cmdline",
    "/proc/misc",
    "/proc/7/comm",
    "/proc/7/cmdline",
    "/proc/sys/net/ipv4/ip_forward",
    "/run/NetworkManager/devices/3",
    "/run/systemd/netif/links/3",
    "/etc/dhcpcd.conf",
    "/etc/localtime",
    "/etc/resolv.conf",
    "/etc/wpa_supplicant/wpa_supplicant.conf",
    "/usr/share/zoneinfo/zone.tab",
    "/bin/sh",
)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "\n\n",
        "nonsense = ",
        "-1",
        "9" * 5000,
        "0x\t\t\t",
        "\0" * 9,
        "nameserver\n[x\nMemTotal:",
    ],
)
def test_a_machine_full_of_nonsense_raises_nothing(tmp_path: Path, content: str) -> None:
    host = tree(tmp_path / "host", dict.fromkeys(EVERYTHING, content))
    (tmp_path / "router.yaml").write_text(content)
    seen = network.forwarding(host, PORTS), network.holds(host, PORTS)
    assert len(seen) == 2
    fact(board.name_servers, host)
    machine = gather(
        host, Folders(tmp_path, tmp_path), unseen_network("dark"), Unseen("dark"), hardware=True
    )
    assert examine(machine)


def test_a_folder_that_may_not_be_read_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "profiles").write_text("a file where a folder belongs")
    assert isinstance(fact(settings.secrets, tmp_path), Unseen)


def test_an_own_root_directory_is_enough_for_all_of_it(tmp_path: Path) -> None:
    assert os.access("/proc/self/root", os.R_OK)
    own = Tree(Path("/proc/self/root"))
    assert own.text("/proc/cmdline")
    assert board.memory(own) > 0
    assert board.bits(own)[1] in (32, 64)
