"""The store request by request, as scripts of rows: (domain, transaction, request, payload, answer)."""

import pytest

from actors.abi.xs_wire import XENSTORE_PAYLOAD_MAX
from actors.xenstore.permissions import PRIVATE, Permission
from actors.xenstore.requests import Introduction
from actors.xenstore.tree import Node, Tree

OK = b"OK\0"


def test_a_value_is_read_back_and_parents_are_made(script):
    script.run(
        (0, 0, "WRITE", b"/a/b/c\0value", OK),
        (0, 0, "READ", "/a/b/c\0", b"value"),
        (0, 0, "READ", "/a/b\0", b""),
        (0, 0, "DIRECTORY", "/a\0", b"b\0"),
        (0, 0, "DIRECTORY", "/a/b/c\0", b""),
        (0, 0, "WRITE", b"/a/b/c\0", OK),
        (0, 0, "READ", "/a/b/c\0", b""),
        (0, 0, "WRITE", b"/a/b/c\0two\0strings\0", OK),
        (0, 0, "READ", "/a/b/c\0", b"two\0strings\0"),
    )


def test_children_keep_the_order_of_their_making(script):
    script.run(
        *((0, 0, "MKDIR", f"/{name}\0", OK) for name in ("z", "a", "m")),
        (0, 0, "RM", "/a\0", OK),
        (0, 0, "MKDIR", "/a\0", OK),
        (0, 0, "DIRECTORY", "/\0", b"z\0m\0a\0"),
    )


def test_mkdir_leaves_a_node_that_is_there(script):
    script.run(
        (0, 0, "WRITE", "/a\0value", OK),
        (0, 0, "MKDIR", "/a\0", OK),
        (0, 0, "READ", "/a\0", b"value"),
    )


def test_rm_removes_all_below_and_does_not_mind_what_is_absent(script):
    script.run(
        (0, 0, "WRITE", "/a/b/c\0x", OK),
        (0, 0, "WRITE", "/a/d\0x", OK),
        (0, 0, "RM", "/a/b\0", OK),
        (0, 0, "READ", "/a/b/c\0", "ENOENT"),
        (0, 0, "DIRECTORY", "/a\0", b"d\0"),
        (0, 0, "RM", "/a/b\0", OK),
        (0, 0, "RM", "/x/y\0", "ENOENT"),
        (0, 0, "RM", "/\0", "EINVAL"),
    )


def test_relative_paths_begin_at_the_home_of_the_client(script):
    script.run(
        (0, 0, "WRITE", "/local/domain/3/name\0guest", OK),
        (0, 0, "SET_PERMS", "/local/domain/3/name\0r3\0", OK),
        (3, 0, "READ", "name\0", b"guest"),
        (0, 0, "READ", "name\0", "ENOENT"),
        (0, 0, "WRITE", "name\0Domain-0", OK),
        (0, 0, "READ", "/local/domain/0/name\0", b"Domain-0"),
    )


def test_relative_paths_are_those_of_every_request(script):
    script.run(
        (0, 0, "MKDIR", "/local/domain/3\0", OK),
        (0, 0, "SET_PERMS", "/local/domain/3\0n3\0", OK),
        (3, 0, "WRITE", "a/b\0x", OK),
        (3, 0, "MKDIR", "a/c\0", OK),
        (3, 0, "DIRECTORY", "a\0", b"b\0c\0"),
        (3, 0, "SET_PERMS", "a/b\0n3\0r4\0", OK),
        (3, 0, "GET_PERMS", "a/b\0", b"n3\0r4\0"),
        (4, 0, "READ", "/local/domain/3/a/b\0", b"x"),
        (4, 0, "READ", "a/b\0", "EACCES"),
        (3, 0, "RM", "a/b\0", OK),
        (3, 0, "READ", "a/b\0", "ENOENT"),
        (0, 0, "DIRECTORY", "/local/domain/3/a\0", b"c\0"),
        (3, 0, "READ", "../4/a\0", "EINVAL"),
        (3, 0, "READ", ".\0", "EINVAL"),
        (3, 0, "READ", "local/domain/3/a\0", "ENOENT"),
    )


@pytest.mark.parametrize(
    "path",
    [
        b"",
        b"//",
        b"/a//b",
        b"/a/",
        b"a/",
        b"/a b",
        b"/a.b",
        b"/a:b",
        b"/\xff",
        b"@introduceDomain",
        b"@nonsense",
        b"/a\nb",
        b"/" + b"a" * 2048,
        b"/t/" + b"a" * 3060,
        b"a" * 2049,
        b"/local/domain/0/" + b"a" * 2049,
        b"/local/domain/123456/" + b"a" * 2048,
        b"/local/domain/x/" + b"a" * 2048,
    ],
)
def test_bad_paths_are_invalid(script, path):
    for request in ("READ", "DIRECTORY", "MKDIR", "RM", "GET_PERMS"):
        assert script.ask(0, 0, request, path + b"\0") == "EINVAL"
    assert script.ask(0, 0, "WRITE", path + b"\0value") == "EINVAL"


