from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.config.errors import ConfigError
from cluster.config.xl_config import XlConfig, read_xl

Read = Callable[[str], XlConfig]

MINIMAL = "name = 'db'\nmemory = 64\n"


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def _read(text: str) -> XlConfig:
        path = tmp_path / "db.cfg"
        path.write_text(text)
        return read_xl(path)

    return _read


@pytest.fixture
def refuse(read: Read, tmp_path: Path) -> Callable[[str], str]:
    def _refuse(text: str) -> str:
        with pytest.raises(ConfigError) as caught:
            read(text)
        return str(caught.value).replace(f"{tmp_path}/", "")

    return _refuse


def test_a_guest_needs_a_name_and_memory_only(read: Read) -> None:
    guest = read(MINIMAL)

    assert (guest.name, guest.memory, guest.maxmem, guest.vcpus) == ("db", 64 << 20, 64 << 20, 1)
    assert (guest.on_crash, guest.disks, guest.ignored) == ("destroy", (), ())


def test_a_file_as_people_write_them_is_understood(read: Read, tmp_path: Path) -> None:
    guest = read("""
        # A comment; with = signs and 'quotes'
        name    = "db"        # and one at the end
        memory  = 0x40 ; maxmem = 128
        vcpus   = 2
        extra   = 'root=/dev/xvda "quoted" console=hvc0'
        disk = [
            # the system
            'images/db.img,raw,xvda,rw',
            "format=raw, vdev=xvdb, access=ro, target=/srv/a,b.img",
        ]
        vif = [ 'bridge=xenbr0' ]
        on_crash = "restart"
    """)

    assert (guest.memory, guest.maxmem, guest.vcpus, guest.on_crash) == (64 << 20, 128 << 20, 2, "restart")
    first, second = guest.disks
    assert (first.target, first.vdev, first.mode, first.line) == (
        tmp_path / "images/db.img",
        "xvda",
        "rw",
        9,
    )
    assert (second.target, second.vdev, second.mode) == (Path("/srv/a,b.img"), "xvdb", "ro")
    assert [each.wrong for each in guest.ignored] == ["'extra' is ignored", "'vif' is ignored"]


def test_an_ignored_key_that_looks_like_a_slip_is_asked_about(read: Read) -> None:
    remark = read(f"{MINIMAL}vcpu = 2\n").ignored[0]

    assert str(remark).endswith("db.cfg:3: 'vcpu' is ignored; did you mean vcpus?")


def test_a_later_setting_replaces_an_earlier_one(read: Read) -> None:
    assert read(f"{MINIMAL}memory = 128\n").memory == 128 << 20


def test_lists_and_strings_can_be_added_to(read: Read) -> None:
    guest = read(f"{MINIMAL}disk = ['a.img,raw,xvda,rw']\ndisk += ['b.img,raw,xvdb,rw',]\nname += '-2'\n")

    assert [each.vdev for each in guest.disks] == ["xvda", "xvdb"]
    assert guest.name == "db-2"


def test_escapes_and_long_strings_are_understood(read: Read) -> None:
    assert read("memory = 64\nname = 'a\\'b'\n").name == "a'b"
    assert read('memory = 64\nname = """db"""\n').name == "db"


