"""Generated xl.cfg files, disks and device names, read here and by Xen's own libraries beside it."""

import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from cluster.lab.config.c_number import c_number
from cluster.lab.config.errors import ConfigError
from cluster.lab.config.virtual_device import virtual_device_number
from cluster.lab.config.xl_disk_syntax import parse_disk
from cluster.lab.config.xl_syntax import XlItem, parse_xl
from tests.cluster.lab.config.xl_library import Ask, Case, xens_library

SEED = 1
FILES, DISKS, DEVICES = 3000, 8000, 4000
KEYS = ("name", "memory", "disk", "a.b_c", "x")


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """Xen's answers to cases, in their order."""
    return xens_library(tmp_path_factory.mktemp("oracle"))


def _text(value: str | None) -> str | None:
    return None if value is None else value.encode(errors="surrogateescape").hex()


def _decoded(text: bytes) -> str:
    return text.decode(errors="surrogateescape")


# --- files ---

NUMBERS = (
    "0",
    "7",
    "64",
    "0100",
    "08",
    "0x40",
    "0xff",
    "0xFF",
    "0X40",
    "12abc",
    "0x",
    "1x2",
    "-1",
    "1.5",
    "1e3",
)
QUOTED = ("64", "0x40", "010", " 7", "7 ", "", "-3", "web", "9" * 18, "9" * 19)
INSIDE = (
    *("a", "xvda", "5", "07", " ", ",", "#", ";", "[", "(", "%", "\t", "+5", "-"),
    *(
        "\\n",
        "\\t",
        "\\\\",
        '\\"',
        "\\'",
        "\\a",
        "\\v",
        "\\f",
        "\\b",
        "\\r",
        "\\101",
        "\\0123",
        "\\7",
        "\\18",
        "\\ ",
    ),
    *("\\8", "\\x41", "\\x", "\\q", "\\", "é", "\udce9", "'", '"', "\n"),
)
PIECES = (
    *("=", "+=", "= ", " =", "[", "]", ",", ";", "\n", "\n\n", " ", "\t", "# no\n", "#", "#\udce9\n"),
    *(
        "name",
        "memory",
        "disk",
        "a.b_c",
        "x",
        "x1",
        "Name",
        "_x",
        "if",
        "import os",
        "x.y(",
        ")",
        ":",
        "-",
        "+",
    ),
    *(".", "%", "{", "\\\n", "\r\n", "\r", "\f", "'''", '"""', "é", "\ufeff", "+ =", "*", "a-b"),
)


def _string(random: Random) -> str:
    quote = random.choice("'\"")
    if random.random() < 0.5:
        return quote + random.choice(QUOTED) + quote
    inside = INSIDE if random.random() < 0.2 else INSIDE[: INSIDE.index("\\7")]
    return quote + "".join(random.choices(inside, k=random.randrange(6))) + quote


def _atom(random: Random) -> str:
    return random.choice(NUMBERS) if random.random() < 0.3 else _string(random)


def _value(random: Random, depth: int = 0) -> str:
    if depth > 3 or random.random() < 0.6:
        return _atom(random)
    gap = random.choice(("", " ", "\n", " # comment\n", "\t"))
    items = [_value(random, depth + 1) for _ in range(random.randrange(4))]
    end = random.choice(("", "", f",{gap}", f"{gap},{gap}"))
    return f"[{gap}" + f"{gap},{gap}".join(items) + f"{end}{gap}]"


def _file(random: Random) -> bytes:
    statements = []
    for _ in range(random.randrange(1, 5)):
        sign = random.choice(("=", " = ", "+=", " += ", "=\t"))
        end = random.choice(("\n", "\n", ";", " # x\n", " ;\n", "\n\n", ""))
        statements.append(f"{random.choice(KEYS)}{sign}{_value(random)}{end}")
    text = "".join(statements)
    for _ in range(random.choice((0, 0, 0, 1, 2))):
        at = random.randrange(len(text) + 1)
        text = text[:at] + random.choice(PIECES) + text[at + random.randrange(2) :]
    return text.encode(errors="surrogateescape")


def _plain(item: XlItem) -> Any:
    if isinstance(item.value, list):
        return [_plain(each) for each in item.value]
    return {"text": _text(item.value)}


