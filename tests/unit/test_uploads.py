"""What is said of a VPN that somebody adds: each mistake by its line, and never a secret."""

from __future__ import annotations

import time
from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.config.uploads import (
    LARGEST,
    MOST_PROBLEMS,
    AddedVpn,
    Upload,
    judge,
    judge_name,
    name_of,
    overruled,
    room_for,
    with_added,
)
from orchestrator.model import AddressRange, Kind
from tests.homes import HOME, PROFILE
from tests.profile_samples import BAD, GOOD, sample

CA = "<ca>\n-----BEGIN CERTIFICATE-----\nTWFueXdheXM=\n-----END CERTIFICATE-----\n</ca>\n"
GOOD_ONE = f"client\nremote vpn.example 1194\nremote-cert-tls server\nauth-user-pass\n{CA}"
USER, PASSWORD = "jane-doe-77", "hunter2-swordfish"
ELSEWHERE = (
    "stands in another file, which is not here; put what that file holds into the profile, between "
    "a line <ca> and a line </ca> (or <cert>, <key>, …)"
)


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", ["the file is empty; choose the provider's .ovpn file"]),
        (" \n\n", ["the file is empty; choose the provider's .ovpn file"]),
        (
            GOOD_ONE + "up /tmp/own-the-router.sh\n",
            ["line 10: up: runs a program; delete the line; no program is run from a profile"],
        ),
        (
            GOOD_ONE.replace("remote vpn.example 1194\n", ""),
            ["the profile names no endpoint; write a line `remote HOST PORT udp`"],
        ),
        (GOOD_ONE.replace(CA, "ca ca.crt\n"), [f"line 5: ca: {ELSEWHERE}"]),
        (
            GOOD_ONE.replace(CA, ""),
            [
                "ca: is missing, so the server could not be recognised; "
                "add the provider's certificate as <ca>…</ca> or `ca FILE`"
            ],
        ),
        (
            GOOD_ONE.replace("remote-cert-tls", "remote-cert-tsl"),
            [
                "line 3: this line does not begin with an OpenVPN directive; "
                "did you mean 'remote-cert-tls'?"
            ],
        ),
        (
            "<!DOCTYPE html>\n<body>Please log in</body>\n",
            ["line 1: this is a web page; download the .ovpn file itself"],
        ),
        (
            GOOD_ONE.replace("1194", "99999") + "dev tap\nplugin /lib/evil.so\n",
            [
                "line 2: remote: the port must be a number from 1 to 65535",
                "line 10: dev: asks for a tap device, which carries whole Ethernet frames and "
                "cannot be routed; ask the provider for a `dev tun` file",
                "line 11: plugin: loads foreign code into OpenVPN; delete the line",
            ],
        ),
    ],
)
def test_every_mistake_names_its_line_and_what_would_be_right(
    text: str, problems: list[str]
) -> None:
    judged = judge(Upload("nl", text, USER, PASSWORD))
    assert judged.profile is None
    assert list(judged.problems) == problems


@pytest.mark.parametrize(
    ("username", "password", "problem"),
    [
        ("", "", "the provider wants a user name and a password; fill in both"),
        (USER, "", "the password is missing; fill in both, user name and password"),
        ("", PASSWORD, "the user name is missing; fill in both, user name and password"),
        (
            USER,
            "x" * 200,
            "user name or password is too long or holds odd characters; look at them again",
        ),
        (
            "\ud800",
            "x",
            "user name or password is too long or holds odd characters; look at them again",
        ),
    ],
)
def test_credentials_that_cannot_do(username: str, password: str, problem: str) -> None:
    assert judge(Upload("nl", GOOD_ONE, username, password)).problems == (problem,)


def test_a_good_profile_is_taken_with_its_credentials_and_notes() -> None:
    text = GOOD_ONE + "route 10.0.0.0 255.0.0.0\n"
    judged = judge(Upload("nl", text, USER, PASSWORD))
    assert judged.problems == ()
    assert judged.profile is not None
    assert judged.profile.credentials == (USER, PASSWORD)
    assert [note[:14] for note in judged.notes] == ["line 10: route"]


def test_a_password_that_nobody_asks_for_is_noted() -> None:
    key = "\n-----BEGIN PRIVATE KEY-----\nTWFueXdheXM=\n-----END PRIVATE KEY-----\n"
    own = f"<key>{key}</key>\n" + CA.replace("ca>", "cert>")
    judged = judge(Upload("nl", GOOD_ONE.replace("auth-user-pass\n", own), USER, PASSWORD))
    assert judged.profile is not None
    assert judged.profile.credentials is None
    assert "user name and password are not used" in judged.notes[-1]


