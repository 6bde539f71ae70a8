"""The marks as text, and the commands of one transaction."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from router import tables

from orchestrator.render.dhcp import render_reservations
from orchestrator.render.marks import all_marks, mark_changes, render_marks
from orchestrator.render.names import render_names
from tests import golden_files
from tests.homes import HOME, LAPTOP, PHONE, TV

_marks = st.dictionaries(
    st.sampled_from([TV, LAPTOP, PHONE, "02:00:00:00:00:04"]), st.integers(1, 6), max_size=4
).filter(lambda marks: len(set(marks.values())) == len(marks))


class _Kernel:
    """A map and two sets that refuse what nftables refuses."""

    def __init__(self, marks: dict[str, int]) -> None:
        self.by_mac = dict(marks)
        self.sets: dict[str, set[tuple[str, ...]]] = {"sender": set(), "live_mark": set()}
        for mac, mark in marks.items():
            self.sets["sender"].add((mac, f"{mark:#010x}"))
            self.sets["live_mark"].add((f"{mark:#010x}",))

    def run(self, commands: str) -> None:
        joined = re.sub(r"\{[^}]*\}", lambda found: " ".join(found[0].split()), commands)
        for line in joined.splitlines():
            words = line.split()
            if words[0] == "flush":
                (self.by_mac if words[-1] == "device_mark" else self.sets[words[-1]]).clear()
            elif words[0] != "#":
                assert words[1:4] == ["element", "inet", "manyways"]
                elements = line.partition("{")[2].rstrip("} ").split(",")
                getattr(self, f"_{words[0]}")(words[4], elements)

    def _delete(self, name: str, elements: list[str]) -> None:
        for element in elements:
            if name == "device_mark":
                mac, mark = element.split(" : ")
                assert self.by_mac.pop(mac.strip()) == int(mark, 16)
            else:
                self.sets[name].remove(tuple(element.replace(" . ", " ").split()))

    def _add(self, name: str, elements: list[str]) -> None:
        for element in elements:
            if name == "device_mark":
                mac, mark = element.split(" : ")
                assert self.by_mac.setdefault(mac.strip(), int(mark, 16)) == int(mark, 16)
            else:
                self.sets[name].add(tuple(element.replace(" . ", " ").split()))

    def has(self, marks: dict[str, int]) -> bool:
        other = _Kernel(marks)
        return (self.by_mac, self.sets) == (other.by_mac, other.sets)


def test_marks_as_the_router_reads_them() -> None:
    golden_files.check("router/marks.nft", render_marks({TV: 0x00300102, LAPTOP: 0x00100201}))
    golden_files.check("router/marks-none.nft", render_marks({}))


def test_a_switch_is_six_commands() -> None:
    text = mark_changes({TV: 0x00100101, LAPTOP: 1}, {TV: 0x00200102, LAPTOP: 1})
    golden_files.check("router/switch.nft", text)


@given(_marks, _marks)
def test_changes_lead_from_any_marks_to_any_others(
    old: dict[str, int], new: dict[str, int]
) -> None:
    kernel = _Kernel(old)
    kernel.run(mark_changes(old, new))
    assert kernel.has(new)
    assert bool(mark_changes(old, new)) == (old != new)


@given(_marks, _marks)
def test_filling_anew_needs_to_know_nothing(old: dict[str, int], new: dict[str, int]) -> None:
    kernel = _Kernel(old)
    kernel.run(all_marks(new))
    assert kernel.has(new)


def test_names_and_reservations_are_in_a_stable_order() -> None:
    addresses = {mac: HOME.lan.address.ip + n for n, mac in enumerate((PHONE, TV), start=30)}
    assert render_names(HOME, {TV: "tv", LAPTOP: "pc", PHONE: "phone"}, addresses) == (
        "192.168.77.1 manyways.lan manyways\n"
        "192.168.77.31 phone.lan phone\n"
        "192.168.77.32 tv.lan tv\n"
    )
    assert render_reservations(addresses) == f"{TV},192.168.77.32\n{PHONE},192.168.77.31\n"


# --- policy routing ------------------------------------------------------------------------------


def test_rules_are_added_before_others_go() -> None:
    desired = tables.desired_rules("192.168.77.0/24", [2, 1])
    assert tables.rule_commands(desired, [1000, 1002, 1003]) == [
        "rule add priority 1001 fwmark 0x1/0xff lookup 1001",
        "rule add priority 2000 not fwmark 0x0/0xff prohibit",
        "rule del priority 1003",
    ]
    assert tables.rule_commands(desired, [1000, 1001, 1002, 2000]) == []


def test_a_table_has_its_prohibit_before_its_way_and_without_a_leg_nothing_else() -> None:
    assert tables.route_commands([(1, "10.213.1.2"), (2, None)], [3]) == [
        "route replace prohibit default metric 4096 table 1001",
        "route replace default via 10.213.1.2 table 1001",
        "route replace prohibit default metric 4096 table 1002",
        "route flush table 1003",
    ]
