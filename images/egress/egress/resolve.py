"""Asks for the address of an endpoint, as a program of its own: `python3 -m egress.resolve`.

It runs for a second, as the one user whose questions the firewall lets out past the tunnel,
and takes the memory of the DNS library with it when it ends. It asks exactly the servers it is
given; the system's resolver, which in a container is Docker's, is never consulted.
"""

from __future__ import annotations

import sys
from ipaddress import IPv4Address

_SECONDS = 8.0  # for all servers together


def command(host: str, servers: tuple[IPv4Address, ...]) -> list[str]:
    """Return the command line that resolves `host`; an answer is printed as one address a line."""
    return [sys.executable, "-m", "egress.resolve", host, *(str(server) for server in servers)]


def addresses_in(lines: list[str]) -> tuple[IPv4Address, ...]:
    """Return the usable addresses that the program printed."""
    found = []
    for line in lines:
        try:
            address = IPv4Address(line)
        except ValueError:
            continue
        if not (address.is_loopback or address.is_multicast or address.is_unspecified):
            found.append(address)
    return tuple(found)


def main(host: str, servers: list[str]) -> int:
    import dns.exception
    import dns.resolver

    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = list(servers)
    resolver.timeout, resolver.lifetime = 2.0, _SECONDS
    try:
        answer = resolver.resolve(host, "A", search=False)
    except dns.exception.DNSException as error:
        print(f"cannot resolve {host}: {error}")
        return 1
    for record in answer:
        print(record.to_text())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
