"""What is wrong with a configuration is said with its line and the right form, all of it at once."""

from collections.abc import Callable
from pathlib import Path

import pytest

Refuse = Callable[..., str]

ROWS: list[tuple[str, list[tuple[str, str]], str]] = [
    (
        "a place where xenstored cannot live",
        [("    memory: 1GiB", "    memory: 1GiB\n    xenstore: persist")],
        "test.yaml:6: xenstore: xenstored cannot live in 'persist'; "
        "dom0, stubdom, or {domain: dom0, restart: persist}",
    ),
    (
        "a policy that there is not",
        [("    memory: 1GiB", "    memory: 1GiB\n    xenstore: {restart: keep}")],
        "test.yaml:6: restart: 'keep' is not known; one of lose, live-update, persist",
    ),
    (
        "an unknown key",
        [("kind: random", "knd: random")],
        "test.yaml:13: unknown key 'knd'; did you mean kind?",
    ),
    (
        "a key of nobody",
        [("name: test", "name: test\nzzz: 1")],
        "test.yaml:2: unknown key 'zzz'; "
        "one of name, seed, run, costs, switch, hosts, faults, expect, metrics",
    ),
    ("a missing key", [("kind: crash, ", "")], "test.yaml:15: 'kind' is missing; write kind: .."),
    (
        "a word that is no policy",
        [("memory: 1GiB", "hwdom: restrat")],
        "test.yaml:5: hwdom: 'restrat' is not known; did you mean restart? (reboot | restart | halt)",
    ),
    (
        "a decimal unit",
        [("64MiB", "64MB")],
        "test.yaml:11: memory: '64MB' has no unit that is known here; write 64MiB (1024 based)",
    ),
    ("a bare number", [("64MiB", "64")], "test.yaml:11: memory: 64 has no unit; write it as in 64MiB"),
    (
        "a duration without unit",
        [("duration: 6s", "duration: 6")],
        "test.yaml:2: duration: 6 has no unit; write it as in 200ms",
    ),
    (
        "a wrong unit",
        [("at: 2s", "at: 2h")],
        "test.yaml:15: at: 'h' is not a unit; one of ns, us, ms, s, min",
    ),
    (
        "a wrong type",
        [("count: 2", "count: two")],
        "test.yaml:10: count: 'two' does not fit here; a whole number is wanted",
    ),
    (
        "too many",
        [("depth: 4", "depth: 500")],
        "test.yaml:13: depth: 500 does not fit here; at most 256",
    ),
    (
        "an odd block",
        [("depth: 4", "block: 1000B")],
        "test.yaml:13: block: a block of 1000B is not possible; a multiple of 512B up to 1MiB",
    ),
    (
        "an odd size",
        [("1MiB}", "1000B}")],
        "test.yaml:12: size: 1000B is not a multiple of a sector; a whole number of 512B, above 0",
    ),
    (
        "a strange vdev",
        [("xvda", "vda")],
        "test.yaml:12: vdev: 'vda' is no virtual device; write xvda, xvdb1, d0p1, sda or hda",
    ),
    (
        "an unknown target",
        [("host0/dom0", "host0/dom1")],
        "test.yaml:15: no target 'host0/dom1' for crash; did you mean host0/dom0?",
    ),
    (
        "a guest without its number",
        [("host0/dom0", "host0/web")],
        "test.yaml:15: no target 'host0/web' for crash; did you mean host0/web-1?",
    ),
    (
        "an unknown fault",
        [("kind: crash", "kind: crahs")],
        "test.yaml:15: kind: there is no fault 'crahs'; did you mean crash?",
    ),
    (
        "a fault after the end",
        [("at: 2s", "at: 6s")],
        "test.yaml:15: the last one is due after 6 s, when the run is over; "
        "run: {duration: ..} of more than 6 s",
    ),
    (
        "half of a repetition",
        [("at: 2s", "at: 2s, count: 3")],
        "test.yaml:15: count without every; a repeated fault has both: every: 200ms, count: 50",
    ),
    (
        "an unknown disk",
        [("size: 1MiB", "size: 1MiB, disk: sdb")],
        "test.yaml:12: the host has no disk 'sdb'; did you mean sda?",
    ),
    (
        "a missing image",
        [("size: 1MiB", "image: none.img")],
        "test.yaml:12: none.img: no such image; name a raw image file that exists",
    ),
    (
        "neither image nor size",
        [(", size: 1MiB", "")],
        "test.yaml:12: xvda has neither size nor image; size: 16MiB makes an image, image: FILE takes one",
    ),
    (
        "the same vdev twice",
        [("[{vdev: xvda, size: 1MiB}]", "[{vdev: xvda, size: 1MiB}, {vdev: xvda, size: 1MiB}]")],
        "test.yaml:12: xvda is there twice; give each disk a vdev of its own",
    ),
    (
        "too little memory",
        [("memory: 1GiB", "memory: 512MiB")],
        "test.yaml:5: host0 has 512MiB, its domains need 642MiB; memory: 642MiB or more",
    ),
    (
        "no work",
        [("        workload: {kind: random, depth: 4}\n", "")],
        "test.yaml:9: the guest has disks and no workload; workload: {kind: random}",
    ),
    (
        "writes to a read-only disk",
        [("size: 1MiB", "size: 1MiB, mode: ro")],
        "test.yaml:13: the workload writes and xvda is read-only; "
        "read_share: 1.0, kind: checksum, or mode: rw",
    ),
    (
        "more in flight than fits",
        [("depth: 4", "depth: 4, block: 1MiB")],
        "test.yaml:13: 4 blocks of 1MiB do not fit on xvda (1MiB); "
        "a smaller depth or block, or a larger disk",
    ),
    (
        "a port that is none",
        [("memory: 1GiB", "metrics_port: 65536")],
        "test.yaml:5: metrics_port: 65536 does not fit here; at most 65535",
    ),
    (
        "a version as a number",
        [("memory: 1GiB", "xen: 4.17")],
        'test.yaml:5: xen: 4.17 is a number here; write it in quotes: "4.17"',
    ),
    (
        "a release that nobody knows",
        [("memory: 1GiB", 'xen: "4.0"')],
        "test.yaml:5: xen: '4.0' is not known; one of 3.4, 4.17",
    ),
    (
        "a store domain on a Xen that has none",
        [("memory: 1GiB", 'xen: "3.4"\n    xenstore: stubdom')],
        "test.yaml:6: Xen 3.4 cannot tell a domain other than dom0 of deaths, as xenstored must be told; "
        'xenstore: dom0, or xen: "4.17"',
    ),
    (
        "nothing kept back",
        [("name: sda", "name: sda, write_back: 0s")],
        "test.yaml:7: write_back: a disk that keeps nothing back has no cache; `write_cache: false` says so",
    ),
    (
        "a time to write back without a cache",
        [("name: sda", "name: sda, write_cache: false, write_back: 1s")],
        "test.yaml:7: sda has no cache to write back; leave it out",
    ),
    (
        "a key without a value that takes one",
        [("memory: 1GiB", "xenstore:")],
        "test.yaml:5: xenstore: nothing is written here; a value, or leave the key out",
    ),
    (
        "a key without a value that may be absent",
        [("count: 2", "count: 2\n        store:")],
        "test.yaml:11: store: nothing is written here; a value, or leave the key out",
    ),
    (
        "vitals too often",
        [("count: 2", "count: 2\n        vitals: 50ms")],
        "test.yaml:11: vitals: vitals are not published that often; 100ms or more, or 0s for never",
    ),
    (
        "a toolstack that names a release twice",
        [("memory: 1GiB", 'dom0: {built_for: ["3.4", "3.4"]}')],
        "test.yaml:5: built_for: a release is there twice; name each once",
    ),
    (
        "a fraction of a watchdog",
        [("memory: 1GiB", "watchdog: 1500ms")],
        "test.yaml:5: watchdog: the watchdog counts whole seconds; write 2s, or 0s for none",
    ),
    (
        "too many survivors",
        [("faults:", "expect: {survivors: 3}\nfaults:")],
        "test.yaml:14: 3 survivors of 2 guests; at most 2",
    ),
    (
        "survivors that cannot be",
        [("faults:", "expect: {survivors: most}\nfaults:")],
        "test.yaml:14: survivors: 'most' survivors cannot be counted; all, none or a number",
    ),
    (
        "a taken name",
        [("- name: web\n        count: 2", "- name: dom7")],
        "test.yaml:9: the name 'dom7' is taken by Domzero itself; choose another",
    ),
    (
        "an action that is not there",
        [("count: 2", "count: 2\n        on_crash: rename-restart")],
        "test.yaml:11: on_crash: 'rename-restart' is not possible here: what is kept would keep its disks; "
        "destroy, restart or preserve",
    ),
    (
        "an action that dumps a core",
        [("count: 2", "count: 2\n        on_watchdog: coredump-restart")],
        "test.yaml:11: on_watchdog: 'coredump-restart': no core is dumped here; restart",
    ),
    (
        "a reset of a paravirtual guest",
        [("count: 2", "count: 2\n        on_reboot: soft-reset")],
        "test.yaml:11: on_reboot: 'soft-reset' is not possible here: a paravirtual domain cannot be reset; "
        "destroy, restart or preserve",
    ),
    (
        "a packed stranger",
        [("memory: 1GiB", "pack: [[hypervisor, ioapi]]")],
        "test.yaml:5: no actor 'ioapi' on host0; did you mean ioapic?",
    ),
    (
        "statistics too often",
        [("name: test", "name: test\nmetrics: {interval: 50ms}")],
        "test.yaml:2: interval: statistics are not read that often; 100ms or more, or 0s for never",
    ),
    (
        "a packed target",
        [("memory: 1GiB", "pack: [[dom0, sda]]")],
        "test.yaml:15: host0/dom0 shares its process with sda; take it out of pack, so that it can die alone",
    ),
    (
        "a duplicate key",
        [("count: 2", "count: 2\n        count: 3")],
        'test.yaml:11: duplicate key "count"; write each key once',
    ),
    (
        "a missing guest file",
        [("name: web\n        count: 2", "xl: web.cfg\n        count: 2")],
        "test.yaml:9: web.cfg: no such file; a path relative to this file",
    ),
]


@pytest.mark.parametrize(("replacements", "said"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_what_is_wrong_is_said_with_its_line_and_the_right_form(
    refuse: Refuse, tmp_path: Path, replacements: list[tuple[str, str]], said: str
) -> None:
    assert said in refuse(*replacements).replace(f"{tmp_path}/", "").splitlines()


def test_everything_that_is_wrong_is_said_at_once(refuse: Refuse) -> None:
    said = refuse(("64MiB", "64"), ("kind: crash", "kind: crush"), ("count: 2", "count: -1"))

    assert [line.split(":")[1] for line in said.splitlines()] == ["10", "11", "15"]


def test_two_guests_cannot_have_one_name(refuse: Refuse) -> None:
    second = "- {name: web-1, memory: 4MiB}\n      - name: web"

    assert "a second guest 'web-1'; line 9 has it already" in refuse(("- name: web", second))


def test_two_hosts_cannot_share_a_port(refuse: Refuse) -> None:
    hosts = "hosts:\n  - {name: host1, metrics_port: 9100}"
    said = refuse(("hosts:", hosts), ("memory: 1GiB", "metrics_port: 9100"))

    assert "port 9100 is host1's already; another port, or 0 for any free one" in said
