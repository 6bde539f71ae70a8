"""A switch in the kernel: what was open is cut at both ends, and nothing of it comes back."""

from __future__ import annotations

import contextlib
import errno
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator import store
from orchestrator.documents import Document
from orchestrator.render.marks import mark_changes
from orchestrator.runtime.router import RouterFailed
from tests.homes import LAPTOP, TV
from tests.netns.world import ECHO, SILENT, WEB, World, until, world

PROHIBITED = (3, 13)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[World]:
    """Everybody goes by `direct`."""
    with world(tmp_path) as built:
        yield built


def _live(home: World) -> dict[str, int]:
    return store.live_marks(home.switchboard.state)


def _in_kernel(home: World) -> tuple[dict[str, int], set[int], dict[str, int]]:
    """Return the map and the two sets, as nft(8) lists them."""
    table = home.router.run("nft list table inet manyways")
    by_mac = dict(re.findall(r"([0-9a-f:]{17}) : (0x[0-9a-f]{8})", _block(table, "device_mark")))
    live = re.findall(r"0x[0-9a-f]{8}", _block(table, "live_mark"))
    senders = re.findall(r"([0-9a-f:]{17}) \. (0x[0-9a-f]{8})", _block(table, "sender"))
    return (
        {mac: int(mark, 16) for mac, mark in by_mac.items()},
        {int(mark, 16) for mark in live},
        {mac: int(mark, 16) for mac, mark in senders},
    )


def _block(table: str, name: str) -> str:
    return re.split(r"\n\t}", table.partition(f" {name} {{")[2])[0]


def _agrees(home: World) -> bool:
    marks = _live(home)
    return _in_kernel(home) == (marks, set(marks.values()), marks)


def test_the_kernel_has_the_marks_of_the_file(home: World) -> None:
    assert _live(home).keys() == {TV, LAPTOP}
    assert _agrees(home)


def test_the_receipt_counts_what_was_lost(home: World) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(60):
            connection = stack.enter_context(home.tv.tcp(ECHO))
            connection.recv(100)
            stack.enter_context(home.tv.udp(SILENT)).send(b"?")
        for _ in range(5):
            stack.enter_context(home.laptop.tcp(ECHO))
        assert home.tv.asks_udp(53)
        before = home.conntrack()
        receipt = home.switchboard.assign("tv", "uk")
        after = home.conntrack()
    assert len(before) == 126
    assert receipt.connections_cut == len(before) - len(after) == 121
    assert {line.split("src=")[1].split()[0] for line in after} == {home.laptop.address}
    assert (receipt.device, receipt.old, receipt.new) == ("tv", "direct", "uk")
    assert 0 < receipt.milliseconds < 1000
    assert home.switchboard.receipts == {TV: receipt}


def test_several_at_once_count_each_their_own(home: World) -> None:
    with contextlib.ExitStack() as stack:
        for device, count in ((home.tv, 3), (home.laptop, 2)):
            for _ in range(count):
                stack.enter_context(device.tcp(ECHO)).recv(100)
        receipts = home.switchboard.assign_many(["tv", "laptop"], "uk")
        assert [(r.device, r.connections_cut) for r in receipts] == [("tv", 3), ("laptop", 2)]
        assert receipts[0].milliseconds == receipts[1].milliseconds
        assert home.conntrack() == []
    assert home.tv.asks_udp(53)


def test_thousands_of_flows_are_counted_and_cut(home: World) -> None:
    """As of a device that shares files: more than the kernel tells of in one answer."""
    with home.tv.udp(SILENT) as stream, home.tv.tcp(ECHO) as near:
        near.recv(100)
        for port in range(20_000, 25_000):
            with contextlib.suppress(OSError):  # that a port before was closed
                stream.sendto(b"?", (WEB, port))
        before = home.conntrack(home.tv.address)
        assert len(before) > 4000
        receipt = home.switchboard.assign("tv", "uk")
        assert receipt.connections_cut == len(before)
        assert home.conntrack(home.tv.address) == []
        with pytest.raises(ConnectionResetError):
            near.recv(100)


