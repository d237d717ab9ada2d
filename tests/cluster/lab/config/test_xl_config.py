from collections.abc import Callable
from pathlib import Path

import pytest

from actors.dom0.shutdown_actions import ShutdownActions
from cluster.lab.config.errors import ConfigError
from cluster.lab.config.xl_config import XlConfig, read_xl
from cluster.lab.config.xl_syntax import XlValue, parse_xl

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
    assert (guest.actions, guest.disks, guest.ignored) == (ShutdownActions(), (), ())


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

    assert (guest.memory, guest.maxmem, guest.vcpus, guest.actions.on_crash) == (
        64 << 20,
        128 << 20,
        2,
        "restart",
    )
    first, second = guest.disks
    assert (first.target, first.vdev, first.mode, first.line) == (
        tmp_path / "images/db.img",
        "xvda",
        "rw",
        9,
    )
    assert (second.target, second.vdev, second.mode) == (Path("/srv/a,b.img"), "xvdb", "ro")
    assert [each.wrong for each in guest.ignored] == ["'extra' is ignored"]
    (vif,) = guest.vifs
    assert (vif.settings.bridge, vif.backend, vif.devid, vif.ignored) == ("xenbr0", "dom0", None, ())


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("vcpu", "'vcpu' is ignored; did you mean vcpus?"),
        ("memroy", "'memroy' is ignored; did you mean memory?"),
        ("on_rebot", "'on_rebot' is ignored; did you mean on_reboot?"),
        ("cpus", "'cpus' is ignored"),
        ("disks", "'disks' is ignored; did you mean disk?"),
        ("maxvcpus", "'maxvcpus' is ignored"),
        ("xen.foo", "'xen.foo' is ignored"),
        ("my_own", "'my_own' is ignored"),
    ],
)
def test_an_ignored_key_that_xl_does_not_know_is_asked_about(read: Read, key: str, said: str) -> None:
    remark = read(f"{MINIMAL}{key} = 2\n").ignored[0]

    assert str(remark).endswith(f"db.cfg:3: {said}")


NUMBERS = [
    ("'2'", 2),
    ('"2"', 2),
    ("010", 8),
    ("0x10", 16),
    ("'0X1F'", 31),
    ("' 3'", 3),
    ("'+4'", 4),
]


@pytest.mark.parametrize(("written", "number"), NUMBERS)
def test_a_number_is_read_as_c_reads_it(read: Read, written: str, number: int) -> None:
    assert read(f"{MINIMAL}vcpus = {written}\n").vcpus == number


def test_a_guest_gets_what_it_may_grow_to_if_nothing_else_is_said(read: Read) -> None:
    guest = read("name = 'db'\nmaxmem = 128\n")

    assert (guest.memory, guest.maxmem) == (128 << 20, 128 << 20)


def test_a_later_setting_replaces_an_earlier_one(read: Read) -> None:
    assert read(f"{MINIMAL}memory = 128\n").memory == 128 << 20


def test_lists_and_strings_can_be_added_to(read: Read) -> None:
    guest = read(f"{MINIMAL}disk = ['a.img,raw,xvda,rw']\ndisk += ['b.img,raw,xvdb,rw',]\nname += '-2'\n")

    assert [each.vdev for each in guest.disks] == ["xvda", "xvdb"]
    assert guest.name == "db-2"


def test_what_is_added_to_nothing_is_a_value(read: Read) -> None:
    guest = read("memory = 64\nname += 'db'\ndisk += ['a.img,raw,xvda,rw']\n")

    assert (guest.name, [each.vdev for each in guest.disks]) == ("db", ["xvda"])


ESCAPES = [
    (r"'a\'b'", "a'b"),
    (r"'a\"b\\'", 'a"b\\'),
    (r"'\a\b\f\n\r\t\v'", "\a\b\f\n\r\t\v"),
    (r"'a\101b'", "ab"),
    (r"'a\0123'", "a"),
    (r"'a\01234'", "a4"),
    ("'# no comment; [no] list'", "# no comment; [no] list"),
]


@pytest.mark.parametrize(("written", "text"), ESCAPES, ids=[row[0] for row in ESCAPES])
def test_a_string_is_read_as_xl_reads_it(tmp_path: Path, written: str, text: str) -> None:
    assert parse_xl(tmp_path, f"x = {written}\n")["x"].value == text


