"""How much of everything a domain may have."""

import pytest

from actors.xenstore.quotas import Quotas

OK = b"OK\0"


@pytest.fixture
def tight(make_script):
    quotas = Quotas(
        nodes=3, watches=2, transactions=2, transaction_nodes=3, permissions=2, path=40, node_size=80
    )
    script = make_script(quotas=quotas)
    script.run((0, 0, "MKDIR", "/home\0", OK), (0, 0, "SET_PERMS", "/home\0b0\0", OK))
    return script


def test_the_number_of_nodes_is_limited(tight):
    tight.run(
        (1, 0, "WRITE", "/home/a/b\0", OK),
        (1, 0, "WRITE", "/home/c/d\0", "ENOSPC"),
        (1, 0, "WRITE", "/home/c\0", OK),
        (1, 0, "MKDIR", "/home/d\0", "ENOSPC"),
        (2, 0, "MKDIR", "/home/d\0", OK),
        (1, 0, "RM", "/home/a/b\0", OK),
        (1, 0, "MKDIR", "/home/e\0", OK),
        (0, 0, "WRITE", "/home/1/2/3/4/5\0", OK),
    )


@pytest.mark.parametrize(("made", "end"), [("a", OK), ("a/b", OK), ("a/b/c", "ENOSPC")])
def test_what_a_transaction_makes_is_counted_when_it_ends(make_script, made, end):
    """A transaction has to stay below the quota; whoever needs none may reach it."""
    script = make_script(quotas=Quotas(nodes=3))
    script.run(
        (0, 0, "SET_PERMS", "/\0b0\0", OK),
        (1, 0, "TRANSACTION_START", "\0", b"1\0"),
        (1, 1, "WRITE", f"/{made}\0", OK),
        (1, 1, "TRANSACTION_END", "T\0", end),
    )


def test_nodes_made_meanwhile_count_when_a_transaction_ends(make_script):
    script = make_script(quotas=Quotas(nodes=3))
    script.run(
        (0, 0, "MKDIR", "/mine\0", OK),
        (0, 0, "SET_PERMS", "/mine\0b0\0", OK),
        (0, 0, "MKDIR", "/other\0", OK),
        (0, 0, "SET_PERMS", "/other\0b0\0", OK),
        (1, 0, "TRANSACTION_START", "\0", b"1\0"),
        (1, 1, "WRITE", "/mine/a\0", OK),
        (1, 0, "WRITE", "/other/c/d\0", OK),
        (1, 1, "TRANSACTION_END", "T\0", "ENOSPC"),
        (1, 0, "READ", "/mine/a\0", "ENOENT"),
        (1, 0, "WRITE", "/other/e\0", OK),
        (1, 0, "TRANSACTION_START", "\0", b"2\0"),
        (1, 2, "WRITE", "/mine/a\0", "ENOSPC"),
    )


@pytest.mark.parametrize(("others", "end"), [(("a",), "ENOSPC"), ((), "EAGAIN")])
def test_a_node_that_was_made_meanwhile_and_in_a_transaction_counts_twice_at_its_end(tight, others, end):
    tight.run(
        *((1, 0, "MKDIR", f"/home/{each}\0", OK) for each in others),
        (1, 0, "TRANSACTION_START", "\0", b"1\0"),
        (1, 1, "MKDIR", "/home/c\0", OK),
        (1, 0, "MKDIR", "/home/c\0", OK),
        (1, 1, "TRANSACTION_END", "T\0", end),
    )


def test_other_quotas(tight):
    tight.run(
        (1, 0, "WATCH", "/home\0a\0", OK),
        (1, 0, "WATCH", "/home\0b\0", OK),
        (1, 0, "WATCH", "/home\0c\0", OK),
        (1, 0, "WATCH", "/home\0d\0", "E2BIG"),
        *((1, 0, "TRANSACTION_START", "\0", b"%d\0" % number) for number in (1, 2, 3)),
        (1, 0, "TRANSACTION_START", "\0", "ENOSPC"),
        (1, 1, "READ", "/home\0", b""),
        (1, 1, "READ", "/home/x\0", "ENOENT"),
        (1, 1, "READ", "/home/y\0", "ENOENT"),
        (1, 1, "READ", "/home/z\0", "ENOSPC"),
        (1, 1, "READ", "/home\0", b""),
        (1, 1, "TRANSACTION_END", "T\0", "ENOMEM"),
        (1, 0, "WRITE", "/home/a\0" + "x" * 48, "ENOSPC"),
        (1, 0, "WRITE", "/home/a\0" + "x" * 47, OK),
        (1, 0, "WRITE", "/home/a\0" + "x" * 30, OK),
        (1, 0, "SET_PERMS", "/home/a\0n1\0r2\0r3\0", "ENOSPC"),
        (1, 0, "SET_PERMS", "/home/a\0n1\0r2\0", OK),
        (1, 0, "READ", "/home/" + "a" * 40 + "\0", "EINVAL"),
        (0, 0, "WRITE", "/home/a\0" + "x" * 100, OK),
        (0, 0, "READ", "/home/" + "a" * 40 + "\0", "EINVAL"),
    )
    for number in range(3, 20):
        assert tight.ask(0, 0, "TRANSACTION_START", b"\0") == b"%d\0" % (number - 2)


def test_the_names_of_its_children_count_for_the_size_of_a_node(tight):
    tight.run(
        (1, 0, "MKDIR", "/home/a\0", OK),
        (1, 0, "MKDIR", "/home/" + "b" * 30 + "\0", OK),
        (1, 0, "MKDIR", "/home/" + "c" * 30 + "\0", "ENOSPC"),
        (0, 0, "DIRECTORY", "/home\0", b"a\0" + b"b" * 30 + b"\0"),
        (1, 0, "RM", "/home/a\0", OK),
    )
