"""VPNs that somebody adds on the page: judged like a file of profiles/, and put beside those.

What a person writes into router.yaml and profiles/ always comes first. An added VPN whose name or
room is taken there is left out with a note; it can never make a good configuration a bad one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from orchestrator.config import countries, values
from orchestrator.config.destinations import MOST
from orchestrator.config.profiles import destination_name
from orchestrator.config.values import Bad
from orchestrator.model import Config, Destination, Kind, Profile
from orchestrator.profile import Problem, Unreadable, clean, parse_credentials

LARGEST = 256 * 1024  # bytes of a profile with its keys
MOST_PROBLEMS = 20  # whoever reads more of them has the wrong file
_ENDING = ".ovpn"
_SOURCE = "line"


@dataclass(frozen=True, slots=True)
class Upload:
    """What a person sends: a name or the file's name, the profile's text, and credentials."""

    name: str
    profile: str = field(repr=False)
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class AddedVpn:
    """An added VPN that could be read. `offered`: it has worked once."""

    name: str
    profile: Profile
    offered: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """A usable profile, or each thing that is wrong, by line. No text repeats a secret."""

    profile: Profile | None
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def name_of(upload: Upload) -> str:
    """Return the name of a destination: the person's own, or one made from the file's name."""
    name = upload.name.strip()
    return destination_name(name) if name.lower().endswith(_ENDING) else name


def judge_name(config: Config, name: str) -> str:
    """Say what speaks against a name for a new destination; empty when nothing does."""
    try:
        values.destination_name(name)
    except Bad as bad:
        fitting = destination_name(name + _ENDING)
        example = _free(config, fitting or "vpn")
        return f"name: {bad.message}; {bad.hint}, such as {example}"
    if config.destination(name):
        return f"name: '{name}' is taken; take another one, such as {_free(config, name)}"
    return ""


def _free(config: Config, name: str) -> str:
    names = (name, *(f"{name[:12].rstrip('-')}-{number}" for number in range(2, MOST + 2)))
    usable = (n for n in names if n not in values.RESERVED_DESTINATIONS)
    return next((n for n in usable if not config.destination(n)), name)


def judge(upload: Upload) -> Judged:
    """Read a profile and its credentials. Pure, and never raises."""
    if len(upload.profile.encode(errors="replace")) > LARGEST:
        return Judged(
            None, (f"the file is larger than {LARGEST // 1024} KiB; is it the right one?",)
        )
    if not upload.profile.strip():
        return Judged(None, ("the file is empty; choose the provider's .ovpn file",))
    if re.match(r"\s*<(!doctype|html)\b", upload.profile, re.IGNORECASE):
        return Judged(None, ("line 1: this is a web page; download the .ovpn file itself",))
    cleaned = clean(upload.profile, _not_here, _SOURCE)
    problems = [*map(_sentence, cleaned.problems[:MOST_PROBLEMS])]
    if (more := len(cleaned.problems) - MOST_PROBLEMS) > 0:
        problems.append(f"and {more} more; is it an OpenVPN profile?")
    credentials, trouble = _credentials(upload)
    problems += [trouble] if trouble else []
    if cleaned.profile is None or problems:
        return Judged(None, tuple(problems))
    return _with_credentials(cleaned.profile, credentials)


def _with_credentials(profile: Profile, credentials: tuple[str, str] | None) -> Judged:
    notes = tuple(map(_note, profile.notes))
    profile = replace(profile, notes=())
    if not profile.needs_credentials:
        unused = "the profile does not ask for a password, so user name and password are not used"
        return Judged(profile, (), (*notes, unused) if credentials else notes)
    if credentials is None and profile.credentials is None:
        return Judged(None, ("the provider wants a user name and a password; fill in both",))
    return Judged(replace(profile, credentials=credentials or profile.credentials), (), notes)


def _credentials(upload: Upload) -> tuple[tuple[str, str] | None, str]:
    """User name and password, None when neither was given; or what is wrong with them."""
    if not upload.username and not upload.password:
        return None, ""
    for given, what in ((upload.username, "user name"), (upload.password, "password")):
        if not given.strip():
            return None, f"the {what} is missing; fill in both, user name and password"
    try:
        return parse_credentials(f"{upload.username}\n{upload.password}".encode()), ""
    except (Unreadable, UnicodeEncodeError):
        return None, "user name or password is too long or holds odd characters; look at them again"


def _note(text: str) -> str:
    """A note of the profile's: "line:12: route: …", or without a line "line: fragment: …"."""
    about = text.removeprefix(f"{_SOURCE}:")
    return f"the profile: {about.strip()}" if about.startswith(" ") else f"line {about}"


def _sentence(problem: Problem) -> str:
    place = f"line {problem.line}: " if problem.line else ""
    about = f"{problem.directive}: " if problem.directive else "" if place else "the profile "
    return f"{place}{about}{problem.message}" + (f"; {problem.hint}" if problem.hint else "")


def _not_here(_name: str) -> bytes:
    raise Unreadable(
        "stands in another file, which is not here",
        "put what that file holds into the profile, between a line <ca> and a line </ca> "
        "(or <cert>, <key>, …)",
    )


def room_for(config: Config, name: str) -> str:
    """Say why there is no room for one more destination; empty when there is."""
    if len(config.destinations) >= MOST:
        return f"there are {MOST} destinations, and no more are possible; remove one first"
    uplink = next(iter(config.uplinks), None)
    if uplink is None:
        return "there is no uplink; write one into router.yaml"
    users = sum(d.uplink == uplink.name for d in config.destinations)
    if uplink.static and users >= len(uplink.static.addresses):
        return (
            f"the uplink '{uplink.name}' has {len(uplink.static.addresses)} addresses, and none is "
            f"left for '{name}'; write more of them into router.yaml"
        )
    return ""


def overruled(config: Config, added: Iterable[AddedVpn]) -> tuple[str, ...]:
    """Return the names of added VPNs that router.yaml or profiles/ gives to something else."""
    return tuple(one.name for one in added if config.destination(one.name))


def with_added(config: Config, added: Iterable[AddedVpn]) -> Config:
    """Return a configuration from files together with what was added on the page."""
    for one in added:
        if config.destination(one.name):
            trouble = "router.yaml or profiles/ has a destination of that name now"
        else:
            trouble = room_for(config, one.name)
        if trouble:
            note = f"'{one.name}', which was added on the page, is not used: {trouble}"
            config = replace(config, notes=(*config.notes, note))
            continue
        config = replace(config, destinations=(*config.destinations, _destination(config, one)))
    return config


def _destination(config: Config, one: AddedVpn) -> Destination:
    return Destination(
        one.name,
        Kind.OPENVPN,
        config.uplinks[0].name,
        one.profile.dns,
        one.profile,
        config.internet_probe,
        country=countries.guess(one.name),
        added=True,
        offered=one.offered,
    )
