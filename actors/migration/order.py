"""Which record of a stream may come when, for whoever writes one and whoever reads one.

Rules: a row says what has to have come before a record, what must not have, and whether it comes once. What a
record needs to know of earlier ones (the width of the guest, the end of its P2M) is checked here, too.
Source: "Layout" of docs/specs/libxc-migration-stream.pandoc; tools/libs/guest/xg_sr_restore.c and
xg_sr_restore_x86_pv.c for what makes Xen give up; tools/libs/light/libxl_stream_write.c.
"""

from typing import Final, NamedTuple

from actors.migration.libxl import EmulatorRecord, LibxcContext, LibxlEnd, LibxlOptional
from actors.migration.page_data import PageData
from actors.migration.pv_records import P2mFrames, PvInfo, VcpuContext
from actors.migration.records import Record
from actors.migration.refusal import MalformedError


class Rule(NamedTuple):
    """Names of records: all of `after` first, none of `before` yet; `once`: not a second time."""

    after: tuple[str, ...]
    before: tuple[str, ...] = ()
    once: bool = True


_STATIC: Final = Rule(("domain header",), ("STATIC_DATA_END",))
_VCPU: Final = Rule(("PAGE_DATA",), ("END",))
_EMULATOR: Final = Rule(("END",), ("END of libxl",), once=False)
_VCPUS: Final = (
    "X86_PV_VCPU_BASIC",
    "X86_PV_VCPU_EXTENDED",
    "X86_PV_VCPU_XSAVE",
    "X86_PV_VCPU_MSRS",
)

RULES: Final = {
    "xl header": Rule(()),
    "libxl header": Rule(("xl header",)),
    "LIBXC_CONTEXT": Rule(("libxl header",), ("END of libxl",)),
    "image header": Rule(("LIBXC_CONTEXT",)),
    "domain header": Rule(("image header",)),
    "X86_PV_INFO": _STATIC,
    "X86_CPUID_POLICY": _STATIC,
    "X86_MSR_POLICY": _STATIC,
    "STATIC_DATA_END": Rule(("X86_PV_INFO",)),
    "X86_PV_P2M_FRAMES": Rule(("STATIC_DATA_END",), (*_VCPUS, "END"), once=False),
    "PAGE_DATA": Rule(("X86_PV_P2M_FRAMES",), (*_VCPUS, "END"), once=False),
    "VERIFY": Rule(("PAGE_DATA",), (*_VCPUS, "END")),
    "X86_TSC_INFO": Rule(("STATIC_DATA_END",), ("END",)),
    "SHARED_INFO": Rule(("STATIC_DATA_END",), ("END",)),
    **dict.fromkeys(_VCPUS, _VCPU),
    "optional record of libxc": Rule(("domain header",), ("END",), once=False),
    "END": Rule(("SHARED_INFO", "X86_PV_VCPU_BASIC")),
    "EMULATOR_XENSTORE_DATA": _EMULATOR,
    "EMULATOR_CONTEXT": _EMULATOR,
    "optional record of libxl": Rule(("libxl header",), ("END of libxl",), once=False),
    "END of libxl": Rule(("END",)),
}
_OF_LIBXL: Final = (EmulatorRecord, LibxlOptional, LibxlEnd)


class Order:
    """Of one stream."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._vcpus: set[tuple[str, int]] = set()
        self._guest_width = 0
        self._pfn_end = -1

    @property
    def is_complete(self) -> bool:
        """Whether the last record has come."""
        return LibxlEnd.name in self._seen

    def admit(self, record: Record) -> None:
        """Takes the next record, or refuses it with `MalformedError` and stays as it is."""
        name, rule = record.name, RULES[record.name]
        missing = [each for each in rule.after if each not in self._seen]
        if missing:
            raise MalformedError(f"{name} comes before {' and '.join(missing)}; after is right")
        late = [each for each in rule.before if each in self._seen]
        if late:
            raise MalformedError(f"{name} comes after {late[0]}; before is right")
        self._check_layer(record)
        if rule.once and not isinstance(record, VcpuContext) and name in self._seen:
            raise MalformedError(f"{name} comes a second time; once is right")
        self._check_guest(record)
        self._seen.add(name)

    def _check_layer(self, record: Record) -> None:
        """Between LIBXC_CONTEXT and END everything is libxc's."""
        if LibxcContext.name in self._seen and "END" not in self._seen and isinstance(record, _OF_LIBXL):
            raise MalformedError(f"{record.name} comes within libxc's stream; after its END is right")

    def _check_guest(self, record: Record) -> None:
        match record:
            case PvInfo():
                self._guest_width = record.guest_width
            case P2mFrames():
                record.check(self._guest_width)
                self._pfn_end = max(self._pfn_end, record.end_pfn)
            case PageData():
                worst = max(each.pfn for each in record.pages)
                if worst > self._pfn_end:
                    raise MalformedError(f"it has pfn {worst}; the P2M ends at {self._pfn_end}")
            case VcpuContext():
                self._check_vcpu(record)
            case _ if record.name == "END" and ("X86_PV_VCPU_BASIC", 0) not in self._vcpus:
                raise MalformedError("END comes before X86_PV_VCPU_BASIC of vcpu 0; after is right")
            case _:
                pass

    def _check_vcpu(self, record: VcpuContext) -> None:
        if (record.name, record.vcpu) in self._vcpus:
            raise MalformedError(f"{record.name} of vcpu {record.vcpu} comes a second time; once is right")
        self._vcpus.add((record.name, record.vcpu))
