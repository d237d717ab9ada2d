"""Transactions: what they see, when they are refused, and that a refusal changes nothing."""

import pytest

OK = b"OK\0"


@pytest.fixture
def begun(script):
    """A store with /a and /b, and transaction 1 of the privileged client."""
    script.run(
        (0, 0, "WRITE", "/a/child\0x", OK),
        (0, 0, "WRITE", "/a\0old", OK),
        (0, 0, "WRITE", "/b\0old", OK),
        (0, 0, "TRANSACTION_START", "\0", b"1\0"),
    )
    return script


COMMIT = (0, 1, "TRANSACTION_END", "T\0", OK)
AGAIN = (0, 1, "TRANSACTION_END", "T\0", "EAGAIN")


def test_a_transaction_sees_its_writes_and_others_do_not(begun):
    begun.run(
        (0, 1, "WRITE", "/a\0new", OK),
        (0, 1, "MKDIR", "/a/made\0", OK),
        (0, 1, "RM", "/b\0", OK),
        (0, 1, "READ", "/a\0", b"new"),
        (0, 1, "DIRECTORY", "/a\0", b"child\0made\0"),
        (0, 1, "READ", "/b\0", "ENOENT"),
        (0, 0, "READ", "/a\0", b"old"),
        (0, 0, "DIRECTORY", "/a\0", b"child\0"),
        (0, 0, "READ", "/b\0", b"old"),
        COMMIT,
        (0, 0, "READ", "/a\0", b"new"),
        (0, 0, "DIRECTORY", "/a\0", b"child\0made\0"),
        (0, 0, "READ", "/b\0", "ENOENT"),
    )


def test_an_aborted_transaction_leaves_nothing(begun):
    before = begun.tree()
    begun.run(
        (0, 1, "WRITE", "/a/x/y\0new", OK),
        (0, 1, "RM", "/b\0", OK),
        (0, 1, "TRANSACTION_END", "F\0", OK),
    )
    assert begun.tree() == before


# What others do while transaction 1 runs, what it does itself before that, and how it ends.
@pytest.mark.parametrize(
    ("mine", "theirs", "end"),
    [
        (("READ", "/a\0"), ("WRITE", "/a\0theirs"), "EAGAIN"),
        (("READ", "/a\0"), ("WRITE", "/a\0old"), "EAGAIN"),
        (("READ", "/a\0"), ("MKDIR", "/a/second\0"), "EAGAIN"),
        (("DIRECTORY", "/a\0"), ("MKDIR", "/a/second\0"), "EAGAIN"),
        (("DIRECTORY", "/a\0"), ("RM", "/a/child\0"), "EAGAIN"),
        (("GET_PERMS", "/a\0"), ("SET_PERMS", "/a\0n1\0"), "EAGAIN"),
        (("READ", "/a\0"), ("RM", "/a\0"), "EAGAIN"),
        (("READ", "/a/child\0"), ("RM", "/a\0"), "EAGAIN"),
        (("READ", "/absent\0"), ("WRITE", "/absent\0x"), "EAGAIN"),
        (("READ", "/absent\0"), ("WRITE", "/other\0x"), "EAGAIN"),
        (("READ", "/absent\0"), ("WRITE", "/a\0x"), OK),
        (("READ", "/a\0"), ("WRITE", "/a/child\0theirs"), OK),
        (("READ", "/a\0"), ("WRITE", "/b\0theirs"), OK),
        (("READ", "/a\0"), ("MKDIR", "/a\0"), OK),
        (("READ", "/absent/deeper\0"), ("WRITE", "/other\0x"), "EAGAIN"),
        (("READ", "/a/absent/deeper\0"), ("WRITE", "/a/other\0x"), "EAGAIN"),
        (("READ", "/a/absent/deeper\0"), ("WRITE", "/b\0x"), OK),
        (("WRITE", "/a\0mine"), ("WRITE", "/a\0theirs"), "EAGAIN"),
        (("WRITE", "/a\0mine"), ("RM", "/a\0"), "EAGAIN"),
        (("WRITE", "/a\0mine"), ("WRITE", "/a/theirs\0x"), "EAGAIN"),
        (("WRITE", "/a\0mine"), ("WRITE", "/sibling\0x"), OK),
        (("WRITE", "/a/mine\0x"), ("WRITE", "/a/theirs\0x"), "EAGAIN"),
        (("WRITE", "/a/mine\0x"), ("WRITE", "/a\0theirs"), "EAGAIN"),
        (("WRITE", "/a/mine\0x"), ("WRITE", "/a/child\0theirs"), OK),
        (("WRITE", "/a/same\0mine"), ("WRITE", "/a/same\0theirs"), "EAGAIN"),
        (("MKDIR", "/a\0"), ("WRITE", "/a\0theirs"), "EAGAIN"),
        (("RM", "/a\0"), ("WRITE", "/a\0theirs"), "EAGAIN"),
        (("RM", "/a\0"), ("WRITE", "/a/theirs\0x"), "EAGAIN"),
        (("RM", "/a\0"), ("WRITE", "/a/child\0theirs"), "EAGAIN"),
        (("RM", "/a\0"), ("WRITE", "/sibling\0x"), "EAGAIN"),
        (("RM", "/a/child\0"), ("WRITE", "/b\0theirs"), OK),
        (("RM", "/a\0"), ("RM", "/a\0"), "EAGAIN"),
        (("SET_PERMS", "/a\0n1\0"), ("WRITE", "/a\0theirs"), "EAGAIN"),
        (("WATCH", "/a\0token\0"), ("WRITE", "/a\0theirs"), OK),
        (("SET_PERMS", "/a\0n1\0"), ("RM", "/a\0"), "EAGAIN"),
        (("RM", "/a/child\0"), ("RM", "/a\0"), "EAGAIN"),
    ],
)
def test_a_commit_is_refused_if_and_only_if_what_was_looked_at_has_changed(begun, mine, theirs, end):
    begun.ask(0, 1, mine[0], mine[1].encode())
    assert begun.ask(0, 0, theirs[0], theirs[1].encode()) == OK
    assert begun.ask(0, 1, "TRANSACTION_END", b"T\0") == end
    assert begun.ask(0, 1, "READ", b"/a\0") == "ENOENT", "the transaction is over"


