"""Watches: when they fire, with which path, and for whom."""

import pytest

OK = b"OK\0"


@pytest.fixture
def script(later):
    return later


@pytest.fixture
def watched(script):
    """/a/b/c is there; domain 0 watches /a/b as `w`; the first event is taken."""
    script.run((0, 0, "WRITE", "/a/b/c\0x", OK), (0, 0, "WATCH", "/a/b\0w\0", OK))
    assert script.take_events() == [(0, "/a/b", "w")]
    return script


@pytest.mark.parametrize(
    ("request_name", "payload", "events"),
    [
        ("WRITE", "/a/b\0y", ["/a/b"]),
        ("WRITE", "/a/b/c\0y", ["/a/b/c"]),
        ("WRITE", "/a/b/new/deep\0y", ["/a/b/new/deep"]),
        ("MKDIR", "/a/b/new\0", ["/a/b/new"]),
        ("MKDIR", "/a/b/c\0", []),
        ("SET_PERMS", "/a/b/c\0n0\0", ["/a/b/c"]),
        ("RM", "/a/b/c\0", ["/a/b/c"]),
        ("RM", "/a/b\0", ["/a/b"]),
        ("RM", "/a\0", ["/a/b"]),
        ("RM", "/a/b/absent\0", []),
        ("WRITE", "/a\0y", []),
        ("WRITE", "/a/bb\0y", []),
        ("WRITE", "/z\0y", []),
        ("READ", "/a/b/c\0", []),
    ],
)
def test_a_watch_hears_of_its_node_and_all_below(watched, request_name, payload, events):
    watched.ask(0, 0, request_name, payload.encode())
    assert watched.take_events() == [(0, path, "w") for path in events]


def test_a_watch_of_an_absent_node_fires_at_once_and_when_the_node_comes(script):
    script.run((0, 0, "WATCH", "/later\0w\0", OK))
    assert script.take_events() == [(0, "/later", "w")]
    script.run((0, 0, "WRITE", "/later\0x", OK))
    assert script.take_events() == [(0, "/later", "w")]


def test_every_watch_below_a_removed_node_hears_with_its_own_path(script):
    script.run(
        (0, 0, "WRITE", "/a/b/c\0", OK),
        *((0, 0, "WATCH", f"{path}\0w\0", OK) for path in ("/", "/a", "/a/b", "/a/b/c", "/a/b/absent")),
    )
    script.take_events()
    script.run((0, 0, "RM", "/a\0", OK))
    assert script.take_events() == [(0, "/a/b/c", "w"), (0, "/a/b", "w"), (0, "/a", "w")]


def test_the_watches_of_a_client_hear_in_the_order_in_which_they_were_set(script):
    script.run(
        *(
            (0, 0, "WATCH", f"{path}\0{token}\0", OK)
            for path, token in (("/", "1"), ("/a/b", "2"), ("/a", "3"), ("/", "4"))
        )
    )
    script.take_events()
    script.run((0, 0, "WRITE", "/a/b\0x", OK))
    assert script.take_events() == [(0, "/a/b", token) for token in "1234"]


def test_the_same_event_is_told_once(script):
    script.run(
        (0, 0, "WATCH", "/\0t\0", OK),
        (0, 0, "WATCH", "/a\0t\0", OK),
        (0, 0, "WATCH", "/a\0u\0", OK),
        (1, 0, "WATCH", "@releaseDomain\0t\0", OK),
    )
    script.take_events()
    script.run((0, 0, "WRITE", "/a/b\0x", OK))
    assert script.take_events() == [(0, "/a/b", "t"), (0, "/a/b", "u")]
    script.run((0, 0, "WRITE", "/a/b\0y", OK))
    assert script.take_events() == [(0, "/a/b", "t"), (0, "/a/b", "u")]


def test_an_event_that_is_longer_than_a_payload_is_not_sent(script):
    token, path = "t" * 4000, "/" + "p" * 93
    script.run((0, 0, "WATCH", f"/\0{token}\0", OK))
    script.take_events()
    script.run((0, 0, "MKDIR", f"{path}\0", OK), (0, 0, "MKDIR", f"{path}p\0", OK))
    assert script.take_events() == [(0, path, token)]