def test_the_longest_paths_are_valid(script):
    script.run(
        (0, 0, "MKDIR", b"/" + b"a" * 2047 + b"\0", OK),
        (0, 0, "MKDIR", b"a" * 2048 + b"\0", OK),
        *(
            (0, 0, "MKDIR", b"/local/domain/%s/" % each + b"a" * 2048 + b"\0", OK)
            for each in (b"1", b"12345", b"-5")
        ),
    )


@pytest.mark.parametrize("payload", [b"", b"/a", b"/a\0/b\0", b"/a\0\0"])
def test_a_payload_that_is_not_one_string_is_invalid(script, payload):
    for request in ("READ", "DIRECTORY", "MKDIR", "RM", "GET_PERMS"):
        assert script.ask(0, 0, request, payload) == "EINVAL"


@pytest.mark.parametrize("payload", [b"", b"\0", b"no end", b"two\0strings\0"])
def test_nobody_looks_at_what_comes_with_a_request_that_needs_nothing(script, payload):
    script.run((0, 0, "RESET_WATCHES", payload, OK), (0, 0, "TRANSACTION_START", payload, b"1\0"))


def test_what_follows_the_last_nul_of_several_strings_is_ignored(script):
    script.run(
        (0, 0, "SET_PERMS", b"/\0r0\0junk", OK),
        (0, 0, "GET_PERMS", b"/\0", b"r0\0"),
        (0, 0, "WATCH", b"/a\0t\0junk", OK),
        (0, 0, "UNWATCH", b"/a\0t\0more", OK),
    )


@pytest.mark.parametrize(
    ("request_name", "payload"),
    [
        ("WRITE", b"/a"),
        ("SET_PERMS", b"/\0"),
        ("SET_PERMS", b"/\0n0"),
        ("SET_PERMS", b"/\0x0\0"),
        ("SET_PERMS", b"/\0n\0"),
        ("SET_PERMS", b"/\0\0"),
        ("SET_PERMS", b"/\0n08\0"),
        ("SET_PERMS", b"/\0n0x\0"),
        ("SET_PERMS", b"/\0n1x\0"),
        ("SET_PERMS", b"/\0n 1 \0"),
        ("SET_PERMS", b"@other\0n0\0"),
        ("GET_PERMS", b"@releaseDomain\0"),
        ("WATCH", b"/a\0"),
        ("WATCH", b"/a\0token"),
        ("WATCH", b"/a\0token\0" + b"x\0"),
        ("WATCH", b"/a\0token\0" + b"1\0" + b"2\0"),
        ("RESUME", b"x\0"),
        ("WATCH", b"@" + b"x" * 2048 + b"\0token\0"),
        ("UNWATCH", b"/a\0"),
        ("TRANSACTION_END", b"X\0"),
        ("TRANSACTION_END", b"T"),
        ("GET_DOMAIN_PATH", b"0"),
        ("GET_DOMAIN_PATH", b"0\0" + b"0\0"),
        ("IS_DOMAIN_INTRODUCED", b""),
        ("INTRODUCE", b"1\0" + b"2\0"),
        ("INTRODUCE", b"1\0" + b"2\0" + b"x\0"),
        ("INTRODUCE", b"-1\0" + b"2\0" + b"3\0"),
        ("RELEASE", b"\0"),
        ("RELEASE", b"0\0"),
    ],
)
def test_malformed_requests_are_invalid(script, request_name, payload):
    assert script.ask(0, 0, request_name, payload) == "EINVAL"


@pytest.mark.parametrize(
    ("number", "domid"),
    [
        ("7", 7),
        ("007", 7),
        (" 7", 7),
        ("+7", 7),
        ("7x", 7),
        ("0x7", 0),
        ("x", 0),
        ("", 0),
        ("40000", 40000),
        ("-1", 4294967295),
        ("4294967303", 7),
        ("99999999999999999999", 4294967295),
    ],
)
def test_a_domain_is_what_atoi_makes_of_its_number(script, number, domid):
    script.run((0, 0, "GET_DOMAIN_PATH", f"{number}\0", b"/local/domain/%d\0" % domid))


def test_whether_a_domain_is_introduced_is_asked_with_any_number(make_script):
    script = make_script(own_domid=0)
    script.run(
        (0, 0, "IS_DOMAIN_INTRODUCED", "x\0", b"T\0"),
        (0, 0, "IS_DOMAIN_INTRODUCED", "-1\0", b"F\0"),
        (0, 0, "IS_DOMAIN_INTRODUCED", "32752\0", b"T\0"),  # DOMID_SELF
        (0, 0, "IS_DOMAIN_INTRODUCED", "32753\0", b"F\0"),
    )


