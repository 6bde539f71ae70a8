"""Asks a web address where we come from, as a program of its own: `python3 -m egress.ask`.

It runs for a second, as a user whose packets the firewall lets out by the destination's own way
and by no other, and takes the memory of its libraries with it when it ends. The service's name is
asked for at the destination's own name servers; the system's resolver, which in a container is
Docker's, is never consulted.
"""

from __future__ import annotations

import http.client
import signal
import socket
import sys
from ipaddress import AddressValueError, IPv4Address
from urllib.parse import urlsplit

ASKER_UID = 4713  # also in the rules
_SECONDS = 8.0  # for each step
_ALL_SECONDS = 25  # for all of it: a server may send a byte now and then
_LONGEST = 4096  # bytes of an answer


class NoAnswer(Exception):
    """Why there is no address. The text is for a person."""


def command(url: str, servers: tuple[IPv4Address, ...]) -> list[str]:
    """Return the command line that prints our public address, or a sentence."""
    return [sys.executable, "-m", "egress.ask", url, *(str(server) for server in servers)]


def address_in(body: bytes) -> IPv4Address:
    """Return the one address that an answer consists of. Raises NoAnswer."""
    try:
        return IPv4Address(body.decode("ascii").strip())
    except (UnicodeDecodeError, AddressValueError):
        raise NoAnswer("its answer is not one IPv4 address as plain text") from None


def fetch(host: str, address: IPv4Address, port: int, target: str) -> bytes:
    """Return what a web server answers, if it is not too long. Raises NoAnswer."""
    web = http.client.HTTPConnection(host, port, timeout=_SECONDS)
    try:
        web.sock = socket.create_connection((str(address), port), _SECONDS)
        web.request("GET", target, headers={"User-Agent": "manyways", "Connection": "close"})
        response = web.getresponse()
        body = response.read(_LONGEST + 1)
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(f"it does not answer ({error})") from None
    finally:
        web.close()
    if response.status != 200:
        raise NoAnswer(f"it answers with HTTP {response.status}")
    if len(body) > _LONGEST:
        raise NoAnswer("its answer is too long")
    return body


def _resolved(host: str, servers: list[str]) -> IPv4Address:
    try:
        return IPv4Address(host)
    except AddressValueError:
        pass
    import dns.exception
    import dns.resolver

    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = list(servers)
    resolver.timeout, resolver.lifetime = 2.0, _SECONDS
    try:
        return IPv4Address(resolver.resolve(host, "A", search=False)[0].to_text())
    except dns.exception.DNSException as error:
        raise NoAnswer(f"its name cannot be resolved ({error})") from None


def main(url: str, servers: list[str]) -> int:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 80
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        found = address_in(fetch(host, _resolved(host, servers), port, target))
    except NoAnswer as error:
        print(f"the address service {host}: {error}")
        return 1
    print(found)
    return 0


if __name__ == "__main__":
    signal.alarm(_ALL_SECONDS)
    sys.exit(main(sys.argv[1], sys.argv[2:]))
