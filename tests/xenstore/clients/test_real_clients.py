"""Unmodified XenStore clients at the socket of a running cluster, found as `domzero env` says."""

import signal
import subprocess
import threading
from collections.abc import Iterator
from threading import Timer
from typing import Any

import pytest
import pyxs

pytestmark = pytest.mark.processes

LIMIT_S = 60


@pytest.fixture
def client(host: Any) -> Iterator[pyxs.Client]:
    """A client of pyxs; as it waits for an answer without limit, the test as a whole has one."""

    def give_up(_number: int, _frame: object) -> None:
        raise TimeoutError(f"no answer within {LIMIT_S} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(LIMIT_S)
    try:
        with pyxs.Client(unix_socket_path=host.socket) as client:
            yield client
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def test_what_write_stores_read_and_ls_and_list_show(host: Any) -> None:
    host.tool("write", "/shown/a", "1", "/shown/b/c", "two words")

    assert host.tool("read", "/shown/a", "/shown/b/c") == "1\ntwo words\n"
    assert host.tool("list", "/shown") == "a\nb\n"
    assert host.tool("ls", "/shown") == 'a = "1"\nb = ""\n c = "two words"\n'
    assert host.tool("ls", "-f", "/shown") == '/shown/a = "1"\n/shown/b = ""\n/shown/b/c = "two words"\n'


def test_ls_shows_what_the_toolstack_wrote_of_a_guest(host: Any) -> None:
    assert '/local/domain/1/name = "web"' in host.tool("ls", "-f").splitlines()


def test_rm_takes_a_node_with_all_below_it(host: Any) -> None:
    host.tool("write", "/gone/a/b", "1")
    host.tool("rm", "/gone")

    host.fails("exists", "/gone/a/b")
    host.fails("exists", "/gone")


def test_read_of_what_is_not_there_fails_and_names_it(host: Any) -> None:
    assert "/nowhere" in host.fails("read", "/nowhere")


def test_exists_answers_by_its_exit_status(host: Any) -> None:
    host.tool("write", "/there", "")

    assert host.tool("exists", "/there") == ""
    host.fails("exists", "/not-there")


def test_chmod_of_a_tree_is_what_ls_shows(host: Any) -> None:
    host.tool("write", "/mode/below", "1")
    host.tool("chmod", "-r", "/mode", "n0", "r1")

    assert [line.split("(")[1] for line in host.tool("ls", "-p", "/mode").splitlines()] == ["n0,r1)"]
    assert host.fails("chmod", "/mode", "x0")


def test_watch_prints_the_first_firing_and_each_change_below(host: Any) -> None:
    host.tool("write", "/watched/a", "1")
    command = host.command("watch", "-n", "3", "/watched")
    with subprocess.Popen(command, env=host.environment, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        first = watching.stdout.readline()
        host.tool("write", "/watched/a", "2")
        host.tool("rm", "/watched/a")
        rest, _ = watching.communicate(timeout=LIMIT_S)

    assert [first, *rest.splitlines(keepends=True)] == ["/watched\n", "/watched/a\n", "/watched/a\n"]
    assert watching.returncode == 0


def test_watch_sees_the_vitals_of_a_guest_which_anybody_may_read(host: Any) -> None:
    home = "/local/domain/1/data/vitals"
    keys = ("committed", "free", "cached", "swap", "iowait")
    command = host.command("watch", home)
    with subprocess.Popen(command, env=host.environment, stdout=subprocess.PIPE, text=True) as watching:
        alarm = Timer(LIMIT_S, watching.kill)
        alarm.start()
        assert watching.stdout is not None
        lines = iter(watching.stdout)
        seen = [next(lines)]
        while "iowait" not in host.tool("ls", "/local/domain/1/data"):
            seen.append(next(lines))
        alarm.cancel()
        watching.kill()

    assert set(seen) <= {f"{home}\n", *(f"{home}/{each}\n" for each in keys)}
    values = {each: int(host.tool("read", f"{home}/{each}")) for each in keys}
    assert values["committed"] + values["free"] == 16 << 10
    assert 0 <= values["iowait"] <= 100
    assert "(r1)" in host.tool("ls", "-p", home).splitlines()[0]


def test_every_test_of_xens_own_program_passes(host: Any) -> None:
    listed = [line.partition(":")[0].strip() for line in host.test_xenstore("-l").splitlines()]
    passed = [line.partition(":")[0].strip() for line in host.test_xenstore("-i", "20").splitlines()]

    assert "ta err" in listed
    assert passed == listed


def test_ten_seconds_of_xens_random_test_pass(host: Any) -> None:
    host.test_xenstore("-r", "10")


def test_pyxs_writes_reads_lists_and_deletes(client: pyxs.Client) -> None:
    client[b"/py/a"] = b"1"
    client.mkdir(b"/py/b")

    assert client[b"/py/a"] == b"1"
    assert client.list(b"/py") == [b"a", b"b"]
    assert client.read(b"/py/c", b"absent") == b"absent"
    client.delete(b"/py")
    assert not client.exists(b"/py")


def test_pyxs_sees_permissions_and_domains(client: pyxs.Client) -> None:
    client[b"/owned"] = b"1"
    client.set_perms(b"/owned", [b"b0", b"r1"])

    assert client.get_perms(b"/owned") == [b"b0", b"r1"]
    assert client.get_domain_path(1) == b"/local/domain/1"
    assert (client.is_domain_introduced(1), client.is_domain_introduced(77)) == (True, False)


def test_pyxs_commits_a_transaction_whole_and_a_rollback_not_at_all(host: Any, client: pyxs.Client) -> None:
    with pyxs.Client(unix_socket_path=host.socket) as other:
        client.transaction()
        client[b"/ta/a"], client[b"/ta/b"] = b"1", b"2"
        assert not other.exists(b"/ta")
        assert client.commit()
        assert other.list(b"/ta") == [b"a", b"b"]

        client.transaction()
        client.delete(b"/ta")
        client.rollback()
        assert other.exists(b"/ta/a")


def test_pyxs_is_told_that_a_transaction_read_what_has_changed(host: Any, client: pyxs.Client) -> None:
    client[b"/race"] = b"1"
    with pyxs.Client(unix_socket_path=host.socket) as other:
        client.transaction()
        read = client[b"/race"]
        other[b"/race"] = b"5"
        client[b"/race"] = read + b"0"

        assert not client.commit()
        assert other[b"/race"] == b"5"


def test_pyxs_monitor_yields_the_first_firing_and_each_change(client: pyxs.Client) -> None:
    client[b"/seen"] = b"1"
    events: list[tuple[bytes, bytes]] = []
    with client.monitor() as monitor:
        monitor.watch(b"/seen", b"token")
        client[b"/seen/below"] = b"2"
        waiting = monitor.wait()
        reader = threading.Thread(target=lambda: events.extend(next(waiting) for _ in range(2)), daemon=True)
        reader.start()
        reader.join(LIMIT_S)

    assert events == [(b"/seen", b"token"), (b"/seen/below", b"token")]
