"""What a configuration means, and what a person reads about each mistake, letter by letter.

A case is NAME.yaml with NAME.txt. Comments in it name the samples to lay into profiles/, the
credentials to write, and the host. MANYWAYS_GOLDEN=write writes the texts anew.
"""

from __future__ import annotations

import os
import pprint
from dataclasses import replace
from ipaddress import IPv4Interface, IPv4Network
from pathlib import Path

import pytest

from orchestrator.config import ConfigErrors, load, report
from orchestrator.model import Band, HostFacts, HostInterface, Radio
from tests.profile_samples import SHAPES, sample

HERE = Path(__file__).parent
LO = HostInterface("lo", (IPv4Interface("127.0.0.1/8"),))
ETH0 = HostInterface("eth0", (IPv4Interface("192.168.178.20/24"),), is_default_route=True)
OTHERS = tuple(HostInterface(f"eth{n}", ()) for n in range(1, 8))
WLAN0 = HostInterface("wlan0", (), wireless=True)
TAKEN = (
    (IPv4Network("172.17.0.0/16"), "Docker network bridge"),
    (IPv4Network("192.168.178.0/24"), "interface eth0"),
)
# By the rules of Britain: a Raspberry Pi 4's radio, an older Pi's, a USB adapter's, and one that
# only joins others.
PI = Radio(
    *("phy0", ("wlan0",)),
    access_point=True,
    channels={Band.GHZ_2_4: tuple(range(1, 14)), Band.GHZ_5: (36, 40, 44, 48)},
    country="GB",
)
PI_3 = replace(PI, channels={Band.GHZ_2_4: tuple(range(1, 14))})
USB = replace(PI, max_networks=8, wpa3=True)
STATION = replace(PI, phy="phy1", interfaces=("wlan1",), access_point=False)
HOSTS = {
    "pi": HostFacts((LO, ETH0, *OTHERS, WLAN0), TAKEN, (PI,)),
    "usb": HostFacts((LO, ETH0, *OTHERS, WLAN0), TAKEN, (USB,)),
    "pi-3": HostFacts((LO, ETH0, *OTHERS, WLAN0), TAKEN, (PI_3,)),
    "two-radios": HostFacts((LO, ETH0, *OTHERS, WLAN0), TAKEN, (PI, STATION)),
    "no-radio": HostFacts((LO, ETH0, *OTHERS), TAKEN, ()),
    "": HostFacts((LO, ETH0, *OTHERS, HostInterface("0123", ()), WLAN0), TAKEN),
    "vpn": HostFacts((LO, ETH0, *OTHERS), (*TAKEN, (IPv4Network("10.0.0.0/8"), "interface wg0"))),
    "offline": HostFacts((LO, *OTHERS)),
    "wifi": HostFacts((LO, *OTHERS, HostInterface("wlan0", (), True, True)), (), (PI,)),
}


def said(text: str, word: str) -> list[tuple[str, str]]:
    """The words of a comment `# WORD: a=b c=d`, each split at its equals sign."""
    lines = [line for line in text.splitlines() if line.startswith(f"# {word}: ")]
    words = " ".join(line.partition(": ")[2] for line in lines).split()
    return [(left, right) for left, _, right in (item.partition("=") for item in words)]


def lay_out(directory: Path, text: str) -> None:
    """Make a configuration directory as the comments of a case say."""
    (directory / "router.yaml").write_text(text, "utf-8")
    (directory / "router.yaml").chmod(0o600)
    profiles = directory / "profiles"
    profiles.mkdir()
    (profiles / "ca.crt").write_text(SHAPES["CA"])
    for name, source in said(text, "profiles"):
        (profiles / f"{name}.ovpn").write_text(sample(source.removesuffix(".ovpn")))
    for name, content in said(text, "credentials"):
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text({"": "bob\nhunter2\n", "empty": ""}.get(content, f"{content}\n"))
        path.chmod(0o600)


def host_of(text: str) -> HostFacts:
    return HOSTS[next((name for name, _ in said(text, "host")), "")]


def compare(path: Path, text: str) -> None:
    if os.environ.get("MANYWAYS_GOLDEN") == "write":
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")


@pytest.mark.parametrize("path", sorted((HERE / "bad").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_mistake_is_told(path: Path, tmp_path: Path) -> None:
    text = path.read_text("utf-8")
    lay_out(tmp_path, text)
    with pytest.raises(ConfigErrors) as caught:
        load(tmp_path, host_of(text))
    shown = report(caught.value)
    assert "hunter2" not in shown
    compare(path.with_suffix(".txt"), shown + "\n")


@pytest.mark.parametrize("path", sorted((HERE / "good").glob("*.yaml")), ids=lambda p: p.stem)
def test_a_good_file_and_what_it_means(path: Path, tmp_path: Path) -> None:
    text = path.read_text("utf-8")
    lay_out(tmp_path, text)
    config = load(tmp_path, host_of(text))
    meaning = pprint.pformat(config, width=100)
    assert "hunter2" not in meaning
    assert "PRIVATE KEY" not in meaning
    compare(path.with_suffix(".txt"), f"{report(config)}\n\n{meaning}\n")


def test_a_router_without_a_file_is_told_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors) as caught:
        load(tmp_path, None)
    assert str(caught.value) == (
        "router.yaml: is missing; `orchestrator init` writes one for this machine"
    )
