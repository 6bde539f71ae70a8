"""What a device probably is, from what it calls itself and who made it: its picture on the page.

A guess decides nothing else, and a person's word comes before it.
"""

from __future__ import annotations

import re

UNKNOWN = "unknown"
# The first line that fits decides: an "Apple TV" is a television, a "Galaxy Watch" a watch.
_BY_NAME = tuple(
    (kind, re.compile(rf"(?<![a-z])(?:{words})(?![a-z])"))
    for kind, words in (
        ("watch", r"\w*watch\d*|fitbit|garmin"),
        ("tv", r"tv|\w*tv|roku|chromecast|google-?cast|fire-?stick|bravia|viera|firetv\w*|"
               r"fernseher|beamer|projector|kodi|shield"),
        ("console", r"playstation|ps[2-6]|psp|xbox\w*|nintendo|switch|wii\w*|steam-?deck"),
        ("printer", r"\w*printer|drucker|officejet|laserjet|deskjet|envy|epson\w*|brw\w*|brn\w*|"
                    r"npi\w*|canon\w*|pixma"),
        ("camera", r"\w*cam|\w*camera|kamera|doorbell|ipc|nvr|reolink|hikvision"),
        ("speaker", r"sonos\w*|home-?pod\w*|echo|alexa|\w*speaker|soundbar|nest-?(?:audio|mini)|"
                    r"google-?home|lautsprecher|bose|denon|marantz"),
        ("tablet", r"i-?pad\w*|\w*tablet|tab|kindle|surface-?go|galaxy-?tab\w*"),
        ("phone", r"i-?phone\w*|\w*phone|pixel|galaxy|handy|smartphone|oneplus|redmi|"
                  r"xperia|huawei|moto|android|sm-[agnsf]\d+\w*"),
        ("computer", r"\w*macbook\w*|i-?mac|mac|macmini|\w*laptop|\w*notebook|desktop|"
                     r"pc|\w*-pc|thinkpad|ideapad|latitude|xps|surface|chromebook|computer|"
                     r"workstation|nuc|server|nas|raspberrypi\w*|ubuntu|debian|fedora|rechner"),
        ("thing", r"esp|esp32\w*|esp8266|tasmota\w*|shelly\w*|tuya\w*|wled\w*|sonoff|"
                  r"hue|lamp|lampe|bulb|plug|thermostat|roomba|roborock|vacuum|meross"),
    )
)  # fmt: skip
_BY_MAKER = tuple(
    (kind, re.compile(rf"\b(?:{words})\b"))
    for kind, words in (
        ("tv", r"roku|vizio|tcl|hisense|tpvision|tp vision"),
        ("console", r"nintendo|sony interactive|valve"),
        ("printer", r"brother|seiko epson|epson|canon|lexmark|kyocera|ricoh|xerox"),
        ("camera", r"hikvision|dahua|axis|reolink|wyze|ring|arlo|foscam|netatmo|zhejiang uniview"),
        ("speaker", r"sonos|bose|harman|bang olufsen|bang & olufsen|d&m|denon|teufel"),
        ("watch", r"garmin|fitbit|withings"),
        ("thing", r"espressif|tuya|shelly|allterco|signify|philips lighting|lifx|itead|"
                  r"irobot|roborock|ecobee|nest|belkin|meross|ikea|bosch|miele|bsh"),
        ("computer", r"dell|lenovo|intel|micro-star|gigabyte|asrock|framework|acer|raspberry pi|"
                     r"hewlett packard|hp|vmware|synology|qnap|liteon|azurewave|msi"),
        ("phone", r"oneplus|oppo|vivo|fairphone|motorola mobility|hmd|nothing"),
    )
)  # fmt: skip


def guess(names: tuple[str, ...], maker: str) -> str:
    """Return the kind of a device with these names, the weightiest first, by that maker."""
    for name in names:
        for kind, pattern in _BY_NAME:
            # "Living-Room_TV" and "Annas iPhone" are words to us, "desktop" is not "desk top".
            if pattern.search(re.sub(r"[_.]+", "-", name.lower())):
                return kind
    for kind, pattern in _BY_MAKER:
        if pattern.search(maker.lower()):
            return kind
    return UNKNOWN
