import re
from pathlib import Path

import pytest

from cluster.lab.config.xl_disk import parse_xl_disk
from cluster.lab.config.xl_disk_syntax import LETTERS_MAX, parse_disk

HERE = Path("/etc/xen")

DISKS: list[tuple[str, tuple[str, str, str]]] = [
    ("a.img,raw,xvda,rw", ("a.img", "xvda", "rw")),
    ("a.img,raw,xvda,w", ("a.img", "xvda", "rw")),
    ("a.img,raw,xvda,r", ("a.img", "xvda", "ro")),
    ("a.img,raw,xvda,ro", ("a.img", "xvda", "ro")),
    ("a.img,raw,xvda", ("a.img", "xvda", "rw")),
    ("a.img,,hda", ("a.img", "hda", "rw")),
    ("  a.img,\traw, xvda, rw", ("a.img", "xvda", "rw")),
    ("a.img,raw,xvda,rw,", ("a.img", "xvda", "rw")),
    ("a.img,raw,xvda,rw,access=r", ("a.img", "xvda", "ro")),
    ("format=raw,vdev=xvda,access=rw,target=a.img", ("a.img", "xvda", "rw")),
    ("vdev=xvda,target=a b=c,d.img", ("a b=c,d.img", "xvda", "rw")),
    ("vdev=xvda,target=phy:a.img", ("phy:a.img", "xvda", "rw")),
    ("a.img,raw,vdev=xvda,access=ro", ("a.img", "xvda", "ro")),
    ("a.img,raw,xvda,access=rw", ("a.img", "xvda", "rw")),
    ("host:9,raw,xvda", ("host:9", "xvda", "rw")),
    ("phy:a.img,xvda,w", ("a.img", "xvda", "rw")),
    ("raw:a.img,xvda,w", ("a.img", "xvda", "rw")),
    ("file:a.img,xvda1,r", ("a.img", "xvda1", "ro")),
    ("phy:file:a.img,xvda,w", ("a.img", "xvda", "rw")),
    ("aio:a.img,xvda,w", ("a.img", "xvda", "rw")),
    ("tap:aio:a.img,xvda,w", ("a.img", "xvda", "rw")),
    ("tap2:a.img,xvda,w", ("a.img", "xvda", "rw")),
    ("tap2:tapdisk:aio:a.img,xvda,w", ("a.img", "xvda", "rw")),
    ("file:a.img,ioemu:hda,w", ("a.img", "hda", "rw")),
    ("a.img,raw,ioemu:hda,w", ("a.img", "hda", "rw")),
    ("a.img,raw,xvda:disk,rw", ("a.img", "xvda", "rw")),
    ("a.img,raw,d0p1,rw", ("a.img", "d0p1", "rw")),
    ("file:a.img,0x301,w", ("a.img", "0x301", "rw")),
    ("a.iso,raw,hdc:cdrom,r", ("a.iso", "hdc", "ro")),
    ("a.iso,raw,ioemu:hdc:cdrom,rw", ("a.iso", "hdc", "ro")),
    ("a.iso,raw,xvdc,cdrom", ("a.iso", "xvdc", "ro")),
    ("a.iso,raw,xvdc,devtype=cdrom", ("a.iso", "xvdc", "ro")),
    ("a.img,raw,xvda,rw,devtype=disk", ("a.img", "xvda", "rw")),
    ("a.img,raw,xvda,rw,backend=0", ("a.img", "xvda", "rw")),
]


@pytest.mark.parametrize(("text", "expected"), DISKS, ids=[row[0] for row in DISKS])
def test_a_disk_can_be_written_in_many_ways(text: str, expected: tuple[str, str, str]) -> None:
    disk = parse_xl_disk(text, HERE, 3)

    assert (disk.target, disk.vdev, disk.mode) == (HERE / expected[0], *expected[1:])
    assert (disk.unusable, disk.line) == ("", 3)


@pytest.mark.parametrize(
    ("written", "backend"), [("", "dom0"), ("0", "dom0"), ("Domain-0", "dom0"), ("storage", "storage")]
)
def test_a_disk_names_the_domain_that_serves_it(written: str, backend: str) -> None:
    assert parse_xl_disk(f"a.img,raw,xvda,rw,backend={written}", HERE, 1).backend == backend


@pytest.mark.parametrize(
    "flag", ["discard", "no-discard", "direct-io-safe", "colo", "trusted", "grant_usage=1"]
)
def test_parameters_without_effect_are_listed(flag: str) -> None:
    disk = parse_xl_disk(f"a.img,raw,xvda,rw,backendtype=qdisk, {flag},colo-port=9", HERE, 1)

    assert disk.ignored == ("backendtype=qdisk", flag, "colo-port=9")


