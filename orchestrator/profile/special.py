"""The directives that are treated one by one: said anew, collected, or looked at closely."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import AddressValueError, IPv4Address
from pathlib import PurePosixPath

from orchestrator.profile import directives as table
from orchestrator.profile.ciphers import compression
from orchestrator.profile.credentials import parse_credentials
from orchestrator.profile.problems import Problem, Unreadable
from orchestrator.profile.syntax import MAX_LINE, Directive, parse, write
from orchestrator.profile.work import Work

_HOSTILE_ENV = re.compile(r"(LD_|DYLD_|OPENSSL_|GLIBC_|GCONV_|PATH$|IFS$|BASH_ENV$|ENV$|PYTHON)")

_DIGEST = re.compile(
    r"NONE|MD5|SHA1|SHA224|SHA256|SHA384|SHA512(-(224|256))?|SHA3-(224|256|384|512)|BLAKE2B512"
    r"|RIPEMD160"
)


def take(work: Work, one: Directive) -> None:
    """Decide about one directive."""
    if handler := _HANDLERS.get(one.name):
        handler(work, one)
    elif one.name in table.FILES:
        work.file(one)
    elif one.name in table.KEPT:
        work.keep(one)
    elif one.name in table.REFUSED:
        work.problem(one, *table.REFUSED[one.name])
    elif one.name in table.NOTED:
        work.note(one, f"left out: {table.NOTED[one.name]}")
    elif one.name not in table.SILENT:
        work.unknown(one)


def _setenv(work: Work, one: Directive) -> None:
    if one.name == "setenv" and one.args[:1] == ("opt",):
        if len(one.args) > 1 and one.args[1] in table.EVERY:  # `setenv opt` excuses the rest
            take(work, Directive(one.line, one.args[1], one.args[2:]))
    elif one.args and _HOSTILE_ENV.match(one.args[0].upper()):
        work.problem(one, "sets a variable that changes how programs run", "delete the line")


def _remote(work: Work, one: Directive) -> None:
    work.endpoints.add(one.line, one.args)


def _port(work: Work, one: Directive) -> None:
    work.endpoints.set_port(one.line, one.args)


def _protocol(work: Work, one: Directive) -> None:
    work.endpoints.set_protocol(one.line, one.args)


def _only_protocol(work: Work, one: Directive) -> None:
    if one.args and one.args[0] in ("udp", "tcp"):
        work.endpoints.only = one.args[0]
    else:
        work.problem(one, "must be udp or tcp")


def _remote_random(work: Work, _: Directive) -> None:
    work.random = True


def _connection(work: Work, one: Directive) -> None:
    inner, problems = parse(one.inline or "")
    work.problems += [
        Problem(one.line + (p.line or 0), p.directive, p.message, p.hint) for p in problems
    ]
    work.endpoints.add_block(one.line, [(one.line + d.line, d.name, d.args) for d in inner])
    for directive in inner:
        if directive.name not in ("remote", "port", "rport", "proto"):
            take(
                work,
                Directive(
                    one.line + directive.line, directive.name, directive.args, directive.inline
                ),
            )


def _device(work: Work, one: Directive) -> None:
    if one.args and one.args[0].startswith(("tap", "null")):
        work.problem(
            one,
            "asks for a tap device, which carries whole Ethernet frames and cannot be routed",
            "ask the provider for a `dev tun` file",
        )


def _mode(work: Work, one: Directive) -> None:
    if one.args != ("p2p",):
        work.problem(one, *table.REFUSED["mode"])


def _cipher(work: Work, one: Directive) -> None:
    work.ciphers.take(one.line, one.name, one.args)


def _auth(work: Work, one: Directive) -> None:
    digest = " ".join(one.args).upper().removeprefix("RSA-")  # old OpenSSL's name for the same
    if _DIGEST.fullmatch(digest):
        work.kept["auth"] = [f"auth {digest.replace('BLAKE2B', 'BLAKE2b').replace('NONE', 'none')}"]
    else:
        work.problem(one, "names a digest that OpenVPN does not know", "such as SHA256")


def _compression(work: Work, one: Directive) -> None:
    lines = compression(one.name, one.args)
    if lines is None:
        work.problem(one, "what stands behind it is not understood", "see openvpn(8)")
    elif one.name != "allow-compression":
        work.kept["compress"] = lines
        if "allow-compression asym" in lines:
            work.note(
                one,
                "nothing is compressed on the way out, as it would weaken the "
                "encryption; what the server compresses is understood",
            )


def _ns_cert_type(work: Work, one: Directive) -> None:
    if one.args == ("server",):
        work.kept.setdefault("remote-cert-tls", ["remote-cert-tls server"])
    else:
        work.problem(one, "must be server in a client's file")


def _tls_remote(work: Work, one: Directive) -> None:
    if len(one.args) == 1 and re.fullmatch(r"[A-Za-z0-9._-]{1,64}", one.args[0]):
        work.kept.setdefault("verify-x509-name", [write("verify-x509-name", (one.args[0], "name"))])
    else:
        work.problem(
            one,
            "is no longer known to OpenVPN",
            "write `verify-x509-name NAME name` with the server certificate's name",
        )


def _x509_name(work: Work, one: Directive) -> None:
    line = write(one.name, one.args)
    kind = one.args[1:] or ("subject",)
    if kind not in (("subject",), ("name",), ("name-prefix",)) or not line.isprintable():
        work.problem(one, "must be a name and subject, name or name-prefix behind it")
    elif not one.args or len(line.encode()) > MAX_LINE or "\ufffd" in line:
        work.problem(one, "needs a name of at most 200 characters behind it")
    else:
        work.kept[one.name] = [line]


def _credentials(work: Work, one: Directive) -> None:
    work.needs_credentials = True
    if one.inline is None and not one.args:
        return
    try:
        raw = one.inline.encode() if one.inline is not None else work.read(one.args[0])
        work.credentials = parse_credentials(raw)
    except Unreadable as error:
        if one.inline is not None:
            work.problem(one, error.message, error.hint)
        else:
            work.note(
                one,
                "the file it names is not used; Manyways reads user and password "
                "from the destination's own credentials file",
            )


def _dhcp_option(work: Work, one: Directive) -> None:
    if one.args[:1] == ("DNS",) and len(one.args) == 2:
        _name_server(work, one, one.args[1])


def _dns(work: Work, one: Directive) -> None:
    if one.args[:1] == ("server",) and one.args[2:3] == ("address",):
        for address in one.args[3:]:
            _name_server(work, one, address)


def _name_server(work: Work, one: Directive, text: str) -> None:
    try:
        work.dns.append(IPv4Address(text))
    except AddressValueError:
        work.note(one, "left out: a destination asks name servers by IPv4 only")
    else:
        work.note(
            one,
            "this name server is asked instead of those that the VPN names, unless "
            "router.yaml says `dns:`",
        )


def _providers(work: Work, one: Directive) -> None:
    if not set(one.args) <= {"legacy", "default", "base", "fips"}:
        work.problem(one, *table.REFUSED["engine"])


def _hook(work: Work, one: Directive) -> None:
    program = one.args[0].split()[0] if one.args and one.args[0].split() else ""
    if PurePosixPath(program).name in table.DNS_SCRIPTS:
        work.note(one, "left out: Manyways itself hands the VPN's name servers to the devices")
    else:
        work.problem(one, *table.REFUSED[one.name])


def _nothing(_work: Work, _: Directive) -> None:
    pass


_HANDLERS: dict[str, Callable[[Work, Directive], None]] = {
    "setenv": _setenv,
    "setenv-safe": _setenv,
    "remote": _remote,
    "remote-random": _remote_random,
    "port": _port,
    "rport": _port,
    "proto": _protocol,
    "proto-force": _only_protocol,
    "connection": _connection,
    "dev": _device,
    "dev-type": _device,
    "mode": _mode,
    "auth": _auth,
    "cipher": _cipher,
    "data-ciphers": _cipher,
    "ncp-ciphers": _cipher,
    "data-ciphers-fallback": _cipher,
    "comp-lzo": _compression,
    "compress": _compression,
    "allow-compression": _compression,
    "ns-cert-type": _ns_cert_type,
    "tls-remote": _tls_remote,
    "verify-x509-name": _x509_name,
    "auth-user-pass": _credentials,
    "dhcp-option": _dhcp_option,
    "dns": _dns,
    "providers": _providers,
    "up": _hook,
    "down": _hook,
    "ignore-unknown-option": _nothing,
}
