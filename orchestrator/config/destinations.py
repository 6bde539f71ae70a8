"""The `destinations` section, and the destinations that nobody has to write."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path

from orchestrator.config import countries, values
from orchestrator.config.errors import ConfigError, nearest
from orchestrator.config.profiles import FOLDER, Shelf, destination_name
from orchestrator.config.reader import Section
from orchestrator.config.values import Bad
from orchestrator.model import ROOT_SERVERS, Destination, Kind, Uplink

KEYS = (
    *("type", "profile", "credentials", "dns", "uplink", "internet_probe"),
    *("title", "country"),
)
MOST = 239  # each has a subnet of its own in the transit pool, and a byte in the mark
DIRECT = "direct"


@dataclass(slots=True)
class Destinations:
    """Reads what is written, then adds what goes without saying.

    `names` holds every name that is spoken for, also of destinations that are wrong, so that
    one mistake does not make a second one elsewhere.
    """

    root: Section
    shelf: Shelf
    uplinks: dict[str, Uplink | None]
    found: list[Destination] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    direct: str | None = None
    probe: tuple[IPv4Address, ...] = ROOT_SERVERS  # of those that say nothing else

    def read(self) -> list[Destination]:
        """All usable destinations: the written ones, `direct`, then one per profile."""
        self.probe = self._probe(self.root)
        section = self.root.section("destinations", None)
        for name in section.tree.entries:
            try:
                values.destination_name(name)
            except Bad as bad:
                section.error(name, bad.message, bad.hint)
            self.names.append(name)
            one = section.section(name, KEYS)
            if section.is_block(name):
                self._written(name, one)
        if self.direct is None:
            self._implied_direct(section)
        for file in self.shelf.names():
            if file not in self.used:
                self._implied(file)
        if len(self.names) > MOST:
            self.root.error(
                "destinations", f"there are {len(self.names)}", f"at most {MOST} are possible"
            )
        self._enough_addresses()
        return self.found

    @property
    def default_uplink(self) -> str:
        return next(iter(self.uplinks), "")

    def _probe(self, section: Section) -> tuple[IPv4Address, ...]:
        """Whom `section` wants asked; an empty list is a word, too."""
        if section.said("internet_probe") is None:
            return self.probe
        return tuple(section.values("internet_probe", values.probed, "193.0.14.129"))

    def _written(self, name: str, section: Section) -> None:
        guess = "direct" if name == DIRECT else "openvpn"
        kind = section.value("type", values.kind, Kind(guess))
        uplink = section.value("uplink", str, self.default_uplink)
        if uplink and uplink not in self.uplinks:
            section.error("uplink", f"there is no uplink '{uplink}'", nearest(uplink, self.uplinks))
        dns = tuple(section.values("dns", values.server, "9.9.9.9"))
        if kind is Kind.DIRECT:
            self.direct = self.direct or name
            for key in ("profile", "credentials"):
                if section.said(key) is not None:
                    section.error(
                        key, "a direct destination has none", "delete it, or write `type: openvpn`"
                    )
            probe, (title, country) = self._probe(section), self._shown(section)
            self.found.append(
                Destination(
                    name, kind, uplink or "", dns, None, probe, title=title, country=country
                )
            )
        elif kind is Kind.OPENVPN:
            self._openvpn(name, section, uplink or "", dns)

    def _shown(self, section: Section) -> tuple[str, str]:
        """Title and country, as far as somebody has said them."""
        title = section.value("title", values.title, "")
        return title or "", section.value("country", countries.country, "") or ""

    def _openvpn(
        self, name: str, section: Section, uplink: str, dns: tuple[IPv4Address, ...]
    ) -> None:
        file = section.value("profile", values.profile_name, f"{name}.ovpn")
        credentials = self._file_given(section)
        if file is None:
            return
        self.used.add(file)
        title, country = self._shown(section)
        if not (self.shelf.directory / FOLDER / file).is_file():
            section.error("profile", f"there is no file {FOLDER}/{file}", self.shelf.missing(file))
            return
        profile, probe = self.shelf.load(file, credentials), self._probe(section)
        if profile:
            self.found.append(
                Destination(
                    name,
                    Kind.OPENVPN,
                    uplink,
                    dns or profile.dns,
                    profile,
                    probe,
                    title=title,
                    country=country or countries.guess(name),
                )
            )

    def _file_given(self, section: Section) -> Path | None:
        given = section.value("credentials", values.file_name)
        if given is None:
            return None
        if not (self.shelf.directory / given).is_file():  # its name may be a password: not shown
            section.error(
                "credentials",
                "there is no such file in the configuration directory",
                "write the name of a file with two lines, user name and password",
            )
            return None
        return Path(given)

    def _implied_direct(self, section: Section) -> None:
        if DIRECT in self.names:
            section.error(
                DIRECT,
                "the name says the opposite of its type",
                "give the openvpn destination another name",
            )
            return
        self.names.insert(0, DIRECT)
        self.direct = DIRECT
        direct = Destination(DIRECT, Kind.DIRECT, self.default_uplink, internet_probe=self.probe)
        self.found.insert(0, direct)

    def _implied(self, file: str) -> None:
        name = destination_name(file)

        def say(message: str, hint: str) -> None:
            error = ConfigError(f"{FOLDER}/{file}", None, "", message, hint)
            self.root.findings.errors.append(error)

        try:
            values.destination_name(name)
        except Bad as bad:
            say(f"its name cannot be a destination's: {bad.message}", "rename it, such as uk.ovpn")
            return
        if name in self.names:
            say(
                f"there is already a destination '{name}'",
                f"rename the file, or write `profile: {file}` in the destination",
            )
            return
        self.names.append(name)
        profile = self.shelf.load(file, None)
        if profile:
            uplink, dns = self.default_uplink, profile.dns
            country = countries.guess(name)
            self.found.append(
                Destination(name, Kind.OPENVPN, uplink, dns, profile, self.probe, country=country)
            )

    def _enough_addresses(self) -> None:
        for uplink in self.uplinks.values():
            if uplink is None or uplink.static is None:
                continue
            users = [d.name for d in self.found if d.uplink == uplink.name]
            if len(users) > len(uplink.static.addresses):
                self.root.section("uplinks", None).section(uplink.name, None).error(
                    "address",
                    f"{uplink.static.addresses} has {len(uplink.static.addresses)} addresses for "
                    f"{len(users)} destinations ({', '.join(users)})",
                    "each destination needs one of its own",
                )