def test_a_switch_to_where_it_is_already_cuts_nothing(home: World) -> None:
    with home.tv.tcp(ECHO) as busy, busy.makefile() as stream:
        stream.readline()
        assert home.switchboard.assign("tv", "direct").connections_cut == 0
        home.egresses["direct"].accepted[-1].sendall(b"still here\n")
        assert stream.readline() == "still here\n"


def test_a_connection_is_reset_at_both_ends(home: World) -> None:
    with home.tv.tcp(ECHO) as near:
        near.recv(100)
        far = home.egresses["direct"].accepted[-1]
        home.switchboard.assign("tv", "uk")
        with pytest.raises(ConnectionResetError):
            near.recv(100)  # the device sends nothing and learns it all the same
        with pytest.raises(ConnectionResetError):
            _speak_until_reset(far)


def _speak_until_reset(connection: socket.socket) -> None:
    connection.sendall(b"anybody there?")
    connection.recv(100)


def test_from_the_transaction_on_the_rules_alone_refuse(home: World) -> None:
    """The moment between the transaction and the clearing, made long."""
    with home.tv.tcp(ECHO) as near, home.tv.udp(SILENT) as stream:
        near.recv(100)
        stream.send(b"1")
        until(lambda: home.egresses["direct"].heard, "the first datagram")
        marks = _live(home)
        other = {**marks, TV: marks[TV] + (1 << 20) + 1}
        handle = home.link.current()
        assert handle is not None
        assert handle.change_marks(mark_changes(marks, other), ()).connections == 0
        with pytest.raises(ConnectionResetError):
            _speak_until_reset(near)
        with pytest.raises(ConnectionResetError):
            _speak_until_reset(home.egresses["direct"].accepted[-1])
        stream.send(b"2")
        with pytest.raises(OSError, match=f"Errno {errno.EHOSTUNREACH}"):
            stream.recv(100)
        with home.tv.udp(SILENT) as new:
            new.send(b"3")
            until(lambda: home.egresses["uk"].heard, "a datagram of a new flow")
    assert [data for data, _ in home.egresses["direct"].heard] == [b"1"]
    assert [data for data, _ in home.egresses["uk"].heard] == [b"3"]


def test_what_was_refused_but_never_cut_is_cut_as_long_as_it_is_used(home: World) -> None:
    """Killed before its flush: a device that goes on sending is not refused for ever."""
    with home.tv.udp(SILENT) as stream:
        stream.send(b"1")
        until(lambda: home.egresses["direct"].heard, "the first datagram")
        marks = _live(home)
        other = {**marks, TV: marks[TV] + (1 << 20) + 1}
        home.router.run("nft -f -", mark_changes(marks, other))
        stream.send(b"2")
        with pytest.raises(OSError, match=f"Errno {errno.EHOSTUNREACH}"):
            stream.recv(100)
        home.switchboard.cut_stale()
        noted = home.router.run("nft list set inet manyways stale_mark")
        assert "elements" not in noted, "it would be looked for again at every look"
        stream.send(b"3")
        until(lambda: home.egresses["uk"].heard, "the flow by its new way")
        # Noted once, it is a live mark's like any other now.
        home.switchboard.cut_stale()
        assert home.conntrack(home.tv.address)
    assert [data for data, _ in home.egresses["direct"].heard] == [b"1"]


def test_a_flow_without_answers_takes_the_new_way_at_once(home: World) -> None:
    with home.tv.udp(SILENT) as stream:
        stream.send(b"1")
        until(lambda: home.egresses["direct"].heard, "the first datagram")
        for number, destination in ((b"2", "uk"), (b"3", "direct"), (b"4", "uk")):
            assert home.switchboard.assign("tv", destination).connections_cut == 1
            stream.send(number)
            egress = home.egresses[destination]
            until(lambda e=egress, n=number: e.heard[-1:] == [(n, home.tv.address)], "it")  # type: ignore[misc]
    assert [data for data, _ in home.egresses["direct"].heard] == [b"1", b"3"]
    assert [data for data, _ in home.egresses["uk"].heard] == [b"2", b"4"]


