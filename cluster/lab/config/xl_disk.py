"""One disk of an xl.cfg file, as a guest of Domzero gets it.

Rules: a relative target is taken from the file's folder. What xl takes and Domzero cannot serve (an image
that is not raw, a device that a script makes, a drive without a medium) is no mistake of the file: the disk
says why, and whoever gives it another volume may have it.
Source: docs/man/xl-disk-configuration.5 (facts).
Left out: what backends, discard, COLO and the like would do.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cluster.lab.config.virtual_device import virtual_device_number
from cluster.lab.config.xl_disk_syntax import DiskSpecification, parse_disk

DOM0: Final = {"": "dom0", "0": "dom0", "Domain-0": "dom0"}
_CONVERT: Final = "make a raw image of it with qemu-img convert -O raw"


@dataclass(frozen=True, slots=True)
class XlDisk:
    """A disk: image file, name in the guest, `rw` or `ro`, and parameters that have no effect here.

    `backend`: the domain that serves it, by name. `unusable`: why the target is no image that can be served,
    a semicolon, and what can be done; "" if it is one. `empty`: a drive for media with none in it.
    """

    target: Path
    vdev: str
    mode: str
    line: int
    ignored: tuple[str, ...]
    backend: str = "dom0"
    unusable: str = ""
    empty: bool = False


def parse_xl_disk(text: str, folder: Path, line: int) -> XlDisk:
    """The disk that a specification describes; ValueError: what was wrong, a semicolon, the right form."""
    given = parse_disk(text)
    assert given.vdev is not None, "a disk without a vdev is refused before"
    if not given.vdev:
        raise ValueError(f"the disk {text!r} has no vdev; write 'target,raw,xvda,rw'")
    virtual_device_number(given.vdev)
    backend = given.backend or ""
    return XlDisk(
        target=folder / (given.target or ""),
        vdev=given.vdev,
        mode="rw" if given.writable else "ro",
        line=line,
        ignored=_without_effect(given),
        backend=DOM0.get(backend, backend),
        unusable=_unusable(given),
        empty=given.cdrom and given.image_format == "empty",
    )


def _without_effect(given: DiskSpecification) -> tuple[str, ...]:
    said = list(given.without_effect)
    if given.script:
        said.append(f"script={given.script}")
    return tuple(said)


def _unusable(given: DiskSpecification) -> str:
    target = given.target or ""
    if given.image_format == "empty" or not target:
        return f"{given.vdev} has no medium; name a raw image file"
    if given.image_format != "raw":
        return f"{given.vdev} is a {given.image_format} image; {_CONVERT}"
    if given.script:
        return f"{given.vdev} is what the script {given.script} makes of {target!r}; name a raw image file"
    try:
        target.encode()
    except UnicodeEncodeError:
        return f"the name of {given.vdev}'s image is not UTF-8; rename it"
    return ""