UNUSABLE: list[tuple[str, str]] = [
    ("a.img,qcow2,xvda,rw", "xvda is a qcow2 image; make a raw image of it with qemu-img convert -O raw"),
    (
        "format=vhd,vdev=xvda,target=a",
        "xvda is a vhd image; make a raw image of it with qemu-img convert -O raw",
    ),
    ("tap:qcow2:a.img,xvda,w", "xvda is a qcow2 image; make a raw image of it with qemu-img convert -O raw"),
    ("drbd:res0,xvda,w", "xvda is what the script block-drbd makes of 'res0'; name a raw image file"),
    ("iscsi:iqn.x,xvda,w", "xvda is what the script block-iscsi makes of 'iqn.x'; name a raw image file"),
    ("nbd:h 9,xvda,w", "xvda is what the script block-nbd makes of 'h 9'; name a raw image file"),
    ("enbd:h 9,xvda,w", "xvda is what the script block-enbd makes of 'h 9'; name a raw image file"),
    ("res0,raw,xvda,script=x", "xvda is what the script x makes of 'res0'; name a raw image file"),
    (",raw,hdc:cdrom,r", "hdc has no medium; name a raw image file"),
    (",hdc:cdrom,r", "hdc has no medium; name a raw image file"),
    (",empty,hdc:cdrom,r", "hdc has no medium; name a raw image file"),
    ("vdev=hdc,devtype=cdrom", "hdc has no medium; name a raw image file"),
    (",empty,hda", "hda has no medium; name a raw image file"),
    ("caf\udce9.img,raw,xvda", "the name of xvda's image is not UTF-8; rename it"),
]


@pytest.mark.parametrize(("text", "said"), UNUSABLE, ids=[repr(row[0]) for row in UNUSABLE])
def test_what_xl_takes_and_nothing_here_can_serve_is_no_mistake(text: str, said: str) -> None:
    disk = parse_xl_disk(text, HERE, 1)

    assert disk.unusable == said
    assert disk.empty == ("hdc" in text)


BAD: list[tuple[str, str]] = [
    (
        "a.img,RAW,xvda,rw",
        "format 'RAW' is not known; one of raw, qcow, qcow2, vhd, qed, empty, in small letters",
    ),
    (
        "a.img,vmdk,xvda,rw",
        "format 'vmdk' is not known; one of raw, qcow, qcow2, vhd, qed, empty, in small letters",
    ),
    (
        "a.img , raw , xvda",
        "format 'raw ' is not known; one of raw, qcow, qcow2, vhd, qed, empty, in small letters",
    ),
    (
        "http:/a.img,xvda,w",
        "the prefix http: is not known; a target with a colon in it is written as target=.. at the end",
    ),
    ("a.img", "the disk 'a.img' has no vdev; write 'target,raw,xvda,rw'"),
    ("a.img,raw,,rw", "the disk 'a.img,raw,,rw' has no vdev; write 'target,raw,xvda,rw'"),
    ("vdev=xvda", "xvda has no target; name an image file: 'image.img,raw,xvda,rw'"),
    ("a.img,raw,xvda,x", "access 'x' is not known; r, ro, w or rw"),
    ("a.img,raw,xvda,rw,more", "'more' is one too many; target,format,vdev,access"),
    ("a.img,raw,xvda,rw,vdev=xvdb", "vdev is given twice; write it once"),
    ("a.img,raw,xvda,format=qcow2", "format is given twice; write it once"),
    ("drbd:a,xvda,script=x", "script is given twice; write it once"),
    ("a.img,raw,xvda:tape,r", "'tape' is no kind of device; xvda, xvda:cdrom or xvda:disk"),
    ("a.img,raw,xvda,devtype=tape", "devtype 'tape' is not known; cdrom or disk"),
    (
        "a.img,raw,xvda,backendtype=file",
        "backendtype 'file' is not known; one of phy, tap, qdisk, standalone",
    ),
    ("a.img,raw,xvda,specification=9p", "specification '9p' is not known; one of xen, virtio"),
    ("a.img,raw,xvda,colo-port=x", "colo-port 'x' is not known; a number above 0"),
    ("a.img,raw,xvda,colo-host=a,colo-host=b", "colo-host is given twice; write it once"),
    (
        "a.img,raw,xvda,mode=w",
        "unknown disk parameter 'mode'; "
        "one of target, format, vdev, access, backend, backendtype, devtype, script",
    ),
    ("a.img,raw,xvda,rw,=x", "'=' has no meaning in a disk; write 'target,raw,xvda,rw'"),
    ("a" * 9000 + ",raw,xvda", f"a disk of 9009 letters; at most {LETTERS_MAX}"),
]


@pytest.mark.parametrize(("text", "said"), BAD, ids=[repr(row[0][:40]) for row in BAD])
def test_what_is_wrong_is_said_with_the_right_form(text: str, said: str) -> None:
    with pytest.raises(ValueError, match="; ") as caught:
        parse_xl_disk(text, HERE, 1)

    assert str(caught.value) == said


def test_what_xl_overlooks_is_overlooked() -> None:
    assert parse_disk("a.img,raw,xvda,rw,=").target == "a.img"
    assert parse_disk("target=a.img,\n,vdev=xvda,,").target == "a.img"


def test_every_disk_that_is_documented_is_read() -> None:
    text = (Path(__file__).parents[4] / "docs/xl-config.md").read_text()
    text = text.partition("\n## Disks\n")[2].partition("\n## ")[0]
    written = re.findall(r"^\| `(.*?)` \| (.*?) \|$", text, re.MULTILINE)

    assert len(written) == 8
    for disk, meaning in written:
        served = any(words in meaning for words in ("raw image", "the same", "CD drive, read-only"))
        prefixes = re.findall("`([a-z0-9]+:)`", meaning)
        for each in (disk, *(prefix + disk.rpartition(":")[2] for prefix in prefixes)):
            assert (parse_xl_disk(each, HERE, 1).unusable == "") == served, each
