"""What Manyways does with each OpenVPN directive, as tables to read.

Only what stands in `KEPT` (and what `clean` handles by name) ever reaches OpenVPN; every other
directive of openvpn(8), 2.4 to 2.7, is left out without a word (`SILENT`), left out with a word
(`NOTED`), or refused (`REFUSED`). A name in no table is not a directive.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_INT = r"\d{1,9}"
_LIST = r"[A-Za-z0-9:+!@_=.?-]{1,250}"
_SIZE = r"\d{1,10}"

# Directive -> pattern that its arguments, joined by single spaces, must match in full.
KEPT: dict[str, str] = {
    "auth-nocache": "",
    "disable-dco": "",
    "explicit-exit-notify": r"(\d{1,2})?",
    "fast-io": "",
    "float": "",
    "fragment": rf"{_INT}( mtu)?",
    "hand-window": _INT,
    "keepalive": rf"{_INT} {_INT}",
    "key-direction": r"[01]",
    "link-mtu": _INT,
    "mssfix": rf"({_INT}( (mtu|fixed))?)?",
    "mtu-disc": r"no|maybe|yes",
    "mute-replay-warnings": "",
    "passtos": "",
    "peer-fingerprint": r"([0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2}",
    "ping": _INT,
    "ping-restart": _INT,
    "ping-timer-rem": "",
    "push-peer-info": "",
    "rcvbuf": _SIZE,
    "remote-cert-eku": r'[^"\\]{1,200}',
    "remote-cert-ku": r"([0-9A-Fa-f]{1,4}( [0-9A-Fa-f]{1,4}){0,14})?",
    "remote-cert-tls": r"server",
    "reneg-bytes": _SIZE,
    "reneg-pkts": _SIZE,
    "reneg-sec": rf"{_INT}( {_INT})?",
    "replay-window": rf"{_INT}( {_INT})?",
    "single-session": "",
    "sndbuf": _SIZE,
    "socket-flags": r"TCP_NODELAY",
    "tls-cert-profile": r"legacy|preferred|insecure|suiteb",
    "tls-cipher": _LIST,
    "tls-ciphersuites": _LIST,
    "tls-groups": _LIST,
    "tls-timeout": _INT,
    "tls-version-max": r"1\.[0-3]",
    "tls-version-min": r"1\.[0-3]( or-highest)?",
    "topology": r"subnet|net30|p2p",
    "tran-window": _INT,
    "tun-mtu": r"\d{3,5}",
    "tun-mtu-extra": _INT,
    "txqueuelen": _INT,
    "verify-hash": r"([0-9A-Fa-f]{2}:){19,31}[0-9A-Fa-f]{2}( (?i:SHA1|SHA256))?",
}

# Directives that name a file, or hold it as an inline block, and reach OpenVPN as a block.
FILES = _words("ca cert key extra-certs tls-auth tls-crypt tls-crypt-v2 crl-verify pkcs12")
INLINE = FILES | {"peer-fingerprint", "verify-hash"}

# Left out without a word: Manyways sets them itself, or they mean nothing here.
SILENT = _words(
    """
    allow-pull-fqdn allow-recursive-routing auth-retry bind bind-dev
    block-ipv6 block-outside-dns client comp-noadapt connect-retry
    connect-retry-max connect-timeout dev-node dh disable-occ echo
    ecdh-curve errors-to-stderr group http-proxy-option http-proxy-retry http-proxy-timeout
    ifconfig-noexec ifconfig-nowarn ip-remote-hint key-method keying-material-exporter lladdr local
    lport machine-readable-output max-routes mlock mtu-test multihome mute ncp-disable nice nobind
    persist-key persist-local-ip persist-remote-ip persist-tun preresolve prng pull
    redirect-gateway redirect-private remap-usr1 remote-random-hostname resolv-retry
    route-delay route-gateway route-ipv6-gateway route-method route-metric route-noexec
    route-nopull server-poll-timeout socks-proxy-retry suppress-timestamps tcp-nodelay
    tcp-queue-limit tls-client tls-exit tun-ipv6 tun-mtu-max up-delay up-restart down-pre
    use-prediction-resistance user verb x509-track x509-username-field
    keysize max-packet-size mtu-dynamic udp-mtu
    allow-nonadmin dhcp-internal dhcp-pre-release dhcp-release dhcp-renew ip-win32 msg-channel
    pause-exit rdns-internal register-dns service show-net-up tap-sleep win-sys windows-driver
    """
)

_NO_FILE = "nothing that a profile says may write a file"
_NO_DOOR = "a profile may not open a control port"
_NO_PROGRAM = "no program is run from a profile"
_ALL_TRAFFIC = (
    "a device's whole traffic goes through its destination, and routes are Manyways' work"
)

# Left out with a word, because a person may wonder: directive -> reason.
NOTED: dict[str, str] = {
    "auth-token": "tokens are handed out by the server while it runs",
    "auth-token-user": "tokens are handed out by the server while it runs",
    "cd": "files are looked for beside the profile only",
    "chroot": "OpenVPN already runs in a container of its own",
    "client-nat": "addresses are translated by Manyways itself",
    "compat-mode": "ciphers are settled by Manyways; for an old server say `tls-version-min 1.0`",
    "daemon": "OpenVPN is watched by Manyways, so it stays in the foreground",
    "gremlin": "it breaks connections on purpose, to test OpenVPN",
    "ifconfig": "the server gives the tunnel its address",
    "ifconfig-ipv6": "a destination carries IPv4 only",
    "inactive": "a tunnel stays up when nobody uses it",
    "log": _NO_FILE,
    "log-append": _NO_FILE,
    "management": _NO_DOOR,
    "management-client": _NO_DOOR,
    "management-client-auth": _NO_DOOR,
    "management-client-group": _NO_DOOR,
    "management-client-user": _NO_DOOR,
    "management-forget-disconnect": _NO_DOOR,
    "management-hold": _NO_DOOR,
    "management-log-cache": _NO_DOOR,
    "management-query-passwords": _NO_DOOR,
    "management-query-proxy": _NO_DOOR,
    "management-query-remote": _NO_DOOR,
    "management-signal": _NO_DOOR,
    "management-up-down": _NO_DOOR,
    "mark": "packets are marked by Manyways",
    "memstats": _NO_FILE,
    "no-name-remapping": "OpenVPN no longer knows it",
    "compat-names": "OpenVPN no longer knows it",
    "no-replay": "replayed packets are always refused",
    "ping-exit": "a tunnel that went silent is started again instead",
    "pull-filter": "what the server may set is decided by Manyways; for other DNS servers say "
    "`dns:` in router.yaml",
    "replay-persist": _NO_FILE,
    "route": _ALL_TRAFFIC,
    "route-ipv6": "a destination carries IPv4 only",
    "script-security": _NO_PROGRAM,
    "session-timeout": "a tunnel stays up as long as it works",
    "setcon": "OpenVPN already runs in a container of its own",
    "shaper": "Manyways does not limit the rate of a destination",
    "status": _NO_FILE,
    "status-version": _NO_FILE,
    "syslog": "OpenVPN is watched by Manyways, so it writes to its standard output",
    "tls-export-cert": _NO_FILE,
    "tmp-dir": _NO_FILE,
    "writepid": _NO_FILE,
}

_PROGRAM = ("runs a program", "delete the line; no program is run from a profile")
_LIBRARY = ("loads foreign code into OpenVPN", "delete the line")
_SERVER = ("belongs into a server's file", "ask the provider for a client profile")
_TOKEN = ("needs a key outside the profile", "use a profile with certificate and key in it")
_QUIT = ("makes OpenVPN print or create something and end", "delete the line")
_PERSON = ("asks a person at every start", "use a profile that needs no answer")
_PROXY = ("connects through a proxy, which Manyways cannot do", "delete the line")

# Refused: directive -> (what it does, what to do). The profile cannot be used before.
REFUSED: dict[str, tuple[str, str]] = {
    **dict.fromkeys(
        _words("""
            auth-user-pass-verify client-connect client-crresponse client-disconnect down ipchange
            iproute learn-address route-pre-down route-up tls-crypt-v2-verify tls-verify up
        """),
        _PROGRAM,
    ),
    "plugin": _LIBRARY,
    "engine": _LIBRARY,
    "config": ("includes another file", "copy that file's lines into the profile"),
    "secret": (
        "uses one static key for ever, which current OpenVPN no longer allows",
        "ask the provider for a profile with certificates (TLS)",
    ),
    "key-derivation": ("is not for clients", "delete the line"),
    "capath": ("names a directory", "name one file with the certificates: ca FILE"),
    "askpass": (
        "asks for the passphrase of the key",
        "remove the passphrase with `openssl rsa -in KEY -out NEWKEY`",
    ),
    **dict.fromkeys(
        _words(
            "cryptoapicert management-external-cert management-external-key pkcs11-cert-private "
            "pkcs11-id pkcs11-id-management pkcs11-pin-cache pkcs11-private-mode "
            "pkcs11-protected-authentication pkcs11-providers"
        ),
        _TOKEN,
    ),
    **dict.fromkeys(
        _words("""
            genkey help mktun rmtun show-adapters show-ciphers show-curves show-digests
            show-engines show-gateway show-groups show-net show-pkcs11-ids show-tls
            show-valid-subnets test-crypto version
        """),
        _QUIT,
    ),
    "static-challenge": _PERSON,
    **dict.fromkeys(
        _words("http-proxy http-proxy-override http-proxy-user-pass socks-proxy"), _PROXY
    ),
    **dict.fromkeys(
        _words("""
            auth-gen-token auth-gen-token-secret auth-user-pass-optional bcast-buffers
            ccd-exclusive client-cert-not-required client-config-dir client-to-client connect-freq
            connect-freq-initial disable duplicate-cn force-tls-key-material-export hash-size
            ifconfig-ipv6-pool ifconfig-ipv6-push ifconfig-pool ifconfig-pool-persist
            ifconfig-push ifconfig-push-constraint iroute iroute-ipv6 max-clients
            max-routes-per-client mode opt-verify port-share push push-remove push-reset server
            server-bridge server-ipv6 stale-routes-check tls-server username-as-common-name
            verify-client-cert vlan-accept vlan-pvid vlan-tagging
        """),
        _SERVER,
    ),
}

# Scripts that distributions and providers name to hand the tunnel's DNS to the computer. They
# would have nothing to do here, so a profile that names one loses only that line.
DNS_SCRIPTS = _words(
    """
    update-resolv-conf update-resolv-conf.sh update-resolvconf update-systemd-resolved
    update-systemd-resolved.sh pull-resolv-conf client.up client.down client.up.sh client.down.sh
    openvpn-systemd-resolved resolvconf-update.sh dns-up.sh dns-down.sh
    """
)

# The directives that `clean` treats one by one.
HANDLED = _words(
    """
    allow-compression auth auth-user-pass cipher comp-lzo compress connection data-ciphers
    data-ciphers-fallback dev dev-type dhcp-option dns ignore-unknown-option ncp-ciphers
    ns-cert-type port proto proto-force providers remote remote-random rport setenv setenv-safe
    tls-remote up down mode verify-x509-name
    """
)

EVERY = frozenset(KEPT) | FILES | SILENT | frozenset(NOTED) | frozenset(REFUSED) | HANDLED
