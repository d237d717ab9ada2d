"""The grant table of one domain, and what that domain has mapped of others.

The entries (version 1) lie in frames that the domain writes; here are the frames, the pins on
entries in use, and the maptrack. Rules: an entry is read once and treated as hostile; only the
reading and writing flags are ever written, except that `revoke` clears an entry nobody has pinned.
Source: xen/common/grant_table.c, xen/include/public/grant_table.h.
Left out: version 2, accept_transfer, sub-page and transitive grants.
"""

from dataclasses import dataclass, field
from typing import Final

from actors.abi.errno import Errno, XenError
from actors.abi.interface import GrantFlags, GrantStatus
from actors.hypervisor.physmap import Physmap

ENTRIES_PER_FRAME: Final = 512
HANDLES_PER_FRAME: Final = 256
MAX_PINS: Final = 255
_TYPE_MASK: Final = 3
_PERMIT: Final = int(GrantFlags.permit_access)
_READONLY: Final = int(GrantFlags.readonly)
_READING: Final = int(GrantFlags.reading)
_WRITING: Final = int(GrantFlags.writing)


class GrantRefusal(Exception):  # noqa: N818 (it is a status, as XenError is an errno)
    """One element of a grant operation was refused with a GNTST status."""

    def __init__(self, status: GrantStatus, why: str) -> None:
        super().__init__(f"{status.name}: {why}")
        self.status = status


@dataclass(slots=True)
class Pin:
    """An entry in use: the frame it named when it was first used, by whom, and how often."""

    mfn: int
    domid: int
    readers: int = 0
    writers: int = 0


@dataclass(slots=True, eq=False)
class Mapping:
    """A grant of another domain that this domain has mapped."""

    granter: "GrantTable"
    ref: int
    mfn: int
    readonly: bool


@dataclass(slots=True, eq=False)
class GrantTable:
    """One domain's grants. `frames` are the machine frames of the table, `words` the same as u32."""

    domid: int
    physmap: Physmap
    max_frames: int
    max_maptrack_frames: int
    frames: list[int] = field(default_factory=list)
    words: list[memoryview] = field(default_factory=list)
    pins: dict[int, Pin] = field(default_factory=dict)
    maptrack: dict[int, Mapping] = field(default_factory=dict)
    dying: bool = False
    _free_handles: list[int] = field(default_factory=list)
    _next_handle: int = 1

    @property
    def nr_entries(self) -> int:
        """How many references there are."""
        return len(self.words) * ENTRIES_PER_FRAME

    def pin(self, ref: int, domid: int, *, readonly: bool) -> int:
        """Use an entry in the name of `domid`; its mfn. GrantRefusal, and then nothing is pinned."""
        if not 0 <= ref < self.nr_entries:
            raise GrantRefusal(GrantStatus.bad_gntref, f"grant {ref} of {self.nr_entries}")
        words, index = self.words[ref // ENTRIES_PER_FRAME], ref % ENTRIES_PER_FRAME * 2
        entry = words[index]
        active = self.pins.get(ref)
        if active is not None and (active.domid != domid or active.readers + active.writers >= MAX_PINS):
            raise GrantRefusal(GrantStatus.general_error, f"grant {ref} is in use by domain {active.domid}")
        if active is None or (not readonly and not active.writers):
            self._check_entry(ref, entry, domid, readonly=readonly)
        if active is None:
            active = self._activate(ref, words[index + 1], domid)
        if readonly:
            active.readers += 1
        else:
            active.writers += 1
        words[index] = entry | _READING | (0 if readonly else _WRITING)
        return active.mfn

    def _check_entry(self, ref: int, entry: int, domid: int, *, readonly: bool) -> None:
        flags = entry & 0xFFFF
        if flags & _TYPE_MASK != _PERMIT or entry >> 16 != domid:
            raise GrantRefusal(GrantStatus.general_error, f"grant {ref} is not for domain {domid}")
        if flags & _READONLY and not readonly:
            raise GrantRefusal(GrantStatus.general_error, f"grant {ref} is for reading only")

    def _activate(self, ref: int, gfn: int, domid: int) -> Pin:
        mfn = None if self.dying else self.physmap.mfn(gfn)
        if mfn is None:
            raise GrantRefusal(GrantStatus.bad_page, f"grant {ref}: nothing behind gfn {gfn}")
        pin = self.pins[ref] = Pin(mfn, domid)
        return pin

    def unpin(self, ref: int, *, readonly: bool) -> None:
        """Undo one `pin`; the flags of the entry say so when it was the last of its kind."""
        active = self.pins[ref]
        if readonly:
            active.readers -= 1
        else:
            active.writers -= 1
        gone = 0 if active.writers else _WRITING
        if not active.readers and not active.writers:
            gone |= _READING
            del self.pins[ref]
        if gone:
            words, index = self.words[ref // ENTRIES_PER_FRAME], ref % ENTRIES_PER_FRAME * 2
            words[index] &= ~gone & 0xFFFFFFFF

    def revoke(self, ref: int) -> None:
        """Clear an entry of our own. EINVAL if there is none, EBUSY while it is in use."""
        if not 0 <= ref < self.nr_entries:
            raise XenError(Errno.EINVAL, f"grant {ref} of {self.nr_entries}")
        if ref in self.pins:
            raise XenError(Errno.EBUSY, f"grant {ref} is mapped")
        self.words[ref // ENTRIES_PER_FRAME][ref % ENTRIES_PER_FRAME * 2] = 0

    def can_track(self) -> bool:
        """Whether the maptrack has room for one more mapping."""
        return bool(self._free_handles) or self._next_handle < self.max_maptrack_frames * HANDLES_PER_FRAME

    def track(self, mapping: Mapping) -> int:
        """File a mapping of ours; its handle. Handle 0 is never given out."""
        if self._free_handles:
            handle = self._free_handles.pop()
        else:
            handle = self._next_handle
            self._next_handle += 1
        self.maptrack[handle] = mapping
        return handle

    def untrack(self, handle: int) -> Mapping:
        """Forget a mapping of ours."""
        mapping = self.maptrack.pop(handle)
        self._free_handles.append(handle)
        return mapping