def test_what_was_read_and_then_written_still_counts_as_read(begun):
    begun.run(
        (0, 1, "READ", "/a\0", b"old"),
        (0, 1, "WRITE", "/a\0mine", OK),
        (0, 0, "WRITE", "/a\0theirs", OK),
        AGAIN,
        (0, 0, "READ", "/a\0", b"theirs"),
    )


def test_reads_are_repeatable(begun):
    begun.run(
        (0, 1, "READ", "/a\0", b"old"),
        (0, 0, "WRITE", "/a\0theirs", OK),
        (0, 1, "READ", "/a\0", b"old"),
        AGAIN,
    )


def test_what_has_come_and_gone_meanwhile_is_no_change(begun):
    begun.run(
        (0, 1, "READ", "/a/absent\0", "ENOENT"),
        (0, 0, "TRANSACTION_START", "\0", b"2\0"),
        (0, 2, "READ", "/absent\0", "ENOENT"),
        (0, 0, "WRITE", "/a/absent\0", OK),
        (0, 0, "RM", "/a/absent\0", OK),
        AGAIN,  # for /a has changed, twice
        (0, 2, "WRITE", "/a/child\0mine", OK),
        (0, 2, "TRANSACTION_END", "T\0", OK),
    )


def test_a_removal_of_what_others_have_overtaken_is_eio_and_begins_anew(begun):
    begun.run(
        (0, 1, "DIRECTORY", "/a\0", b"child\0"),
        (0, 0, "RM", "/a/child\0", OK),
        (0, 0, "WRITE", "/a/theirs\0", OK),
        (0, 1, "RM", "/a\0", "EIO"),
        (0, 1, "RM", "/a/theirs\0", "EIO"),
        (0, 1, "READ", "/a/theirs\0", "ENOENT"),
        AGAIN,
        (0, 0, "DIRECTORY", "/a\0", b"theirs\0"),
    )


def test_a_child_that_others_have_removed_can_be_listed_twice(begun):
    begun.run(
        (0, 1, "DIRECTORY", "/a\0", b"child\0"),
        (0, 0, "RM", "/a/child\0", OK),
        (0, 1, "WRITE", "/a/child\0mine", OK),
        (0, 1, "DIRECTORY", "/a\0", b"child\0child\0"),
        (0, 1, "RM", "/a/child\0", OK),
        (0, 1, "DIRECTORY", "/a\0", b"child\0"),
        AGAIN,
    )


