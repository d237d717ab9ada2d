"""The grant table of one domain, and what that domain has mapped of others.

The entries (version 1) lie in frames that the domain writes; here are the frames, the pins on
entries in use, and the maptrack. Rules: an entry is read once and treated as hostile; only the
reading and writing flags (and those of a transfer) are ever written, except that `revoke` clears and
`swap` exchanges entries that nobody has pinned.
Source: xen/common/grant_table.c, xen/include/public/grant_table.h.
Left out: version 2 (as in a Xen booted with `gnttab=max-ver:1`), and with it sub-page and transitive
grants.
"""

from dataclasses import dataclass, field
from typing import Final

from actors.abi.errno import Errno, XenError
from actors.abi.interface import (
    GTF_TRANSFER_COMMITTED,
    GTF_TRANSFER_COMPLETED,
    GrantFlags,
    GrantMapFlags,
    GrantStatus,
)
from actors.hypervisor.physmap import Physmap

ENTRIES_PER_FRAME: Final = 512
HANDLES_PER_FRAME: Final = 256
MAX_PINS: Final = 128
_TYPE_MASK: Final = 3
_PERMIT: Final = int(GrantFlags.permit_access)
_ACCEPT_TRANSFER: Final = int(GrantFlags.accept_transfer)
_READONLY: Final = int(GrantFlags.readonly)
_READING: Final = int(GrantFlags.reading)
_WRITING: Final = int(GrantFlags.writing)
_SUB_PAGE: Final = int(GrantFlags.sub_page)
_DEVICE: Final = int(GrantMapFlags.device_map)
_HOST: Final = int(GrantMapFlags.host_map)
_MAP_READONLY: Final = int(GrantMapFlags.readonly)


class GrantRefusal(Exception):  # noqa: N818 (it is a status, as XenError is an errno)
    """One element of a grant operation was refused with a GNTST status."""

    def __init__(self, status: GrantStatus, why: str) -> None:
        super().__init__(f"{status.name}: {why}")
        self.status = status


@dataclass(slots=True)
class Pin:
    """An entry in use: the frame it named when it was first used, by whom, and how often and how.

    The counts are those of Xen: mappings for the host and for devices, each for reading or writing.
    """

    mfn: int
    domid: int
    host_readers: int = 0
    host_writers: int = 0
    device_readers: int = 0
    device_writers: int = 0

    @property
    def writers(self) -> int:
        """How many uses may write."""
        return self.host_writers + self.device_writers

    @property
    def uses(self) -> int:
        """How many uses there are."""
        return self.host_readers + self.host_writers + self.device_readers + self.device_writers

    def add(self, flags: int, amount: int) -> None:
        """Count a use (or its end) by its `GNTMAP_*` flags; both of host and device are two uses."""
        if flags & _MAP_READONLY:
            if flags & _HOST:
                self.host_readers += amount
            if flags & _DEVICE:
                self.device_readers += amount
        else:
            if flags & _HOST:
                self.host_writers += amount
            if flags & _DEVICE:
                self.device_writers += amount

    def is_full(self, flags: int) -> bool:
        """Whether a counter that these flags touch has come to its end."""
        if flags & _MAP_READONLY:
            host, device = self.host_readers, self.device_readers
        else:
            host, device = self.host_writers, self.device_writers
        return bool((flags & _HOST and host >= MAX_PINS) or (flags & _DEVICE and device >= MAX_PINS))


