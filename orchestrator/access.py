"""Who may do what on the page: the password, the policy, and keys for programs.

The page itself holds nothing and is the first thing that an attacker meets, so all that is secret
stays here: the page sends what a visitor typed, and hears yes or no. Nothing here is needed
to carry traffic; when the file can't be read, the page shows everything and changes nothing.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import hmac
import logging
import math
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from orchestrator.client.words import Policy
from orchestrator.documents import Document
from orchestrator.tries import Tries

log = logging.getLogger(__name__)


FILE = "access.json"
TOKEN_PREFIX = "manyways_"  # so that a person, or a scanner of leaked secrets, knows it
SHORTEST, LONGEST = 8, 128  # characters of a password
TOKENS_AT_MOST = 32
_USE_NOTED_EVERY = timedelta(days=1)  # each note is a write to an SD card
_TURN_S = 1.0  # how long a login waits for another one; the daemon has few threads


class Denied(Exception):
    """A request that was refused; nothing was changed. `status` is HTTP's, `wait` in seconds."""

    def __init__(self, message: str, hint: str = "", status: int = 403, wait: int = 0) -> None:
        super().__init__(message)
        self.hint = hint
        self.status = status
        self.wait = wait


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """What is kept of a password: scrypt (RFC 7914) with its parameters, hexadecimal."""

    salt: str
    hash: str
    n: int = 2**14  # with r = 8: 16 MiB for a fraction of a second
    r: int = 8
    p: int = 1


@dataclass(frozen=True, slots=True)
class Token:
    """A key for programs. Its 256 random bits need no slow hash."""

    id: str
    name: str
    sha256: str
    made_at: str
    used_at: str | None = None


@dataclass(frozen=True, slots=True)
class Remembered:
    """The content of access.json."""

    page_key: str
    generation: int = 1
    policy: Policy = "everybody"
    password: PasswordHash | None = None
    tokens: tuple[Token, ...] = ()
    damaged: bool = False  # an earlier version was unreadable; nobody has decided anew since