def test_switching_back_revives_nothing(home: World) -> None:
    connections = []
    for destination in ("direct", "uk", "direct"):
        home.switchboard.assign("tv", destination)
        near = home.tv.tcp(ECHO)
        near.recv(100)
        connections.append((near, home.egresses[destination].accepted[-1]))
    *old, (near, far) = connections
    for dead, dead_far in old:
        with pytest.raises(ConnectionResetError):
            _speak_until_reset(dead)
        with pytest.raises(ConnectionResetError):
            _speak_until_reset(dead_far)
    far.sendall(b"alive")
    assert near.recv(100) == b"alive"
    for opened, _ in connections:
        opened.close()


def test_a_pause_cuts_as_a_switch_does_and_survives_a_new_start(home: World) -> None:
    home.switchboard.assign("laptop", "uk")
    with home.tv.tcp(ECHO) as near, home.laptop.tcp(ECHO) as neighbour:
        near.recv(100)
        assert neighbour.recv(100).startswith(b"uk")
        far = home.egresses["direct"].accepted[-1]
        receipt = home.switchboard.pause("direct")
        assert (receipt.devices, receipt.connections_cut) == (1, 1)
        with pytest.raises(ConnectionResetError):
            near.recv(100)
        with pytest.raises(ConnectionResetError):
            _speak_until_reset(far)
        home.egresses["uk"].accepted[-1].sendall(b"still here")
        assert neighbour.recv(100) == b"still here"
    home.router.run("nft delete table inet manyways")
    home.apply()
    assert home.tv.refusals(SILENT, 3) == [PROHIBITED] * 3
    assert home.egresses["direct"].heard == []
    home.switchboard.pause("direct", pause=False)
    assert home.tv.asks_udp(ECHO) == f"direct {home.tv.address}"


def test_nobody_else_notices(home: World) -> None:
    with home.laptop.tcp(ECHO) as busy, busy.makefile() as stream:
        stream.readline()
        for destination in ("uk", "direct", "uk"):
            home.switchboard.assign("tv", destination)
            home.egresses["direct"].accepted[-1].sendall(f"{destination}\n".encode())
            assert stream.readline() == f"{destination}\n"


@pytest.mark.parametrize(
    "damage",
    [
        "flush map inet manyways device_mark",
        "flush set inet manyways live_mark",
        "add element inet manyways live_mark { 0x00900101 }",
        "flush set inet manyways sender",
        f"add element inet manyways sender {{ {TV} . 0x00900101 }}",
        "flush map inet manyways device_mark\n"
        f"add element inet manyways device_mark {{ {TV} : 0x00100201, {LAPTOP} : 0x00100101 }}",
        "flush map inet manyways device_mark\n"
        f"add element inet manyways device_mark {{ {TV} : 0x00700101, 02:00:00:00:00:77 : 0x1 }}",
    ],
)
@pytest.mark.parametrize("way", ["refresh", "switch"])
def test_a_kernel_that_went_astray_is_brought_back(home: World, damage: str, way: str) -> None:
    home.router.run("nft -f -", damage)
    assert not _agrees(home)
    if way == "switch":
        home.switchboard.assign("tv", "uk")
    home.switchboard.refresh()
    assert _agrees(home)
    home.switchboard.refresh()
    assert _agrees(home)


def test_a_mark_that_should_not_be_live_loses_its_connections(home: World) -> None:
    marks = _live(home)
    wrong = {**marks, TV: 0x00900102}
    home.router.run("nft -f -", mark_changes(marks, wrong))
    with home.tv.tcp(ECHO) as near:
        assert near.recv(100).startswith(b"uk")
        home.switchboard.refresh()
        with pytest.raises(ConnectionResetError):
            near.recv(100)
    assert home.tv.asks_udp(ECHO).startswith("direct")


def test_without_a_router_the_choice_waits_in_the_file(tmp_path: Path) -> None:
    with World(tmp_path) as home:
        assert home.switchboard.assign("tv", "uk").connections_cut == 0
        assert "table inet manyways" not in home.router.run("nft list ruleset")
        home.switchboard.refresh()
        home.apply()
        assert home.tv.asks_udp(ECHO).startswith("uk")
        assert _agrees(home)