LISTS = [
    ("[]", []),
    ("[ 1, '2' ]", ["1", "2"]),
    ("['a',]", ["a"]),
    ("[\n'a' # the first\n,\n'b'\n,\n]", ["a", "b"]),
    ("[['a'], [[]]]", [["a"], [[]]]),
]


@pytest.mark.parametrize(("written", "values"), LISTS, ids=[row[0] for row in LISTS])
def test_a_list_may_have_lines_comments_lists_and_a_comma_at_its_end(
    tmp_path: Path, written: str, values: list[object]
) -> None:
    def plain(value: XlValue) -> object:
        return [plain(each.value) for each in value] if isinstance(value, list) else value

    assert plain(parse_xl(tmp_path, f"x = {written}\n")["x"].value) == values


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a=1;b=2", {"a": "1", "b": "2"}),
        (";;\n ; a = 1 ;\n\t# x\n", {"a": "1"}),
        ("a = 12abc\n", {"a": "12abc"}),
        ("a=1\n#", {"a": "1"}),
        ("a.b_c.0 = 1", {"a.b_c.0": "1"}),
    ],
)
def test_a_file_needs_no_order_and_no_last_line_end(tmp_path: Path, text: str, found: dict[str, str]) -> None:
    assert {key: item.value for key, item in parse_xl(tmp_path, text).items()} == found


@pytest.mark.parametrize("word", ["café", "caf\udce9", "\udcff\udcfe"])
def test_comments_and_ignored_keys_may_be_of_any_encoding(tmp_path: Path, word: str) -> None:
    path = tmp_path / "db.cfg"
    text = f"# {word}\n{MINIMAL}extra = '{word}'\ndisk = ['{word}.img,raw,xvda,rw']\n"
    path.write_bytes(text.encode(errors="surrogateescape"))

    guest = read_xl(path)

    assert guest.name == "db"
    assert bool(guest.disks[0].unusable) == (word != "café")


def test_a_core_dump_is_not_made_and_that_is_said(read: Read) -> None:
    guest = read(f"{MINIMAL}on_crash = 'coredump-restart'\n")

    assert guest.actions == ShutdownActions(on_crash="restart")
    assert guest.ignored[0].wrong == "on_crash 'coredump-restart': no core is dumped"


def test_what_follows_a_shutdown_is_what_xl_does_for_that_reason(read: Read) -> None:
    guest = read(f"""{MINIMAL}
        on_poweroff = "preserve"
        on_reboot = "destroy"
        on_watchdog = "restart"
        on_soft_reset = "restart"
    """)

    assert guest.actions == ShutdownActions(
        on_poweroff="preserve",
        on_reboot="destroy",
        on_watchdog="restart",
        on_crash="destroy",
        on_soft_reset="restart",
    )
    assert guest.ignored == ()