def test_unknown_requests_are_enosys(script):
    for kind in (20, 99, 0xFFFFFFFF):
        (reply,) = script.store.handle(script.connections[0], kind, 1, 0, b"")
        assert reply.message.endswith(b"ENOSYS\0")
    assert script.ask(0, 0, "WATCH_EVENT", b"/a\0t\0") == "ENOSYS"


def test_requests_for_the_privileged_are_denied_to_others(script):
    for request in ("INTRODUCE", "RELEASE", "IS_DOMAIN_INTRODUCED", "CONTROL", "RESUME", "SET_TARGET"):
        assert script.ask(3, 0, request, b"nonsense") == "EACCES"


def test_a_directory_that_does_not_fit_an_answer_is_e2big(script):
    for index in range(XENSTORE_PAYLOAD_MAX // 32 + 1):
        assert script.ask(0, 0, "MKDIR", f"/d/{index:031}\0".encode()) == OK
    assert script.ask(0, 0, "DIRECTORY", b"/d\0") == "E2BIG"


def test_a_domain_is_introduced_when_the_daemon_says_so(script):
    introduction = b"5\0" + b"32\0" + b"7\0"
    assert script.ask(0, 0, "INTRODUCE", introduction) is None
    assert script.take_events() == [Introduction(script.connections[0], 9, 5, 7)]
    script.run((0, 0, "IS_DOMAIN_INTRODUCED", "5\0", b"F\0"))
    script.store.domains.introduce(5)
    script.run(
        (0, 0, "IS_DOMAIN_INTRODUCED", "5\0", b"T\0"),
        (0, 0, "GET_DOMAIN_PATH", "5\0", b"/local/domain/5\0"),
        (0, 0, "RELEASE", "5\0", OK),
        (0, 0, "IS_DOMAIN_INTRODUCED", "5\0", b"F\0"),
        (0, 0, "RELEASE", "5\0", "ENOENT"),
    )


def test_a_path_is_limited_behind_the_home_of_any_domain(script):
    script.run(
        (0, 0, "MKDIR", b"/local/domain/3\0", OK),
        (0, 0, "SET_PERMS", b"/local/domain/3\0n3\0", OK),
        (3, 0, "READ", b"a" * 2048 + b"\0", "ENOENT"),
        (3, 0, "READ", b"a" * 2049 + b"\0", "EINVAL"),
        (3, 0, "READ", b"/" + b"a" * 2048 + b"\0", "EINVAL"),
        (3, 0, "READ", b"/" + b"a" * 2047 + b"\0", "EACCES"),
    )


def test_a_value_is_as_long_as_a_payload_has_room_for(script):
    value = b"x" * (XENSTORE_PAYLOAD_MAX - len(b"/a\0"))
    script.run((0, 0, "WRITE", b"/a\0" + value, OK), (0, 0, "READ", b"/a\0", value))


@pytest.mark.parametrize("damage", ["orphan", "stray child", "miscounted"])
def test_damage_to_a_touched_node_is_found_without_a_walk(damage: str) -> None:
    tree = Tree()
    tree.check_touched()
    if damage == "orphan":
        tree.put("/a/b", Node(b"", PRIVATE))
    elif damage == "stray child":
        tree.put("/", Node(b"", PRIVATE, ("gone",)))
    else:
        tree.put("/", Node(b"", PRIVATE))
        tree._owned[0]["/gone"] = None

    with pytest.raises(AssertionError):
        tree.check_touched()


@pytest.mark.parametrize("damage", ["owned", "let"])
def test_a_node_that_is_not_found_by_its_permissions_is_damage(damage: str) -> None:
    tree = Tree()
    tree.put("/", Node(b"", (Permission(3, 0), Permission(5, 1))))
    tree.check()
    del {"owned": tree._owned, "let": tree._let}[damage][3 if damage == "owned" else 5]

    with pytest.raises(AssertionError):
        tree.check()


def test_the_nodes_of_a_domain_come_in_the_order_of_all_nodes() -> None:
    tree = Tree()
    tree.put("/", Node(b"", PRIVATE, ("b", "a")))
    for above, names in (("/b", ("z", "y")), ("/a", ("x",))):
        tree.put(above, Node(b"", PRIVATE, names))
    for path in ("/a/x", "/b/y", "/b/z"):
        tree.put(path, Node(b"", (Permission(7, 0),)))
    tree.put("/b", Node(b"", (Permission(7, 0),), ("z", "y")))

    assert tree.owned_by(7) == [path for path, node in tree.rows() if node.owner == 7]
    assert tree.owned_by(7) == ["/b", "/b/z", "/b/y", "/a/x"]
