"""Cleaned profiles are read by the real OpenVPN: it gets past its options and keys, and calls.

The container has no network, so calling is all that it can do.
"""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Iterator

import pytest

from orchestrator.model import Profile, Remote
from orchestrator.profile import Cleaned, clean
from orchestrator.profile.ciphers import MODERN
from orchestrator.profile.directives import KEPT
from orchestrator.render.egress_openvpn import render_openvpn
from tests.profile_samples import GOOD, Beside, sample

EGRESS = "manyways/egress"
SPARE = "manyways-test/openvpn"
CALLS = ("link remote:", "Attempting to establish TCP connection")
SECONDS = 60

# For every kept directive, what may stand behind it.
SAID = {
    "explicit-exit-notify": ["", "2"],
    "fragment": ["1300", "1300 mtu"],
    "hand-window": ["60"],
    "keepalive": ["10 60"],
    "key-direction": ["1"],
    "link-mtu": ["1500"],
    "mssfix": ["", "0", "1400", "1400 mtu", "1400 fixed"],
    "mtu-disc": ["yes", "maybe", "no"],
    "peer-fingerprint": ["-", "-", ":".join(["AB"] * 32)],  # not beside verify-hash
    "ping": ["10"],
    "ping-restart": ["0", "60"],
    "rcvbuf": ["0", "524288"],
    "remote-cert-eku": ['"TLS Web Server Authentication"'],
    "remote-cert-ku": ["", "a0 88"],
    "remote-cert-tls": ["server"],
    "reneg-bytes": ["0"],
    "reneg-pkts": ["0"],
    "reneg-sec": ["0", "3600 60"],
    "replay-window": ["64", "128 15"],
    "sndbuf": ["0"],
    "socket-flags": ["TCP_NODELAY"],
    "tls-cert-profile": ["legacy", "preferred", "insecure", "suiteb"],
    "tls-cipher": ["DEFAULT:@SECLEVEL=0", "TLS-DHE-RSA-WITH-AES-256-GCM-SHA384"],
    "tls-ciphersuites": ["TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"],
    "tls-groups": ["X25519:secp384r1"],
    "tls-timeout": ["2"],
    "tls-version-max": ["1.3"],
    "tls-version-min": ["1.0", "1.2 or-highest"],
    "topology": ["subnet", "net30", "p2p"],
    "tran-window": ["3600"],
    "tun-mtu": ["1400", "9000"],
    "tun-mtu-extra": ["32"],
    "txqueuelen": ["1000"],
    "verify-hash": [":".join(["AB"] * 20), ":".join(["AB"] * 32) + " SHA256"],
}
AUTH = ["SHA512", "sha1", "RSA-SHA256", "SHA512-256", "SHA3-256", "MD5", "BLAKE2b512", "RIPEMD160"]
CIPHERS = [
    "cipher BF-CBC",
    "cipher DES-EDE3-CBC",
    "cipher camellia-256-cbc",
    "cipher CAST5-CBC",
    "cipher RC2-40-CBC",
    "cipher SEED-CBC",
    "cipher DES-CBC",
    "cipher AES-256",
    "data-ciphers AES-256-CBC:?CHACHA20-POLY1305:NO-SUCH-CIPHER",
    "data-ciphers DEFAULT:AES-256-CBC",
    "data-ciphers-fallback AES-128-CBC",
    "ncp-ciphers AES-128-GCM",
]
COMPRESSION = [f"comp-lzo {said}".strip() for said in ("", "no", "yes", "adaptive")] + [
    f"compress {said}".strip()
    for said in ("", "stub", "stub-v2", "lzo", "lz4", "lz4-v2", "migrate")
]
NAMES = [
    "ns-cert-type server",
    "tls-remote some.server",
    "verify-x509-name 'C=GB, O=Some \"Provider\", CN=uk' subject",
    "verify-x509-name uk name",
    "auth none",
    "allow-compression no",
]


def rounds() -> list[list[str]]:
    """Profiles in which together every kept directive stands in each of its forms."""
    lists = [
        ["" if said == "-" else f"{name} {said}".strip() for said in SAID.get(name, [""])]
        for name in KEPT
    ]
    lists += [[f"auth {digest}" for digest in AUTH], CIPHERS, COMPRESSION, NAMES]
    return [
        [line for line in lines if line] for lines in itertools.zip_longest(*lists, fillvalue="")
    ]


