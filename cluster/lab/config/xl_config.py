"""A guest out of a real xl.cfg file.

Rules: name, memory, maxmem, vcpus, disk, vif and the on_* actions are honoured; every other key is listed as
ignored, with a question where xl does not know it and it looks like a slip of the pen. Comments and ignored
keys may be of any encoding.
Source: docs/man/xl.cfg.5 (facts).
Left out: what the ignored keys would do.
"""

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from actors.dom0.shutdown_actions import ShutdownActions
from cluster.lab.config.c_number import c_number
from cluster.lab.config.errors import ConfigError, Finding
from cluster.lab.config.shutdown_actions import (
    ACTION_DEFAULTS,
    check_action,
    check_reset_action,
    without_core,
)
from cluster.lab.config.xl_disk import XlDisk, parse_xl_disk
from cluster.lab.config.xl_keys import XL_KEYS
from cluster.lab.config.xl_syntax import XlItem, parse_xl
from cluster.lab.config.xl_vif import XlVif, parse_xl_vif
from cluster.lab.config.yaml_source import read_bounded

MEBIBYTE: Final = 1 << 20
MEMORY_MIN_MIB: Final = 4
MEMORY_MAX_MIB: Final = 1 << 20
VCPUS_MAX: Final = 32
ASKED_MAX: Final = 100
HONOURED: Final = ("name", "memory", "maxmem", "vcpus", "disk", "vif", *ACTION_DEFAULTS)


@dataclass(frozen=True, slots=True)
class XlConfig:
    """One guest as xl.cfg describes it; `ignored` are remarks with their lines."""

    path: Path
    name: str
    memory: int
    maxmem: int
    vcpus: int
    actions: ShutdownActions
    disks: tuple[XlDisk, ...]
    vifs: tuple[XlVif, ...]
    ignored: tuple[Finding, ...]
    lines: dict[str, int]


def read_xl(path: Path) -> XlConfig:
    """The guest in a file; ConfigError with everything that is wrong with it."""
    # As file names are: a byte that is not UTF-8 stays what it is, and is refused where it matters.
    text = read_bounded(path).decode(errors="surrogateescape")
    return _Reader(path, parse_xl(path, text)).read()


