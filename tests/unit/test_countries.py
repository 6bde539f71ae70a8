"""Countries: which codes there are, and what a destination's name means without doubt."""

from __future__ import annotations

import pytest

from orchestrator.config import countries
from orchestrator.config.values import Bad


@pytest.mark.parametrize(
    ("name", "code"),
    [
        *(("uk", "GB"), ("de", "DE"), ("us-east", "US"), ("nl-3", "NL"), ("de1", "DE")),
        *(("proton-ch", "CH"), ("uk-london", "GB"), ("germany", "DE"), ("new-zealand", "NZ")),
        *(("usa-2", "US"), ("south-korea", "KR"), ("north-korea", "KP"), ("no-2", "NO")),
        *(("it", "IT"), ("united-kingdom", "GB")),
    ],
)
def test_a_name_that_can_mean_one_country_only(name: str, code: str) -> None:
    assert countries.guess(name) == code


@pytest.mark.parametrize(
    "name",
    [
        *("work", "office", "vpn", "xx", "my-vpn", "tv", "at-home", "me", "living-tv", "georgia"),
        *("us-uk", "de-nl", "42", "-", "no-ads"),
    ],
)
def test_a_name_that_may_mean_something_else_has_no_flag(name: str) -> None:
    assert countries.guess(name) == ""


def test_there_are_as_many_codes_as_in_the_standard() -> None:
    assert len(countries.NAMES) == 249
    assert all(len(code) == 2 and code.isupper() and name for code, name in countries.NAMES.items())


@pytest.mark.parametrize("text", ["GB", "gb", " Gb "])
def test_a_code_may_be_written_in_any_way(text: str) -> None:
    assert countries.country(text) == "GB"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("UK", "write GB"),
        ("Germany", "write DE"),
        ("united kingdom", "write GB"),
        ("Germny", "did you mean DE (Germany)?"),
        ("Deutschland", "two letters (ISO 3166-1), such as GB, US or DE"),
        ("XX", "two letters (ISO 3166-1), such as GB, US or DE"),
        ("", "two letters (ISO 3166-1), such as GB, US or DE"),
        ("\x1b[2J", "two letters (ISO 3166-1), such as GB, US or DE"),
    ],
)
def test_what_is_no_code_gets_a_hint(text: str, hint: str) -> None:
    with pytest.raises(Bad) as bad:
        countries.country(text)
    assert bad.value.hint == hint
    assert bad.value.message.isprintable()