def test_whatever_begins_with_an_at_can_be_watched_and_most_of_it_never_happens(script):
    script.run(
        *((0, 0, "WATCH", f"{path}\0t\0", OK) for path in ("@", "@nope", "@/a b", "@releaseDomain/x")),
        (0, 0, "WATCH", "@nope\0t\0", "EEXIST"),
    )
    assert script.take_events() == [(0, path, "t") for path in ("@", "@nope", "@/a b", "@releaseDomain/x")]
    script.introduce(5)
    script.remove(5)
    assert script.take_events() == []
    script.run((0, 0, "UNWATCH", "@nope\0t\0", OK), (0, 0, "UNWATCH", "@nope\0t\0", "ENOENT"))


@pytest.mark.parametrize("path", ["//x", "/a/", "", "/a b", "@other", "a//b"])
def test_an_unwatch_does_not_judge_a_path(script, path):
    script.run((0, 0, "UNWATCH", f"{path}\0t\0", "ENOENT"))


def test_a_relative_watch_gets_relative_paths(script):
    script.run(
        (0, 0, "WRITE", "/local/domain/3/device/vbd\0", OK),
        (0, 0, "SET_PERMS", "/local/domain/3/device\0n3\0", OK),
        (0, 0, "SET_PERMS", "/local/domain/3/device/vbd\0n3\0", OK),
        (3, 0, "WATCH", "device\0r\0", OK),
        (3, 0, "WATCH", "/local/domain/3/device\0a\0", OK),
        (3, 0, "WRITE", "device/vbd\0x", OK),
    )
    assert script.take_events() == [
        (3, "device", "r"),
        (3, "/local/domain/3/device", "a"),
        (3, "device/vbd", "r"),
        (3, "/local/domain/3/device/vbd", "a"),
    ]


def test_a_watch_is_known_by_its_path_and_its_token(script):
    script.run(
        (0, 0, "WATCH", "/a\0t\0", OK),
        (0, 0, "WATCH", "/a\0t\0", "EEXIST"),
        (0, 0, "WATCH", "/a\0u\0", OK),
        (0, 0, "WATCH", "/b\0t\0", OK),
        (1, 0, "WATCH", "/a\0t\0", OK),
        (0, 0, "UNWATCH", "/a\0v\0", "ENOENT"),
        (0, 0, "UNWATCH", "/c\0t\0", "ENOENT"),
        (0, 0, "UNWATCH", "/a\0t\0", OK),
        (0, 0, "UNWATCH", "/a\0t\0", "ENOENT"),
    )
    script.take_events()
    script.run((0, 0, "WRITE", "/a\0x", OK))
    assert script.take_events() == [(0, "/a", "u")]


def test_events_need_permission_to_read(script):
    script.run(
        (0, 0, "WRITE", "/open\0", OK),
        (0, 0, "SET_PERMS", "/open\0r0\0", OK),
        (0, 0, "WRITE", "/open/secret/deep\0", OK),
        (0, 0, "SET_PERMS", "/open/secret\0n0\0", OK),
        (0, 0, "SET_PERMS", "/open/secret/deep\0n0\0", OK),
        (1, 0, "WATCH", "/open\0w\0", OK),
    )
    assert script.take_events() == [(1, "/open", "w")]
    script.run((0, 0, "WRITE", "/open/secret/deep\0x", OK), (0, 0, "RM", "/open/secret/deep\0", OK))
    assert script.take_events() == []
    script.run((0, 0, "WRITE", "/open/public\0x", OK), (0, 0, "RM", "/open/public\0", OK))
    assert script.take_events() == [(1, "/open/public", "w")] * 2