class Access:
    """The living state of who may do what. Every method is thread-safe.

    Those that change something raise Denied, or OSError when it could not be written.
    """

    def __init__(self, directory: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._document = Document(directory / FILE, Remembered)
        self._clock = clock
        self._tries = Tries()
        self._lock = threading.Lock()
        self._hashing = threading.Lock()  # one at a time: each takes 16 MiB
        self._state = self._recall(directory)

    def _recall(self, directory: Path) -> Remembered:
        there = (directory / FILE).exists()
        traces = [
            name for name in (".previous", ".damaged") if (directory / f"{FILE}{name}").exists()
        ]
        reading = self._document.read()
        if reading.value and there and not reading.damaged:
            return reading.value
        # An older version may hold a password that was changed since, or a token that was revoked.
        damaged = bool(reading.damaged or there or traces)
        if damaged:
            log.error("who may use the page could not be read: nobody may change anything there")
        state = Remembered(secrets.token_hex(32), secrets.randbelow(2**31), damaged=damaged)
        with contextlib.suppress(OSError):  # the next change, or the next start, tries again
            self._document.write(state)
        return state

    # --- questions ---------------------------------------------------------------------------

    def summary(self) -> dict[str, Any]:
        """Return what anybody may know."""
        state = self._state
        return {
            "password": state.password is not None,
            "policy": state.policy,
            "generation": state.generation,
            "damaged": state.damaged,
        }

    def page_key(self) -> str:
        """Return the secret by which the page signs its cookies."""
        return self._state.page_key

    def tokens(self) -> list[dict[str, Any]]:
        """Return all tokens, without their secrets."""
        return [_shown(token) for token in self._state.tokens]

    # --- the password ------------------------------------------------------------------------

    def log_in(self, password: str, visitor: str) -> dict[str, Any]:
        """Check the password that `visitor`, an address, has typed. Raises Denied."""
        if self._state.password is None:
            raise Denied("no password is set", "nobody needs to log in", 409)
        self._prove(password, visitor, "that is not the password")
        return self.summary()

    def set_password(self, new: str, old: str, visitor: str) -> dict[str, Any]:
        """Set the password, or remove it when `new` is empty; all visits end. Raises Denied."""
        self._refuse_if_damaged()
        if new:
            _check_wording(new)
        before = self._state.password
        if before is not None:
            self._prove(old, visitor, "the old password is not right")
        hashed = self._hash(new) if new else None
        with self._changing() as state:
            if state.password != before:
                raise Denied("somebody else has just changed the password", "try again", 409)
            # Before there was a password, any gadget could have made itself a key.
            tokens = state.tokens if before else ()
            self._write(
                dataclasses.replace(
                    state,
                    password=hashed,
                    policy=state.policy if hashed else "everybody",
                    generation=state.generation + 1,
                    tokens=tokens,
                )
            )
            if before is None:  # nor is anybody known by a password of a gadget's own making
                self._tries = Tries()
            self._tries.succeeded(visitor)
        return self.summary()

    def remove_password(self) -> dict[str, Any]:
        """Open the page to everybody, for who forgot the password or lost the file."""
        with self._changing() as state:
            generation = state.generation + 1
            self._write(
                dataclasses.replace(
                    state, password=None, policy="everybody", generation=generation, damaged=False
                )
            )
            self._tries = Tries()
        return self.summary()

    def set_policy(self, policy: Policy) -> dict[str, Any]:
        """Say who may change what. Raises Denied."""
        self._refuse_if_damaged()
        with self._changing() as state:
            if state.password is None and policy != "everybody":
                raise Denied("that needs a password", "set one first", 409)
            self._write(dataclasses.replace(state, policy=policy))
        return self.summary()

    # --- tokens ------------------------------------------------------------------------------

    def make_token(self, name: str) -> dict[str, Any]:
        """Make a key for a program and return it with its secret. Raises Denied."""
        self._refuse_if_damaged()
        name = name.strip()
        if not name or not name.isprintable():
            raise Denied("a key needs a name", "such as: Home Assistant", 400)
        secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
        token = Token(secrets.token_hex(4), name, _digest(secret), _now().isoformat())
        with self._changing() as state:
            if len(state.tokens) >= TOKENS_AT_MOST:
                raise Denied(f"there are {TOKENS_AT_MOST} keys", "revoke one first", 409)
            self._write(dataclasses.replace(state, tokens=(*state.tokens, token)))
        return {**_shown(token), "secret": secret}

    def revoke_token(self, wanted: str) -> dict[str, Any]:
        """Make a key worthless from now on and return it. Raises Denied."""
        with self._changing() as state:
            found = next((t for t in state.tokens if t.id == wanted), None)
            if found is None:
                raise Denied("there is no such key", "it may be revoked already", 404)
            left = tuple(t for t in state.tokens if t.id != wanted)
            self._write(dataclasses.replace(state, tokens=left))
        return _shown(found)

    def check_token(self, secret: str) -> dict[str, Any]:
        """Return whose secret that is. Raises Denied."""
        digest = _digest(secret)
        for token in self._state.tokens:
            if hmac.compare_digest(token.sha256, digest):
                self._note_use(token)
                return _shown(token)
        raise Denied("this token is not known here", "it may have been revoked", 401)

    def _note_use(self, token: Token) -> None:
        now = _now()
        if token.used_at and now - datetime.fromisoformat(token.used_at) < _USE_NOTED_EVERY:
            return
        used = dataclasses.replace(token, used_at=now.isoformat())
        with self._changing() as state, contextlib.suppress(OSError):
            tokens = tuple(used if t.id == used.id else t for t in state.tokens)
            self._write(dataclasses.replace(state, tokens=tokens))

    # --- inside ------------------------------------------------------------------------------

    def _prove(self, password: str, visitor: str, mistake: str) -> None:
        kept = self._state.password
        with self._lock:
            now = self._clock()
            left = self._tries.wait(visitor, now)
            if left > 0:
                raise _too_soon(math.ceil(left))
            self._tries.begin(visitor, now)
        if kept is None or not hmac.compare_digest(self._digest(password, kept), kept.hash):
            raise Denied(mistake, "try again", 403)
        with self._lock:
            self._tries.succeeded(visitor)

    def _hash(self, password: str) -> PasswordHash:
        fresh = PasswordHash(secrets.token_hex(16), "")
        return dataclasses.replace(fresh, hash=self._digest(password, fresh))

    def _digest(self, password: str, with_: PasswordHash) -> str:
        if not self._hashing.acquire(timeout=_TURN_S):
            raise _too_soon(2)
        try:
            raw = hashlib.scrypt(
                password.encode("utf-8", "surrogatepass"),
                salt=bytes.fromhex(with_.salt),
                n=with_.n, r=with_.r, p=with_.p, maxmem=2**26,
            )  # fmt: skip
        finally:
            self._hashing.release()
        return raw.hex()

    @contextlib.contextmanager
    def _changing(self) -> Iterator[Remembered]:
        with self._lock:
            yield self._state

    def _write(self, state: Remembered) -> None:
        self._document.write(state)
        self._state = state

    def _refuse_if_damaged(self) -> None:
        if self._state.damaged:
            raise Denied(
                "what was set about who may use the page could not be read, so nothing here can"
                " be changed",
                "type on the router: orchestrator password --remove",
                409,
            )


def _check_wording(password: str) -> None:
    if not SHORTEST <= len(password) <= LONGEST:
        raise Denied(
            f"a password has {SHORTEST} to {LONGEST} characters", "a few words are good", 400
        )
    if not password.isprintable():
        raise Denied(
            "a password is made of letters, digits, signs and spaces",
            "leave out tabs and line breaks",
            400,
        )


def _too_soon(seconds: int) -> Denied:
    minutes = math.ceil(seconds / 60)
    wait = f"{seconds} seconds" if seconds > 1 else "a second"
    wait = wait if seconds < 90 else f"{minutes} minutes"
    return Denied("there were too many tries", f"wait {wait}, then try again", 429, seconds)


def _shown(token: Token) -> dict[str, Any]:
    shown = dataclasses.asdict(token)
    del shown["sha256"]
    return shown


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
