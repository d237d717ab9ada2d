"""Rates and MAC addresses of interfaces, read here and by Xen's own libraries beside it.

What else an interface of an xl.cfg has is read by xl itself, which is no library.
"""

import re
from random import Random

import pytest

from cluster.lab.config.vif_rate import parse_vif_rate
from cluster.lab.config.xl_vif import parse_xl_vif
from tests.cluster.lab.config.xl_library import Ask, xens_library

SEED = 1
RATES, MACS = 6000, 3000


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """Xen's answers to cases, in their order."""
    return xens_library(tmp_path_factory.mktemp("oracle"))


# Taken there, and refused here: a number of which C reads only the beginning.
NO_NUMBER = re.compile(rb"(.*@)?0[0-7]*[89].*")
NUMBERS = (
    *("0", "1", "5", "8", "10", "100", "250", "4095", "010", "007", "08", "018", "0x10", "-1", "", " 1"),
    *("4294967295", "4294967296", "99999999999999999999"),
)


def _rate(random: Random) -> bytes:
    unit = random.choice(
        ("b/s", "B/s", "Kb/s", "KB/s", "Mb/s", "MB/s", "Gb/s", "GB/s", "kB/s", "/s", "b", "B/S")
    )
    text = random.choice(NUMBERS) + unit
    if random.random() < 0.6:
        text += "@" + random.choice(NUMBERS) + random.choice(("us", "ms", "s", "u", "m", "", "S", "ns", "ss"))
    if random.random() < 0.15:
        at = random.randrange(len(text) + 1)
        text = (
            text[:at]
            + random.choice(("@", " ", "0", "K", "b", "s", "/", "+"))
            + text[at + random.randrange(2) :]
        )
    return text.encode()


def _read_rate(text: bytes) -> tuple[int, int] | None:
    try:
        rate = parse_vif_rate(text.decode())
    except ValueError:
        return None
    return rate.credit_bytes, rate.interval_usecs


def test_a_rate_is_read_as_xens_library_reads_it(ask: Ask) -> None:
    random = Random(SEED)
    rates = sorted({_rate(random) for _ in range(RATES)})
    taken = 0
    for text, answer in zip(rates, ask([("rate", text) for text in rates]), strict=True):
        expected = None if answer["error"] else (answer["bytes"], answer["usecs"])
        if expected is not None and (expected[0] == 0 or NO_NUMBER.fullmatch(text)):
            expected = None  # a rate of nothing is a mistake of whoever wrote it
        assert _read_rate(text) == expected, f"{text!r}"
        taken += expected is not None
    assert len(rates) / 15 < taken < len(rates) * 9 / 10, "both kinds of rates are there"


DIGITS = "0123456789abcdefABCDEF"
# Passed over there and refused here: signs and spaces before a number, and what follows the sixth.
IGNORED = re.compile(rb"[-+ ]|(:.*){6}")
SHORT = re.compile(rb"[0-9a-fA-F]{1,2}(:[0-9a-fA-F]{1,2}){5}")


def _mac(random: Random) -> bytes:
    octets = ["".join(random.choices(DIGITS, k=2)) for _ in range(random.choice((6, 6, 6, 6, 5, 7)))]
    text = ":".join(octets)
    if random.random() < 0.4:
        at = random.randrange(len(text) + 1)
        text = (
            text[:at] + random.choice((":", "-", "g", "0", " ", "+", "")) + text[at + random.randrange(2) :]
        )
    return text.encode()


def _read_mac(text: bytes) -> str | None:
    try:
        return parse_xl_vif(f"mac={text.decode()}", 1).settings.mac
    except ValueError:
        return None


def is_of_a_group(mac: str) -> bool:
    """Whether no interface has such an address."""
    return int(mac[:2], 16) & 1 == 1 or mac == "00:00:00:00:00:00"


def test_a_mac_address_is_read_as_xens_library_reads_it(ask: Ask) -> None:
    """Xl itself, whose own code reads the key, takes octets of one digit, too."""
    random = Random(SEED)
    macs = sorted({_mac(random) for _ in range(MACS)})
    taken = 0
    for text, answer in zip(macs, ask([("mac", text) for text in macs]), strict=True):
        found, expected = _read_mac(text), None if answer["error"] else answer["mac"]
        if expected is None:
            assert found is None or SHORT.fullmatch(text), f"{text!r}"
        elif not is_of_a_group(expected) and not IGNORED.search(text):
            assert found == expected, f"{text!r}"
            taken += 1
    assert len(macs) / 10 < taken < len(macs) * 9 / 10, "both kinds of addresses are there"