@dataclass(slots=True, eq=False)
class Mapping:
    """A grant of another domain that this domain has mapped; `flags` are what is left of `GNTMAP_*`."""

    granter: "GrantTable"
    ref: int
    mfn: int
    flags: int
    host_addr: int | None


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

    def granted(self, ref: int) -> int | None:
        """The gfn that an entry lets somebody use, if it does."""
        if not 0 <= ref < self.nr_entries:
            return None
        words, index = self.words[ref // ENTRIES_PER_FRAME], ref % ENTRIES_PER_FRAME * 2
        return words[index + 1] if words[index] & _TYPE_MASK == _PERMIT else None

    def pin(self, ref: int, domid: int, flags: int, *, copies: bool = False) -> int:
        """Use an entry in the name of `domid`; its mfn. GrantRefusal, and then nothing is pinned.

        The checks of _set_status_v1, and of map_grant_ref and acquire_grant_for_copy for one in use.
        `flags` are `GNTMAP_*`; only what `copies` may use a sub-page entry (of which version 1 has the
        flag and no more).
        """
        if not 0 <= ref < self.nr_entries:
            raise GrantRefusal(GrantStatus.bad_gntref, f"grant {ref} of {self.nr_entries}")
        words, index = self.words[ref // ENTRIES_PER_FRAME], ref % ENTRIES_PER_FRAME * 2
        entry, readonly = words[index], flags & _MAP_READONLY
        active = self.pins.get(ref)
        if active is None:
            mask = _TYPE_MASK if copies else _TYPE_MASK | _SUB_PAGE
            if entry & mask != _PERMIT or entry >> 16 != domid:
                raise GrantRefusal(GrantStatus.general_error, f"grant {ref} is not for domain {domid}")
        elif active.domid != domid or active.is_full(flags):
            raise GrantRefusal(GrantStatus.general_error, f"grant {ref} is in use by domain {active.domid}")
        if not readonly and entry & _READONLY and (active is None or not active.writers):
            raise GrantRefusal(GrantStatus.general_error, f"grant {ref} is for reading only")
        if active is None:
            active = self._activate(ref, words[index + 1], domid)
        active.add(flags, 1)
        words[index] = entry | _READING | (0 if readonly else _WRITING)
        return active.mfn

    def _activate(self, ref: int, gfn: int, domid: int) -> Pin:
        mfn = None if self.dying else self.physmap.mfn(gfn)
        if mfn is None:
            raise GrantRefusal(GrantStatus.bad_page, f"grant {ref}: nothing behind gfn {gfn}")
        pin = self.pins[ref] = Pin(mfn, domid)
        return pin

    def unpin(self, ref: int, flags: int) -> None:
        """Undo one `pin`, whole or in part; the entry says so when it was the last of its kind."""
        active = self.pins[ref]
        active.add(flags, -1)
        gone = 0
        if not (active.host_writers or active.device_writers):
            gone = _WRITING
            if not (active.host_readers or active.device_readers):
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

    def swap(self, ref_a: int, ref_b: int) -> None:
        """gnttab_swap_grant_ref, of our own. GrantRefusal: bad_gntref, eagain while either is in use."""
        for ref in (ref_a, ref_b):
            if not 0 <= ref < self.nr_entries:
                raise GrantRefusal(GrantStatus.bad_gntref, f"grant {ref} of {self.nr_entries}")
        if ref_a == ref_b:
            return
        for ref in (ref_a, ref_b):
            if ref in self.pins:
                raise GrantRefusal(GrantStatus.eagain, f"grant {ref} is in use")
        first, a = self.words[ref_a // ENTRIES_PER_FRAME], ref_a % ENTRIES_PER_FRAME * 2
        second, b = self.words[ref_b // ENTRIES_PER_FRAME], ref_b % ENTRIES_PER_FRAME * 2
        first[a], first[a + 1], second[b], second[b + 1] = second[b], second[b + 1], first[a], first[a + 1]

    def commit_transfer(self, ref: int, domid: int) -> int:
        """gnttab_prepare_for_transfer: lock an entry that accepts a frame from `domid`; the gfn it names.

        GrantRefusal general_error if it accepts none.
        """
        if not 0 <= ref < self.nr_entries:
            raise GrantRefusal(GrantStatus.general_error, f"grant {ref} of {self.nr_entries}")
        words, index = self.words[ref // ENTRIES_PER_FRAME], ref % ENTRIES_PER_FRAME * 2
        entry = words[index]
        if entry & 0xFFFF != _ACCEPT_TRANSFER or entry >> 16 != domid:
            raise GrantRefusal(GrantStatus.general_error, f"grant {ref} accepts nothing of domain {domid}")
        words[index] = entry | GTF_TRANSFER_COMMITTED
        return words[index + 1]

    def complete_transfer(self, ref: int) -> None:
        """The frame has arrived."""
        self.words[ref // ENTRIES_PER_FRAME][ref % ENTRIES_PER_FRAME * 2] |= GTF_TRANSFER_COMPLETED

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
