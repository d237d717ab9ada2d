"""One disk of an xl.cfg file: the string `target,format,vdev,access` with its key=value forms.

Rules: parameters without a key fill target, format, vdev, access in this order; any of them may be given
by key instead; `target=` takes the rest of the string, commas and all. An empty format is raw.
Source: docs/man/xl-disk-configuration.5 (facts).
Left out: every format but raw, drives without a medium.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cluster.config.virtual_device import virtual_device_number

_POSITIONS: Final = ("target", "format", "vdev", "access")
_ACCESS: Final = {"r": "ro", "ro": "ro", "w": "rw", "rw": "rw"}
_FORMATS: Final = {"", "raw"}
_OTHER_FORMATS: Final = ("qcow2", "qcow", "vhd", "qed")
_FLAGS: Final = {"discard", "no-discard", "direct-io-safe", "colo", "trusted", "untrusted"}
_IGNORED_KEYS: Final = {
    "backendtype",
    "script",
    "colo-host",
    "colo-port",
    "colo-export",
    "trusted",
    "specification",
}
_DOM0: Final = {"0": "dom0", "Domain-0": "dom0"}
_OLD_PREFIXES: Final = ("phy:", "file:", "raw:")


@dataclass(frozen=True, slots=True)
class XlDisk:
    """A disk: image file, name in the guest, `rw` or `ro`, and parameters that have no effect here.

    `backend`: the domain that serves it, by name.
    """

    target: Path
    vdev: str
    mode: str
    line: int
    ignored: tuple[str, ...]
    backend: str = "dom0"


def parse_xl_disk(text: str, folder: Path, line: int) -> XlDisk:
    """The disk that a specification describes; ValueError: what was wrong, a semicolon, the right form.

    A relative target is taken from `folder`.
    """
    given, ignored = _parameters(text)
    image_format = given.get("format", "").lower()
    if image_format not in _FORMATS:
        hint = "make a raw image of it: qemu-img convert -O raw" if image_format in _OTHER_FORMATS else "raw"
        raise ValueError(f"format {image_format!r} is not supported; {hint}")
    vdev = given.get("vdev", "")
    if not vdev:
        raise ValueError(f"the disk {text!r} has no vdev; write 'target,raw,xvda,rw'")
    virtual_device_number(vdev)
    cdrom = "cdrom" in given
    access = given.get("access", "") or ("ro" if cdrom else "rw")
    if access not in _ACCESS:
        raise ValueError(f"access {access!r} is not known; r, ro, w or rw")
    target = given.get("target", "")
    if not target:
        raise ValueError(f"{vdev} has no target; name an image file, drives without a medium are left out")
    backend = given.get("backend", "") or "dom0"
    mode = "ro" if cdrom else _ACCESS[access]
    return XlDisk(folder / target, vdev, mode, line, tuple(ignored), _DOM0.get(backend, backend))


def _parameters(text: str) -> tuple[dict[str, str], list[str]]:
    given: dict[str, str] = {}
    ignored: list[str] = []
    position, rest = 0, _without_prefix(text)
    while rest:
        part, _, after = rest.partition(",")
        key, equals, value = part.strip().partition("=")
        key = key.strip().lower()
        if equals and key == "target":
            _give(given, "target", rest.partition("=")[2].strip())
            break
        if equals and (key in _POSITIONS or key in {"devtype", "backend"}):
            _give(given, "cdrom" if key == "devtype" else key, value.strip())
        elif part.strip().lower() == "cdrom":
            _give(given, "cdrom", "cdrom")
        elif key in _IGNORED_KEYS or part.strip().lower() in _FLAGS:
            ignored.append(part.strip())
        elif equals and position:
            known = ", ".join((*_POSITIONS, "backend", "backendtype", "script"))
            raise ValueError(f"unknown disk parameter {key!r}; one of {known}")
        else:
            if position >= len(_POSITIONS):
                raise ValueError(f"{part.strip()!r} is one too many; target,format,vdev,access")
            _give(given, _POSITIONS[position], part.strip())
            position += 1
        rest = after
    return given, ignored


def _give(given: dict[str, str], key: str, value: str) -> None:
    if given.get(key):
        raise ValueError(f"{key} is given twice; write it once")
    if key == "vdev" and value.endswith(":cdrom"):
        given["cdrom"] = "cdrom"
        value = value.removesuffix(":cdrom")
    if key == "cdrom" and value != "cdrom":
        return
    given[key] = value


def _without_prefix(text: str) -> str:
    for prefix in _OLD_PREFIXES:
        if text.startswith(prefix):
            return f"{text.removeprefix(prefix).partition(',')[0]},raw,{text.partition(',')[2]}"
    if text.startswith(("tap:", "tap2:", "aio:", "vhd:", "qcow:", "qcow2:")):
        prefix = text.partition(":")[0]
        raise ValueError(
            f"the prefix {prefix}: is not supported; name the raw image: 'image.img,raw,xvda,rw'"
        )
    return text
