"""DIRECTORY_PART: a list of children that fits no answer, in parts of one generation."""

import pytest

from actors.abi.xs_wire import XENSTORE_PAYLOAD_MAX

OK = b"OK\0"
NAMES = [f"{index:062}z" for index in range(100)]


@pytest.fixture
def crowded(script):
    """/d with a hundred children of 63 characters: 6,400 bytes of names."""
    script.run(*((0, 0, "MKDIR", f"/d/{name}\0", OK) for name in NAMES))
    return script


def part(script, offset, domid=0, tx=0):
    """Generation and names of one answer."""
    answer = script.ask(domid, tx, "DIRECTORY_PART", b"/d\0%d\0" % offset)
    assert len(answer) <= XENSTORE_PAYLOAD_MAX
    generation, _, names = answer.partition(b"\0")
    return int(generation), names


def whole(script, between=lambda: None):
    """What a client does: parts until one ends with an empty name; (generations, names)."""
    generations, found = [], b""
    while not found.endswith(b"\0\0") and found != b"\0":
        generation, names = part(script, len(found))
        generations.append(generation)
        found += names
        between()
    return generations, found[:-1].decode().split("\0")[:-1]


def test_all_names_come_in_whole_parts_of_one_generation(crowded):
    crowded.run((0, 0, "DIRECTORY", "/d\0", "E2BIG"))
    generations, names = whole(crowded)
    assert names == NAMES
    assert len(generations) == 2
    assert len(set(generations)) == 1


@pytest.mark.parametrize("offset", [0, 1, 63, 64, 65, 2000, 2320, 2321, 2400, 6399])
def test_a_part_is_a_piece_of_the_list_that_ends_with_a_name(crowded, offset):
    listed = "".join(f"{name}\0" for name in NAMES).encode()
    _, names = part(crowded, offset)
    if names.endswith(b"\0\0"):
        assert names[:-1] == listed[offset:]
    else:
        assert listed[offset:].startswith(names)
        assert names.endswith(b"z\0")
        assert len(names) > XENSTORE_PAYLOAD_MAX - 100


@pytest.mark.parametrize("offset", [6400, 6401, 99999, 0xFFFFFFFF])
def test_past_the_end_there_is_only_the_end(crowded, offset):
    assert part(crowded, offset)[1] == b"\0"


def test_a_node_without_children_has_the_end_alone(script):
    script.run((0, 0, "MKDIR", "/d\0", OK))
    assert part(script, 0)[1] == b"\0"


@pytest.mark.parametrize(
    ("request_name", "payload", "changes"),
    [
        ("MKDIR", f"/d/{NAMES[5]}\0", False),
        ("MKDIR", "/d/new\0", True),
        ("RM", f"/d/{NAMES[5]}\0", True),
        ("WRITE", "/d\0value", True),
        ("SET_PERMS", "/d\0r0\0", True),
        ("WRITE", f"/d/{NAMES[5]}\0value", False),
        ("MKDIR", "/elsewhere\0", False),
        ("READ", "/d\0", False),
    ],
)
def test_the_generation_tells_whether_the_node_changed_between_two_parts(
    crowded, request_name, payload, changes
):
    first, _ = part(crowded, 0)
    crowded.ask(0, 0, request_name, payload.encode())
    second, _ = part(crowded, 4000)
    assert (first != second) is changes


def test_a_client_that_sees_two_generations_begins_again_and_has_the_new_list(crowded):
    changes = [lambda: crowded.run((0, 0, "RM", f"/d/{NAMES[0]}\0", OK))]
    generations, _ = whole(crowded, between=lambda: changes and changes.pop()())
    assert len(set(generations)) == 2
    generations, names = whole(crowded)
    assert (len(set(generations)), names) == (1, NAMES[1:])


def test_a_transaction_sees_its_own_children(crowded):
    crowded.run((0, 0, "TRANSACTION_START", "\0", b"1\0"), (0, 1, "MKDIR", "/d/mine\0", OK))
    assert b"mine\0" in part(crowded, 3900, tx=1)[1]
    assert b"mine\0" not in part(crowded, 3900)[1]


def test_a_transaction_depends_on_a_list_that_it_read_in_parts(crowded):
    crowded.run((0, 0, "TRANSACTION_START", "\0", b"1\0"))
    part(crowded, 0, tx=1)
    crowded.run((0, 0, "MKDIR", "/d/theirs\0", OK), (0, 1, "TRANSACTION_END", "T\0", "EAGAIN"))


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        ("/d\0", "EINVAL"),
        ("/d\0" + "0", "EINVAL"),
        ("/d\0" + "0\0" + "0\0", "EINVAL"),
        ("/d/\0" + "0\0", "EINVAL"),
        ("/absent\0" + "0\0", "ENOENT"),
        ("/absent\0x\0", "ENOENT"),
    ],
)
def test_what_is_malformed_or_absent(crowded, payload, error):
    crowded.run((0, 0, "DIRECTORY_PART", payload, error))


@pytest.mark.parametrize("offset", ["x\0", "\0", "0x\0", "-0\0", "4294967296\0", " 0\0", "0\0behind"])
def test_an_offset_is_what_atoi_makes_of_it(crowded, offset):
    answer = crowded.ask(0, 0, "DIRECTORY_PART", f"/d\0{offset}".encode())
    assert answer == crowded.ask(0, 0, "DIRECTORY_PART", b"/d\0" + b"0\0")


@pytest.mark.parametrize("offset", ["-1", "4294967295", "99999999999999999999"])
def test_an_offset_below_0_is_behind_the_end(crowded, offset):
    answer = crowded.ask(0, 0, "DIRECTORY_PART", f"/d\0{offset}\0".encode())
    assert answer == crowded.ask(0, 0, "DIRECTORY_PART", b"/d\0" + b"6400\0")


def test_who_may_not_read_the_node_gets_no_part(crowded):
    crowded.run((3, 0, "DIRECTORY_PART", "/d\0" + "0\0", "EACCES"))
