"""Guests out of xl.cfg files in a configuration: volumes in place of those they name, and their names."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.lab.config.resolved import ResolvedCluster

Load = Callable[..., ResolvedCluster]
Refuse = Callable[..., str]

INLINE = "name: web\n        count: 2\n        memory: 64MiB\n        disks: [{vdev: xvda, size: 1MiB}]"
DISKS = """
    '/srv/a.img,raw,hda,rw',
    '/srv/b.qcow2,qcow2,hdb,rw',
    ',hdc:cdrom,r',
    'drbd:res0,0x16c0,w',
"""


@pytest.fixture
def guest(tmp_path: Path) -> Callable[..., tuple[str, str]]:
    """The replacement that makes the guest of the base configuration one out of a file."""

    def _guest(scratch: str, disks: str = DISKS, name: str = "db") -> tuple[str, str]:
        (tmp_path / "db.cfg").write_text(f"name = '{name}'\nmemory = 64\ndisk = [{disks}]\n")
        return INLINE, f"xl: db.cfg\n        {scratch}"

    return _guest


def test_what_scratch_replaces_may_be_anything(load: Load, guest: Callable[..., tuple[str, str]]) -> None:
    cluster = load(guest('scratch: {hda: 1MiB, hdb: 2MiB, hdc: 3MiB, "0x16c0": 4MiB}'))

    volumes = [
        (each.vdev, each.sectors >> 11, each.made, each.read_only) for each in cluster.hosts[0].volumes
    ]
    assert volumes == [
        ("hda", 1, True, False),
        ("hdb", 2, True, False),
        ("hdc", 3, True, True),
        ("0x16c0", 4, True, False),
    ]


def test_a_drive_without_a_medium_is_left_out_and_that_is_said(
    load: Load, guest: Callable[..., tuple[str, str]]
) -> None:
    cluster = load(guest("scratch: {hda: 1MiB}", "'/a,raw,hda,rw', ',hdc:cdrom,r'"))

    assert [each.vdev for each in cluster.hosts[0].volumes] == ["hda"]
    assert [str(each).rpartition("db.cfg:")[2] for each in cluster.remarks] == [
        "3: hdc is a drive without a medium: the guest does not have it; scratch: {hdc: 8MiB} gives it one"
    ]


def test_what_nothing_replaces_is_refused_with_both_ways_out(
    refuse: Refuse, guest: Callable[..., tuple[str, str]]
) -> None:
    said = refuse(guest("scratch: {hdc: 1MiB}")).splitlines()

    assert said == [
        "db.cfg:4: /srv/a.img: no such image; name a raw image file that exists, "
        "or give it another volume: scratch: {hda: 8MiB}",
        "db.cfg:5: hdb is a qcow2 image; make a raw image of it with qemu-img convert -O raw, "
        "or give it another volume: scratch: {hdb: 8MiB}",
        "db.cfg:7: 0x16c0 is what the script block-drbd makes of 'res0'; name a raw image file, "
        'or give it another volume: scratch: {"0x16c0": 8MiB}',
    ]


def test_scratch_may_use_another_name_of_the_device(
    load: Load, guest: Callable[..., tuple[str, str]]
) -> None:
    cluster = load(guest("scratch: {hda: 1MiB, xvdb: 2MiB}", "'/a,raw,0x300,rw', '/b,raw,d1p0,rw'"))

    assert [(each.vdev, each.sectors >> 11) for each in cluster.hosts[0].volumes] == [
        ("0x300", 1),
        ("d1p0", 2),
    ]


@pytest.mark.parametrize(
    ("scratch", "said"),
    [
        ("{xvdb: 1MiB}", "test.yaml:10: db.cfg has no disk 'xvdb'; one of xvda"),
        ("{nothing: 1MiB}", "test.yaml:10: db.cfg has no disk 'nothing'; one of xvda"),
        ("{xvda: 1MiB, d0p0: 1MiB}", "test.yaml:10: d0p0 is a second name of xvda; write one of them"),
        ("{0x300: 1MiB}", "test.yaml:10: 768 is no key; keys are text: write it in quotes"),
    ],
)
def test_scratch_names_each_disk_of_the_file_once(
    refuse: Refuse, guest: Callable[..., tuple[str, str]], scratch: str, said: str
) -> None:
    assert said in refuse(guest(f"scratch: {scratch}", "'/a,raw,xvda,rw'")).splitlines()


@pytest.mark.parametrize("target", ["a" * 5000, "caf\udce9", "a\nb"])
def test_a_target_that_can_be_no_file_is_refused_as_others_are(
    refuse: Refuse, guest: Callable[..., tuple[str, str]], tmp_path: Path, target: str
) -> None:
    replacement = guest("scratch: {}")
    text = f"name = 'db'\nmemory = 64\ndisk = ['{target.replace(chr(10), chr(92) + 'n')},raw,xvda,rw']\n"
    (tmp_path / "db.cfg").write_bytes(text.encode(errors="surrogateescape"))

    assert refuse(replacement).startswith("db.cfg:3: ")


def test_two_names_of_one_device_are_one_device(
    refuse: Refuse, guest: Callable[..., tuple[str, str]]
) -> None:
    said = refuse(guest("scratch: {xvda: 1MiB}", "'/a,raw,xvda,rw', '/b,raw,d0p0,rw'"))

    assert "db.cfg:3: d0p0 is there twice; give each disk a vdev of its own" in said.splitlines()


def test_a_workload_that_writes_needs_one_disk_that_can_be_written(
    load: Load, refuse: Refuse, guest: Callable[..., tuple[str, str]]
) -> None:
    cd = "'/a.iso,raw,hdc:cdrom,r', '/b.iso,raw,hdd:cdrom,r'"
    both = "scratch: {hda: 1MiB, hdc: 1MiB, hdd: 1MiB}"

    assert len(load(guest(both, f"'/a,raw,hda,rw', {cd}")).hosts[0].volumes) == 3
    said = refuse(guest("scratch: {hdc: 1MiB, hdd: 1MiB}", cd))
    assert said == (
        "test.yaml:11: the workload writes and hdc, hdd are read-only; "
        "read_share: 1.0, kind: checksum, or mode: rw"
    )


NAMES: list[tuple[str, str]] = [
    ("a/b", "'a/b' is no name; letters, digits, - _ . and a letter or digit first"),
    ("..", "'..' is no name; letters, digits, - _ . and a letter or digit first"),
    ("a b", "'a b' is no name; letters, digits, - _ . and a letter or digit first"),
    ("-a", "'-a' is no name; letters, digits, - _ . and a letter or digit first"),
    ("web*", "'web*' is no name; letters, digits, - _ . and a letter or digit first"),
    ("café", "'café' is no name; letters, digits, - _ . and a letter or digit first"),
    ("a" * 65, f"{'a' * 64}.. is too long for a name: 65 letters; at most 64"),
    ("Domain-0", "the name 'Domain-0' is taken by Domzero itself; choose another"),
    ("domain-0", "the name 'domain-0' is taken by Domzero itself; choose another"),
    ("dom0", "the name 'dom0' is taken by Domzero itself; choose another"),
    ("Dom7", "the name 'Dom7' is taken by Domzero itself; choose another"),
    ("xenstore", "the name 'xenstore' is taken by Domzero itself; choose another"),
]


@pytest.mark.parametrize(("name", "said"), NAMES)
def test_a_name_of_a_domain_is_looked_at_wherever_it_was_written(
    refuse: Refuse, guest: Callable[..., tuple[str, str]], name: str, said: str
) -> None:
    inline = refuse(("name: web\n        count: 2", f"name: '{name}'"))
    driver = refuse(("guests:", f"driver_domains: [{{name: '{name}', disks: [sda]}}]\n    guests:"))
    file = refuse(guest("scratch: {hda: 1MiB}", "'/a,raw,hda,rw'", name))

    assert f"test.yaml:9: {said}" in inline.splitlines()
    assert f"test.yaml:8: {said}" in driver.splitlines()
    assert f"db.cfg:1: {said}" in file.splitlines()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a\\nb", r"'a\nb' is no name; letters, digits, - _ . and a letter or digit first"),
        ("a\\a", r"'a\x07' is no name; letters, digits, - _ . and a letter or digit first"),
        ("a" * 100_000, f"{'a' * 64}.. is too long for a name: 100000 letters; at most 64"),
    ],
)
def test_a_name_in_a_file_has_no_control_characters_and_an_end(
    refuse: Refuse, guest: Callable[..., tuple[str, str]], name: str, said: str
) -> None:
    file = refuse(guest("scratch: {hda: 1MiB}", "'/a,raw,hda,rw'", name))

    assert f"db.cfg:1: {said}" in file.splitlines()


def test_a_name_that_a_count_makes_is_looked_at_too(refuse: Refuse) -> None:
    assert "test.yaml:9: the name 'Domain-0' is taken" in refuse(("name: web", "name: Domain"))
    said = refuse(("name: web", f"name: {'a' * 63}"))
    assert said == f"test.yaml:9: {'a' * 63}-.. is too long for a name: 65 letters; at most 64"


def test_an_empty_name_is_refused(refuse: Refuse) -> None:
    said = refuse(("name: web\n        count: 2", "name: ''"))

    assert "test.yaml:9: an empty name; letters, digits, - _ ." in said.splitlines()
