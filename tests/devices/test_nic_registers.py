"""Registers of the network controller, and the argument that it starts with."""

import pytest

from actors.abi.network_controller import GONE, Register, mac_words
from actors.devices.nic import Nic
from actors.runtime.memory import SparseMemory
from tests.devices.nic_rig import MAC, RINGS, Rig


def test_registers_say_what_it_is():
    rig = Rig(queues=3, mtu=9000)
    assert rig.read(Register.capability) == 1 << 24 | 3 << 16 | 1024
    assert (rig.read(Register.mac_low), rig.read(Register.mac_high)) == mac_words(MAC)
    assert rig.read(Register.frame_bytes) == 9018
    rig.write(Register.mac_low, 1)
    assert rig.read(Register.mac_low) == mac_words(MAC)[0]
    assert [rig.read(offset) for offset in (2, 0xFFC, 1 << 20, -4, 0x100)] == [0] * 5
    rig.write(Register.queue_select, 2)
    assert rig.read(Register.tx_mfn) == RINGS + 5
    rig.write(Register.queue_select, 3)
    assert rig.read(Register.tx_mfn) == 0
    rig.write(Register.tx_mfn, 9)
    rig.break_it("nic-hang")
    assert rig.read(Register.capability) == GONE


@pytest.mark.parametrize("argument", [
    {}, {"mac": 5}, {"mac": "00:16:3e"}, {"mac": "01:16:3e:00:00:01"}, {"mac": "00:00:00:00:00:00"},
    {"mac": "00:16:3e:00:00:01", "queues": 0}, {"mac": "00:16:3e:00:00:01", "queues": 9},
    {"mac": "00:16:3e:00:00:01", "queues": True}, {"mac": "00:16:3e:00:00:01", "mtu": 67},
    {"mac": "00:16:3e:00:00:01", "mtu": 65536}, {"mac": "00:16:3e:00:00:01", "trigger": "maybe"},
    {"mac": "00:16:3e:00:00:01", "bits_per_second": -1}, {"mac": "00:16:3e:00:00:01", "driver": 3},
])  # fmt: skip
def test_an_argument_that_makes_no_sense_is_refused(argument):
    with pytest.raises(ValueError, match=r"nic: |MAC"):
        Nic(argument, SparseMemory(1))
