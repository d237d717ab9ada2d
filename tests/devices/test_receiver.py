from actors.abi.network_controller import END, buffer_word
from actors.devices.descriptor_ring import DescriptorRing
from actors.devices.receiver import Receiver
from actors.runtime.memory import SparseMemory
from tests.devices.nic_rig import ethernet


class WatchedRing(DescriptorRing):
    """A ring that remembers what was written back, in its order."""

    def __init__(self, *row) -> None:
        super().__init__(*row)
        self.written: list[tuple[int, bool]] = []

    def write_back(self, index: int, word: int) -> None:
        self.written.append((index, bool(word & END)))
        super().write_back(index, word)


def test_the_first_descriptor_of_a_frame_is_written_back_last():
    memory = SparseMemory(8)
    words = memory.frame(1).cast("Q")
    for index in range(3):
        words[2 * index] = buffer_word(2 + index, 0, 512)
    ring = WatchedRing(memory, "rx", 1, 8)
    ring.ring(3)
    assert Receiver(memory, [ring]).receive(ethernet(payload=bytes(1200)))
    assert ring.written == [(2, True), (1, False), (0, False)]
