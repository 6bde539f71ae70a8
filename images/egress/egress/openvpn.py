"""OpenVPN at work: one run after the other, each to one endpoint that the firewall lets through.

The order is what matters. The endpoint is allowed before a run starts; packets are let in when
OpenVPN says that it is connected; and whatever ends a connection, devices are refused first,
then everything else is tidied up.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

from egress import network, resolve
from egress.advice import Advice, Level, advise, stronger, without_secrets
from egress.child import Child
from egress.clock import Clock
from egress.loop import Loop, Timer, now
from egress.management import Pushed, Reader, pushed_gateway
from egress.routing import BOOTSTRAP_UID, TUNNEL
from egress.settings import Lease, Remote
from egress.tunnel import DEAD_AFTER, STABLE, Contact, Endpoint, Pulse, Rotation, Verdict

_MANAGEMENT = Path("/run/manyways/openvpn.sock")
_CONFIG = "/etc/manyways/client.ovpn"
_PROTOCOLS = {"udp": "udp4", "tcp": "tcp4-client"}
_UNPROVEN = "connected, but nothing has come back through the tunnel yet"
_LOOK_AT_CLOCK = 1.0  # s
_NO_UPLINK = "waits for the uplink"


class OpenVpn:
    """Keeps a tunnel. `on_change` is called when anything below changes.

    `connected`: packets may go into the tunnel now; whether those of devices may is the
    supervisor's to say. `endpoint`: where the tunnel's packets go, while there is a run.
    """

    def __init__(
        self,
        loop: Loop,
        remotes: tuple[Remote, ...],
        say: Callable[[str], None],
        on_change: Callable[[], None],
    ) -> None:
        self._loop, self._say, self._on_change = loop, say, on_change
        self._rotation = Rotation(remotes)
        self._lease: Lease | None = None
        self._child: Child | None = None
        self._resolver: Child | None = None
        self._answers: list[str] = []
        self._timer: Timer | None = None
        self._moved = self._useless = False
        self._contact = Contact()
        self._clock = Clock()
        self._gateway: IPv4Address | None = None
        self._pulse = Pulse(0.0)
        self._received = 0
        self._connected_at: float | None = None  # in this run
        self._found: Advice | None = None  # by earlier runs
        self._heard: Advice | None = None  # in this one
        self._connection: socket.socket | None = None
        self.connected = False
        self.endpoint: Endpoint | None = None
        self.pushed = Pushed()
        self.state, self.since, self.restarts = "starting", now(), 0
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self._listener.bind(str(_MANAGEMENT))
        self._listener.listen(1)
        loop.watch(self._listener.fileno(), self._accept)

    @property
    def advice(self) -> str:
        """What a person should know or do now."""
        if self.connected:
            silent = self._pulse.verdict(now()) is Verdict.UNPROVEN
            return _UNPROVEN if silent and now() - self.since > DEAD_AFTER else ""
        if self._lease is None:
            return _NO_UPLINK
        found = self._found or self._heard
        return found.text if found else ""

    @property
    def contact(self) -> Contact:
        """Whether the endpoint answers; unknown while nobody asks it, for want of the time."""
        if message := self._clock.message(now()):
            return Contact("failing" if self._clock.long(now()) else "unknown", message)
        return self._contact.checked(now())

    @property
    def alternatives(self) -> bool:
        """Whether another endpoint could be tried."""
        return self._rotation.alternatives

    @property
    def running(self) -> bool:
        return self._child is not None

    def use_uplink(self, lease: Lease | None) -> None:
        """Take note of the uplink; connect anew when its address or gateway is another."""
        old, self._lease = self._lease, lease
        if _way(lease) == _way(old):
            return
        if self._child or self._resolver:
            self._moved = True
            self._give_up()
        elif lease is not None:
            self._schedule(0.0)

    def tick(self) -> None:
        """Look for signs of life; called every second or so."""
        if not self.connected:
            return
        received, at = network.packets_received(TUNNEL), now()
        if received > self._received:
            self._received, self._pulse = received, self._pulse.beat(at)
        if self._pulse.verdict(at) is Verdict.DEAD:
            self._connect_anew("the tunnel stopped carrying traffic; connecting anew")

    def leads_nowhere(self) -> None:
        """Connect anew, to the next endpoint: nothing beyond this one answers."""
        self._useless = True
        self._connect_anew("nothing outside answered through the tunnel; connecting anew")

    def _connect_anew(self, why: str) -> None:
        self._say(f"tunnel: {why}")
        self._heard = Advice(why, Level.HINT)
        self._give_up()

    def stop(self) -> None:
        """End the run, so that the server learns of it."""
        if self._child:
            self._child.stop(0.8)

    # --- one attempt ------------------------------------------------------------------------

    def _schedule(self, delay: float) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = self._loop.later(delay, self._attempt)

    def _attempt(self) -> None:
        self._timer = None
        if self._lease is None or self._child or self._resolver:
            return
        if self._clock.waits(now()):
            self._schedule(_LOOK_AT_CLOCK)
            return
        host = self._rotation.name_to_resolve()
        if host is None:
            self._connect()
        elif not self._lease.dns:
            text = f"the uplink names no DNS server that could be asked for {host}"
            self._resolved(host, (), text)
        else:
            self._answers = []
            network.allow_bootstrap(self._lease.dns)
            command = resolve.command(host, self._lease.dns)
            self._resolver = Child(
                self._loop,
                command,
                self._answers.append,
                lambda _: self._resolver_ended(host),
                user=BOOTSTRAP_UID,
            )

    def _resolver_ended(self, host: str) -> None:
        self._resolver = None
        network.allow_bootstrap(())
        found = resolve.addresses_in(self._answers)
        said = self._answers[-1] if self._answers and not found else ""
        self._resolved(host, found, f"the uplink's DNS servers do not know {host}", said)

    def _resolved(
        self, host: str, found: tuple[IPv4Address, ...], otherwise: str, said: str = ""
    ) -> None:
        if found:
            self._say(f"{host} is {', '.join(map(str, found))}")
        else:
            self._say(f"tunnel: {said or otherwise}")
            self._heard = Advice(otherwise, Level.CAUSE)
        self._rotation = self._rotation.pin(host, found)
        if self._rotation.endpoint() is None:
            self._contact = self._contact.unresolved(otherwise)
        self._connect()

    def _connect(self) -> None:
        if self._moved or self._lease is None:
            self._after_run(failed=False)
            return
        endpoint = self._rotation.endpoint()
        if endpoint is None:
            self._after_run(failed=True)
            return
        self.endpoint, self._contact = endpoint, self._contact.tries(endpoint)
        network.allow_endpoint(endpoint)
        self.pushed, self._gateway, self._heard = Pushed(), None, None
        self._connected_at = None
        self._on_change()  # the route to the endpoint
        remote = (str(endpoint.address), str(endpoint.port), _PROTOCOLS[endpoint.protocol])
        command = ["openvpn", "--config", _CONFIG, "--remote", *remote]
        self._child = Child(self._loop, command, self._log, self._ended)

    def _give_up(self) -> None:
        """End this run now. Devices are refused before OpenVPN knows."""
        self._close()
        for child in (self._child, self._resolver):
            if child:
                child.stop()

    def _close(self) -> None:
        """Let nothing more into the tunnel."""
        if self.connected:
            self.connected = False
            self._become("down")
            self._on_change()

    def _ended(self, code: int) -> None:
        self._child = None
        self.restarts += 1
        self._say(f"openvpn: ended with code {code}")
        self._close()
        self._hang_up()
        self._after_run(failed=not self._moved)

    def _after_run(self, *, failed: bool) -> None:
        self.endpoint = None
        network.allow_endpoint(None)
        if failed:
            self._found = self._heard or self._found
            connected = self._connected_at
            # Who refuses later, as when a token has run out, may take us back at once.
            refused = connected is None and self._heard is not None and self._heard.final
            lasted = 0.0 if connected is None else now() - connected
            self._rotation = self._rotation.failed(
                refused=refused,
                lived=lasted >= DEAD_AFTER,
                stable=lasted >= STABLE,
                useless=self._useless,
            )
            known = self._heard and self._heard.level is not Level.HINT
            self._contact = self._contact.failed(self._heard.text if self._heard and known else "")
        else:
            self._contact = Contact()  # by another uplink it may be another story
        self._become("down")
        self._on_change()
        if self._lease is not None:
            self._schedule(0.0 if self._moved else self._rotation.delay)
        self._moved = self._useless = False

    def _become(self, state: str) -> None:
        if state != self.state:
            self.state, self.since = state, now()

    # --- what OpenVPN says ------------------------------------------------------------------

    def _log(self, line: str) -> None:
        self._say(f"openvpn: {without_secrets(line)}")
        self._gateway = pushed_gateway(line) or self._gateway
        advice = advise(line)
        # While connected only the latest line can explain an end.
        self._heard = (advice or self._heard) if self.connected else stronger(self._heard, advice)

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            connection, _ = self._listener.accept()
            self._hang_up()
            connection.setblocking(False)
            self._connection = connection
            reader = Reader()
            self._loop.watch(connection.fileno(), lambda: self._hear(connection, reader))
            # It holds until then, so that no state is missed.
            connection.send(b"state on\nhold release\n")

    def _hear(self, connection: socket.socket, reader: Reader) -> None:
        try:
            data = connection.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._hang_up()
            return
        for event in reader.feed(data):
            if isinstance(event, Pushed):
                self.pushed = event
                continue
            self._contact = self._contact.heard(event.name, now())
            if event.name == "CONNECTED":
                self._begin()
            elif event.name in ("EXITING", "RECONNECTING"):
                self._heard = stronger(self._heard, advise(event.reason))
                self._close()

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._loop.unwatch(self._connection.fileno())
            self._connection.close()
            self._connection = None

    def _begin(self) -> None:
        if self._moved or self.connected:
            return
        gateway = self._gateway or self.pushed.gateway or _first_host(self.pushed)
        self.pushed = replace(self.pushed, gateway=gateway)
        network.open_tunnel_forwarding()
        self._pulse, self._found, self._heard = Pulse(now()), None, None
        self._received = network.packets_received(TUNNEL)
        self.connected, self._connected_at = True, now()
        self._become("up")
        self._on_change()


def _way(lease: Lease | None) -> object:
    return lease and (lease.address, lease.gateway)


def _first_host(pushed: Pushed) -> IPv4Address | None:
    """The server of a tunnel with a subnet has its first address, unless it says otherwise."""
    if pushed.address is None or pushed.address.network.prefixlen > 30:
        return None
    return pushed.address.network[1]


def prepare() -> None:
    """Make the place of the sockets and pipes; the supervisor's own."""
    _MANAGEMENT.parent.mkdir(exist_ok=True)
