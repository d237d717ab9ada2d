"""The register page of the disk controller, apart from doorbells and control, which act.

Rules: a reset gives every register its power-on value; reading never changes anything.
Source: `actors/abi/disk_controller.py`.
"""

from collections.abc import Sequence

from actors.abi.disk_controller import CAPABILITY, ControllerStatus, Register, VolumeFlags

_WRITABLE = (
    Register.sq_mfn,
    Register.sq_entries,
    Register.cq_mfn,
    Register.cq_entries,
    Register.interrupt_mask,
    Register.volume_select,
)


class ControllerRegisters:
    """Registers over `volumes`, rows of (sectors, read only)."""

    def __init__(self, volumes: Sequence[tuple[int, bool]], *, write_cache: bool) -> None:
        self._volumes = volumes
        self._features = ControllerStatus.write_cache if write_cache else ControllerStatus(0)
        self.reset()

    def reset(self) -> None:
        """Power-on values: no queues, volume 0 selected, neither ready nor failed, interrupts not masked."""
        self._values = dict.fromkeys(_WRITABLE, 0)
        self._state = ControllerStatus(0)

    @property
    def interrupt_mask(self) -> bool:
        """True while the host wants no interrupts."""
        return self._values[Register.interrupt_mask] & 1 != 0

    @property
    def failed(self) -> bool:
        """True from an error to the next reset."""
        return ControllerStatus.error in self._state

    @property
    def queues(self) -> tuple[int, int, int, int]:
        """Submission queue (mfn, entries), completion queue (mfn, entries)."""
        values = self._values
        return (
            values[Register.sq_mfn],
            values[Register.sq_entries],
            values[Register.cq_mfn],
            values[Register.cq_entries],
        )

    def set_ready(self) -> None:
        """The queues are in use."""
        self._state = ControllerStatus.ready

    def set_error(self) -> None:
        """The host did what the controller cannot follow."""
        self._state = ControllerStatus.error

    def read(self, offset: int) -> int:
        """The value of a register; 0 for one that does not exist."""
        try:
            register = Register(offset)
        except ValueError:
            return 0
        if register in self._values:
            return self._values[register]
        if register is Register.capability:
            return CAPABILITY
        if register is Register.status:
            return self._state | self._features
        if register is Register.volumes:
            return len(self._volumes)
        if register is Register.control:
            return int(ControllerStatus.ready in self._state)
        return self._read_volume(register)

    def write(self, offset: int, value: int) -> None:
        """Store a register; nothing happens if it is read-only or does not exist."""
        for register in _WRITABLE:
            if register == offset:
                self._values[register] = value

    def _read_volume(self, register: Register) -> int:
        selected = self._values[Register.volume_select]
        if selected >= len(self._volumes):
            return 0
        sectors, read_only = self._volumes[selected]
        if register is Register.volume_sectors_low:
            return sectors & 0xFFFFFFFF
        if register is Register.volume_sectors_high:
            return sectors >> 32
        if register is Register.volume_flags:
            return VolumeFlags.present | (VolumeFlags.read_only if read_only else VolumeFlags(0))
        return 0