def test_watches_hear_once_of_each_node_in_the_order_in_which_they_were_looked_at(begun):
    begun.run(*((0, 0, "WATCH", f"{path}\0w\0", OK) for path in ("/", "/b", "/made", "/a/child", "/a")))
    begun.take_events()
    begun.run(
        (0, 1, "READ", "/b\0", b"old"),
        (0, 1, "WRITE", "/made\0x", OK),
        (0, 1, "WRITE", "/brief\0x", OK),
        (0, 1, "RM", "/brief\0", OK),
        (0, 1, "RM", "/a\0", OK),
        (0, 1, "WRITE", "/b\0once", OK),
        (0, 1, "WRITE", "/b\0twice", OK),
        COMMIT,
    )
    assert begun.take_events() == [(0, path, "w") for path in ("/b", "/made", "/a", "/a/child")]


def test_a_write_that_is_not_allowed_any_more_is_tried_again_by_its_client(script):
    script.run(
        (0, 0, "WRITE", "/a\0", OK),
        (0, 0, "SET_PERMS", "/a\0b0\0", OK),
        (1, 0, "TRANSACTION_START", "\0", b"1\0"),
        (1, 1, "WRITE", "/a/x\0mine", OK),
        (0, 0, "WRITE", "/a/x\0secret", OK),
        (0, 0, "SET_PERMS", "/a/x\0n0\0", OK),
        (1, 1, "TRANSACTION_END", "T\0", "EAGAIN"),
        (0, 0, "READ", "/a/x\0", b"secret"),
    )


def test_numbers_of_transactions(begun):
    begun.run(
        (0, 1, "TRANSACTION_START", "\0", "EBUSY"),
        (0, 0, "TRANSACTION_START", "\0", b"2\0"),
        (0, 7, "READ", "/a\0", "ENOENT"),
        (0, 7, "TRANSACTION_END", "T\0", "ENOENT"),
        (0, 0, "TRANSACTION_END", "T\0", "ENOENT"),
        (1, 1, "READ", "/a\0", "ENOENT"),
        COMMIT,
        (0, 1, "TRANSACTION_END", "T\0", "ENOENT"),
        (0, 2, "READ", "/a\0", b"old"),
        (0, 0, "TRANSACTION_START", "\0", b"3\0"),
    )


def test_watch_and_unwatch_alone_do_not_mind_the_transaction(begun):
    begun.run(
        (0, 99, "WATCH", "/a\0t\0", OK),
        (0, 99, "UNWATCH", "/a\0t\0", OK),
        *(
            (0, 99, name, "1\0", "ENOENT")
            for name in ("GET_DOMAIN_PATH", "RESET_WATCHES", "RELEASE", "RESUME")
        ),
        (0, 99, "IS_DOMAIN_INTRODUCED", "1\0", "ENOENT"),
        (0, 99, "CONTROL", "check\0", "ENOENT"),
        (0, 1, "GET_DOMAIN_PATH", "1\0", b"/local/domain/1\0"),
        COMMIT,
    )


def test_watches_hear_of_a_transaction_when_it_is_committed_and_never_of_an_aborted_one(begun):
    begun.run((0, 0, "WATCH", "/a\0w\0", OK))
    begun.take_events()
    begun.run(
        (0, 1, "WRITE", "/a/child\0y", OK), (0, 1, "WRITE", "/a/new\0y", OK), (0, 1, "WRITE", "/b\0y", OK)
    )
    assert begun.take_events() == []
    begun.run(COMMIT)
    assert begun.take_events() == [(0, "/a/child", "w"), (0, "/a/new", "w")]
    begun.run(
        (0, 0, "TRANSACTION_START", "\0", b"2\0"),
        (0, 2, "WRITE", "/a/child\0z", OK),
        (0, 2, "TRANSACTION_END", "F\0", OK),
        (0, 0, "TRANSACTION_START", "\0", b"3\0"),
        (0, 3, "READ", "/b\0", b"y"),
        (0, 3, "WRITE", "/a/child\0z", OK),
        (0, 0, "WRITE", "/b\0z", OK),
        (0, 3, "TRANSACTION_END", "T\0", "EAGAIN"),
    )
    assert begun.take_events() == []


def test_reset_watches_ends_transactions_and_watches_of_this_client_only(begun):
    begun.run(
        (0, 0, "SET_PERMS", "/a\0r0\0", OK),
        (0, 0, "WATCH", "/a\0zero\0", OK),
        (1, 0, "WATCH", "/a\0one\0", OK),
        (1, 0, "TRANSACTION_START", "\0", b"1\0"),
        (1, 0, "RESET_WATCHES", "\0", OK),
        (1, 1, "READ", "/a\0", "ENOENT"),
        (0, 1, "READ", "/a\0", b"old"),
    )
    begun.take_events()
    begun.run((0, 0, "WRITE", "/a\0x", OK))
    assert begun.take_events() == [(0, "/a", "zero")]
