"""Requests about domains and the daemon itself, as scripts of rows."""

import pytest

from actors.xenstore.archive import UncommittedChanges
from actors.xenstore.requests import LiveUpdate, Printed, Released
from actors.xenstore.sqlite_archive import SqliteArchive
from actors.xenstore.takeover import go_on, successor_of

OK = b"OK\0"


@pytest.fixture
def script(later):
    return later


@pytest.fixture
def introduced(script):
    """Domains 3 and 4, whose rings are served."""
    script.introduce(3)
    script.introduce(4)
    return script


# INTRODUCE, RELEASE, IS_DOMAIN_INTRODUCED, RESUME.


def test_a_domain_is_introduced_until_it_is_released(introduced):
    introduced.run(
        (0, 0, "IS_DOMAIN_INTRODUCED", "3\0", b"T\0"),
        (0, 0, "IS_DOMAIN_INTRODUCED", "5\0", b"F\0"),
        (0, 0, "RELEASE", "3\0", OK),
        (0, 0, "IS_DOMAIN_INTRODUCED", "3\0", b"F\0"),
        (0, 0, "IS_DOMAIN_INTRODUCED", "4\0", b"T\0"),
        (0, 0, "RELEASE", "3\0", "ENOENT"),
    )
    assert introduced.take_events() == [Released(3)]


def test_the_domain_of_the_daemon_counts_as_introduced_and_is_not_released(make_script):
    script = make_script(own_domid=2)
    script.run(
        (0, 0, "IS_DOMAIN_INTRODUCED", "2\0", b"T\0"),
        (0, 0, "RELEASE", "2\0", "ENOENT"),
        (0, 0, "RELEASE", "0\0", "EINVAL"),
        (0, 0, "IS_DOMAIN_INTRODUCED", "2\0", b"T\0"),
    )


def test_a_release_takes_watches_transactions_and_nodes(introduced):
    introduced.run(
        (0, 0, "WRITE", "/shared\0", OK),
        (0, 0, "SET_PERMS", "/shared\0b0\0", OK),
        (3, 0, "WRITE", "/shared/three\0x", OK),
        (3, 0, "WATCH", "/shared\0t\0", OK),
        (3, 0, "TRANSACTION_START", "\0", b"1\0"),
        (0, 0, "RELEASE", "3\0", OK),
        (0, 0, "READ", "/shared/three\0", "ENOENT"),
    )
    numbers = introduced.store.statistics()
    assert (numbers.watches, numbers.transactions) == (0, 0)


def test_a_second_introduction_begins_the_connection_anew(introduced):
    before = introduced.connections[3]
    introduced.run(
        (3, 0, "WATCH", "/a\0t\0", OK),
        (3, 0, "TRANSACTION_START", "\0", b"1\0"),
    )
    introduced.introduce(3)
    assert introduced.connections[3] == before
    introduced.run((3, 1, "TRANSACTION_END", "T\0", "ENOENT"), (3, 0, "UNWATCH", "/a\0t\0", "ENOENT"))


def test_a_shutdown_is_told_once_and_after_a_resume_once_more(introduced):
    introduced.run((0, 0, "WATCH", "@releaseDomain\0r\0", OK))
    introduced.take_events()
    told = []
    for resume in (False, False, True, False):
        if resume:
            introduced.run((0, 0, "RESUME", "3\0", OK))
        introduced.heard(introduced.store.domains.shut_down(3))
        told.append(len(introduced.take_events()))
    assert told == [1, 0, 1, 0]


def test_only_an_introduced_domain_is_resumed(introduced):
    introduced.run((0, 0, "RESUME", "5\0", "ENOENT"), (0, 0, "RESUME", "3\0", OK))


@pytest.mark.parametrize(
    ("domid", "path"),
    [(b"0", b"/local/domain/0\0"), (b"7", b"/local/domain/7\0"), (b"007", b"/local/domain/7\0")],
)
def test_the_path_of_a_domain_that_need_not_exist(script, domid, path):
    script.run((3, 0, "GET_DOMAIN_PATH", domid + b"\0", path))


# SET_TARGET.


@pytest.fixture
def targeted(introduced):
    """/of4 is domain 4's, /for4 lets domain 4 write, /hers is domain 0's alone."""
    introduced.run(
        *((0, 0, "WRITE", f"{path}\0x", OK) for path in ("/of4", "/for4", "/hers")),
        (0, 0, "SET_PERMS", "/of4\0n4\0", OK),
        (0, 0, "SET_PERMS", "/for4\0n0\0b4\0", OK),
        (3, 0, "READ", "/of4\0", "EACCES"),
        (0, 0, "SET_TARGET", "3\0" + "4\0", OK),
    )
    return introduced


