"""Reading a configuration: files, rights and links, and that nothing but ConfigErrors comes out."""

from __future__ import annotations

import re
from dataclasses import replace
from ipaddress import IPv4Interface, IPv4Network
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.config import (
    ConfigError,
    ConfigErrors,
    addressing,
    destinations,
    devices,
    load,
    nearest,
    report,
    uplinks,
    values,
    wifi,
)
from orchestrator.config.addressing import default_range, service_addresses
from orchestrator.config.load import KEYS as TOP_KEYS
from orchestrator.config.profiles import destination_name
from orchestrator.config.subnets import free
from orchestrator.model import Band, HostFacts, HostInterface, Radio
from tests.profile_samples import sample

ROOT = Path(__file__).parents[2]
HOST = HostFacts(
    (
        HostInterface("eth0", (IPv4Interface("192.0.2.7/24"),), is_default_route=True),
        HostInterface("eth1", ()),
    )
)
MINIMAL = "lan: {interfaces: [eth1]}\n"
UK = "profiles/uk.ovpn"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A configuration directory with a small router.yaml and an empty profiles/."""
    (tmp_path / "router.yaml").write_text(MINIMAL)
    (tmp_path / "profiles").mkdir()
    return tmp_path


def errors(directory: Path, host: HostFacts | None = HOST) -> tuple[ConfigError, ...]:
    with pytest.raises(ConfigErrors) as caught:
        load(directory, host)
    return caught.value.errors


def test_a_passphrase_that_everybody_can_read_is_a_note(home: Path) -> None:
    wifi = "wifi: {country: GB, networks: [{ssid: Home, passphrase: hunter2hunter2}]}\n"
    (home / "router.yaml").write_text(MINIMAL + wifi)
    (home / "router.yaml").chmod(0o644)
    note = "everybody on this machine can read the passphrase; `chmod 600 router.yaml`"
    assert load(home, HOST).notes == (f"router.yaml: {note}",)
    (home / "router.yaml").chmod(0o600)
    assert load(home, HOST).notes == ()


def test_a_channel_counts_only_by_the_rules_of_the_same_country(home: Path) -> None:
    wifi = "wifi: {country: GB, channel: 36, networks: [{ssid: Home, passphrase: hunter2hunter2}]}"
    (home / "router.yaml").write_text(wifi)
    (home / "router.yaml").chmod(0o600)
    radio = Radio("phy0", ("wlan0",), access_point=True, channels={Band.GHZ_5: ()})
    assert load(home, HostFacts(HOST.interfaces, radios=(radio,))).wifi
    (error,) = errors(home, HostFacts(HOST.interfaces, radios=(replace(radio, country="GB"),)))
    assert (error.line, error.field, error.hint) == (1, "wifi.channel", "use the other band")


def add_uk(home: Path, mode: int = 0o600, text: str = "bob\nhunter2\n") -> None:
    (home / UK).write_text(sample("nord-style"))
    path = home / "profiles" / "uk.txt"
    path.write_text(text)
    path.chmod(mode)


def test_an_error_is_one_line_with_its_place_and_a_hint() -> None:
    error = ConfigError(
        "router.yaml", 12, "lan.dhcp_range", "192.168.1.9-192.168.1.3 ends before it begins",
        "write the lower address first",
    )  # fmt: skip
    assert str(error) == (
        "router.yaml:12: lan.dhcp_range: 192.168.1.9-192.168.1.3 ends before it begins; "
        "write the lower address first"
    )
    assert report(ConfigErrors([error, error])).splitlines()[1:] == [str(error)]


def test_each_profile_is_a_destination_without_further_words(home: Path) -> None:
    add_uk(home)
    config = load(home, HOST)
    assert [d.name for d in config.destinations] == ["direct", "uk"]
    assert config.default_destination == "direct"
    profile = config.destinations[1].profile
    assert profile is not None
    assert profile.credentials == ("bob", "hunter2")
    assert "hunter2" not in report(config) + repr(config)


def test_a_password_that_everybody_can_read_is_a_note(home: Path) -> None:
    add_uk(home, 0o644)
    assert load(home, HOST).notes == (
        "profiles/uk.txt: everybody on this machine can read the password; "
        "`chmod 600 profiles/uk.txt`",
    )


@pytest.mark.parametrize("text", ["", "bob", "\n\n", "bob\n"])
def test_half_a_credentials_file_is_a_mistake(home: Path, text: str) -> None:
    add_uk(home, text=text)
    (error,) = errors(home)
    assert (error.file, error.message) == (
        "profiles/uk.txt", "user name or password is missing",
    )  # fmt: skip


def test_a_profile_may_not_lead_out_of_its_folder(home: Path) -> None:
    (home / "secret").write_text("-----BEGIN CERTIFICATE-----\nTQ==\n-----END CERTIFICATE-----\n")
    (home / "profiles" / "link").symlink_to(home / "secret")
    lines = "client\ndev tun\nremote a.example\nauth-user-pass\n"
    (home / UK).write_text(lines + "ca link\ncert ../secret\nkey /etc/hostname\ntls-auth .\n")
    (home / "profiles" / "uk.txt").write_text("bob\nhunter2\n")
    assert {(e.line, e.message) for e in errors(home)} == {
        (5, "is a link that leads elsewhere"),
        (6, "names a file outside profiles/"),
        (7, "names a file outside profiles/"),
        (8, "is not a file"),
    }


def test_a_profile_that_is_no_file_is_a_mistake(home: Path) -> None:
    (home / UK).mkdir()
    assert [(e.file, e.message) for e in errors(home)] == [(UK, "is not a file")]


def test_a_profile_of_another_ending_is_noted(home: Path) -> None:
    (home / "profiles" / "uk.conf").touch()
    (home / "profiles" / "._uk.ovpn").touch()
    assert load(home, HOST).notes == (
        "profiles/uk.conf: is not read; OpenVPN profiles end in .ovpn",
    )


def test_no_profiles_folder_is_no_mistake(home: Path) -> None:
    (home / "profiles").rmdir()
    assert [d.name for d in load(home, HOST).destinations] == ["direct"]


def test_name_servers_of_router_yaml_count_more_than_the_profiles(home: Path) -> None:
    (home / UK).write_text(sample("nord-style") + "\ndhcp-option DNS 10.8.0.53\n")
    (home / "profiles" / "uk.txt").write_text("bob\nhunter2\n")
    assert list(map(str, load(home, HOST).destinations[1].dns)) == ["10.8.0.53"]
    (home / "router.yaml").write_text(MINIMAL + "destinations: {uk: {dns: [9.9.9.9]}}\n")
    assert list(map(str, load(home, HOST).destinations[-1].dns)) == ["9.9.9.9"]


def test_without_the_host_the_rest_is_still_checked(home: Path) -> None:
    text = "lan: {interfaces: [eth9]}\nuplinks: {home: {interface: eth7}}\n"
    (home / "router.yaml").write_text(text)
    assert load(home, None).uplinks[0].interface == "eth7"
    (home / "router.yaml").write_text(MINIMAL)
    assert "cannot be guessed" in errors(home, None)[0].message


def test_the_example_is_right_as_it_stands(home: Path) -> None:
    (home / "router.yaml").write_text((ROOT / "router.example.yaml").read_text("utf-8"))
    config, plain = load(home, HOST), MINIMAL
    (home / "router.yaml").write_text(plain)
    assert config == load(home, HOST)  # what it shows behind a # is what goes without saying


def test_the_example_is_right_with_every_line_in_use(home: Path) -> None:
    text = (ROOT / "router.example.yaml").read_text("utf-8")
    used = re.sub(r"^( *)# (?= *- \{| *(?:- )?[a-z_]+:)", r"\1", text, flags=re.MULTILINE)
    (home / "router.yaml").write_text(used)
    for name in ("uk", "office"):
        (home / "profiles" / f"{name}.ovpn").write_text(sample("nord-style"))
        (home / "profiles" / f"{name}.txt").write_text("bob\nhunter2\n")
        (home / "profiles" / f"{name}.txt").chmod(0o600)
    ports = (*HOST.interfaces, HostInterface("eth2", ()))
    config = load(home, HostFacts(ports))
    said = set(re.findall(r"^ *(?:- \{?)?([a-z_]+):", used, flags=re.MULTILINE))
    assert {*TOP_KEYS, *addressing.LAN_KEYS, *wifi.KEYS, *wifi.NETWORK_KEYS} <= said
    assert config.wifi
    assert [n.destination for n in config.wifi.networks] == [None, "uk"]
    assert {d.name for d in config.destinations} == {"direct", "uk", "office"}
    assert [u.name for u in config.uplinks] == ["home", "fibre"]
    assert [d.name for d in config.devices] == ["tv", "laptop"]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("3C-07-54-12-AB-9F", "3c:07:54:12:ab:9f"),
        ("3c07.5412.ab9f", "3c:07:54:12:ab:9f"),
        ("3C075412AB9F", "3c:07:54:12:ab:9f"),
        ("2:0:0:0:0:1", "02:00:00:00:00:01"),
    ],
)
def test_any_notation_of_a_mac_address(raw: str, expected: str) -> None:
    assert values.mac(raw) == expected


@pytest.mark.parametrize("raw", ["", "3c:07", "3c:07:54:12:ab:9g", "ff:ff:ff:ff:ff:ff", "0" * 12])
def test_what_is_no_device_s_mac_address(raw: str) -> None:
    with pytest.raises(values.Bad):
        values.mac(raw)


@pytest.mark.parametrize(
    ("raw", "seconds"), [("12h", 43200), ("30m", 1800), ("1d", 86400), ("3600", 3600), ("2m", 120)]
)
def test_times(raw: str, seconds: int) -> None:
    assert values.duration(raw) == seconds


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("uk.ovpn", "uk"),
        ("US-Free_01.protonvpn.udp.ovpn", "us-free-01-prot"),
        ("  a.OVPN", "a"),
        ("....ovpn", ""),
    ],
)
def test_a_destination_is_named_by_its_file(file: str, name: str) -> None:
    assert destination_name(file) == name


def test_a_hint_names_the_nearest_or_all() -> None:
    assert nearest("ukk", ["uk", "de"]) == "did you mean 'uk'?"
    assert nearest("germany", ["uk", "de"]) == "it must be one of: de, uk"
    assert nearest("uk", []) == ""


@given(st.integers(16, 28), st.booleans(), st.data())
def test_the_default_range_fits_every_lan(
    prefixlen: int, bridge: bool, data: st.DataObject
) -> None:
    network = IPv4Network(("10.0.0.0", prefixlen))
    own = data.draw(st.integers(1, network.num_addresses - (6 if bridge else 5)))
    lan = IPv4Interface((network.network_address + own, prefixlen))
    found = default_range(lan, bridge=bridge)
    assert len(found) >= 1
    assert found.first > network.network_address
    assert lan.ip not in found
    assert not any(address in found for address in service_addresses(lan, bridge=bridge))


@given(st.integers(16, 28), st.lists(st.integers(0, 2**32 - 1), max_size=5))
def test_a_proposed_subnet_is_free_and_private(prefixlen: int, taken: list[int]) -> None:
    used = [IPv4Network((number, 12), strict=False) for number in taken]
    found = free(prefixlen, used)
    if found is not None:
        assert found.prefixlen == prefixlen
        assert found.is_private
        assert not any(map(found.overlaps, used))


KEYS = st.sampled_from(
    (
        *TOP_KEYS,
        *addressing.LAN_KEYS,
        *uplinks.KEYS,
        *destinations.KEYS,
        *devices.KEYS,
        "home",
        "uk",
        "direct",
    )
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=20),
    st.sampled_from(["eth0", "eth1", "dhcp", "direct", "uk.ovpn", "9.9.9.9", "192.168.77.1/24"]),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.one_of(KEYS, st.text(max_size=5)), inner, max_size=6)
    ),
    max_leaves=25,
)


def told(directory: Path, host: HostFacts | None) -> tuple[str, tuple[ConfigError, ...]]:
    try:
        return report(load(directory, host)), ()
    except ConfigErrors as caught:
        return report(caught), caught.errors


def only_config_errors(directory: Path, raw: bytes) -> None:
    (directory / "router.yaml").write_bytes(raw)
    for host in (HOST, None):
        text, mistakes = told(directory, host)
        assert text
        if mistakes:  # each on a line of its own
            assert len(text.splitlines()) == len(mistakes) + 1


RELAXED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@RELAXED
@given(TREES)
def test_any_tree_gives_a_config_or_mistakes(home: Path, tree: object) -> None:
    only_config_errors(home, yaml.safe_dump(tree, allow_unicode=True).encode())


@RELAXED
@given(
    st.one_of(
        st.binary(),
        st.text().map(str.encode),
        st.text(alphabet="a:-[]{},&*!|>'\"\n\t ?#%@").map(str.encode),
    )
)
def test_any_file_gives_a_config_or_mistakes(home: Path, raw: bytes) -> None:
    only_config_errors(home, raw)
    only_config_errors(home, MINIMAL.encode() + raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 5000,
        b"{a: " * 5000,
        b"- " * 5000,
        b"\xff\xfe",
        b"a" * (2 << 20),
        b"\x00",
        b"? [a]\n: b",
    ],
    ids=range(7),
)
def test_files_made_to_hurt(home: Path, raw: bytes) -> None:
    only_config_errors(home, raw)
