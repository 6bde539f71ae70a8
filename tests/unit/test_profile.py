"""The rules of cleaning that a whole sample does not show, and what no profile may achieve."""

from __future__ import annotations

import base64
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.profile import Cleaned, Unreadable, clean, parse_credentials
from orchestrator.profile import directives as table
from orchestrator.profile.keys import normalised
from orchestrator.profile.syntax import parse, split_words, write
from tests.profile_samples import SHAPES, Beside

BASE = f"client\ndev tun\nremote 203.0.113.9\nauth-user-pass\n<ca>\n{SHAPES['CA']}\n</ca>\n"
NEXT = BASE.count("\n") + 1
WRITTEN = frozenset(table.KEPT) | {
    "allow-compression",
    "auth",
    "comp-lzo",
    "compress",
    "data-ciphers",
    "data-ciphers-fallback",
    "providers",
    "remote-random",
    "verify-x509-name",
}


def cleaned(lines: str) -> Cleaned:
    return clean(BASE + lines, Beside(), "p.ovpn")


def directives(lines: str) -> tuple[str, ...]:
    profile = cleaned(lines).profile
    assert profile is not None
    return profile.directives


@pytest.mark.parametrize("name", sorted(set(table.REFUSED) - {"mode", "up", "down"}))
def test_what_is_refused_names_its_line(name: str) -> None:
    for line in (f"{name} x", f"--{name}", f'"{name}" "x y"', f"<{name}>\nx\n</{name}>"):
        found = cleaned(line).problems
        assert [(problem.line, problem.directive) for problem in found] == [(NEXT, name)]


@pytest.mark.parametrize("name", sorted(table.NOTED))
def test_what_is_left_out_with_a_word_names_its_line(name: str) -> None:
    profile = cleaned(f"{name} x y").profile
    assert profile is not None
    assert any(note.startswith(f"p.ovpn:{NEXT}: {name}: left out: ") for note in profile.notes)
    assert not any(line.startswith(name) for line in profile.directives)


@pytest.mark.parametrize("name", sorted(table.SILENT))
def test_what_means_nothing_here_is_left_out_in_silence(name: str) -> None:
    assert cleaned(f"{name} x y") == cleaned("")


def test_no_directive_stands_in_two_tables() -> None:
    tables = [table.KEPT, table.FILES, table.SILENT, table.NOTED, table.REFUSED]
    assert sum(map(len, tables)) == len(frozenset().union(*tables))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("", ("data-ciphers AES-256-GCM:AES-128-GCM:CHACHA20-POLY1305",)),
        (
            "cipher aes-256-cbc",
            (
                "data-ciphers AES-256-GCM:AES-128-GCM:CHACHA20-POLY1305:AES-256-CBC",
                "data-ciphers-fallback AES-256-CBC",
            ),
        ),
        (
            "ncp-ciphers AES-128-GCM\ncipher AES-128-CBC\ndata-ciphers-fallback AES-192-CBC",
            (
                "data-ciphers AES-128-GCM:AES-128-CBC:AES-192-CBC",
                "data-ciphers-fallback AES-192-CBC",
            ),
        ),
        ("data-ciphers NO-SUCH", ("data-ciphers AES-256-GCM:AES-128-GCM:CHACHA20-POLY1305",)),
    ],
)
def test_ciphers_of_any_age_become_a_list(lines: str, expected: tuple[str, ...]) -> None:
    assert directives(lines) == expected


@pytest.mark.parametrize("line", ["cipher none", "cipher a b", "data-ciphers-fallback none"])
def test_a_cipher_that_is_none_is_refused(line: str) -> None:
    assert cleaned(line).profile is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("comp-lzo no", ("comp-lzo no",)),
        ("comp-lzo", ("allow-compression asym", "comp-lzo")),
        ("comp-lzo yes", ("allow-compression asym", "comp-lzo yes")),
        ("compress", ("compress",)),
        ("compress stub-v2", ("compress stub-v2",)),
        ("compress lz4", ("allow-compression asym", "compress lz4")),
        ("compress migrate", ()),
        ("allow-compression yes", ()),
    ],
)
def test_framing_is_kept_but_nothing_is_compressed(line: str, expected: tuple[str, ...]) -> None:
    assert directives(line)[:-1] == expected


def test_ports_and_protocols_may_stand_behind_the_remotes() -> None:
    profile = cleaned("remote a.example 443\nremote b.example 53 tcp6\nport 99\nproto tcp4").profile
    assert profile is not None
    assert [(r.host, r.port, r.protocol) for r in profile.remotes] == [
        ("203.0.113.9", 99, "tcp"),
        ("a.example", 443, "tcp"),
        ("b.example", 53, "tcp"),
    ]


def test_endpoints_are_limited_in_number() -> None:
    profile = cleaned("".join(f"remote h{n}.example\n" for n in range(70))).profile
    assert profile is not None
    assert len(profile.remotes) == 64
    assert "p.ovpn: remote: only the first 64 endpoints are used" in profile.notes


