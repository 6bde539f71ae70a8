"""Which endpoint comes next, how soon, and when a tunnel counts as dead."""

from __future__ import annotations

from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st

from egress.settings import Remote
from egress.tunnel import (
    DEAD_AFTER,
    FIRST_DELAY,
    LONGEST_DELAY,
    PROBE_INTERVAL,
    UNANSWERED_AFTER,
    Contact,
    Endpoint,
    Pulse,
    Rotation,
    Verdict,
    backoff,
)

NAME = Remote("vpn.example", 1194, "udp")
ADDRESS = Remote("198.51.100.20", 443, "tcp")
ONE, TWO = IPv4Address("198.51.100.10"), IPv4Address("198.51.100.11")


def test_an_address_is_never_resolved() -> None:
    rotation = Rotation((ADDRESS,))
    assert rotation.name_to_resolve() is None
    assert str(rotation.endpoint()) == "198.51.100.20:443/tcp"
    assert rotation.failed().name_to_resolve() is None


def test_a_name_is_resolved_once_and_again_after_its_endpoint_failed() -> None:
    rotation = Rotation((NAME,))
    assert rotation.name_to_resolve() == "vpn.example"
    assert rotation.endpoint() is None
    rotation = rotation.pin("vpn.example", (ONE,))
    assert rotation.name_to_resolve() is None
    assert rotation.endpoint() == Endpoint(ONE, 1194, "udp")
    assert rotation.failed().name_to_resolve() == "vpn.example"


def test_what_was_known_serves_when_a_name_no_longer_resolves() -> None:
    rotation = Rotation((NAME,)).pin("vpn.example", (ONE,)).failed().pin("vpn.example", ())
    assert rotation.name_to_resolve() is None
    assert rotation.endpoint() == Endpoint(ONE, 1194, "udp")


def test_every_address_of_a_name_is_tried_before_it_is_resolved_again() -> None:
    rotation = Rotation((NAME,)).pin("vpn.example", (ONE, TWO)).failed()
    assert rotation.endpoint() == Endpoint(TWO, 1194, "udp")
    assert rotation.name_to_resolve() is None
    assert rotation.delay == FIRST_DELAY
    rotation = rotation.failed()
    assert rotation.name_to_resolve() == "vpn.example"
    assert rotation.pin("vpn.example", (TWO,)).endpoint() == Endpoint(TWO, 1194, "udp")


def test_a_whole_pass_over_the_remotes_counts_as_one_failure() -> None:
    rotation = Rotation((ADDRESS, NAME)).failed()
    assert (rotation.current, rotation.failures, rotation.delay) == (NAME, 0, FIRST_DELAY)
    rotation = rotation.failed()
    assert (rotation.current, rotation.failures) == (ADDRESS, 1)


def test_who_refuses_is_asked_again_late_and_where_it_was() -> None:
    rotation = Rotation((NAME,)).pin("vpn.example", (ONE,)).failed(refused=True)
    assert rotation.delay == LONGEST_DELAY
    assert rotation.name_to_resolve() is None


def test_a_long_connection_wipes_out_earlier_failures() -> None:
    rotation = Rotation((ADDRESS, NAME))
    for _ in range(12):
        rotation = rotation.failed()
    before = rotation.current
    rotation = rotation.failed(stable=True)
    assert (rotation.delay, rotation.failures, rotation.current) == (FIRST_DELAY, 1, before)


def test_a_short_connection_wipes_them_out_too_but_the_next_endpoint_has_its_turn() -> None:
    rotation = Rotation((ADDRESS, NAME))
    for _ in range(12):
        rotation = rotation.failed()
    rotation = rotation.failed(lived=True)
    assert (rotation.delay, rotation.current) == (FIRST_DELAY, NAME)
    alone = Rotation((ADDRESS,))
    for _ in range(12):
        alone = alone.failed()
    assert alone.failed(lived=True).delay == FIRST_DELAY


def test_who_leads_nowhere_is_followed_by_the_next_however_long_it_was_connected() -> None:
    rotation = Rotation((ADDRESS, NAME)).failed(stable=True, useless=True)
    assert (rotation.current, rotation.delay) == (NAME, FIRST_DELAY)
    rotation = Rotation((NAME,)).pin("vpn.example", (ONE, TWO)).failed(stable=True, useless=True)
    assert rotation.endpoint() == Endpoint(TWO, 1194, "udp")
    alone = Rotation((ADDRESS,)).failed(stable=True, useless=True)
    assert (str(alone.endpoint()), alone.delay) == ("198.51.100.20:443/tcp", FIRST_DELAY)


