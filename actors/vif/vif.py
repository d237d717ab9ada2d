"""The class of paravirtual network interfaces.

Source: tools/libs/light/libxl_nic.c (libxl__set_xenstore_nic); docs/misc/xenstore-paths.pandoc.
"""

from collections.abc import Mapping
from typing import Final, cast

from actors.kernel.device_class import DeviceClass, DeviceKeys
from actors.kernel.kernel import Kernel
from actors.kernel.store import Store
from actors.kernel.xenbus_backend import Served
from actors.network.host_bridge import HostBridge
from actors.vif.netback import Netback
from actors.vif.netback_statistics import NetbackStatistics
from actors.vif.netfront import Netfront
from actors.vif.netfront_statistics import NetfrontStatistics


def _identity(row: Mapping[str, object]) -> tuple[str, int]:
    return cast("str", row["name"]), cast("int", row["number"])


def _keys(row: Mapping[str, object]) -> DeviceKeys:
    """Of an interface with a `number` and a `mac`, at a `bridge`; `ip`, `mtu` and `rate` if they are told.

    `antispoof`: its frames have no other sources than `mac` and `ip`. `rate` is "BYTES,MICROSECONDS".
    """
    handle, mac = str(row["number"]), str(row["mac"])
    mtu = (("mtu", str(row["mtu"])),) if row.get("mtu") else ()
    told = tuple((key, str(row[key]).partition("/")[0]) for key in ("ip", "rate") if row.get(key))
    told += (("antispoof", "yes"),) if row.get("antispoof") else ()
    return DeviceKeys(
        frontend=(("handle", handle), ("mac", mac), *mtu),
        backend=(
            ("handle", handle),
            ("mac", mac),
            *mtu,
            ("bridge", str(row["bridge"])),
            ("script", "/etc/xen/scripts/vif-bridge"),
            ("type", "vif"),
            *told,
            ("hotplug-status", ""),
        ),
    )


def _backend(kernel: Kernel, store: Store, served: Served, backing: object) -> Netback:
    return Netback(kernel, store, served, cast("HostBridge | str", backing))


VIF: Final = DeviceClass(
    "vif",
    Netback.driver,
    "networks",
    identity=_identity,
    keys=_keys,
    frontend=Netfront,
    backend=_backend,
    frontend_statistics=NetfrontStatistics,
    backend_statistics=NetbackStatistics,
    backing="bridge",
    noun="bridge",
    shared=True,
    needs_backing=False,
)