def test_proto_force_leaves_the_others_out() -> None:
    profile = cleaned("remote 203.0.113.8 443 tcp\nproto-force tcp").profile
    assert profile is not None
    assert [remote.host for remote in profile.remotes] == ["203.0.113.8"]


def test_fragment_is_for_udp_only() -> None:
    assert "fragment 1300" in directives("fragment 1300")
    assert "fragment 1300" not in directives("fragment 1300\nproto tcp")


def test_what_openvpn_refuses_together_is_not_written_together() -> None:
    found = directives("keepalive 10 60\nping 5\nping-restart 60\ntun-mtu 1400\nlink-mtu 1450")
    assert {"keepalive 10 60", "tun-mtu 1400"} <= set(found)
    assert not {line.split()[0] for line in found} & {"ping", "ping-restart", "link-mtu"}


def test_name_servers_of_the_profile_are_found() -> None:
    profile = cleaned(
        "dhcp-option DNS 10.8.0.1\ndhcp-option DNS6 fd00::1\ndns server 0 address 10.8.0.2 ::1"
    ).profile
    assert profile is not None
    assert [str(address) for address in profile.dns] == ["10.8.0.1", "10.8.0.2"]


def test_credentials_in_the_profile() -> None:
    profile = cleaned("<auth-user-pass>\nbob\nhunter2\n</auth-user-pass>").profile
    assert profile is not None
    assert profile.credentials == ("bob", "hunter2")
    assert "hunter2" not in repr(profile)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"bob",
        b"bob\n\n",
        b"\nsecret",
        b"bob\nse\x00cret",
        b"\xff\n\xff",
        b"b\n" * 1 + b"p" * 200,
    ],
)
def test_bad_credentials_are_refused_without_showing_them(raw: bytes) -> None:
    with pytest.raises(Unreadable) as caught:
        parse_credentials(raw)
    assert "bob" not in caught.value.message + caught.value.hint


def test_credentials_may_come_from_windows() -> None:
    assert parse_credentials(b"\xef\xbb\xbfbob\r\np w \r\n") == ("bob", "p w ")


def test_a_pkcs12_bundle_is_carried_as_base64() -> None:
    bundle = b"\x30\x82\x01\x02\x00\xff"
    assert base64.b64decode(normalised("pkcs12", bundle)) == bundle
    assert normalised("pkcs12", base64.b64encode(bundle)) == normalised("pkcs12", bundle)
    with pytest.raises(Unreadable):
        normalised("pkcs12", b"up /bin/sh")


@given(st.text(), st.text(alphabet="abc \"'\\#;<>/-\t\r", max_size=40))
@example("up", "\\ ")
def test_any_text_is_read_without_a_traceback(first: str, second: str) -> None:
    for text in (first, second, BASE + first, BASE + second):
        found = clean(text, Beside(), "p.ovpn")
        assert (found.profile is None) == bool(found.problems)


WORD = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), max_size=30)


@given(st.lists(WORD, max_size=6))
def test_a_written_line_is_read_back_as_the_same_words(words: list[str]) -> None:
    line = write("name", tuple(words))
    if len(line.encode()) <= 255:
        assert split_words(line) == ["name", *words]


LINE = st.one_of(
    st.builds(
        " ".join,
        st.lists(st.one_of(st.sampled_from(sorted(table.EVERY)), WORD), min_size=1, max_size=4),
    ),
    st.sampled_from(["<ca>", "</ca>", "<key>", "</key>", "<connection>", "</connection>"]),
)


@given(st.lists(LINE, max_size=12))
def test_nothing_but_harmless_directives_ever_comes_out(lines: list[str]) -> None:
    profile = cleaned("\n".join(lines)).profile
    if profile is None:
        return
    for line in profile.directives:
        assert "\n" not in line
        (found,), problems = parse(line)
        assert problems == []
        assert found.name in WRITTEN
        assert found.inline is None
    for tag, text in profile.inline.items():
        assert tag in table.INLINE
        assert "</" not in text
        assert all(len(line) <= 100 for line in text.splitlines())


@pytest.mark.parametrize(
    "lines",
    [
        f"remote {'a' * 60}! 1194",
        f"remote {'a.' * 100}! 1194",
        f"remote {'a-' * 100}! 1194",
        f"<ca>\n{'-----BEGIN ' * 20_000}\n</ca>",
        f"<ca>\n{'-----BEGIN A-----' * 15_000}\n</ca>",
        "<connection>\nremote a 1\n</connection>\n" * 6_000,
    ],
)
def test_no_text_keeps_the_reader_busy(lines: str) -> None:
    """Whoever reads a profile does nothing else meanwhile, and may be the whole router's brain."""
    began = time.process_time()
    cleaned(lines)
    assert time.process_time() - began < 2.0
