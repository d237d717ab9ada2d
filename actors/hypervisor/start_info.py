"""What the hypervisor leaves in the first frames of dom0: its start-of-day record.

A u32 length (little endian) and a msgpack map; dom0 makes its store and console itself.
Source: xen/include/public/xen.h, struct start_info; xen/arch/x86/pv/dom0_build.c.
"""

import msgpack

from actors.abi.types import PAGE_SIZE
from actors.hypervisor.physmap import Physmap
from actors.runtime.memory import Memory

MAGIC = "xen-3.0-x86_64"


def write_start_info(memory: Memory, physmap: Physmap, cmd_line: str) -> None:
    """Write dom0's record into its frames from gfn 0 on; ValueError if it does not fit."""
    body = msgpack.packb(
        {
            "magic": MAGIC,
            "nr_pages": physmap.pages,
            "store_gfn": 0,
            "store_port": 0,
            "store_domid": 0,
            "console_gfn": 0,
            "console_port": 0,
            "cmd_line": cmd_line,
        }
    )
    data = len(body).to_bytes(4, "little") + body
    for offset in range(0, len(data), PAGE_SIZE):
        mfn = physmap.mfn(offset // PAGE_SIZE)
        if mfn is None:
            raise ValueError(f"the start info needs {len(data)} bytes, dom0 has {physmap.pages} pages")
        part = data[offset : offset + PAGE_SIZE]
        memory.frame(mfn)[: len(part)] = part
