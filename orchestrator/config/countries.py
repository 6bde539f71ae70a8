"""Countries: which codes there are, and which country a destination's name means.

A flag that is wrong misleads more than none, so a name is taken for a country only where nothing
else can be meant: `nl-3` is the Netherlands, `my-vpn` is not Malaysia.
"""

from __future__ import annotations

import re
from difflib import get_close_matches

from orchestrator.config.values import Bad

_EXAMPLE = "two letters (ISO 3166-1), such as GB, US or DE"

# ISO 3166-1 alpha-2, as the IANA time zone database lists it (iso3166.tab).
_TABLE = """
AD Andorra; AE United Arab Emirates; AF Afghanistan; AG Antigua and Barbuda; AI Anguilla; AL
Albania; AM Armenia; AO Angola; AQ Antarctica; AR Argentina; AS American Samoa; AT Austria; AU
Australia; AW Aruba; AX Aland Islands; AZ Azerbaijan; BA Bosnia and Herzegovina; BB Barbados; BD
Bangladesh; BE Belgium; BF Burkina Faso; BG Bulgaria; BH Bahrain; BI Burundi; BJ Benin; BL Saint
Barthelemy; BM Bermuda; BN Brunei; BO Bolivia; BQ Caribbean Netherlands; BR Brazil; BS Bahamas; BT
Bhutan; BV Bouvet Island; BW Botswana; BY Belarus; BZ Belize; CA Canada; CC Cocos (Keeling)
Islands; CD Congo (Democratic Republic); CF Central African Rep.; CG Congo; CH Switzerland; CI
Ivory Coast; CK Cook Islands; CL Chile; CM Cameroon; CN China; CO Colombia; CR Costa Rica; CU
Cuba; CV Cape Verde; CW Curacao; CX Christmas Island; CY Cyprus; CZ Czechia; DE Germany; DJ
Djibouti; DK Denmark; DM Dominica; DO Dominican Republic; DZ Algeria; EC Ecuador; EE Estonia; EG
Egypt; EH Western Sahara; ER Eritrea; ES Spain; ET Ethiopia; FI Finland; FJ Fiji; FK Falkland
Islands; FM Micronesia; FO Faroe Islands; FR France; GA Gabon; GB United Kingdom; GD Grenada; GE
Georgia; GF French Guiana; GG Guernsey; GH Ghana; GI Gibraltar; GL Greenland; GM Gambia; GN
Guinea; GP Guadeloupe; GQ Equatorial Guinea; GR Greece; GS South Georgia; GT Guatemala; GU Guam;
GW Guinea-Bissau; GY Guyana; HK Hong Kong; HM Heard and McDonald Islands; HN Honduras; HR Croatia;
HT Haiti; HU Hungary; ID Indonesia; IE Ireland; IL Israel; IM Isle of Man; IN India; IO British
Indian Ocean Territory; IQ Iraq; IR Iran; IS Iceland; IT Italy; JE Jersey; JM Jamaica; JO Jordan;
JP Japan; KE Kenya; KG Kyrgyzstan; KH Cambodia; KI Kiribati; KM Comoros; KN Saint Kitts and Nevis;
KP North Korea; KR South Korea; KW Kuwait; KY Cayman Islands; KZ Kazakhstan; LA Laos; LB Lebanon;
LC Saint Lucia; LI Liechtenstein; LK Sri Lanka; LR Liberia; LS Lesotho; LT Lithuania; LU
Luxembourg; LV Latvia; LY Libya; MA Morocco; MC Monaco; MD Moldova; ME Montenegro; MF Saint
Martin; MG Madagascar; MH Marshall Islands; MK North Macedonia; ML Mali; MM Myanmar; MN Mongolia;
MO Macau; MP Northern Mariana Islands; MQ Martinique; MR Mauritania; MS Montserrat; MT Malta; MU
Mauritius; MV Maldives; MW Malawi; MX Mexico; MY Malaysia; MZ Mozambique; NA Namibia; NC New
Caledonia; NE Niger; NF Norfolk Island; NG Nigeria; NI Nicaragua; NL Netherlands; NO Norway; NP
Nepal; NR Nauru; NU Niue; NZ New Zealand; OM Oman; PA Panama; PE Peru; PF French Polynesia; PG
Papua New Guinea; PH Philippines; PK Pakistan; PL Poland; PM Saint Pierre and Miquelon; PN
Pitcairn; PR Puerto Rico; PS Palestine; PT Portugal; PW Palau; PY Paraguay; QA Qatar; RE Reunion;
RO Romania; RS Serbia; RU Russia; RW Rwanda; SA Saudi Arabia; SB Solomon Islands; SC Seychelles;
SD Sudan; SE Sweden; SG Singapore; SH Saint Helena; SI Slovenia; SJ Svalbard and Jan Mayen; SK
Slovakia; SL Sierra Leone; SM San Marino; SN Senegal; SO Somalia; SR Suriname; SS South Sudan; ST
Sao Tome and Principe; SV El Salvador; SX Sint Maarten; SY Syria; SZ Eswatini; TC Turks & Caicos
Is; TD Chad; TF French Southern Territories; TG Togo; TH Thailand; TJ Tajikistan; TK Tokelau; TL
East Timor; TM Turkmenistan; TN Tunisia; TO Tonga; TR Turkey; TT Trinidad and Tobago; TV Tuvalu;
TW Taiwan; TZ Tanzania; UA Ukraine; UG Uganda; UM US Outlying Islands; US United States; UY
Uruguay; UZ Uzbekistan; VA Vatican City; VC Saint Vincent; VE Venezuela; VG British Virgin
Islands; VI US Virgin Islands; VN Vietnam; VU Vanuatu; WF Wallis and Futuna; WS Samoa; YE Yemen;
YT Mayotte; ZA South Africa; ZM Zambia; ZW Zimbabwe
"""
NAMES = {one[:2]: one[3:] for one in " ".join(_TABLE.split()).split("; ")}

