"""What is left of a domain that is gone: nothing, also for who comes under its id."""

import pytest

OK = b"OK\0"


@pytest.fixture
def home(script):
    """Domains 3 and 4 in a folder that both may write."""
    script.introduce(3)
    script.introduce(4)
    script.run((0, 0, "MKDIR", "/home\0", OK), (0, 0, "SET_PERMS", "/home\0b0\0", OK))
    return script


def test_nodes_of_the_dead_go_with_all_below_and_those_of_others_stay(home):
    home.run(
        (3, 0, "WRITE", "/home/three/deep\0x", OK),
        (0, 0, "SET_PERMS", "/home/three\0b3\0", OK),
        (4, 0, "WRITE", "/home/three/four\0x", OK),
        (4, 0, "WRITE", "/home/four\0x", OK),
        (0, 0, "SET_PERMS", "/home/four\0b4\0", OK),
        (3, 0, "WRITE", "/home/four/three\0x", OK),
    )
    home.remove(3)
    home.run(
        (0, 0, "DIRECTORY", "/home\0", b"four\0"),
        (0, 0, "DIRECTORY", "/home/four\0", b""),
        (4, 0, "READ", "/home/four\0", b"x"),
    )
    assert (home.store.tree.owned(3), home.store.tree.owned(4)) == (0, 1)


def test_watches_hear_of_each_node_that_goes_and_then_of_the_domain(home):
    home.run(
        (3, 0, "WRITE", "/home/three/deep\0x", OK),
        (0, 0, "WATCH", "/home\0h\0", OK),
        (0, 0, "WATCH", "/home/three/deep\0d\0", OK),
        (0, 0, "WATCH", "@releaseDomain\0r\0", OK),
        (4, 0, "WATCH", "/home\0four\0", OK),
    )
    home.take_events()
    home.remove(3)
    assert home.take_events() == [
        (0, "/home/three/deep", "d"),
        (0, "/home/three", "h"),
        (4, "/home/three", "four"),
        (0, "@releaseDomain", "r"),
    ]


def test_a_transaction_that_has_seen_what_goes_is_refused_and_one_that_has_not_is_not(home):
    home.run(
        (3, 0, "WRITE", "/home/three\0x", OK),
        (0, 0, "MKDIR", "/elsewhere\0", OK),
        (0, 0, "TRANSACTION_START", "\0", b"1\0"),
        (0, 1, "READ", "/home/three\0", b"x"),
        (0, 0, "TRANSACTION_START", "\0", b"2\0"),
        (0, 2, "WRITE", "/elsewhere/other\0x", OK),
    )
    home.remove(3)
    home.run(
        (0, 1, "TRANSACTION_END", "T\0", "EAGAIN"),
        (0, 2, "TRANSACTION_END", "T\0", OK),
        (0, 0, "DIRECTORY", "/elsewhere\0", b"other\0"),
    )


def test_a_transaction_cannot_bring_back_what_belonged_to_the_dead(home):
    home.run(
        (3, 0, "WRITE", "/home/three\0x", OK),
        (0, 0, "TRANSACTION_START", "\0", b"1\0"),
        (0, 1, "WRITE", "/home/three\0mine", OK),
    )
    home.remove(3)
    home.run(
        (0, 1, "TRANSACTION_END", "T\0", "EAGAIN"),
        (0, 0, "READ", "/home/three\0", "ENOENT"),
    )
    assert home.store.tree.owned(3) == 0


def test_a_transaction_cannot_give_rights_to_the_dead(home):
    home.run(
        (0, 0, "WRITE", "/secret\0x", OK),
        (0, 0, "TRANSACTION_START", "\0", b"1\0"),
        (0, 1, "SET_PERMS", "/secret\0n0\0r3\0", OK),
    )
    home.remove(3)
    home.run((0, 1, "TRANSACTION_END", "T\0", OK))
    home.introduce(3)
    home.run((3, 0, "READ", "/secret\0", "EACCES"))


def test_rights_of_the_dead_are_not_those_of_the_next_domain_of_its_id(home):
    home.run(
        (0, 0, "WRITE", "/secret\0x", OK),
        (0, 0, "SET_PERMS", "/secret\0n0\0r3\0b4\0", OK),
        (0, 0, "SET_PERMS", "@releaseDomain\0n0\0r3\0", OK),
        (3, 0, "READ", "/secret\0", b"x"),
        (3, 0, "WATCH", "@releaseDomain\0t\0", OK),
        (0, 0, "TRANSACTION_START", "\0", b"1\0"),
        (0, 1, "READ", "/secret\0", b"x"),
    )
    home.remove(3)
    home.introduce(3)
    home.run(
        (3, 0, "READ", "/secret\0", "EACCES"),
        (0, 1, "TRANSACTION_END", "T\0", OK),  # the node is as it was
        (0, 0, "GET_PERMS", "/secret\0", b"n0\0r3\0b4\0"),  # one can see what was
        (4, 0, "WRITE", "/secret\0y", OK),
        (0, 0, "MKDIR", "/secret/below\0", OK),
        (3, 0, "READ", "/secret/below\0", "EACCES"),
        (3, 0, "WATCH", "@releaseDomain\0t\0", OK),
    )
    home.take_events()
    home.remove(4)
    assert home.take_events() == []
    home.run((0, 0, "SET_PERMS", "/secret\0n0\0r3\0", OK), (3, 0, "READ", "/secret\0", b"y"))


def test_special_nodes_and_the_root_stay_and_are_the_control_domains_again(home):
    home.run(
        (0, 0, "SET_PERMS", "@introduceDomain\0n3\0", OK),
        (0, 0, "SET_PERMS", "/\0n3\0", OK),
    )
    home.remove(3)
    permissions = home.store.tree.get("@introduceDomain").permissions
    assert [str(each) for each in permissions] == ["n0"]
    home.run(
        (0, 0, "GET_PERMS", "/\0", b"n0\0"),
        (0, 0, "DIRECTORY", "/\0", b"home\0"),
    )


def test_the_nodes_of_a_domain_that_comes_again_under_its_id_stay(home):
    home.run((3, 0, "WRITE", "/home/three\0x", OK), (3, 0, "WATCH", "/home\0t\0", OK))
    home.heard(home.store.domains.lose(3))
    home.run((0, 0, "READ", "/home/three\0", b"x"), (0, 0, "IS_DOMAIN_INTRODUCED", "3\0", b"F\0"))
    assert home.store.statistics().watches == 0


def test_who_died_with_everything_open_leaves_no_row_behind(home):
    home.run(
        *((3, 0, "WATCH", f"/home/{index}\0t\0", OK) for index in range(100)),
        *((3, 0, "TRANSACTION_START", "\0", b"%d\0" % number) for number in range(1, 11)),
        *((3, tx, "WRITE", f"/home/{tx}\0x", OK) for tx in range(1, 11)),
        *((3, 0, "WRITE", f"/home/n{index}\0x", OK) for index in range(100)),
    )
    before = home.store.statistics()
    home.remove(3)
    after = home.store.statistics()
    assert (before.watches, before.transactions, before.connections) == (100, 10, 3)
    assert (after.watches, after.transactions, after.connections, after.nodes) == (0, 0, 2, 4)
