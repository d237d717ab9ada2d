"""GET_QUOTA and SET_QUOTA, and limits that hold at once."""

import pytest

from actors.xenstore.quotas import NAMES, Quotas

OK = b"OK\0"
LISTED = "nodes watches transactions outstanding transaction-nodes node-permissions path-max node-size"


@pytest.fixture
def script(later):
    return later


@pytest.fixture
def home(script):
    """A folder that everybody may write."""
    script.run((0, 0, "MKDIR", "/home\0", OK), (0, 0, "SET_PERMS", "/home\0b0\0", OK))
    return script


def test_the_names_are_listed_and_each_has_the_default_of_xen(script):
    values = (1000, 128, 10, 20, 1024, 5, 2048, 2048)
    script.run(
        (0, 0, "GET_QUOTA", "", LISTED.encode() + b"\0"),
        (0, 0, "GET_QUOTA", "\0", LISTED.encode() + b"\0"),
        *(
            (0, 0, "GET_QUOTA", f"{name}\0", b"%d\0" % value)
            for name, value in zip(LISTED.split(), values, strict=True)
        ),
    )


def test_a_quota_of_a_domain_stands_above_the_default(script):
    script.run(
        (0, 0, "SET_QUOTA", "watches\0" + "2\0", OK),
        (0, 0, "GET_QUOTA", "watches\0", b"2\0"),
        (0, 0, "GET_QUOTA", "3\0watches\0", b"2\0"),
        (0, 0, "SET_QUOTA", "3\0watches\0" + "1\0", OK),
        (0, 0, "GET_QUOTA", "3\0watches\0", b"1\0"),
        (0, 0, "GET_QUOTA", "4\0watches\0", b"2\0"),
        (3, 0, "WATCH", "/a\0t\0", OK),
        (3, 0, "WATCH", "/b\0t\0", OK),
        (3, 0, "WATCH", "/c\0t\0", "E2BIG"),
        *((4, 0, "WATCH", f"/{name}\0t\0", OK) for name in "abc"),
        (4, 0, "WATCH", "/d\0t\0", "E2BIG"),
    )


# (quota, value, requests within, the request over it and its answer)
LIMITS = [
    ("nodes", 1, [("MKDIR", "/home/a\0")], ("MKDIR", "/home/b\0"), "ENOSPC"),
    ("watches", 1, [("WATCH", "/a\0t\0"), ("WATCH", "/b\0t\0")], ("WATCH", "/c\0t\0"), "E2BIG"),
    ("transactions", 1, [("TRANSACTION_START", "\0")] * 2, ("TRANSACTION_START", "\0"), "ENOSPC"),
    ("node-permissions", 2, [("MKDIR", "/home/a\0")], ("SET_PERMS", "/home/a\0n3\0r4\0r5\0"), "ENOSPC"),
    ("path-max", 10, [("MKDIR", "/home/abcd\0")], ("MKDIR", "/home/abcde\0"), "EINVAL"),
    ("node-size", 50, [("WRITE", "/home/a\0" + 17 * "x")], ("WRITE", "/home/a\0" + 18 * "x"), "ENOSPC"),
]


@pytest.mark.parametrize("limit", LIMITS, ids=[each[0] for each in LIMITS])
@pytest.mark.parametrize("whose", ["", "3\0"], ids=["default", "domain"])
def test_a_quota_that_is_set_holds_at_once(home, limit, whose):
    quota, value, within, over, refusal = limit
    home.ask(3, 0, "READ", b"/\0")  # the connection is there before the quota is
    home.run((0, 0, "SET_QUOTA", f"{whose}{quota}\0{value}\0", OK))
    for name, payload in within:
        assert home.ask(3, 0, name, payload.encode()) in {OK, b"1\0", b"2\0"}
    home.run((3, 0, *over, refusal))
    home.run((0, 0, "SET_QUOTA", f"{whose}{quota}\0" + "0\0", OK), (0, 0, "CONTROL", "check\0", OK))
    assert home.ask(3, 0, over[0], over[1].encode()) in {OK, b"3\0"}, "a quota of 0 is none"