PYTHON = "this looks like Python, which xm read and xl does not: write the value itself, as key = value"
BAD: list[tuple[str, str]] = [
    ("", "db.cfg: no memory; memory = 64 (MiB)"),
    ("memory = 64\n", "db.cfg: no name; name = 'db'"),
    (MINIMAL + "vcpus 2\n", "db.cfg:3: no = after 'vcpus'; write vcpus = value"),
    (MINIMAL + "= 2\n", "db.cfg:3: '=' stands where a key should be; write key = value"),
    (MINIMAL + "vcpus = two\n", "db.cfg:3: two is not quoted; write 'two' or a number"),
    (MINIMAL + "vcpus =\n", "db.cfg:3: a value is missing; a 'string', a number or a [list]"),
    (MINIMAL + "vcpus = 2 3\n", "db.cfg:3: '3' stands after the value of 'vcpus'; one setting on each line"),
    (MINIMAL + "vcpus = 'two'\n", "db.cfg:3: vcpus: 'two' is not a number; a number between 1 and 32"),
    (MINIMAL + "vcpus = 08\n", "db.cfg:3: vcpus: '08' is not a number; a number between 1 and 32"),
    (MINIMAL + "vcpus = 12abc\n", "db.cfg:3: vcpus: '12abc' is not a number; a number between 1 and 32"),
    (MINIMAL + "vcpus = ''\n", "db.cfg:3: vcpus: '' is not a number; a number between 1 and 32"),
    (
        MINIMAL + "vcpus = 9223372036854775808\n",
        "db.cfg:3: vcpus: the number '9223372036854775808' is too large; a number between 1 and 32",
    ),
    (MINIMAL + "vcpus = 0\n", "db.cfg:3: vcpus cannot be 0; a number between 1 and 32"),
    (MINIMAL + "vcpus = '-1'\n", "db.cfg:3: vcpus cannot be -1; a number between 1 and 32"),
    (MINIMAL + "vcpus = [1]\n", "db.cfg:3: vcpus cannot be a list; a number between 1 and 32"),
    (
        MINIMAL + "vcpus += 1\n",
        "db.cfg:3: vcpus is a number, and += adds to strings and lists; a number between 1 and 32",
    ),
    (MINIMAL + "maxmem = 32\n", "db.cfg:3: maxmem 32 is less than memory 64; maxmem = 64 or more"),
    (
        MINIMAL + "extra = 'a\nb'\n",
        "db.cfg:3: a string that does not end: '..; close it with ' on the same line",
    ),
    (MINIMAL + "disk = ['a',\n'b'\nx = 1\n", "db.cfg:5: the list is not closed before 'x'; [item, item]"),
    (MINIMAL + "disk = ['a'; 'b']\n", "db.cfg:3: the list is not closed before ';'; [item, item]"),
    (MINIMAL + "disk = [,]\n", "db.cfg:3: a value is missing; a 'string', a number or a [list]"),
    (MINIMAL + "disk = [\n", "db.cfg:4: a value is missing; a 'string', a number or a [list]"),
    (MINIMAL + "x = " + "[" * 101, "db.cfg:3: lists are nested too deeply; at most 100 in each other"),
    (
        MINIMAL + "disk = 'a.img,raw,xvda,rw'\n",
        "db.cfg:3: disk is not a list; disk = ['image.img,raw,xvda,rw']",
    ),
    (MINIMAL + "disk = [['a']]\n", "db.cfg:3: a disk is not a string; 'image.img,raw,xvda,rw'"),
    (
        MINIMAL + "disk = ['a.img,raw,vda,rw']\n",
        "db.cfg:3: 'vda' is no virtual device; write xvda, xvdb1, d0p1, sda or hda",
    ),
    (MINIMAL + "disk = ['a.img']\n", "db.cfg:3: the disk 'a.img' has no vdev; write 'target,raw,xvda,rw'"),
    (
        MINIMAL + "on_crash = 'rename-restart'\n",
        "db.cfg:3: on_crash 'rename-restart' is not possible here: what is kept would keep its disks; "
        "destroy, restart or preserve",
    ),
    (
        MINIMAL + "on_poweroff = 'soft-reset'\n",
        "db.cfg:3: on_poweroff 'soft-reset' is not possible here: a paravirtual domain cannot be reset; "
        "destroy, restart or preserve",
    ),
    (
        MINIMAL + "on_reboot = 'reboot'\n",
        "db.cfg:3: on_reboot 'reboot' is not known; destroy, restart or preserve",
    ),
    (
        MINIMAL + "name += []\n",
        "db.cfg:3: name += adds a list to a string, or a string to a list; add what is of the same kind",
    ),
    (
        MINIMAL + "vcpus = -1\n",
        "db.cfg:3: '-' has no meaning here; a number has no sign unless it is quoted: '-1'",
    ),
    (
        MINIMAL + "x = 0xFF\n",
        "db.cfg:3: 'FF' has no meaning here; keys are in small letters, values in quotes",
    ),
    (
        MINIMAL + "Vcpus = 1\n",
        "db.cfg:3: 'Vcpus' has no meaning here; keys are in small letters, values in quotes",
    ),
    (MINIMAL + "vnc = True\n", "db.cfg:3: True is not known to xl; write 1"),
    (
        MINIMAL + "x = 1\r\n",
        "db.cfg:3: a carriage return, as DOS ends its lines with; "
        "save the file with Unix line ends (dos2unix)",
    ),
    ("\ufeff" + MINIMAL, "db.cfg:1: the file begins with a byte order mark; save it as text without one"),
    (
        MINIMAL + "# the end",
        "db.cfg:3: the last line is a comment that does not end; "
        "end the file with a newline, or xl refuses it",
    ),
    (
        MINIMAL + "x = \\\n1\n",
        "db.cfg:3: '\\' has no meaning here; a setting is one line; only lists go on in the next one",
    ),
    (
        MINIMAL + "x = 'C:\\dir'\n",
        r"db.cfg:3: \d stands for nothing in a string; write \\d for a backslash and a d",
    ),
    (
        MINIMAL + "x = '\\x41'\n",
        r"db.cfg:3: \x stands for nothing in a string; write \\x for a backslash and a x",
    ),
    (MINIMAL + "x = 'a\0b'\n", "db.cfg:3: a string with a NUL in it; text only"),
    (MINIMAL + 'x = """a"""\n', "db.cfg:3: xl has no strings of several lines; write 'text' on one line"),
    (MINIMAL + "import os\n", f"db.cfg:3: no = after 'import'; {PYTHON}"),
    (MINIMAL + "from os import path\n", f"db.cfg:3: no = after 'from'; {PYTHON}"),
    (MINIMAL + "x = os.system('id')\n", f"db.cfg:3: os.system is not quoted; {PYTHON}"),
    (MINIMAL + "if vcpus:\n  x = 1\n", f"db.cfg:3: no = after 'if'; {PYTHON}"),
    (MINIMAL + "else:\n", f"db.cfg:3: ':' has no meaning here; {PYTHON}"),
    (MINIMAL + "def f(x):\n", f"db.cfg:3: no = after 'def'; {PYTHON}"),
    (MINIMAL + "x = 'a%s' % 1\n", f"db.cfg:3: '%' has no meaning here; {PYTHON}"),
    (MINIMAL + "x = '/usr/' + lib\n", f"db.cfg:3: '+' has no meaning here; {PYTHON}"),
    (MINIMAL + "x = {'a': 1}\n", f"db.cfg:3: '{{' has no meaning here; {PYTHON}"),
]