def test_a_domain_may_do_what_its_target_may(targeted):
    targeted.run(
        (3, 0, "WRITE", "/of4\0y", OK),
        (3, 0, "SET_PERMS", "/of4\0n4\0r3\0", OK),
        (3, 0, "WRITE", "/for4\0y", OK),
        (3, 0, "READ", "/hers\0", "EACCES"),
        (4, 0, "READ", "/local/domain/3\0", "EACCES"),
        (3, 0, "WRITE", "/for4/made\0y", OK),
        (0, 0, "GET_PERMS", "/for4/made\0", b"n3\0b4\0"),
    )


def test_a_target_is_one_while_it_lives(targeted):
    targeted.remove(4)
    targeted.introduce(4)
    targeted.run(
        (0, 0, "WRITE", "/of4\0x", OK),
        (0, 0, "SET_PERMS", "/of4\0n4\0", OK),
        (4, 0, "READ", "/of4\0", b"x"),
        (3, 0, "READ", "/of4\0", "EACCES"),
    )


@pytest.mark.parametrize("payload", ["5\0" + "4\0", "3\0" + "5\0"])
def test_both_domains_of_set_target_are_introduced(introduced, payload):
    introduced.run((0, 0, "SET_TARGET", payload, "ENOENT"))


@pytest.mark.parametrize("payload", ["", "3\0", "3\0" + "4"])
def test_a_malformed_set_target_is_invalid(introduced, payload):
    introduced.run((0, 0, "SET_TARGET", payload, "EINVAL"))


# GET_FEATURE and SET_FEATURE.


def test_features_are_those_of_the_server_until_a_domain_is_to_see_fewer(script):
    script.run(
        (0, 0, "GET_FEATURE", "", b"7\0"),
        (0, 0, "GET_FEATURE", "\0", b"7\0"),
        (0, 0, "GET_FEATURE", "3\0", b"7\0"),
        (0, 0, "SET_FEATURE", "3\0" + "6\0", OK),
        (0, 0, "GET_FEATURE", "3\0", b"6\0"),
        (0, 0, "GET_FEATURE", "4\0", b"7\0"),
        (0, 0, "GET_FEATURE", "\0", b"7\0"),
    )
    assert (script.store.domains.features(3), script.store.domains.features(4)) == (6, 7)


@pytest.mark.parametrize("payload", ["3\0", "3\0" + "x\0", "3\0" + "64\0", "3\0" + "8\0", "40000\0" + "1\0"])
def test_what_the_server_cannot_is_not_shown(script, payload):
    script.run((0, 0, "SET_FEATURE", payload, "EINVAL"), (0, 0, "GET_FEATURE", "3\0", b"7\0"))


def test_the_next_domain_of_an_id_sees_everything_again(introduced):
    introduced.run((0, 0, "SET_FEATURE", "3\0" + "0\0", OK))
    introduced.remove(3)
    introduced.run((0, 0, "GET_FEATURE", "3\0", b"7\0"))


# CONTROL.


@pytest.mark.parametrize(
    ("payload", "answer"),
    [
        ("check\0", OK),
        ("log\0on\0", OK),
        ("log\0maybe\0", "EINVAL"),
        ("log\0", "EINVAL"),
        ("print\0", "EINVAL"),
        ("memreport\0", "EINVAL"),
        ("", "EINVAL"),
        ("check", "EINVAL"),
        ("quota\0set\0nodes\0x\0", "EINVAL"),
        ("quota\0set\0nodes\0", "EINVAL"),
        ("quota\0set\0nodes\x000\0", "EINVAL"),
        ("quota\0set\0nodes\x005\x006\0", "EINVAL"),
        ("quota\x007\0", "ENOENT"),
        ("quota\x007\x008\0", "EINVAL"),
        ("check\0x\0", "EINVAL"),
        ("help\0x\0", "EINVAL"),
        ("print\0a\0b\0", "EINVAL"),
        ("live-update\0", "EINVAL"),
        ("live-update\0-x\0", "EINVAL"),
        ("live-update\0-c\0nothing\0", OK),
    ],
)
def test_commands_and_what_is_none(script, payload, answer):
    script.run((0, 0, "CONTROL", payload, answer))


def test_help_names_every_command_that_there_is(script):
    lines = script.ask(0, 0, "CONTROL", b"help\0").rstrip(b"\0").decode().splitlines()
    assert [line.split()[0] for line in lines] == ["check", "help", "live-update", "log", "print", "quota"]


def test_print_writes_a_line_into_the_log_of_the_daemon(script):
    script.run((0, 0, "CONTROL", "print\0hello\0", OK))
    assert script.take_events() == [Printed("hello")]