DISKS: list[tuple[str, tuple[str, str, str]]] = [
    ("a.img,raw,xvda,rw", ("a.img", "xvda", "rw")),
    ("a.img,raw,xvda,w", ("a.img", "xvda", "rw")),
    ("a.img,raw,xvda,r", ("a.img", "xvda", "ro")),
    ("a.img,raw,xvda,ro", ("a.img", "xvda", "ro")),
    ("a.img,raw,xvda", ("a.img", "xvda", "rw")),
    ("a.img,,hda", ("a.img", "hda", "rw")),
    (" a.img , raw , xvda , rw ", ("a.img", "xvda", "rw")),
    ("format=raw,vdev=xvda,access=rw,target=a.img", ("a.img", "xvda", "rw")),
    ("vdev=xvda,target=a b=c,d.img", ("a b=c,d.img", "xvda", "rw")),
    ("a.img,raw,vdev=xvda,access=ro", ("a.img", "xvda", "ro")),
    ("a.img,raw,xvda,access=rw", ("a.img", "xvda", "rw")),
    ("phy:a.img,xvda,w", ("a.img", "xvda", "rw")),
    ("file:a.img,xvda1,r", ("a.img", "xvda1", "ro")),
    ("a.iso,raw,hdc:cdrom,r", ("a.iso", "hdc", "ro")),
    ("a.iso,raw,xvdc,cdrom", ("a.iso", "xvdc", "ro")),
    ("a.iso,raw,xvdc,devtype=cdrom", ("a.iso", "xvdc", "ro")),
    ("a.img,raw,xvda,rw,backend=0", ("a.img", "xvda", "rw")),
    ("a.img,raw,xvda,rw,backendtype=qdisk,direct-io-safe", ("a.img", "xvda", "rw")),
]


@pytest.mark.parametrize(("text", "expected"), DISKS, ids=[row[0] for row in DISKS])
def test_a_disk_can_be_written_in_many_ways(
    read: Read, tmp_path: Path, text: str, expected: tuple[str, str, str]
) -> None:
    disk = read(f'{MINIMAL}disk = ["{text}"]\n').disks[0]

    assert (disk.target, disk.vdev, disk.mode) == (tmp_path / expected[0], *expected[1:])


def test_disk_parameters_without_effect_are_listed(read: Read) -> None:
    guest = read(f"{MINIMAL}disk = ['a.img,raw,xvda,rw,backendtype=qdisk,discard']\n")

    assert [each.wrong for each in guest.ignored] == [
        "'backendtype=qdisk' is ignored",
        "'discard' is ignored",
    ]


def test_a_core_dump_is_not_made_and_that_is_said(read: Read) -> None:
    guest = read(f"{MINIMAL}on_crash = 'coredump-restart'\n")

    assert guest.on_crash == "restart"
    assert guest.ignored[0].wrong == "on_crash 'coredump-restart': no core is dumped"