def test_there_is_an_alternative_where_two_addresses_are_known() -> None:
    assert not Rotation((NAME,)).pin("vpn.example", (ONE,)).alternatives
    assert Rotation((NAME,)).pin("vpn.example", (ONE, TWO)).alternatives
    assert Rotation((ADDRESS, NAME)).alternatives


HERE = Endpoint(ONE, 1194, "udp")
TRIED = Contact().tries(HERE)


def test_an_endpoint_that_says_a_word_answers_whatever_the_word_is() -> None:
    asked = TRIED.heard("CONNECTING", 0).heard("WAIT", 1)
    assert (asked.state, asked.message) == ("unknown", "asking 198.51.100.10:1194/udp")
    answered = asked.heard("AUTH", 1.5)
    assert (answered.state, answered.message) == ("ok", "198.51.100.10:1194/udp")
    # As with a wrong password.
    assert answered.failed("the provider refused user name or password") == answered
    assert answered.checked(1000) == answered


def test_no_word_for_a_while_is_no_answer_and_its_reason_comes_later() -> None:
    asked = TRIED.heard("TCP_CONNECT", 1).heard("WAIT", 2)
    assert asked.checked(1 + UNANSWERED_AFTER - 0.1) == asked
    silent = asked.checked(1 + UNANSWERED_AFTER)
    assert silent.state == "failing"
    assert silent.message.startswith("no answer from 198.51.100.10:1194/udp; it may be down")
    assert asked.failed("").message == silent.message
    assert asked.failed("nobody listens there").message == f"{HERE}: nobody listens there"


def test_what_was_found_stays_until_something_else_is() -> None:
    silent = TRIED.heard("WAIT", 0).failed("")
    again = silent.tries(HERE).heard("WAIT", 60)
    assert (again.state, again.checked(61).state) == ("failing", "failing")
    assert again.heard("AUTH", 62).state == "ok"
    # A connection that was good and whose server is gone: the next attempt has to show it.
    lost = again.heard("CONNECTED", 63).tries(HERE)
    assert lost.checked(100).state == "ok"
    assert lost.heard("WAIT", 100).checked(100 + UNANSWERED_AFTER).state == "failing"


def test_an_attempt_that_never_asked_says_nothing_of_the_endpoint() -> None:
    assert TRIED.failed("OpenVPN does not accept the profile") == TRIED


def test_a_name_that_does_not_resolve_is_the_endpoints_fault() -> None:
    found = TRIED.unresolved("the uplink's DNS servers do not know vpn.example")
    assert (found.state, "vpn.example" in found.message) == ("failing", True)


def test_waiting_doubles_up_to_a_minute() -> None:
    assert [backoff(n) for n in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert backoff(10_000) == LONGEST_DELAY


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60))
def test_there_is_always_a_next_attempt_within_a_minute(ends: list[tuple[bool, bool]]) -> None:
    rotation = Rotation((NAME, ADDRESS)).pin("vpn.example", (ONE, TWO))
    for refused, stable in ends:
        rotation = rotation.failed(refused=refused, stable=stable)
        assert FIRST_DELAY <= rotation.delay <= LONGEST_DELAY
        assert rotation.endpoint() is not None


def test_silence_is_death_only_after_a_sign_of_life() -> None:
    pulse = Pulse(100.0)
    assert pulse.verdict(100_000.0) is Verdict.UNPROVEN
    pulse = pulse.beat(200.0)
    assert pulse.verdict(200.0 + DEAD_AFTER - 0.01) is Verdict.ALIVE
    assert pulse.verdict(200.0 + DEAD_AFTER) is Verdict.DEAD
    assert pulse.beat(210.0).verdict(211.0) is Verdict.ALIVE


def test_two_lost_probes_are_forgiven_and_a_death_is_found_in_time() -> None:
    assert 2 * PROBE_INTERVAL < DEAD_AFTER
    look_every, end_at_most = 1.0, 2.0
    assert PROBE_INTERVAL + DEAD_AFTER + look_every + end_at_most <= 15