def test_who_may_read_the_parent_or_might_read_the_node_hears_of_it(script):
    script.run(
        (0, 0, "WRITE", "/open/secret\0", OK),
        (0, 0, "SET_PERMS", "/open\0r0\0", OK),
        (0, 0, "SET_PERMS", "/open/secret\0n0\0", OK),
        (0, 0, "WRITE", "/shut\0", OK),
        (0, 0, "SET_PERMS", "/shut\0r0\0", OK),
        (1, 0, "WATCH", "/\0w\0", OK),
    )
    script.take_events()
    script.run((0, 0, "WRITE", "/open/secret\0x", OK), (0, 0, "SET_PERMS", "/shut\0n0\0", OK))
    assert script.take_events() == [(1, "/open/secret", "w"), (1, "/shut", "w")]
    script.run((0, 0, "WRITE", "/shut\0x", OK))
    assert script.take_events() == []


@pytest.mark.parametrize(
    ("path", "depth", "heard"),
    [
        ("/a", 0, ["/a"]),
        ("/a", 1, ["/a", "/a/b", "/a/z"]),
        ("/a", 2, ["/a", "/a/b", "/a/b/c", "/a/z"]),
        ("/a", None, ["/a", "/a/b", "/a/b/c", "/a/b/c/d", "/a/z"]),
        ("/", 0, []),
        ("/", 1, ["/a", "/other"]),
        ("/", 2, ["/a", "/a/b", "/a/z", "/other"]),
        ("/a/b/c/d", 0, ["/a/b/c/d"]),
    ],
)
def test_a_watch_hears_no_deeper_than_its_depth(script, path, depth, heard):
    script.run(*((0, 0, "MKDIR", f"{each}\0", OK) for each in ("/a/b/c/d", "/a/z")))
    script.run((0, 0, "WATCH", f"{path}\0w\0" + ("" if depth is None else f"{depth}\0"), OK))
    assert script.take_events() == [(0, path, "w")]
    for each in ("/a", "/a/b", "/a/b/c", "/a/b/c/d", "/a/z", "/other"):
        script.run((0, 0, "WRITE", f"{each}\0x", OK))
    assert script.take_events() == [(0, each, "w") for each in heard]


def test_a_depth_keeps_no_removal_of_the_node_from_its_watch(script):
    script.run(
        (0, 0, "MKDIR", "/a/b/c\0", OK),
        (0, 0, "WATCH", "/a/b\0w\0" + "0\0", OK),
        (0, 0, "RM", "/a/b/c\0", OK),
        (0, 0, "RM", "/a\0", OK),
    )
    assert script.take_events() == [(0, "/a/b", "w")] * 2


def test_a_relative_watch_with_a_depth(script):
    script.run(
        (0, 0, "MKDIR", "/local/domain/3/data\0", OK),
        (0, 0, "SET_PERMS", "/local/domain/3/data\0n3\0", OK),
        (3, 0, "WATCH", "data\0w\0" + "1\0", OK),
        (3, 0, "WRITE", "data/near/far\0x", OK),
        (3, 0, "WRITE", "data/near\0x", OK),
    )
    assert script.take_events() == [(3, "data", "w"), (3, "data/near", "w")]


def test_a_depth_belongs_to_no_watchs_name(script):
    script.run(
        (0, 0, "WATCH", "/a\0w\0" + "1\0", OK),
        (0, 0, "WATCH", "/a\0w\0", "EEXIST"),
        (0, 0, "WATCH", "/a\0w\0" + "2\0", "EEXIST"),
        (0, 0, "UNWATCH", "/a\0w\0", OK),
        (0, 0, "WATCH", "/a\0w\0" + "4294967295\0", OK),
        (0, 0, "WATCH", "/b\0w\0" + "4294967296\0", "EINVAL"),
        (0, 0, "WATCH", "/b\0w\0-1\0", "EINVAL"),
        (0, 0, "WATCH", "/b\0w\0\0", "EINVAL"),
    )


def test_a_watch_of_a_special_node_with_a_depth_is_told_of_which_domain(script):
    script.run(
        *((0, 0, "WATCH", f"@{each}Domain\0plain\0", OK) for each in ("introduce", "release")),
        *((0, 0, "WATCH", f"@{each}Domain\0deep\0" + "1\0", OK) for each in ("introduce", "release")),
    )
    script.take_events()
    script.introduce(5)
    assert script.take_events() == [(0, "@introduceDomain", "plain"), (0, "@introduceDomain/5", "deep")]
    script.heard(script.store.domains.shut_down(5))
    script.remove(5)
    assert script.take_events() == [(0, "@releaseDomain", "plain"), (0, "@releaseDomain/5", "deep")] * 2


