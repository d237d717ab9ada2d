"""The syntax of one disk of an xl.cfg file: `target,format,vdev,access`, key=value forms, old prefixes.

Rules: what xl's own reader takes is taken, what it refuses is refused. At each place the rule that reaches
farthest is taken, of equals the first: so `target=` and the old prefixes, which look at all that follows,
win over parameters that end with a comma. A prefix may stand before any parameter.
Source: tools/libs/util/libxlu_disk_l.l, libxlu_disk.c, docs/man/xl-disk-configuration.5 (facts).
Left out: specifications beyond 8192 letters.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

LETTERS_MAX: Final = 8192
FORMATS: Final = ("raw", "qcow", "qcow2", "vhd", "qed", "empty")
BACKEND_TYPES: Final = ("phy", "tap", "qdisk", "standalone")
SPECIFICATIONS: Final = ("xen", "virtio")
_ACCESS: Final = {"r": False, "ro": False, "w": True, "rw": True, "": True}


@dataclass(slots=True)
class DiskSpecification:
    """A disk in xl's terms; None is what was not said. `without_effect`: parameters that change nothing here.

    `image_format` is one of FORMATS, and `backendtype` one of BACKEND_TYPES; `backend` names a domain.
    """

    target: str | None = None
    image_format: str | None = None
    vdev: str | None = None
    writable: bool = True
    cdrom: bool = False
    backend: str | None = None
    backendtype: str | None = None
    specification: str | None = None
    script: str | None = None
    without_effect: list[str] = field(default_factory=list)


def parse_disk(text: str) -> DiskSpecification:
    """The disk that a specification describes; ValueError: what was wrong, a semicolon, the right form."""
    if len(text) > LETTERS_MAX:
        raise ValueError(f"a disk of {len(text)} letters; at most {LETTERS_MAX}")
    return _Parser(text).parse()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._disk = DiskSpecification()
        self._others: dict[str, str] = {}
        self._had_prefix = False
        self._access_set = False

    def parse(self) -> DiskSpecification:
        rest, disk = self._text, self._disk
        while rest:
            found, act = max(
                ((match, act) for rule, act in _RULES if (match := rule.match(rest)) is not None),
                key=lambda pair: pair[0].end(),
            )
            act(self, found["own"])
            rest = rest[found.end("own") :]
        disk.image_format = disk.image_format or "raw"
        if disk.cdrom:
            disk.writable = False
            if not disk.target:
                disk.image_format = "empty"
        if disk.vdev is None:
            raise ValueError(f"the disk {self._text!r} has no vdev; write 'target,raw,xvda,rw'")
        if disk.target is None and not disk.cdrom:
            raise ValueError(f"{disk.vdev} has no target; name an image file: 'image.img,raw,{disk.vdev},rw'")
        return disk

    def skip(self, _: str) -> None:
        pass

    def keep(self, own: str) -> None:
        self._disk.without_effect.append(own.rstrip(","))

    def devtype(self, own: str) -> None:
        kind = _value(own) if "=" in own else "cdrom"
        if kind not in {"cdrom", "disk"}:
            raise ValueError(f"devtype {kind!r} is not known; cdrom or disk")
        self._disk.cdrom = kind == "cdrom"

    def access(self, own: str) -> None:
        self._set_access(_value(own))

    def format(self, own: str) -> None:
        self._set_format(_value(own))

    def setting(self, own: str) -> None:
        self._set(own.partition("=")[0], _value(own))

    def enumerated(self, own: str) -> None:
        key, value = own.partition("=")[0], _value(own)
        known = BACKEND_TYPES if key == "backendtype" else SPECIFICATIONS
        if value not in known:
            raise ValueError(f"{key} {value!r} is not known; one of {', '.join(known)}")
        if getattr(self._disk, key) != value:
            self._set(key, value)
            self.keep(own)

    def other(self, own: str) -> None:
        key, value = own.partition("=")[0], _value(own)
        if self._others.get(key):
            raise ValueError(f"{key} is given twice; write it once")
        self._others[key] = value
        self.keep(own)

    def colo_port(self, own: str) -> None:
        if not re.match(r"[ \t\n\v\f\r]*[+-]?0*[1-9]", _value(own)):
            raise ValueError(f"colo-port {_value(own)!r} is not known; a number above 0")
        self.keep(own)

    def unknown(self, own: str) -> None:
        known = "target, format, vdev, access, backend, backendtype, devtype, script"
        raise ValueError(f"unknown disk parameter {own.partition('=')[0]!r}; one of {known}")

    def format_prefix(self, own: str) -> None:
        self._had_prefix = True
        self._set_format(own.removesuffix(":"))

    def script_prefix(self, own: str) -> None:
        self._had_prefix = True
        self._set("script", f"block-{own.removesuffix(':')}")

    def prefix(self, _: str) -> None:
        self._had_prefix = True

    def unknown_prefix(self, own: str) -> None:
        right = "a target with a colon in it is written as target=.. at the end"
        raise ValueError(f"the prefix {own} is not known; {right}")

    def positional(self, own: str) -> None:
        disk, value = self._disk, own.removesuffix(",")
        if disk.target is None:
            self._set("target", value)
        elif not self._had_prefix and disk.image_format is None:
            if not disk.target and self._vdev_and_devtype(value):
                disk.image_format = "empty"
            else:
                self._set_format(value)
        elif disk.vdev is None:
            if not self._vdev_and_devtype(value):
                self._set("vdev", value)
        elif not self._access_set:
            self._access_set = True
            self._set_access(value)
        else:
            raise ValueError(f"{value!r} is one too many; target,format,vdev,access")

    def nonsense(self, own: str) -> None:
        raise ValueError(f"{own!r} has no meaning in a disk; write 'target,raw,xvda,rw'")

    def _vdev_and_devtype(self, value: str) -> bool:
        vdev, colon, devtype = value.rpartition(":")
        if not colon:
            return False
        self._set("vdev", vdev)
        if devtype not in {"cdrom", "disk"}:
            raise ValueError(f"{devtype!r} is no kind of device; {vdev}, {vdev}:cdrom or {vdev}:disk")
        self._disk.cdrom = devtype == "cdrom"
        return True

    def _set_access(self, value: str) -> None:
        if value not in _ACCESS:
            raise ValueError(f"access {value!r} is not known; r, ro, w or rw")
        self._disk.writable = _ACCESS[value]

    def _set_format(self, value: str) -> None:
        if value and value not in FORMATS:
            raise ValueError(f"format {value!r} is not known; one of {', '.join(FORMATS)}, in small letters")
        if self._disk.image_format is None or self._disk.image_format != (value or "raw"):
            self._set("image_format", value or "raw")

    def _set(self, key: str, value: str) -> None:
        if getattr(self._disk, key):
            raise ValueError(f"{key.removeprefix('image_')} is given twice; write it once")
        setattr(self._disk, key, value)


def _value(own: str) -> str:
    return own.partition("=")[2].removesuffix(",")


def _rule(pattern: str, act: Callable[[_Parser, str], None]) -> tuple[re.Pattern[str], Callable[..., None]]:
    return re.compile(f"(?P<own>{pattern})" if "(?P<own>" not in pattern else pattern), act


_TO_COMMA: Final = "=[^,]*,?"
_FLAGS: Final = "direct-io-safe|(?:no-)?discard|(?:no-)?colo|(?:un)?trusted|grant_usage=[01]"
# Each is what a rule takes (own) and what it looks at beyond that, which counts when lengths are compared.
_RULES: Final = (
    _rule(r"(?P<own>[ \t\n]+)(?:[^ \t\n].*)?", _Parser.skip),
    _rule(f"format{_TO_COMMA}", _Parser.format),
    _rule("cdrom,?", _Parser.devtype),
    _rule(f"devtype{_TO_COMMA}", _Parser.devtype),
    _rule(f"access{_TO_COMMA}", _Parser.access),
    _rule(f"(?:backend|vdev|script){_TO_COMMA}", _Parser.setting),
    _rule(f"(?:backendtype|specification){_TO_COMMA}", _Parser.enumerated),
    _rule(f"(?:{_FLAGS}),?", _Parser.keep),
    _rule(f"colo-port{_TO_COMMA}", _Parser.colo_port),
    _rule(f"(?:colo-host|colo-export|active-disk|hidden-disk){_TO_COMMA}", _Parser.other),
    _rule("target=.*", _Parser.setting),
    _rule("[a-z][-a-z0-9]*=[^,],?", _Parser.unknown),
    _rule("(?P<own>(?:raw|qcow2?|vhd):).*", _Parser.format_prefix),
    _rule("(?P<own>(?:iscsi|e?nbd|drbd):).*", _Parser.script_prefix),
    _rule("(?P<own>(?:tapdisk|tap2?|aio|ioemu|file|phy):).*", _Parser.prefix),
    _rule("(?P<own>[a-z][a-z0-9]*:)(?:[^a-z0-9].*)?", _Parser.unknown_prefix),
    _rule("[^=,]*,|[^=,]+", _Parser.positional),
    # What fits nowhere is overlooked by libxlutil, too, where it is the very last.
    _rule(r"(?s:.)\Z", _Parser.skip),
    _rule("(?s:.)", _Parser.nonsense),
)