def _setting(item: XlItem | None) -> Any:
    if item is None:
        return None
    if isinstance(item.value, list):
        return {"list": _plain(item)}
    try:
        number = {} if item.added else {"number": c_number(item.value)}
    except ValueError:
        number = {}
    return {"text": _text(item.value), **number}


def _read(text: bytes) -> list[Any] | None:
    try:
        settings = parse_xl(Path("x.cfg"), _decoded(text))
    except ConfigError:
        return None
    return [_setting(settings.get(key)) for key in KEYS]


def test_a_file_is_read_as_xens_library_reads_it(ask: Ask) -> None:
    random = Random(SEED)
    files = [_file(random) for _ in range(FILES)]
    answers = iter(ask([case for text in files for case in (("file", text), *_asked_keys())]))
    taken = 0
    for text in files:
        error, *settings = (next(answers) for _ in range(1 + len(KEYS)))
        expected = None if error["error"] else settings
        assert _read(text) == expected, f"{text!r}"
        taken += expected is not None
    assert FILES / 5 < taken < FILES * 4 / 5, "both kinds of files are there"


def _asked_keys() -> Iterator[Case]:
    return (("key", key.encode()) for key in KEYS)


ROOT = Path(__file__).parents[4]
WRITTEN = sorted((*ROOT.glob("configs/guests/*.cfg"), *ROOT.parent.glob("shared/cases/*.cfg")))


@pytest.mark.parametrize("path", WRITTEN, ids=[each.name for each in WRITTEN])
def test_a_file_that_somebody_wrote_is_read_as_xens_library_reads_it(ask: Ask, path: Path) -> None:
    content = path.read_bytes()
    error, *settings = ask([("file", content), *_asked_keys()])

    assert _read(content) == (None if error["error"] else settings)
    disks = [each["text"] for each in (settings[KEYS.index("disk")] or {"list": []})["list"]]
    for disk, answer in zip(disks, ask([("disk", bytes.fromhex(each)) for each in disks]), strict=True):
        assert _read_disk(bytes.fromhex(disk)) == (None if answer["error"] else answer), bytes.fromhex(disk)


# --- disks ---

# Not trusted, untrusted and grant_usage=: documented, but libraries built without flex do not know them.
PARAMETERS = (
    *("/srv/a.img", "a.img", "", " a.img", "a.img ", "res0", "host:/x", "iqn.x:y", "a\nb", "é", "a b"),
    *("raw", "qcow", "qcow2", "vhd", "qed", "empty", "RAW", "vmdk", "aio"),
    *(
        "xvda",
        "hda",
        "hdc:cdrom",
        "xvda:disk",
        "sda1",
        "0x301",
        "d0p1",
        "hda:tape",
        "ioemu:hda",
        "ioemu:hdc:cdrom",
    ),
    *("r", "w", "rw", "ro", "x", " rw", "rw "),
    *("cdrom", "devtype=cdrom", "devtype=disk", "devtype=tape", "discard", "no-discard", "direct-io-safe"),
    *("colo", "no-colo", "colo-host=h", "colo-port=9", "colo-port=x", "colo-export=e"),
    *("active-disk=a", "hidden-disk=b", "backend=0", "backend=storage", "backend=", "backendtype=phy"),
    *(
        "backendtype=qdisk",
        "backendtype=tap",
        "backendtype=standalone",
        "backendtype=QDISK",
        "specification=xen",
    ),
    *("specification=virtio", "specification=", "script=block-x", "script=", "format=raw", "format=qcow2"),
    *(
        "format=",
        "format=RAW",
        "vdev=xvdb",
        "vdev=",
        "access=ro",
        "access=rw",
        "access=x",
        "Format=raw",
        "foo=1",
    ),
    *("foo=bar", "foo=", "target=/srv/b.img", "target=a,b=c,", "target=", "=", "a=b", "discard=1"),
)
PREFIXES = (
    *("phy:", "file:", "raw:", "qcow:", "qcow2:", "vhd:", "tap:", "tap2:", "tapdisk:", "aio:", "ioemu:"),
    *("nbd:", "enbd:", "drbd:", "iscsi:", "http:", "vdi:", "Phy:", "tap:aio:", "phy:file:", "tap:qcow2:"),
)


