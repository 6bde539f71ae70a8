"""The files in profiles/: which there are, and what OpenVPN may be told of them.

The only place of the configuration that reads files. What a profile names is looked for beside
it and nowhere else, also when a link would lead out.
"""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.config.errors import ConfigError, nearest
from orchestrator.config.reader import Findings
from orchestrator.model import Profile
from orchestrator.profile import Unreadable, clean, parse_credentials

FOLDER = "profiles"
_LARGEST = 1 << 20


@dataclass(slots=True)
class Shelf:
    """The profiles/ folder below the configuration directory."""

    directory: Path
    findings: Findings

    def names(self) -> list[str]:
        """Every *.ovpn file. Notes files that somebody may have meant as one."""
        try:
            files = sorted(p.name for p in (self.directory / FOLDER).iterdir())
        except OSError:
            return []
        visible = [name for name in files if not name.startswith(".") and name.isprintable()]
        for name in visible:
            if name.lower().endswith(".conf"):
                self.findings.notes.append(
                    f"{FOLDER}/{name}: is not read; OpenVPN profiles end in .ovpn"
                )
        return [name for name in visible if name.lower().endswith(".ovpn")]

    def load(self, name: str, credentials: Path | None) -> Profile | None:
        """The cleaned profile with its credentials; None when it cannot be used.

        `credentials` is the file that router.yaml names; otherwise one of the same name beside
        the profile counts.
        """
        source = f"{FOLDER}/{name}"
        try:
            text = self._read(Path(FOLDER) / name).decode("utf-8", "replace")
        except Unreadable as error:
            self._error(source, None, "", error.message, error.hint)
            return None
        cleaned = clean(text, self._beside, source)
        for problem in cleaned.problems:
            self._error(source, problem.line, problem.directive, problem.message, problem.hint)
        if cleaned.profile is None:
            return None
        self.findings.notes += cleaned.profile.notes
        return self._with_credentials(cleaned.profile, name, credentials)

    def missing(self, name: str) -> str:
        """A hint for a profile that is not there."""
        there = self.names()
        return nearest(name, there) if there else f"put the provider's .ovpn file into {FOLDER}/"

    def _with_credentials(self, profile: Profile, name: str, given: Path | None) -> Profile | None:
        stem = name[: -len(".ovpn")]
        beside = (Path(FOLDER) / f"{stem}{end}" for end in (".txt", ".credentials"))
        path = given or next((p for p in beside if (self.directory / p).is_file()), None)
        if path is None:
            if not profile.needs_credentials or profile.credentials:
                return profile
            self._error(
                f"{FOLDER}/{name}",
                None,
                "auth-user-pass",
                "the provider wants a user name and a password",
                f"write them as two lines into {FOLDER}/{stem}.txt",
            )
            return None
        if not profile.needs_credentials:
            self.findings.notes.append(
                f"{FOLDER}/{name}: does not ask for a password, so the credentials are not used"
            )
            return profile
        found = self._credentials(path)
        return replace(profile, credentials=found) if found else None

    def _credentials(self, path: Path) -> tuple[str, str] | None:
        try:
            raw = self._read(path)
            mode = (self.directory / path).stat().st_mode
            found = parse_credentials(raw)
        except OSError:
            self._error(str(path), None, "", "cannot be read", "look at its permissions")
            return None
        except Unreadable as error:
            self._error(str(path), None, "", error.message, error.hint)
            return None
        if mode & stat.S_IROTH:
            self.findings.notes.append(
                f"{path}: everybody on this machine can read the password; `chmod 600 {path}`"
            )
        return found

    def _beside(self, name: str) -> bytes:
        """A file that a profile names; only from inside profiles/."""
        if Path(name).is_absolute() or ".." in Path(name).parts or "\0" in name:
            raise Unreadable(
                "names a file outside profiles/",
                f"put the file beside the profile and write only its name, {Path(name).name}"
                if Path(name).name.isprintable()
                else "put the file beside the profile",
            )
        return self._read(Path(FOLDER) / name)

    def _read(self, relative: Path) -> bytes:
        path = self.directory / relative
        root = (
            (self.directory / relative.parts[0]).resolve()
            if len(relative.parts) > 1
            else (self.directory.resolve())
        )
        try:
            real = path.resolve(strict=True)
            if not real.is_relative_to(root):
                raise Unreadable("is a link that leads elsewhere", "put the file itself there")
            if not real.is_file():
                raise Unreadable("is not a file", "put a file there")
            if real.stat().st_size > _LARGEST:
                raise Unreadable("is larger than 1 MiB", "it cannot be the right file")
            return real.read_bytes()
        except FileNotFoundError:
            raise Unreadable(
                "the file that it names is not there"
                if relative.parts[0] == FOLDER
                else "is not there",
                "put the file beside it",
            ) from None
        except (OSError, RuntimeError, ValueError):
            raise Unreadable("cannot be read", "look at its permissions") from None

    def _error(self, file: str, line: int | None, about: str, message: str, hint: str) -> None:
        self.findings.errors.append(ConfigError(file, line, about, message, hint))


def destination_name(file: str) -> str:
    """uk-London.1.ovpn -> uk-london-1; may be empty."""
    stem = file[: -len(".ovpn")].lower()
    return re.sub(r"[^a-z0-9]+", "-", stem).strip("-")[:15].rstrip("-")