def test_the_end_of_one_domain_can_be_watched(script):
    script.run((0, 0, "WATCH", "@releaseDomain/5\0w\0", OK), (3, 0, "WATCH", "@releaseDomain/5\0u\0", OK))
    assert script.take_events() == [(0, "@releaseDomain/5", "w"), (3, "@releaseDomain/5", "u")]
    for domid in (4, 5, 50):
        script.introduce(domid)
        script.remove(domid)
    assert script.take_events() == [(0, "@releaseDomain/5", "w")]
    script.run((0, 0, "UNWATCH", "@releaseDomain/5\0w\0", OK))


def test_nothing_below_a_special_node_has_permissions(script):
    script.run(
        (0, 0, "GET_PERMS", "@releaseDomain/5\0", "EINVAL"),
        (0, 0, "SET_PERMS", "@releaseDomain/5\0n0\0", "EINVAL"),
    )


def test_the_coming_and_going_of_domains(script):
    store = script.store
    script.run(
        (0, 0, "WATCH", "@introduceDomain\0i\0", OK),
        (0, 0, "WATCH", "@releaseDomain\0r\0", OK),
        (1, 0, "WATCH", "@releaseDomain\0u\0", OK),
    )
    script.take_events()

    def told(outputs):
        return [each.message[16:].split(b"\0")[0] for each in outputs]

    _, outputs = store.domains.introduce(5)
    assert told(outputs) == [b"@introduceDomain"]
    assert told(store.domains.shut_down(5)) == [b"@releaseDomain"]
    assert told(store.domains.shut_down(5)) == []
    assert told(store.domains.remove(5)) == [b"@releaseDomain"]
    assert store.domains.shut_down(6) == []
    script.run((0, 0, "SET_PERMS", "@releaseDomain\0n0\0r1\0", OK))
    assert script.take_events() == [], "that is for nobody to hear"
    store.domains.introduce(5)
    assert told(store.domains.introduce(5)[1]) == [], "it begins anew, but is not new"
    assert told(store.domains.remove(5)) == [b"@releaseDomain"] * 2


def test_what_a_domain_leaves_behind_is_removed_and_watched(script):
    store = script.store
    connection, _ = store.domains.introduce(5)
    script.connections[5] = connection
    script.run(
        (0, 0, "WRITE", "/shared\0", OK),
        (0, 0, "SET_PERMS", "/shared\0b0\0", OK),
        (5, 0, "WRITE", "/shared/five/below\0x", OK),
        (0, 0, "WRITE", "/shared/five/privileged\0x", OK),
        (0, 0, "WRITE", "/shared/other\0x", OK),
        (5, 0, "WATCH", "/shared\0w\0", OK),
        (5, 0, "TRANSACTION_START", "\0", b"1\0"),
        (0, 0, "WATCH", "/shared/five\0z\0", OK),
        (0, 0, "SET_PERMS", "@introduceDomain\0n5\0", OK),
    )
    outputs = store.domains.remove(5)
    store.check()
    assert [each.message[16:].split(b"\0")[0] for each in outputs] == [b"/shared/five"]
    assert [str(each) for each in store.tree.get("@introduceDomain").permissions] == ["n0"]
    script.run((0, 0, "DIRECTORY", "/shared\0", b"other\0"))
    numbers = store.statistics()
    assert (numbers.watches, numbers.transactions, numbers.domains) == (1, 0, 0)
    assert store.domains.connections.get(5) is None


def test_the_answer_to_a_watch_comes_before_its_first_event_and_others_after_theirs(script):
    script.run((0, 0, "WATCH", "/\0w\0", OK))
    store, connection = script.store, script.connections[0]
    kinds = [each.message[0] for each in store.handle(connection, 4, 1, 0, b"/\0other\0")]
    assert kinds == [4, 15]
    kinds = [each.message[0] for each in store.handle(connection, 11, 1, 0, b"/a\0x")]
    assert kinds == [15, 15, 11]
