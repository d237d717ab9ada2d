"""What a network frontend offers: its queues, its control ring, and what it can take.

Rules: what it writes is hostile. What is not there is not offered; what makes no sense is refused as a whole.
Source: Linux drivers/net/xen-netback/xenbus.c (connect, connect_data_rings, connect_ctrl_ring,
read_xenbus_vif_flags); xen/include/public/io/netif.h.
Left out: IPv6 segmentation, multicast control, XDP headroom.
"""

from dataclasses import dataclass
from typing import Final

from actors.abi.errno import Errno, XenError
from actors.kernel.store import Store, number_of

MAX_QUEUES: Final = 8
_FLAGS: Final = (
    *("request-rx-copy", "feature-rx-notify", "feature-sg", "feature-gso-tcpv4"),
    *("feature-no-csum-offload", "multi-queue-num-queues", "ctrl-ring-ref", "event-channel-ctrl"),
)
_QUEUE: Final = ("tx-ring-ref", "rx-ring-ref", "event-channel", "event-channel-tx", "event-channel-rx")


@dataclass(frozen=True, slots=True)
class FrontendFeatures:
    """What packets a frontend takes: in many buffers, to be cut, with a checksum that is not whole.

    `rx_notify`: it sends an event when it has posted buffers.
    """

    scatter_gather: bool
    gso: bool
    checksum: bool
    rx_notify: bool


@dataclass(frozen=True, slots=True)
class OfferedQueue:
    """References of both rings, and ports: the same one twice unless they are split."""

    tx_ref: int
    rx_ref: int
    tx_port: int
    rx_port: int

    @property
    def split(self) -> bool:
        """Whether each ring has a port."""
        return self.tx_port != self.rx_port


@dataclass(frozen=True, slots=True)
class NetbackOffer:
    """All of it. `control`: reference and port of the control ring."""

    queues: tuple[OfferedQueue, ...]
    control: tuple[int, int] | None
    features: FrontendFeatures

    @classmethod
    async def read(cls, store: Store, front: str) -> "NetbackOffer":
        """The offer of the frontend at this path. XenError: ENOENT, EINVAL, EOPNOTSUPP without rx-copy."""
        told = await store.read_all(f"{front}/{key}" for key in _FLAGS)
        if told.get(f"{front}/request-rx-copy") != "1":
            raise XenError(Errno.EOPNOTSUPP, "it does not ask for rx-copy")
        count = _number_or(told, f"{front}/multi-queue-num-queues", 1)
        if not 1 <= count <= MAX_QUEUES:
            raise XenError(Errno.EINVAL, f"{count} queues of {MAX_QUEUES}")
        control = None
        if f"{front}/ctrl-ring-ref" in told:
            control = (
                number_of(told, f"{front}/ctrl-ring-ref"),
                number_of(told, f"{front}/event-channel-ctrl"),
            )
        homes = [front] if count == 1 else [f"{front}/queue-{number}" for number in range(count)]
        queues = await store.read_all(f"{home}/{key}" for home in homes for key in _QUEUE)
        return cls(
            tuple(_queue(queues, home) for home in homes),
            control,
            FrontendFeatures(
                scatter_gather=told.get(f"{front}/feature-sg") == "1",
                gso=told.get(f"{front}/feature-gso-tcpv4") == "1",
                checksum=told.get(f"{front}/feature-no-csum-offload", "0") == "0",
                rx_notify=told.get(f"{front}/feature-rx-notify") == "1",
            ),
        )


def _queue(told: dict[str, str], home: str) -> OfferedQueue:
    tx_ref, rx_ref = number_of(told, f"{home}/tx-ring-ref"), number_of(told, f"{home}/rx-ring-ref")
    if f"{home}/event-channel-tx" in told:
        ports = number_of(told, f"{home}/event-channel-tx"), number_of(told, f"{home}/event-channel-rx")
    else:
        port = number_of(told, f"{home}/event-channel")
        ports = port, port
    return OfferedQueue(tx_ref, rx_ref, *ports)


def _number_or(told: dict[str, str], path: str, default: int) -> int:
    return number_of(told, path) if path in told else default