def _disk(random: Random) -> bytes:
    if random.random() < 0.5:
        parts = [
            random.choice(PREFIXES if random.random() < 0.6 else ("",))
            + random.choice(("/srv/a.img", "a.img", "", "x:y")),
            *random.choice((["raw"], ["qcow2"], [""], [])),
            *random.choice((["xvda"], ["hda:cdrom"], ["ioemu:hda"], ["xvdb:disk"], ["vdev=sda"])),
            *random.choice((["w"], ["r"], ["rw"], ["access=ro"], [])),
            *random.sample(PARAMETERS, random.choice((0, 0, 1))),
        ]
    else:
        parts = [*random.choices(PARAMETERS, k=random.randrange(1, 7))]
        random.shuffle(parts)
        if random.random() < 0.3:
            parts[0] = random.choice(PREFIXES) + parts[0]
    text = random.choice((",", ",", ", ", ",\n", " ,")).join(parts)
    if random.random() < 0.2:
        at = random.randrange(len(text) + 1)
        text = (
            text[:at]
            + random.choice((",", ":", "=", " ", "\n", "-", "a", "/"))
            + text[at + random.randrange(2) :]
        )
    # On these the library ends the program (flex scanner jammed).
    return text.replace("=\n", "=").encode()


def _read_disk(text: bytes) -> Any:
    try:
        found = parse_disk(_decoded(text))
    except ValueError:
        return None
    return {
        "error": 0,
        "target": _text(found.target),
        "vdev": _text(found.vdev),
        "script": _text(found.script),
        "backend": _text(found.backend),
        "format": found.image_format,
        "backendtype": found.backendtype or "unknown",
        "writable": int(found.writable),
        "cdrom": int(found.cdrom),
        "removable": int(found.cdrom),
    }


def test_a_disk_is_read_as_xens_library_reads_it(ask: Ask) -> None:
    random = Random(SEED)
    disks = [_disk(random) for _ in range(DISKS)]
    taken = 0
    for text, answer in zip(disks, ask([("disk", text) for text in disks]), strict=True):
        expected = None if answer["error"] else answer
        assert _read_disk(text) == expected, f"{text!r}"
        taken += expected is not None
    assert DISKS / 8 < taken < DISKS * 7 / 8, "both kinds of disks are there"


# --- names of devices ---

# libxl takes these for names of devices, by the way in which it reads numbers; nobody can mean them.
NO_NAME = re.compile(
    r"|.*[-+ \t\n].*|(xvd|hd|sd)([1-9][0-9]*)?|d0[xX]p.*|d.*p0[xX]|d.*[0-9]{10}.*", re.DOTALL
)


def _device(random: Random) -> bytes:
    number = random.choice(
        ("0", "1", "5", "15", "16", "63", "64", "255", "256", "01", "010", "0x1f", "0XF", "08", "-1")
    )
    large = random.choice(
        (number, "1048575", "1048576", "2147483647", "2147483648", "51712", "0x301", "0x", "9" * 20)
    )
    letters = "".join(
        random.choices("abcdefghijklmnopqrstuvwxyzA", k=random.choice((0, 1, 1, 1, 2, 3, 4, 5, 6)))
    )
    text = random.choice(
        (
            f"{random.choice(('xvd', 'hd', 'sd', 'vd'))}{letters}{random.choice(('', '', number, large))}",
            f"d{large}p{number}",
            f"d{number}",
            large,
        )
    )
    if random.random() < 0.1:
        at = random.randrange(len(text) + 1)
        text = text[:at] + random.choice("0x p1d:") + text[at:]
    return text.encode()


def test_a_device_has_the_number_that_libxl_gives_it(ask: Ask) -> None:
    random = Random(SEED)
    names = sorted({_device(random) for _ in range(DEVICES)})
    taken = 0
    for name, answer in zip(names, ask([("vdev", name) for name in names]), strict=True):
        try:
            found = virtual_device_number(name.decode())
        except ValueError:
            found = -1
        # A negative number is no device, but what an overflow makes of one.
        expected = max(answer["number"], -1)
        if not NO_NAME.fullmatch(name.decode()):
            assert found == expected, name
            taken += expected >= 0
    assert taken > len(names) / 10, "names that are some are there"
