"""The kernel's answer about a counter, read byte by byte; what a real kernel says is recorded."""

from __future__ import annotations

import struct

import pytest

from egress.counter import read

# nft add table inet manyways; nft add counter inet manyways replies { packets 7 bytes 9 }
RECORDED = bytes.fromhex(
    "68000000120a00000700000021380000010000020d0001006d616e7977617973000000000c0002007265706c"
    "6965730008000300000000010c000600000000000000000108000500000000001c0004000c00010000000000"
    "000000090c0002000000000000000007"
)
NO_SUCH = struct.pack("=IHHIIi", 20, 2, 0, 1, 0, -2)


def test_a_kernels_answer() -> None:
    assert read(RECORDED) == 7


@pytest.mark.parametrize("answer", [b"", NO_SUCH, RECORDED[:40], RECORDED[:-8], RECORDED[:19]])
def test_anything_else_is_no_number(answer: bytes) -> None:
    assert read(answer) is None