@pytest.mark.parametrize(("text", "said"), BAD, ids=[repr(row[0].removeprefix(MINIMAL))[:40] for row in BAD])
def test_what_is_wrong_is_said_with_its_line_and_the_right_form(
    refuse: Callable[[str], str], text: str, said: str
) -> None:
    assert said in refuse(text).splitlines()


@pytest.mark.parametrize(
    "line", ["x = 'a % (b) + {c}:'", "x = 1 # if (a): %", "for = 1", 'x = "it\'s (so)"', "if += 'x'"]
)
def test_what_is_quoted_or_a_comment_is_no_program(read: Read, line: str) -> None:
    assert read(f"{MINIMAL}{line}\n").name == "db"


def test_a_string_without_an_end_is_no_program(refuse: Callable[[str], str]) -> None:
    assert "does not end" in refuse(f"{MINIMAL}extra = 'a (b\n")
    assert "Python" not in refuse(f"{MINIMAL}extra = 'a (b\n")


def test_everything_that_is_wrong_is_said_at_once(refuse: Callable[[str], str]) -> None:
    said = refuse("vcpus = 0\ndisk = ['a,raw,xvda,x', 'b,raw,vda,w']\non_crash = 1\n")

    assert [line.split(":")[1] for line in said.splitlines()][2:] == ["1", "2", "2", "3"]


@pytest.mark.parametrize(
    "text",
    [
        "'" * 5000,
        "[" * 5000,
        "a=[" * 2000,
        "a=" + "[" * 100_000,
        "\\" * 5000,
        "a='" + "\\'" * 5000,
        "=" * 10_000,
    ],
)
def test_nonsense_is_refused_or_read_but_never_hangs(read: Read, text: str) -> None:
    with pytest.raises(ConfigError):
        read(text)


@pytest.mark.parametrize(
    "text",
    ["x += [1]\n" * 20_000, "x += 'a'\n" * 20_000, "".join(f"vcpu{each}=1;" for each in range(20_000))],
)
def test_a_file_of_many_settings_is_read(read: Read, text: str) -> None:
    assert read(MINIMAL + text).name == "db"
