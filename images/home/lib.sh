# shellcheck shell=bash
# What every machine of the simulated home does first: find its legs, forget what Docker put on
# them, and take only the addresses that this home has. Sourced by the entry points.
set -euo pipefail

# leg MAC: the name of the interface with this MAC address (Docker promises no order of names).
leg() {
  local mac=$1 path
  for _ in {1..100}; do
    for path in /sys/class/net/*/address; do
      if [[ $(<"$path") == "$mac" ]]; then
        path=${path%/address}
        echo "${path##*/}"
        return
      fi
    done
    sleep 0.1
  done
  echo "no interface with the MAC address $mac appeared within 10 s" >&2
  return 1
}

# take INTERFACE [ADDRESS/PREFIX...]: only these addresses, and no route that Docker made.
take() {
  local interface=$1
  shift
  ip link set "$interface" up
  ip -4 address flush dev "$interface"
  ip -4 route flush dev "$interface"
  for address in "$@"; do
    ip address add "$address" dev "$interface"
  done
}

# nameserver [ADDRESS]: Docker's own resolver (127.0.0.11) would ask the host, so it goes.
# Written in place, because Docker mounts the file.
nameserver() {
  echo "${1:+nameserver $1}" >/etc/resolv.conf
}

# dns NAME ARGUMENTS...: a dnsmasq that logs each query with its client to queries/NAME.log.
dns() {
  local name=$1
  shift
  mkdir -p /var/log/queries
  dnsmasq --conf-file=/dev/null --keep-in-foreground --user=root --pid-file --no-hosts \
    --no-resolv --cache-size=1000 --local-ttl=60 \
    --log-queries=extra --log-facility="/var/log/queries/$name.log" "$@" &
}

# place NAME ADDRESS: dnsmasq arguments for the names whose answer tells where one asked.
# medium.test is larger than DNS over UDP was once, large.test than any datagram is today.
place() {
  local number
  echo "--txt-record=medium.test,$(letters "$1-0-")"
  for number in {1..6}; do echo "--txt-record=large.test,$(letters "$1-$number-")"; done
  echo "--txt-record=place.test,$1" "--address=/where.test/$2" "--address=/shop.test/$2" \
    "--address=/web.test/198.51.100.80" "--address=/#/"
}

# letters PREFIX: three strings of 240 letters, as dnsmasq divides them; they begin with PREFIX.
letters() {
  local one
  printf -v one '%-240s' "$1"
  one=${one// /x}
  echo "$one,$one,$one"
}

# stay: this machine is ready; it ends when the first of its programs does.
stay() {
  trap 'kill $(jobs -p) 2>/dev/null; exit 0' TERM INT
  touch /run/ready
  wait -n || true
  echo "a program of this machine ended" >&2
  exit 1
}
