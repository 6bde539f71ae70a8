"""The configuration's folder: router.yaml, profiles, and who may read them."""

from __future__ import annotations

import re
import stat
from pathlib import Path, PurePosixPath

from orchestrator import added
from orchestrator.config import ConfigErrors, load
from orchestrator.config.load import FILE
from orchestrator.config.profiles import FOLDER, Shelf
from orchestrator.config.reader import Findings
from orchestrator.config.uploads import AddedVpn
from orchestrator.doctor import der
from orchestrator.doctor.machine import Certificate, NotSeen, Port, SecretFile, Unseen, Wanted
from orchestrator.model import Config, HostFacts, HostInterface, Profile

_SECRET_ENDINGS = (".txt", ".credentials", ".key", ".p12", ".pfx")
_SECRET_WORDS = (b"PRIVATE KEY", b"OpenVPN Static key")
_PASSPHRASE = re.compile(rb"^[^#\n]*\bpassphrase[\"']?\s*:", re.MULTILINE)
_CERTIFICATES = ("ca", "cert")


def read(
    directory: Path, ports: tuple[Port, ...] | Unseen, chosen: Path | None = None
) -> Config | ConfigErrors | None:
    """Return the configuration, its mistakes, or None when there is none.

    `chosen` is the file in router.yaml's place, if the daemon chose by itself. It is compared with
    the ports only; what overlaps is a finding of its own.
    """
    if chosen is None and not (directory / FILE).exists():
        return None
    try:
        return load(directory, None if isinstance(ports, Unseen) else _ports(ports), chosen)
    except ConfigErrors as mistakes:
        return mistakes


def _ports(ports: tuple[Port, ...]) -> HostFacts:
    return HostFacts(tuple(HostInterface(p.name, (), p.default_route, p.wireless) for p in ports))


def added_vpns(state: Path) -> tuple[AddedVpn, ...]:
    """Return the VPNs that were added on the page.

    A damaged one is set aside, as the daemon does it at its start; `status` tells of it.
    """
    return added.Shelf(state / "added").usable


def wanted(config: Config | ConfigErrors | None, more: tuple[AddedVpn, ...]) -> Wanted:
    """Return what the configuration, with added VPNs, asks of the machine. Raises NotSeen."""
    if config is None:
        raise NotSeen(f"{FILE} is missing")
    if isinstance(config, ConfigErrors):
        raise NotSeen(f"{FILE} has mistakes")
    return Wanted(
        lan_ports=config.lan.interfaces,
        uplink_ports=tuple(uplink.interface for uplink in config.uplinks),
        networks=(
            (config.lan.network, "the home network", "address"),
            (config.transit_pool, "the transit pool", "transit"),
        ),
        vpns=(*(d.name for d in config.destinations if d.profile), *(vpn.name for vpn in more)),
        wifi=config.wifi,
    )


def secrets(directory: Path) -> tuple[SecretFile, ...]:
    """Return the files that hold a key or a password. Raises NotSeen."""
    return (*_settings_file(directory), *_profile_files(directory))


def _settings_file(directory: Path) -> tuple[SecretFile, ...]:
    """router.yaml, where it holds a passphrase of a Wi-Fi network."""
    path = directory / FILE
    try:
        if _PASSPHRASE.search(path.read_bytes()) is None:
            return ()
        public = directory.stat().st_mode & stat.S_IXOTH and path.stat().st_mode & stat.S_IROTH
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise NotSeen(f"{FILE}: {error.strerror}") from error
    return (SecretFile(PurePosixPath(FILE), bool(public)),)


def _profile_files(directory: Path) -> tuple[SecretFile, ...]:
    folder = directory / FOLDER
    try:
        enterable = bool(folder.stat().st_mode & stat.S_IXOTH)
        files = sorted(path for path in folder.iterdir() if path.is_file())
        return tuple(
            SecretFile(
                PurePosixPath(FOLDER, path.name),
                enterable and bool(path.stat().st_mode & stat.S_IROTH),
            )
            for path in files
            if _is_secret(path)
        )
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise NotSeen(f"{FOLDER}: {error.strerror}") from error


def _is_secret(path: Path) -> bool:
    if path.suffix.lower() in _SECRET_ENDINGS:
        return True
    content = path.read_bytes()
    return any(word in content for word in _SECRET_WORDS)


def certificates(
    directory: Path, config: Config | ConfigErrors | None, more: tuple[AddedVpn, ...]
) -> tuple[tuple[Certificate, ...], tuple[str, ...]]:
    """Return every profile's certificates, and the profiles that can't be used as they are."""
    profiles, unread = _profiles(directory, config)
    profiles += [(vpn.name, vpn.profile) for vpn in more]
    found: list[Certificate] = []
    for name, profile in profiles:
        try:
            found += [
                Certificate(name, what, begins, ends)
                for what in _CERTIFICATES
                if what in profile.inline
                for begins, ends in _validity(what, profile.inline[what])
            ]
        except der.Unreadable:
            unread.append(name)
    return tuple(found), tuple(unread)


def _validity(what: str, pem: str) -> list[tuple[float, float]]:
    """Of several authorities the one that lasts longest; a provider ships old ones along."""
    dates = der.validity(pem)
    return [max(dates, key=lambda pair: pair[1])] if what == "ca" else dates[:1]


def _profiles(
    directory: Path, config: Config | ConfigErrors | None
) -> tuple[list[tuple[str, Profile]], list[str]]:
    if isinstance(config, Config):
        return [(d.name, d.profile) for d in config.destinations if d.profile], []
    shelf = Shelf(directory, Findings(file=FILE))
    every = [(f"{FOLDER}/{name}", shelf.load(name, None)) for name in shelf.names()]
    return [(n, p) for n, p in every if p], [n for n, p in every if p is None]
