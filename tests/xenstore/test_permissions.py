"""Who may read and write a node, and whose it is."""

import pytest

OK = b"OK\0"


@pytest.mark.parametrize(
    ("entry", "shown"),
    [("n0x10", "n16"), ("n010", "n8"), ("r +3", "r3"), ("w40000", "w40000"), ("b-1", "b-1")],
)
def test_the_number_of_a_permission_is_what_strtol_makes_of_it(script, entry, shown):
    script.run(
        (0, 0, "SET_PERMS", f"/\0n0\0{entry}\0", OK), (0, 0, "GET_PERMS", "/\0", f"n0\0{shown}\0".encode())
    )


def test_no_reserved_number_owns_a_node(script):
    script.run((0, 0, "SET_PERMS", "/\0n32752\0", "ENOENT"), (0, 0, "SET_PERMS", "/\0n-1\0", "ENOENT"))


def test_a_new_node_is_its_creators_and_inherits_the_rest(script):
    script.run(
        (0, 0, "WRITE", "/shared\0", OK),
        (0, 0, "SET_PERMS", "/shared\0n0\0b1\0r2\0", OK),
        (1, 0, "WRITE", "/shared/mine\0x", OK),
        (0, 0, "GET_PERMS", "/shared/mine\0", b"n1\0b1\0r2\0"),
        (2, 0, "READ", "/shared/mine\0", b"x"),
        (2, 0, "WRITE", "/shared/mine\0y", "EACCES"),
        (3, 0, "READ", "/shared/mine\0", "EACCES"),
        (0, 0, "WRITE", "/shared/mine\0y", OK),
        (0, 0, "MKDIR", "/shared/privileged\0", OK),
        (0, 0, "GET_PERMS", "/shared/privileged\0", b"n0\0b1\0r2\0"),
    )


@pytest.mark.parametrize(
    ("letter", "read", "write"),
    [("n", "EACCES", "EACCES"), ("r", b"x", "EACCES"), ("w", "EACCES", OK), ("b", b"x", OK)],
)
def test_each_letter_as_an_entry_and_as_the_default(script, letter, read, write):
    script.run(
        (0, 0, "WRITE", "/entry\0x", OK),
        (0, 0, "SET_PERMS", f"/entry\0n0\0{letter}1\0", OK),
        (0, 0, "WRITE", "/default\0x", OK),
        (0, 0, "SET_PERMS", f"/default\0{letter}0\0", OK),
    )
    for path in ("/entry", "/default"):
        script.run(
            (1, 0, "READ", f"{path}\0", read),
            (1, 0, "DIRECTORY", f"{path}\0", b"" if read == b"x" else read),
            (1, 0, "WRITE", f"{path}\0y", write),
        )
    script.run((2, 0, "READ", "/entry\0", "EACCES"))


def test_the_owner_may_do_everything_whatever_the_letters_say(script):
    script.run(
        (0, 0, "WRITE", "/a\0x", OK),
        (0, 0, "SET_PERMS", "/a\0n1\0", OK),
        (1, 0, "READ", "/a\0", b"x"),
        (1, 0, "WRITE", "/a\0y", OK),
        (1, 0, "SET_PERMS", "/a\0r1\0", OK),
        (2, 0, "READ", "/a\0", b"y"),
        (2, 0, "SET_PERMS", "/a\0b2\0", "EACCES"),
        (1, 0, "SET_PERMS", "/a\0r2\0", "EPERM"),
        (0, 0, "SET_PERMS", "/a\0r2\0", OK),
    )


def test_who_may_only_write_may_not_set_permissions(script):
    script.run(
        (0, 0, "WRITE", "/a\0x", OK),
        (0, 0, "SET_PERMS", "/a\0n0\0b1\0", OK),
        (1, 0, "SET_PERMS", "/a\0n0\0b2\0", "EACCES"),
    )


def test_absent_nodes_below_what_one_may_not_read_are_denied(script):
    script.run(
        (0, 0, "WRITE", "/open/x\0", OK),
        (0, 0, "SET_PERMS", "/open\0r0\0", OK),
        (1, 0, "READ", "/open/absent\0", "ENOENT"),
        (1, 0, "READ", "/open/absent/deeper\0", "ENOENT"),
        (1, 0, "READ", "/absent\0", "EACCES"),
        (1, 0, "WRITE", "/open/absent\0x", "EACCES"),
        (1, 0, "MKDIR", "/open\0", "EACCES"),
        (1, 0, "RM", "/open/x\0", "EACCES"),
        (1, 0, "RM", "/open/absent\0", "EACCES"),
        (1, 0, "SET_PERMS", "/open/absent\0n1\0", "EACCES"),
    )


def test_special_nodes_have_permissions_and_nothing_else(script):
    script.run(
        (1, 0, "SET_PERMS", "@releaseDomain\0n1\0", "EACCES"),
        (0, 0, "SET_PERMS", "@releaseDomain\0n1\0", OK),
        (1, 0, "SET_PERMS", "@releaseDomain\0n1\0r2\0", OK),
        (2, 0, "SET_PERMS", "@releaseDomain\0n2\0", "EACCES"),
        (0, 0, "GET_PERMS", "@releaseDomain\0", "EINVAL"),
        (0, 0, "READ", "@releaseDomain\0", "EINVAL"),
    )
    assert script.store.tree.owned(1) == 0, "they count for nobody"
