"""Images that are given: who may use one, and which are none."""

from collections.abc import Callable
from pathlib import Path
from typing import cast

from cluster.lab.config.resolved import ResolvedCluster

Load = Callable[..., ResolvedCluster]

Refuse = Callable[..., str]

GUEST_DISKS = "disks: [{vdev: xvda, size: 1MiB}]"

WORK = "workload: {kind: random, depth: 4}"


def test_images_that_the_run_makes_lie_where_it_is_placed(load: Load, tmp_path: Path) -> None:
    host = load().placed(tmp_path / "images").hosts[0]

    volumes = cast("list[dict[str, object]]", host.argument_of(host.hardware[0])["volumes"])
    assert volumes[1] == {
        "name": "web-1-xvda",
        "path": str(tmp_path / "images/host0-web-1-xvda.img"),
        "sectors": 2048,
        "read_only": False,
    }


def test_a_given_image_stays_where_it_is(load: Load, tmp_path: Path) -> None:
    (tmp_path / "files.img").write_bytes(bytes(1024))
    cluster = load(
        (GUEST_DISKS, "disks: [{vdev: xvda, image: files.img, mode: ro}]"),
        (WORK, "workload: {kind: checksum}"),
    )

    volume = cluster.placed(tmp_path / "elsewhere").hosts[0].volumes[0]

    assert (volume.path, volume.sectors, volume.read_only, volume.made) == (
        tmp_path / "files.img",
        2,
        True,
        False,
    )


def test_a_written_image_has_one_user(refuse: Refuse, tmp_path: Path) -> None:
    (tmp_path / "a.img").write_bytes(bytes(1 << 20))

    said = refuse(("size: 1MiB", "image: a.img"))

    assert "2 guests would write to" in said
    assert "mode ro, or a size instead of an image" in said


def test_a_written_image_is_not_found_under_another_name_either(refuse: Refuse, tmp_path: Path) -> None:
    (tmp_path / "a.img").write_bytes(bytes(1 << 20))
    (tmp_path / "b.img").symlink_to("a.img")
    two = "disks: [{vdev: xvda, image: a.img, mode: ro}, {vdev: xvdb, image: b.img}]"

    said = refuse((GUEST_DISKS, two), ("        count: 2\n", ""), (WORK, "workload: {kind: checksum}"))

    assert "b.img is the disk of web already; an image that is written has one user" in said


def test_a_read_only_image_may_have_many_users(load: Load, tmp_path: Path) -> None:
    (tmp_path / "a.img").write_bytes(bytes(1 << 20))

    cluster = load(("size: 1MiB", "image: a.img, mode: ro"), (WORK, "workload: {kind: checksum}"))

    assert len(cluster.hosts[0].volumes) == 2


def test_an_image_of_half_a_sector_is_refused(refuse: Refuse, tmp_path: Path) -> None:
    (tmp_path / "a.img").write_bytes(bytes(700))

    assert "a.img has 700 bytes; an image has a multiple of 512B" in refuse(("size: 1MiB", "image: a.img"))