def test_a_transaction_holds_no_more_nodes_than_its_quota(home):
    home.run(
        (0, 0, "SET_QUOTA", "3\0transaction-nodes\0" + "2\0", OK),
        (3, 0, "TRANSACTION_START", "\0", b"1\0"),
        (3, 1, "WRITE", "/home/a\0x", OK),
        (3, 1, "READ", "/home\0", b""),
        (3, 1, "READ", "/home/b\0", "ENOSPC"),
        (3, 1, "WRITE", "/home/b\0x", "ENOSPC"),
        (3, 1, "WRITE", "/home/a\0y", OK),
        (3, 1, "TRANSACTION_END", "T\0", "ENOMEM"),
        (0, 0, "READ", "/home/a\0", "ENOENT"),
    )


def test_no_quota_but_that_for_paths_binds_the_privileged(make_script):
    script = make_script(quotas=Quotas(**{**dict.fromkeys(NAMES.values(), 1), "path": 2}))
    script.run(
        *((0, 0, "WRITE", f"/{name}\0" + 3000 * "x", OK) for name in "abc"),
        *((0, 0, "WATCH", f"/{name}\0t\0", OK) for name in "abc"),
        *((0, 0, "TRANSACTION_START", "\0", b"%d\0" % number) for number in (1, 2, 3)),
        *((0, 1, "READ", f"/{name}\0", 3000 * b"x") for name in "abc"),
        (0, 0, "SET_PERMS", "/a\0n0\0" + "".join(f"r{domid}\0" for domid in range(1, 9)), OK),
        (0, 0, "WRITE", "/ab\0x", "EINVAL"),
    )


def test_the_next_domain_of_an_id_has_the_default(script):
    script.introduce(3)
    script.run((0, 0, "SET_QUOTA", "3\0watches\0" + "1\0", OK))
    script.remove(3)
    script.run((0, 0, "GET_QUOTA", "3\0watches\0", b"128\0"))


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("GET_QUOTA", "nonsense\0"),
        ("GET_QUOTA", "nodes"),
        ("GET_QUOTA", "x\0nodes\0"),
        ("GET_QUOTA", "40000\0nodes\0"),
        ("GET_QUOTA", "3\0nonsense\0"),
        ("GET_QUOTA", "3\0nodes\0" + "1\0"),
        ("GET_QUOTA", "\xff\0"),
        ("SET_QUOTA", "nodes\0"),
        ("SET_QUOTA", "nodes\0x\0"),
        ("SET_QUOTA", "nodes\0-1\0"),
        ("SET_QUOTA", "nodes\0" + "4294967296\0"),
        ("SET_QUOTA", "nonsense\0" + "1\0"),
        ("SET_QUOTA", "3\0nodes\0" + "1"),
        ("SET_QUOTA", "x\0nodes\0" + "1\0"),
        ("SET_QUOTA", "3\0nodes\0" + "1\0" + "2\0"),
    ],
)
def test_what_is_no_quota_or_no_value_is_invalid(script, name, payload):
    script.run((0, 0, name, payload, "EINVAL"), (0, 0, "GET_QUOTA", "3\0nodes\0", b"1000\0"))


def test_control_shows_and_sets_the_same(script):
    script.run(
        (0, 0, "CONTROL", "quota\0set\0nodes\0" + "7\0", OK),
        (0, 0, "GET_QUOTA", "nodes\0", b"7\0"),
        (0, 0, "CONTROL", "quota\0set\0nonsense\0" + "7\0", "EINVAL"),
    )
    shown = script.ask(0, 0, "CONTROL", b"quota\0").rstrip(b"\0").decode().splitlines()
    assert [tuple(line.replace(":", "").split()) for line in shown[:2]] == [
        ("nodes", "7"),
        ("watches", "128"),
    ]
    assert len(shown) == len(NAMES)
    script.introduce(3)
    script.run((0, 0, "MKDIR", "/a\0", OK), (0, 0, "SET_PERMS", "/a\0n3\0", OK))
    assert script.ask(0, 0, "CONTROL", b"quota\0" + b"3\0").startswith(b"Domain 3: 1 nodes\n")