# What people call a country, and its code does not say.
_ALSO = dict(
    pair.split("=")
    for pair in (
        *("uk=GB", "britain=GB", "great-britain=GB", "england=GB", "scotland=GB", "wales=GB"),
        *("usa=US", "united-states=US", "america=US", "holland=NL", "czech=CZ"),
        *("czech-republic=CZ", "uae=AE", "turkiye=TR"),
    )
)
# Codes that are words of their own in a name such as `my-tv` or `at-work`.
_WORDS = frozenset(
    (
        *("ac", "ad", "ai", "am", "as", "at", "be", "by", "cc", "co", "do", "in", "io", "is", "it"),
        *("la", "ma", "me", "ms", "my", "nc", "no", "pa", "pc", "pm", "pr", "ps", "so", "st", "tc"),
        *("to", "tv", "vc"),
    )
)
_NEVER = frozenset(("tv", "me", "my", "to", "io", "ai"))  # not even alone, or with a number
_PLACES = frozenset(("georgia", "jersey", "jordan", "chad", "guinea"))  # and persons, and states
_SPELT = {
    **{name.lower().replace(" ", "-"): code for code, name in NAMES.items()},
    **_ALSO,
}


def country(text: str) -> str:
    """A country's code in capital letters. Raises Bad."""
    code = text.strip().upper()
    if code in NAMES:
        return code
    word = re.sub(r"[^a-z]+", "-", text.strip().lower()).strip("-")
    if word in _SPELT:
        raise Bad(f"{_shown(text)} is not a country's code", f"write {_SPELT[word]}")
    near = get_close_matches(word, _SPELT, 1, 0.8) if len(word) > 3 else []
    hint = f"did you mean {_SPELT[near[0]]} ({NAMES[_SPELT[near[0]]]})?" if near else _EXAMPLE
    raise Bad(f"{_shown(text)} is not a country's code", hint)


def _shown(text: str) -> str:
    return f"'{text[:20]}'" if text.isprintable() else "this"


def guess(name: str) -> str:
    """The code of the country that a destination's name means; empty unless that is certain."""
    parts = [part for part in name.lower().split("-") if part and not part.isdigit()]
    alone = len(parts) == 1
    found = {code for part in parts if (code := _of_word(part, alone=alone))}
    found |= {
        _SPELT[joined]
        for first in range(len(parts))
        for last in range(first + 2, len(parts) + 1)
        if (joined := "-".join(parts[first:last])) in _SPELT
    }
    return found.pop() if len(found) == 1 else ""


def _of_word(part: str, *, alone: bool) -> str:
    word = part.rstrip("0123456789") or part  # de1
    if len(word) == 2:
        certain = word not in _NEVER if alone else word not in _WORDS
        code = _SPELT.get(word, word.upper())
        return code if certain and code in NAMES else ""
    return "" if word in _PLACES else _SPELT.get(word, "")
