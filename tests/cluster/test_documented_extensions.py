"""Whoever extends the product is sent to files that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "extending.md"
NAMED = sorted(set(re.findall(r"[a-z_]+/[a-z0-9_/-]+(?:\.\w+)?(?=[`\s])", PAGE.read_text())))
ROWS = {
    "cluster/lab/faults/kinds.py": "FaultKind(",
    "actors/abi/hypercalls.py": "class Vcpuop(IntEnum)",
    "actors/hypervisor/vcpu_ops.py": "Vcpuop.get_physid: ",
    "actors/hypervisor/hypercall_table.py": "Hypercall.vcpu_op: ",
    "actors/domu/guest.py": 'self.faults["frontend-disconnect"] = self._disconnect',
    "cluster/running/metrics/catalog.py": "DISK_RESETS: Final = counter(",
    "grafana/source/host.py": "total(metric.DISK_RESETS, S, ",
    "cluster/lab/config/architectures/resuming-dom0.yaml": "reconnect: resume",
    "actors/kernel/frontend_conduct.py": "Frontend.stock_linux: Conduct(_LINUX, drains=True),",
    "cluster/lab/config/disk_hardware.py": "HardwareKind(",
    "cluster/lab/config/hardware.py": "{DISK: DISKS, NIC: NICS}",
    "cluster/lab/config/guest_disk.py": "GuestDeviceKind(",
    "cluster/lab/config/guest_devices.py": "GUEST_DISKS",
    "actors/drivers/hardware.py": '{"disks": Disks, "nics": Nics}',
    "actors/device_classes.py": "VBD",
    "actors/block/vbd.py": "frontend_statistics=BlkfrontStatistics,",
    "actors/block/blkfront_statistics.py": "(FrontendStatistics)",
    "cluster/running/metrics/device_metrics.py": "VBD.name: DeviceMetrics(",
    "cluster/running/control/device_counts.py": "{VBD.name: _DISKS, VIF.name: _NETWORKS}",
    "cluster/running/top/device_columns.py": "DEVICE_COLUMNS",
    "cluster/lab/trace/followers.py": "{VBD.name: block_requests, ",
    "cluster/lab/trace/traced_request.py": "class TracedRequest",
    "cluster/lab/faults/aim.py": "vbd = ",
}
"""What the page shows the like of, and where."""


@pytest.mark.parametrize("name", NAMED)
def test_a_file_that_is_named_is_there(name: str) -> None:
    assert (ROOT / name).exists()


@pytest.mark.parametrize(("name", "row"), ROWS.items(), ids=ROWS)
def test_what_is_shown_stands_where_it_is_said_to_stand(name: str, row: str) -> None:
    assert name in NAMED
    assert row in (ROOT / name).read_text()


def test_the_readme_leads_there() -> None:
    assert "(docs/extending.md)" in (ROOT / "README.md").read_text()