BAD: list[tuple[str, str]] = [
    ("", "db.cfg: no memory; memory = 64 (MiB)"),
    ("memory = 64\n", "db.cfg: no name; name = 'db'"),
    (MINIMAL + "vcpus 2\n", "db.cfg:3: no = after 'vcpus'; write vcpus = value"),
    (MINIMAL + "= 2\n", "db.cfg:3: = stands where a key should; write key = value"),
    (MINIMAL + "vcpus = two\n", "db.cfg:3: two is not quoted; write 'two' or a number"),
    (MINIMAL + "vcpus =\n", "db.cfg:3: a value is missing; a 'string', a number or a [list]"),
    (MINIMAL + "vcpus = 2 3\n", "db.cfg:3: '3' after the value of 'vcpus'; one setting on each line"),
    (MINIMAL + "vcpus = '2'\n", "db.cfg:3: vcpus cannot be '2'; vcpus = 1, between 1 and 32, without quotes"),
    (MINIMAL + "vcpus = 0\n", "db.cfg:3: vcpus cannot be 0; vcpus = 1, between 1 and 32, without quotes"),
    (
        MINIMAL + "vcpus = [1]\n",
        "db.cfg:3: vcpus cannot be 'a list'; vcpus = 1, between 1 and 32, without quotes",
    ),
    (MINIMAL + "maxmem = 32\n", "db.cfg:3: maxmem 32 is less than memory 64; maxmem = 64 or more"),
    (
        MINIMAL + "extra = 'a\nb'\n",
        "db.cfg:3: a string that does not end: '..; close it with ' on the same line",
    ),
    (MINIMAL + "disk = ['a',\n'b'\nx = 1\n", "db.cfg:5: the list is not closed before 'x'; [item, item]"),
    (MINIMAL + "disk = [\n", "db.cfg:4: a value is missing; a 'string', a number or a [list]"),
    (MINIMAL + "disk = " + "[" * 50 + "\n", "db.cfg:3: a value is missing; a 'string', a number or a [list]"),
    (
        MINIMAL + "disk = 'a.img,raw,xvda,rw'\n",
        "db.cfg:3: disk is not a list; disk = ['image.img,raw,xvda,rw']",
    ),
    (MINIMAL + "disk = [1]\n", "db.cfg:3: a disk is not a string; 'image.img,raw,xvda,rw'"),
    (
        MINIMAL + "disk = ['a.img,qcow2,xvda,rw']\n",
        "db.cfg:3: format 'qcow2' is not supported; make a raw image of it: qemu-img convert -O raw",
    ),
    (
        MINIMAL + "disk = ['tap:aio:a.img,xvda,w']\n",
        "db.cfg:3: the prefix tap: is not supported; name the raw image: 'image.img,raw,xvda,rw'",
    ),
    (
        MINIMAL + "disk = ['a.img,raw,vda,rw']\n",
        "db.cfg:3: 'vda' is no virtual device; write xvda, xvdb1, sda or hda",
    ),
    (MINIMAL + "disk = ['a.img']\n", "db.cfg:3: the disk 'a.img' has no vdev; write 'target,raw,xvda,rw'"),
    (MINIMAL + "disk = ['a.img,raw,xvda,x']\n", "db.cfg:3: access 'x' is not known; r, ro, w or rw"),
    (
        MINIMAL + "disk = ['a.img,raw,xvda,rw,more']\n",
        "db.cfg:3: 'more' is one too many; target,format,vdev,access",
    ),
    (MINIMAL + "disk = ['a.img,raw,xvda,rw,vdev=xvdb']\n", "db.cfg:3: vdev is given twice; write it once"),
    (
        MINIMAL + "disk = [',raw,hdc,ro']\n",
        "db.cfg:3: hdc has no target; name an image file, drives without a medium are left out",
    ),
    (
        MINIMAL + "on_crash = 'rename-restart'\n",
        "db.cfg:3: on_crash 'rename-restart' is not supported; 'destroy', 'restart' or 'preserve'",
    ),
    (
        MINIMAL + "x += 1\n",
        "db.cfg:3: x += adds to nothing of the same kind; set x = [..] or a string before",
    ),
    (MINIMAL + "import os\n", "db.cfg:3: no = after 'import'; write import = value"),
    (MINIMAL + "x = os.system('id')\n", "db.cfg:3: '.' has no meaning here; write key = value"),
    (MINIMAL + "x = 12abc\n", "db.cfg:3: '1' has no meaning here; write key = value"),
]


@pytest.mark.parametrize(("text", "said"), BAD, ids=[row[1] for row in BAD])
def test_what_is_wrong_is_said_with_its_line_and_the_right_form(
    refuse: Callable[[str], str], text: str, said: str
) -> None:
    assert said in refuse(text).splitlines()


def test_everything_that_is_wrong_is_said_at_once(refuse: Callable[[str], str]) -> None:
    said = refuse("vcpus = 0\ndisk = ['a,raw,xvda,x', 'b,raw,vda,w']\non_crash = 1\n")

    assert [line.split(":")[1] for line in said.splitlines()][2:] == ["1", "2", "2", "3"]


def test_what_is_not_text_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "db.cfg"
    path.write_bytes(b"name = 'db'\nmemory = 64\nextra = '\xff'\n")

    with pytest.raises(ConfigError, match=r"db\.cfg:3: not UTF-8"):
        read_xl(path)


@pytest.mark.parametrize(
    "text", ["'" * 5000, "[" * 5000, "a=[" * 2000, "#" * 100_000, "\\" * 5000, "a='" + "\\'" * 5000]
)
def test_nonsense_is_refused_or_read_but_never_hangs(read: Read, text: str) -> None:
    with pytest.raises(ConfigError):
        read(text)