def test_rules_that_vanished_are_no_obstacle_to_a_choice(home: World) -> None:
    home.router.run("nft delete table inet manyways")
    assert home.switchboard.assign("tv", "uk").connections_cut == 0
    for text in (b"1", b"2"):
        with home.tv.udp(SILENT) as made:
            made.send(text)
        home.apply()
    until(lambda: home.egresses["uk"].heard, "the second datagram")
    assert home.egresses["uk"].heard == [(b"2", home.tv.address)]
    assert home.egresses["direct"].heard == []


def test_a_refused_transaction_changes_nothing_anywhere(home: World) -> None:
    # A set that says "constant" refuses every change, and so does the transaction as a whole.
    rules = (home.files / "rendered/router/rules.nft").read_text()
    given, _, live = home.marks_file().partition("add element inet manyways live_mark")
    constant = f"set live_mark {{ flags constant; elements = {live}"
    home.router.run("nft -D lan=lan0 -f -", rules.replace("set live_mark {", constant) + given)
    before = (home.switchboard.state, home.marks_file(), _in_kernel(home))
    with home.tv.tcp(ECHO) as near:
        near.recv(100)
        with pytest.raises(RouterFailed):
            home.switchboard.assign("tv", "uk")
        assert (home.switchboard.state, home.marks_file(), _in_kernel(home)) == before
        remembered = Document(home.files / "state.json", store.State).read().value
        assert remembered == home.switchboard.state
        home.egresses["direct"].accepted[-1].sendall(b"still here")
        assert near.recv(100) == b"still here"
    assert home.switchboard.receipts == {}
    home.apply()
    assert home.switchboard.assign("tv", "uk").new == "uk"


def test_a_router_that_started_again_gets_a_new_handle(home: World) -> None:
    old = home.link.current()
    assert old is not None
    assert home.link.current() is old
    home.router_pid = home.tv.space.pid
    assert home.link.current() is old, "its process still lives"
    old.pid = 2**22  # no process has that number
    other = home.link.current()
    assert other is not None
    assert other is not old
    assert other.marks() is None, "there are no rules of ours"
    home.router_pid = None
    other.pid = 2**22
    assert home.link.current() is None
    home.router_pid = home.router.pid
    assert home.switchboard.assign("tv", "uk").new == "uk"
    assert home.tv.asks_udp(ECHO, WEB).startswith("uk")


def test_a_flow_belongs_to_its_device_alone(home: World) -> None:
    """Somebody takes over another device's address and ports: its packets join nothing."""
    home.switchboard.assign("tv", "uk")
    home.laptop.space.run(f"ip address add {home.tv.address}/32 dev lo")
    with home.tv.udp(SILENT) as mine, home.laptop.space.socket(socket.SOCK_DGRAM) as taken:
        mine.send(b"mine")
        until(lambda: home.egresses["uk"].heard, "the first datagram")
        taken.bind(mine.getsockname())
        taken.connect((WEB, SILENT))
        taken.send(b"taken")
        with home.laptop.udp(SILENT) as own:
            own.send(b"own")
        until(lambda: home.egresses["direct"].heard, "a later datagram by the same wire")
        mine.send(b"still mine")
        until(lambda: len(home.egresses["uk"].heard) > 1, "the next datagram")
    assert [data for data, _ in home.egresses["uk"].heard] == [b"mine", b"still mine"]
    assert home.egresses["direct"].heard == [(b"own", home.laptop.address)]


def test_a_new_flow_goes_by_who_sends_it_whatever_its_address(home: World) -> None:
    home.switchboard.assign("tv", "uk")
    home.laptop.space.run(f"ip address add {home.tv.address}/32 dev lo")
    with home.laptop.space.socket(socket.SOCK_DGRAM) as made:
        made.bind((home.tv.address, 0))
        made.sendto(b"borrowed", (WEB, SILENT))
        until(lambda: home.egresses["direct"].heard, "the datagram")
    assert home.egresses["direct"].heard == [(b"borrowed", home.tv.address)]
    assert home.egresses["uk"].heard == []


def test_a_new_device_may_send_at_once(home: World) -> None:
    mac = "02:00:00:00:00:99"
    assert home.stranger.refusals(ECHO, 1) == [PROHIBITED]
    home.switchboard.settle(home.config, {mac: ""}, {})
    assert home.stranger.asks_udp(ECHO) == f"direct {home.stranger.address}"
