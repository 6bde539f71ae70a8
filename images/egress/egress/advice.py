"""OpenVPN's log lines as one line of advice.

OpenVPN explains its failures to those who know its source. A person gets what is wrong and
what would help; a line that says nothing to a person gives nothing.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass


class Level(enum.IntEnum):
    """How much an advice explains; a weaker one never replaces a stronger one."""

    HINT = 1  # a symptom: what is seen when nothing better is known
    CAUSE = 2  # what went wrong at the endpoint or on the way to it
    REFUSED = 3  # the endpoint answered, and said no: asking again soon does not help


@dataclass(frozen=True, slots=True)
class Advice:
    """One line for a person."""

    text: str
    level: Level

    @property
    def final(self) -> bool:
        """Whether asking again soon would be in vain."""
        return self.level is Level.REFUSED


_TABLE: tuple[tuple[str, Level, str], ...] = (
    (
        r"AUTH_FAILED|auth-failure",
        Level.REFUSED,
        "the provider refused user name or password; check the credentials file, and that no "
        "other machine uses up the account's connections",
    ),
    (
        r"(Error reading username|auth-user-pass fails with|neither stdin nor stderr are a tty)",
        Level.REFUSED,
        "the profile needs a user name and a password, and the destination has none; "
        "give it a credentials file",
    ),
    (
        r"certificate is not yet valid",
        Level.REFUSED,
        "the provider's certificate is not valid yet by this machine's clock; "
        "check the date of this machine",
    ),
    (
        r"certificate has expired",
        Level.REFUSED,
        "a certificate has expired by this machine's clock; check the date of this machine, "
        "then ask the provider for a new profile",
    ),
    (
        r"alert certificate (expired|revoked|unknown)",
        Level.REFUSED,
        "the provider no longer accepts the profile's certificate; ask it for a new profile",
    ),
    (
        r"(unable to get (local )?issuer certificate|self[- ]signed certificate)",
        Level.REFUSED,
        "the server's certificate was not made by the authority in the profile (ca); "
        "get the provider's current profile",
    ),
    (
        r"VERIFY (KU|EKU|X509NAME|ERROR)",
        Level.REFUSED,
        "the server's certificate is not the one that the profile expects; "
        "get the provider's current profile",
    ),
    (
        r"(tls-crypt unwrap|TLS Error: (cannot locate HMAC|incoming packet authentication)"
        r"|Authenticate/Decrypt packet error: packet HMAC)",
        Level.CAUSE,
        "the tls-auth or tls-crypt key in the profile is not the server's; "
        "get the provider's current profile",
    ),
    (
        r"(no shared cipher|cipher (negotiation|algorithm) .*(failed|not found|not supported)"
        r"|Unsupported cipher|failed to negotiate cipher|handshake failure)",
        Level.REFUSED,
        "this machine and the server have no cipher in common; the profile may be too old",
    ),
    (
        r"(unsupported protocol|tlsv1 alert protocol version|version too low)",
        Level.REFUSED,
        "the server offers only a version of TLS that is no longer safe",
    ),
    (
        r"(private key|pkcs12|PEM).*(password|pass phrase|bad decrypt)",
        Level.REFUSED,
        "the private key in the profile is protected by a password; take the password off",
    ),
    (
        r"(Cannot load|error loading).*(certificate|private key|CA)",
        Level.REFUSED,
        "a certificate or key in the profile is damaged; get the profile again",
    ),
    (
        r"(Cannot open TUN/TAP dev|/dev/net/tun).*",
        Level.REFUSED,
        "this machine has no TUN device; load the kernel module 'tun'",
    ),
    (
        r"(Options error:|Unrecognized option)",
        Level.REFUSED,
        "OpenVPN does not accept the profile; see the log of this destination",
    ),
    (
        r"Connection refused",
        Level.CAUSE,
        "the endpoint's machine answers, but no VPN server listens there; "
        "check port and protocol in the profile, or wait for the provider",
    ),
    (
        r"(Network is unreachable|No route to host|Host is unreachable)",
        Level.CAUSE,
        "there is no way to the endpoint; it may be down, or the uplink may lead nowhere",
    ),
    (r"RESOLVE: Cannot resolve", Level.CAUSE, "the endpoint's name cannot be resolved"),
    (
        r"TLS key negotiation failed to occur|TLS handshake failed",
        Level.HINT,
        "the endpoint does not complete the handshake; it may be down, or the house's router "
        "or the local provider may block the port",
    ),
    (
        r"(Server poll timeout|server_poll|connect-retry-max|Connection timed out)",
        Level.HINT,
        "the endpoint does not answer; it may be down, or the house's router or the local "
        "provider may block the port",
    ),
    (
        r"(Inactivity timeout|ping-restart|ping-exit)",
        Level.HINT,
        "the endpoint has stopped answering",
    ),
    (r"Connection reset", Level.HINT, "the endpoint closed the connection"),
    (
        r"(server-pushed-connection-reset|remote-exit|server_exit)",
        Level.HINT,
        "the server ended the connection; it may be restarting",
    ),
)

_COMPILED = tuple(
    (re.compile(pattern, re.IGNORECASE), Advice(text, level)) for pattern, level, text in _TABLE
)
# What comes before these words is OK and would only match by accident.
_HARMLESS = re.compile(
    r"VERIFY (KU|EKU|X509NAME) OK|VERIFY OK|\bNote: |^Timers: |DEPRECATED OPTION"
)
_SECRETS = re.compile(r"(auth-token(?:-user)?) [^,']*")


def advise(line: str) -> Advice | None:
    """Return what `line` of OpenVPN's log means for a person; None for most lines."""
    if _HARMLESS.search(line):
        return None
    return next((advice for pattern, advice in _COMPILED if pattern.search(line)), None)


def stronger(old: Advice | None, new: Advice | None) -> Advice | None:
    """Return the one that explains more; of equals the newer."""
    if old is None or new is None:
        return new or old
    return new if new.level >= old.level else old


def without_secrets(line: str) -> str:
    """Return `line` as it may be logged."""
    return _SECRETS.sub(r"\1 (hidden)", line)