def test_a_file_that_is_too_large_is_not_read() -> None:
    (problem,) = judge(Upload("nl", "#" * (LARGEST + 1))).problems
    assert problem == "the file is larger than 256 KiB; is it the right one?"


@pytest.mark.parametrize("line", ["ab", "\0", "<ca>\n</ca>", "x" * 200, "remote a 1", "<a>", '"'])
def test_a_file_that_is_something_else_is_refused_quickly_and_in_short(line: str) -> None:
    text = f"{line}\n" * (LARGEST // (len(line) + 1))
    begun = time.process_time()
    judged = judge(Upload("nl", text))
    assert time.process_time() - begun < 5
    assert judged.profile is None
    assert len(judged.problems) <= MOST_PROBLEMS + 1
    assert sum(map(len, judged.problems)) < 10_000


@pytest.mark.parametrize("name", [*GOOD, *BAD])
def test_no_sentence_repeats_a_secret(name: str) -> None:
    judged = judge(Upload("nl", sample(name), USER, PASSWORD))
    for text in (*judged.problems, *judged.notes, repr(judged)):
        assert USER not in text
        assert PASSWORD not in text
        assert "TWFueXdheXM=" not in text


@given(st.text(), st.text(), st.text())
def test_whatever_is_sent_is_judged(text: str, username: str, password: str) -> None:
    judged = judge(Upload("nl", text, username, password))
    assert (judged.profile is None) == bool(judged.problems)


@pytest.mark.parametrize(
    ("given", "name"),
    [("nl", "nl"), (" nl ", "nl"), ("NL Amsterdam.ovpn", "nl-amsterdam"), ("uk.1.OVPN", "uk-1")],
)
def test_the_name_of_a_file_becomes_a_destinations(given: str, name: str) -> None:
    assert name_of(Upload(given, "")) == name


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("nl", ""),
        (
            "The Hague",
            "name: 'The Hague' cannot be a name; use at most 15 small letters, digits and '-', "
            "with a letter or digit first, such as the-hague",
        ),
        ("uk", "name: 'uk' is taken; take another one, such as uk-2"),
        (
            "router",
            "name: 'router' is the name of a part of Manyways; choose another name, such as "
            "router-2",
        ),
        (
            "",
            "name: '' cannot be a name; use at most 15 small letters, digits and '-', "
            "with a letter or digit first, such as vpn",
        ),
    ],
)
def test_what_a_new_destination_may_be_called(name: str, problem: str) -> None:
    assert judge_name(HOME, name) == problem


def added(name: str, *, offered: bool = True) -> AddedVpn:
    return AddedVpn(name, replace(PROFILE, dns=(IPv4Address("10.8.0.1"),)), offered)


def test_an_added_vpn_goes_by_the_first_uplink_and_asks_like_the_others() -> None:
    probed = replace(HOME, internet_probe=(IPv4Address("203.0.113.1"),))
    nl = with_added(probed, [added("nl", offered=False)]).destination("nl")
    assert nl is not None
    assert (nl.kind, nl.uplink, nl.country) == (Kind.OPENVPN, "home", "NL")
    assert (nl.added, nl.offered) == (True, False)
    assert nl.internet_probe == (IPv4Address("203.0.113.1"),)
    assert nl.dns == (IPv4Address("10.8.0.1"),)


def test_a_file_of_the_same_name_comes_first_and_that_is_said() -> None:
    config = with_added(HOME, [added("uk"), added("nl")])
    assert config.destination("uk") == HOME.destination("uk")
    assert config.notes == (
        "'uk', which was added on the page, is not used: router.yaml or profiles/ has a "
        "destination of that name now",
    )
    assert overruled(HOME, [added("uk"), added("nl")]) == ("uk",)
    assert config.destination("nl") is not None


def test_an_uplink_with_too_few_addresses_takes_no_more() -> None:
    static = HOME.uplinks[1].static
    assert static is not None
    few = replace(static, addresses=AddressRange(static.addresses.first, static.addresses.first))
    config = replace(HOME, uplinks=(replace(HOME.uplinks[1], static=few),))
    assert room_for(config, "nl") == (
        "the uplink 'office' has 1 addresses, and none is left for 'nl'; write more of them into "
        "router.yaml"
    )
    kept = with_added(config, [added("nl")])
    assert kept.destinations == config.destinations
    assert "'nl', which was added on the page, is not used: the uplink" in kept.notes[0]


def test_there_is_an_end_of_destinations() -> None:
    many = tuple(replace(HOME.destinations[0], name=f"d{number}") for number in range(239))
    assert "239 destinations" in room_for(replace(HOME, destinations=many), "nl")