class _Reader:
    def __init__(self, path: Path, settings: dict[str, XlItem]) -> None:
        self._path = path
        self._settings = settings
        self._findings: list[Finding] = []
        self._ignored: list[Finding] = []

    def read(self) -> XlConfig:
        self._sort_keys()
        name = self._text("name", "")
        if not name:
            self._findings.append(Finding(self._path, self._line("name"), "no name", "name = 'db'"))
        # As xl: what the guest may grow to is what it gets if nothing else is said.
        most = self._number("maxmem", 0, MEMORY_MIN_MIB, MEMORY_MAX_MIB)
        memory = self._number("memory", most, MEMORY_MIN_MIB, MEMORY_MAX_MIB)
        if not {"memory", "maxmem"} & self._settings.keys():
            self._findings.append(Finding(self._path, 0, "no memory", "memory = 64 (MiB)"))
        maxmem = most or memory
        if maxmem < memory:
            wrong = f"maxmem {maxmem} is less than memory {memory}"
            self._findings.append(
                Finding(self._path, self._line("maxmem"), wrong, f"maxmem = {memory} or more")
            )
        vcpus = self._number("vcpus", 1, 1, VCPUS_MAX)
        actions = ShutdownActions(**{key: self._action(key) for key in ACTION_DEFAULTS})
        disks = self._disks()
        vifs = self._vifs()
        if self._findings:
            raise ConfigError(self._findings)
        return XlConfig(
            path=self._path,
            name=name,
            memory=memory * MEBIBYTE,
            maxmem=maxmem * MEBIBYTE,
            vcpus=vcpus,
            actions=actions,
            disks=disks,
            vifs=vifs,
            ignored=tuple(self._ignored),
            lines={key: item.line for key, item in self._settings.items()},
        )

    def _sort_keys(self) -> None:
        for key, item in self._settings.items():
            if key not in HONOURED:
                asked = key not in XL_KEYS and len(self._ignored) < ASKED_MAX
                near = difflib.get_close_matches(key, XL_KEYS, n=1, cutoff=0.8) if asked else []
                right = f"did you mean {near[0]}?" if near else ""
                self._ignored.append(Finding(self._path, item.line, f"{key!r} is ignored", right))

    def _action(self, key: str) -> str:
        given = self._text(key, ACTION_DEFAULTS[key])
        action = without_core(given)
        if action != given:
            said = f"{key} {given!r}: no core is dumped"
            self._ignored.append(Finding(self._path, self._line(key), said))
        try:
            return check_reset_action(action) if key == "on_soft_reset" else check_action(action)
        except ValueError as error:
            wrong, _, right = str(error).partition("; ")
            self._findings.append(Finding(self._path, self._line(key), f"{key} {wrong}", right))
            return ACTION_DEFAULTS[key]

    def _disks(self) -> tuple[XlDisk, ...]:
        item = self._settings.get("disk")
        if item is None:
            return ()
        if not isinstance(item.value, list):
            right = "disk = ['image.img,raw,xvda,rw']"
            self._findings.append(Finding(self._path, item.line, "disk is not a list", right))
            return ()
        disks = [disk for each in item.value if (disk := self._disk(each)) is not None]
        return tuple(disks)

    def _disk(self, item: XlItem) -> XlDisk | None:
        if not isinstance(item.value, str):
            wrong, right = "a disk is not a string", "'image.img,raw,xvda,rw'"
        else:
            try:
                disk = parse_xl_disk(item.value, self._path.parent, item.line)
            except ValueError as error:
                wrong, _, right = str(error).partition("; ")
            else:
                self._ignored += [
                    Finding(self._path, item.line, f"{each!r} is ignored") for each in disk.ignored
                ]
                return disk
        self._findings.append(Finding(self._path, item.line, wrong, right))
        return None

    def _vifs(self) -> tuple[XlVif, ...]:
        item = self._settings.get("vif")
        if item is None:
            return ()
        if not isinstance(item.value, list):
            right = "vif = ['bridge=xenbr0']"
            self._findings.append(Finding(self._path, item.line, "vif is not a list", right))
            return ()
        return tuple(vif for each in item.value if (vif := self._vif(each)) is not None)

    def _vif(self, item: XlItem) -> XlVif | None:
        if not isinstance(item.value, str):
            self._findings.append(Finding(self._path, item.line, "a vif is not a string", "'bridge=xenbr0'"))
            return None
        try:
            return parse_xl_vif(item.value, item.line)
        except ValueError as error:
            wrong, _, right = str(error).partition("; ")
            self._findings.append(Finding(self._path, item.line, wrong, right))
            return None

    def _text(self, key: str, default: str) -> str:
        item = self._settings.get(key, XlItem(default, 0))
        if isinstance(item.value, str):
            return item.value
        self._findings.append(Finding(self._path, item.line, f"{key} is not a string", f"{key} = 'text'"))
        return default

    def _number(self, key: str, default: int, least: int, most: int) -> int:
        item = self._settings.get(key)
        if item is None:
            return default
        wrong, right = f"{key} cannot be a list", f"a number between {least} and {most}"
        if item.added:
            wrong = f"{key} is a number, and += adds to strings and lists"
        elif isinstance(item.value, str):
            try:
                number = c_number(item.value)
            except ValueError as error:
                wrong = f"{key}: {error}"
            else:
                if least <= number <= most:
                    return number
                wrong = f"{key} cannot be {number}"
        self._findings.append(Finding(self._path, item.line, wrong, right))
        return default

    def _line(self, key: str) -> int:
        return self._settings[key].line if key in self._settings else 0