def _docker(*args: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        ["docker", *args], text=True, capture_output=True, timeout=300, **options
    )


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    """The egress image; before it is built, one with nothing but OpenVPN in it."""
    built = _docker("image", "ls", "-q", "--filter", "dangling=false", EGRESS, check=True).stdout
    if built.split():  # the newest comes first
        yield built.split()[0]
        return
    recipe = (
        "FROM debian:trixie-slim\n"
        "RUN apt-get update && apt-get install -y --no-install-recommends openvpn\n"
    )
    _docker("build", "-t", SPARE, "-", input=recipe, check=True)
    yield SPARE
    _docker("image", "rm", SPARE)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory, image: str) -> dict[str, str]:
    """A certificate authority, a client's certificate, and a static key: real ones."""
    place = tmp_path_factory.mktemp("pki")
    config = "[ca]\ndefault_ca=own\n[own]\ndatabase=index\ndefault_md=sha256\n"
    (place / "ca.conf").write_text(config)
    (place / "index").touch()
    new_key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -batch"
    for command in (
        f"req -x509 {new_key} -subj /CN=provider -keyout ca.key -out ca.crt",
        f"req {new_key} -subj /CN=client -keyout client.key -out client.csr",
        "x509 -req -in client.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -text "
        "-out client.crt",
        "ca -config ca.conf -gencrl -crldays 2 -keyfile ca.key -cert ca.crt -out crl.pem",
    ):
        subprocess.run(
            ["openssl", *command.split()], cwd=place, check=True, capture_output=True, timeout=60
        )
    static = _docker(
        "run", "--rm", "--network", "none", "--entrypoint", "openvpn", image,
        "--genkey", "secret", "/dev/stdout", check=True,
    )  # fmt: skip
    files = {"CA": "ca.crt", "CERT": "client.crt", "KEY": "client.key", "CRL": "crl.pem"}
    found = {mark: (place / name).read_text().strip() for mark, name in files.items()}
    return found | {"STATIC": static.stdout.strip()}


_SCRIPT = """
sed '/^--- credentials$/q' > /tmp/both; sed '$d' /tmp/both > /tmp/client.ovpn
printf 'user\\npassword\\n' > /tmp/credentials; chmod 600 /tmp/credentials
exec openvpn --config /tmp/client.ovpn "$@"
"""


def start(image: str, profile: Profile, remote: Remote) -> str:
    """Everything that OpenVPN says until it calls `remote` or gives up."""
    rendered = render_openvpn(profile, "/tmp/credentials")
    # The supervisor at the other end of the control socket is missing here.
    lines = [line for line in rendered.splitlines() if not line.startswith("management")]
    text = "\n".join([*lines, "--- credentials", ""])
    address = remote.host if remote.host[0].isdigit() else "203.0.113.99"
    command = [
        "docker", "run", "--rm", "-i", "--init", "--network", "none", "--read-only",
        "--tmpfs", "/tmp", "--tmpfs", "/run", "--entrypoint", "timeout", image, str(SECONDS),
        "sh", "-c", _SCRIPT, "sh",
        "--remote", address, str(remote.port), remote.protocol,
    ]  # fmt: skip
    said = []
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        running.stdin.write(text)
        running.stdin.flush()  # kept open: its end would not stop OpenVPN, but docker may
        for line in running.stdout:
            said.append(line)
            if any(call in line for call in CALLS):
                running.terminate()  # handed on to the container by docker run
                break
        running.stdin.close()
        running.stdout.read()
    return "".join(said)


def assert_accepted(image: str, cleaned: Cleaned) -> str:
    assert cleaned.problems == ()
    assert cleaned.profile is not None
    said = start(image, cleaned.profile, cleaned.profile.remotes[0])
    assert any(call in said for call in CALLS), said
    assert "Options error" not in said
    return said


@pytest.mark.parametrize("name", GOOD)
def test_a_providers_file_works_after_cleaning(name: str, image: str, keys: dict[str, str]) -> None:
    said = assert_accepted(image, clean(sample(name, keys), Beside(keys), name))
    assert "Unsupported" not in said


@pytest.mark.parametrize("lines", rounds(), ids=lambda lines: lines[0].split()[0])
def test_every_kept_directive_is_known_to_openvpn(
    lines: list[str], image: str, keys: dict[str, str]
) -> None:
    blocks = {"ca": "CA", "cert": "CERT", "key": "KEY"}
    if "key-direction 1" in lines:
        blocks["tls-auth"] = "STATIC"
    inline = [f"<{tag}>\n{keys[mark]}\n</{tag}>" for tag, mark in blocks.items()]
    text = "\n".join(["client", "dev tun", "remote 203.0.113.9 1194 udp", *lines, *inline])
    said = assert_accepted(image, clean(text, Beside(keys), "test"))
    assert "ptions error" not in said


def test_a_profile_that_openvpn_refuses_is_told_from_one_it_accepts(image: str) -> None:
    remote = Remote("203.0.113.9", 1194, "udp")
    broken = Profile((remote,), ("no-such-directive",), {}, True)
    assert "Options error" in start(image, broken, remote)


def test_the_list_of_modern_ciphers_is_known(image: str) -> None:
    shown = _docker(
        "run", "--rm", "--network", "none", "--entrypoint", "openvpn", image, "--show-ciphers",
        check=True,
    ).stdout  # fmt: skip
    assert all(cipher in shown for cipher in MODERN)