def test_a_log_of_requests_is_kept_while_it_is_on(script):
    script.run(
        (0, 0, "CONTROL", "log\0on\0", OK),
        (0, 0, "READ", "/\0", b""),
        (0, 0, "CONTROL", "log\0off\0", OK),
        (0, 0, "READ", "/\0", b""),
    )
    lines = [each.text for each in script.take_events()]
    assert [line for line in lines if "b'/" in line] == ["request 2 of domain 0: b'/\\x00'"]


def test_a_live_update_is_asked_of_the_daemon(script):
    script.ask(0, 0, "CONTROL", b"live-update\0-s\0-t\0" + b"60\0-F\0")
    assert script.take_events() == [LiveUpdate(script.connections[0], 9, force=True)]


def test_the_successor_of_a_live_update_goes_on_counting_and_logging(script):
    script.run(
        (0, 0, "CONTROL", "log\0on\0", OK),
        (0, 0, "WATCH", "/tool\0t\0", OK),
        (0, 0, "TRANSACTION_START", "\0", b"1\0"),
        (0, 1, "READ", "/tool\0", "ENOENT"),
        (0, 1, "WRITE", "/tool\0x", OK),
        (0, 0, "WRITE", "/tool\0y", OK),
        (0, 1, "TRANSACTION_END", "T\0", "EAGAIN"),
    )
    before = script.store.statistics()
    assert min(before.watch_events, before.conflicts) > 0
    script.store = successor_of(script.store)
    assert script.store.statistics() == before
    script.take_events()
    script.run((0, 0, "READ", "/tool\0", b"y"))
    assert [type(each) for each in script.take_events()] == [Printed]


def test_the_successor_of_a_live_update_has_targets_features_and_quotas(targeted):
    targeted.run(
        (0, 0, "SET_FEATURE", "3\0" + "6\0", OK),
        (0, 0, "SET_QUOTA", "3\0watches\0" + "1\0", OK),
        (3, 0, "WATCH", "/for4\0t\0" + "1\0", OK),
        (3, 0, "TRANSACTION_START", "\0", b"1\0"),
    )
    targeted.take_events()
    targeted.store = successor_of(targeted.store)
    targeted.run(
        (3, 1, "TRANSACTION_END", "T\0", "EAGAIN"),
        (3, 0, "TRANSACTION_START", "\0", b"2\0"),
        (0, 0, "GET_FEATURE", "3\0", b"6\0"),
        (3, 0, "WATCH", "/a\0t\0", OK),
        (3, 0, "WATCH", "/b\0t\0", "E2BIG"),
        (0, 0, "WRITE", "/for4/near/far\0", OK),
        (3, 0, "WRITE", "/of4\0y", OK),
        (0, 0, "MKDIR", "/for4/near2\0", OK),
    )
    assert targeted.take_events() == [(3, "/a", "t"), (3, "/for4/near2", "t")]


def test_what_an_archive_keeps_has_targets_features_and_quotas(make_script, later, tmp_path):
    for daemon in range(3):
        script, archive = make_script(release=later.store.release), SqliteArchive(tmp_path / "store")
        journal = UncommittedChanges(archive)
        go_on(script.store, journal, archive.load())
        if daemon == 0:
            script.introduce(3)
            script.introduce(4)
            script.run(
                (0, 0, "WRITE", "/of4\0x", OK),
                (0, 0, "SET_PERMS", "/of4\0n4\0", OK),
                (0, 0, "SET_TARGET", "3\0" + "4\0", OK),
                (0, 0, "SET_FEATURE", "3\0" + "6\0", OK),
                (0, 0, "SET_QUOTA", "3\0watches\0" + "0\0", OK),
            )
        script.connections[3] = script.store.domains.connections.get(3)
        script.run(
            (3, 0, "READ", "/of4\0", "EACCES" if daemon == 2 else b"x"),
            (0, 0, "GET_FEATURE", "3\0", b"6\0"),
            (0, 0, "GET_QUOTA", "3\0watches\0", b"0\0"),
        )
        if daemon == 1:
            script.remove(4)
            script.introduce(4)
            script.run((0, 0, "WRITE", "/of4\0x", OK), (0, 0, "SET_PERMS", "/of4\0n4\0", OK))
        journal.commit()
        archive.close()


@pytest.mark.parametrize(
    "name",
    [
        *("CONTROL", "INTRODUCE", "RELEASE", "RESUME", "SET_TARGET", "IS_DOMAIN_INTRODUCED"),
        *("GET_FEATURE", "SET_FEATURE", "GET_QUOTA", "SET_QUOTA"),
    ],
)
def test_what_is_for_the_privileged_is_denied_before_it_is_read(script, name):
    script.run((3, 0, name, "", "EACCES"), (3, 0, name, "3\0", "EACCES"), (3, 7, name, "help\0", "EACCES"))
