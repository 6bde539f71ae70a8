"""Keys, VPN profiles and the router's configuration of the demo, made at run time.

They live in the ignored directory .demo/ of the repository and are used again by the next run;
no key is ever part of the repository or of an image.
"""

import os
import re
import secrets
import shutil
from pathlib import Path

from engine import docker

IMAGE = "manyways/home:dev"
USER = "demo"
_FILES = {"ca": "ca.crt", "cert": "client.crt", "key": "client.key", "tls-crypt": "tls-crypt.key"}

# The servers of the simulated internet: nothing of this home may ask anybody real.
INTERNET_PROBE = "internet_probe: [198.51.100.80, 198.51.100.81, 198.51.100.82, 198.51.100.53]\n"

ROUTER_YAML = f"""\
# The demo's router. A real one looks the same: see router.example.yaml.
lan:
  interfaces: [mwh-lan0]
uplinks:
  home:
    interface: mwh-wan0
    address: dhcp
destinations:
  direct:
    type: direct
    uplink: home
  uk:
    type: openvpn
    profile: uk.ovpn
    credentials: profiles/uk.credentials
    uplink: home
# profiles/de.ovpn is a destination without further words.
default_destination: direct
# Whom to ask whether there is an internet: a real router asks the DNS root servers.
{INTERNET_PROBE}# Whom to ask how a destination looks from outside; a real router asks nobody.
address_service: http://198.51.100.80/ip
devices:
  - name: tv
    mac: 02:4d:57:00:00:01
  - name: laptop
    mac: 02:4d:57:00:00:02
    destination: direct
  - name: phone
    mac: 02:4d:57:00:00:03
    destination: de
"""

UK_PROFILE = """\
# A profile as many providers hand it out: certificates and a user name, by UDP.
client
dev tun
proto udp
remote 198.51.100.10 1194
resolv-retry infinite
nobind
persist-key
persist-tun
remote-cert-tls server
auth-user-pass
data-ciphers AES-256-GCM:CHACHA20-POLY1305
verb 3
"""

DE_PROFILE = """\
# The other kind: a host name, TCP 443, tls-crypt, and the cipher names of older days.
client
dev tun
proto tcp
remote vpn.de.test 443
resolv-retry infinite
remote-random
nobind
persist-key
persist-tun
remote-cert-tls server
cipher AES-256-CBC
auth SHA512
reneg-sec 0
mute-replay-warnings
verb 3
"""


def provide(demo: Path) -> None:
    """Fill the directory `demo` with whatever is missing of pki/ and config/.

    Raises DemoError when the keys cannot be made.
    """
    demo.mkdir(mode=0o700, exist_ok=True)
    for name in ("uk", "de"):
        if not (demo / "pki" / name).exists():
            _make_provider(demo / "pki", name)
    profiles = demo / "config" / "profiles"
    profiles.mkdir(parents=True, exist_ok=True)
    uk, de = demo / "pki" / "uk", demo / "pki" / "de"
    _write(profiles / "uk.ovpn", UK_PROFILE + _inline(uk, "ca", "cert", "key"))
    _write(profiles / "uk.credentials", (uk / "credentials").read_text())
    _write(profiles / "de.ovpn", DE_PROFILE + _inline(de, "ca", "cert", "key", "tls-crypt"))
    router = demo / "config" / "router.yaml"
    written = router.read_text() if router.exists() else ROUTER_YAML
    if not re.search(r"^internet_probe:", written, re.MULTILINE):
        written = f"{INTERNET_PROBE}{written}"  # of an older demo
    written = written.replace("leaktest:\n  address_service:", "address_service:")  # older, too
    if not router.exists() or written != router.read_text():  # a person may have played with it
        _write(router, written)


def _make_provider(pki: Path, name: str) -> None:
    print(f"making the keys of the VPN provider {name}", flush=True)
    unfinished = pki / f"{name}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    docker(
        *("run", "--rm", "--network", "none", "--cap-drop", "ALL"),
        *("--label", "io.manyways.home=1", "--volume", f"{unfinished}:/pki"),
        *("--entrypoint", "/opt/home/make-provider", IMAGE, name),
    )
    _write(unfinished / "credentials", f"{USER}\n{secrets.token_urlsafe(12)}\n")
    unfinished.rename(pki / name)  # an interrupted run leaves no half of a provider


def _inline(pki: Path, *tags: str) -> str:
    return "".join(f"<{tag}>\n{(pki / _FILES[tag]).read_text()}</{tag}>\n" for tag in tags)


def _write(path: Path, text: str) -> None:
    """Write a file that only its owner may read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
