"""OpenVPN's real log lines, and what a person is told."""

from __future__ import annotations

import pytest

from egress.advice import Advice, Level, advise, stronger, without_secrets


@pytest.mark.parametrize(
    ("line", "level", "words"),
    [
        ("AUTH: Received control message: AUTH_FAILED", Level.REFUSED, "user name or password"),
        (
            "Options error: --auth-user-pass fails with '/etc/manyways/credentials': "
            "No such file or directory (errno=2)",
            Level.REFUSED,
            "give it a credentials file",
        ),
        (
            "VERIFY ERROR: depth=0, error=certificate is not yet valid: CN=server, serial=1",
            Level.REFUSED,
            "check the date of this machine",
        ),
        (
            "VERIFY ERROR: depth=0, error=certificate has expired: CN=server, serial=1",
            Level.REFUSED,
            "has expired by this machine's clock",
        ),
        (
            "VERIFY ERROR: depth=1, error=unable to get local issuer certificate: CN=x",
            Level.REFUSED,
            "authority in the profile",
        ),
        (
            "VERIFY ERROR: depth=1, error=self-signed certificate in certificate chain: CN=x",
            Level.REFUSED,
            "authority in the profile",
        ),
        ("VERIFY EKU ERROR", Level.REFUSED, "not the one that the profile expects"),
        ("VERIFY X509NAME ERROR: CN=server, must be x", Level.REFUSED, "not the one"),
        (
            "OpenSSL: error:0A000415:SSL routines::sslv3 alert certificate expired:"
            "SSL alert number 45",
            Level.REFUSED,
            "no longer accepts the profile's certificate",
        ),
        ("tls-crypt unwrap error: packet authentication failed", Level.CAUSE, "tls-crypt key"),
        (
            "TLS Error: cannot locate HMAC in incoming packet from [AF_INET]1.2.3.4:1194",
            Level.CAUSE,
            "tls-auth",
        ),
        (
            "OpenSSL: error:0A000410:SSL routines::sslv3 alert handshake failure:SSL alert 40",
            Level.REFUSED,
            "no cipher in common",
        ),
        (
            "OPTIONS ERROR: failed to negotiate cipher with server.  Add the server's cipher "
            "('BF-CBC') to --data-ciphers",
            Level.REFUSED,
            "no cipher in common",
        ),
        (
            "OpenSSL: error:0A000102:SSL routines::unsupported protocol",
            Level.REFUSED,
            "version of TLS",
        ),
        (
            "ERROR: Cannot open TUN/TAP dev /dev/net/tun: No such file or directory (errno=2)",
            Level.REFUSED,
            "no TUN device",
        ),
        (
            "Options error: Unrecognized option or missing or extra parameter(s) in "
            "/etc/manyways/client.ovpn:3: frob (2.6.14)",
            Level.REFUSED,
            "does not accept the profile",
        ),
        ("OpenSSL: error:0480006C:PEM routines::bad decrypt", Level.REFUSED, "password off"),
        ("Cannot load inline certificate file", Level.REFUSED, "damaged"),
        (
            "read UDPv4 [ECONNREFUSED]: Connection refused (fd=4,code=111)",
            Level.CAUSE,
            "no VPN server listens",
        ),
        (
            "TCP: connect to [AF_INET]198.51.100.10:1194 failed: Connection refused",
            Level.CAUSE,
            "no VPN server listens",
        ),
        (
            "write UDPv4 [ENETUNREACH]: Network is unreachable (fd=4,code=101)",
            Level.CAUSE,
            "the uplink may lead nowhere",
        ),
        ("RESOLVE: Cannot resolve host address: vpn.example:1194", Level.CAUSE, "resolved"),
        (
            "TLS Error: TLS key negotiation failed to occur within 60 seconds "
            "(check your network connectivity)",
            Level.HINT,
            "does not complete the handshake",
        ),
        ("TLS Error: TLS handshake failed", Level.HINT, "does not complete the handshake"),
        ("Server poll timeout, restarting", Level.HINT, "does not answer"),
        (
            "[server] Inactivity timeout (--ping-restart), restarting",
            Level.HINT,
            "stopped answering",
        ),
        (
            "Connection reset, restarting [0]",
            Level.HINT,
            "closed the connection",
        ),
        (
            "SIGTERM[soft,server-pushed-connection-reset] received, process restarting",
            Level.HINT,
            "may be restarting",
        ),
        ("server_poll", Level.HINT, "does not answer"),
        ("auth-failure", Level.REFUSED, "user name or password"),
    ],
)
def test_a_line_becomes_advice(line: str, level: Level, words: str) -> None:
    advice = advise(line)
    assert advice is not None
    assert words in advice.text
    assert advice.level is level


@pytest.mark.parametrize(
    "line",
    [
        "Note: --cipher is not set. OpenVPN versions before 2.5 defaulted to BF-CBC as fallback "
        "when cipher negotiation failed in this case.",
        "VERIFY OK: depth=1, CN=ca",
        "VERIFY KU OK",
        "VERIFY EKU OK",
        "VERIFY X509NAME OK: CN=server",
        "++ Certificate has EKU (str) TLS Web Server Authentication",
        "Control Channel: TLSv1.3, cipher TLSv1.3 TLS_AES_256_GCM_SHA384",
        "Initialization Sequence Completed",
        "SIGTERM[hard,] received, process exiting",
        "Timers: ping 5, ping-restart 20",
        "event_wait : Interrupted system call (fd=-1,code=4)",
        "",
    ],
)
def test_what_is_harmless_says_nothing(line: str) -> None:
    assert advise(line) is None


def test_a_cause_is_not_hidden_by_its_symptom() -> None:
    cause, symptom = Advice("a", Level.CAUSE), Advice("b", Level.HINT)
    assert stronger(cause, symptom) is cause
    assert stronger(symptom, cause) is cause
    assert stronger(None, symptom) is symptom
    assert stronger(cause, None) is cause
    newer = Advice("c", Level.CAUSE)
    assert stronger(cause, newer) is newer


def test_tokens_are_not_logged() -> None:
    line = "PUSH: Received control message: 'PUSH_REPLY,auth-token SESS_ID_AT_x,ping 10'"
    hidden = without_secrets(line)
    assert "SESS_ID" not in hidden
    assert hidden.endswith("auth-token (hidden),ping 10'")
