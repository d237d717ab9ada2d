"""What a disk keeps: its volumes, what a command does to them, and when dirty sectors get to the images.

Rules: what a command names is checked against its volume and against memory before a byte moves.
Source: `actors/abi/disk_controller.py` is its data sheet.
"""

from actors.abi.disk_controller import FLAG_FUA, CommandStatus, Opcode
from actors.abi.types import PAGE_SIZE, SECTOR_SIZE
from actors.devices.disk_faults import DiskFaults
from actors.devices.disk_settings import DiskSettings, VolumeSettings
from actors.devices.image import Image, ImageError, OpenImage
from actors.devices.queue_pair import Command
from actors.devices.volume import Volume
from actors.runtime.machine import Effect, Log
from actors.runtime.memory import Memory

_READ = int(Opcode.read)
_FLUSH = int(Opcode.flush)


class DiskMedium:
    """The volumes of one disk; `write_back_at_ns` is when what is dirty is to be written. ImageError."""

    def __init__(
        self, settings: DiskSettings, faults: DiskFaults, memory: Memory, open_image: OpenImage
    ) -> None:
        self.write_back_at_ns: int | None = None
        self.write_back_failures = 0
        self.reads = self.writes = self.flushes = self.sectors_read = self.sectors_written = 0
        self._settings = settings
        self._faults = faults
        self._memory = memory
        self._images: dict[str, Image] = {}
        try:
            self.volumes = [self._open_volume(row, open_image) for row in settings.volumes]
        except ImageError:
            self.close()
            raise

    @property
    def dirty_sectors(self) -> int:
        """Sectors that a power loss would take."""
        return sum(volume.dirty_sectors for volume in self.volumes)

    def check(self) -> None:
        """Nothing dirty is forgotten."""
        for volume in self.volumes:
            volume.check()
        assert not self.dirty_sectors or self.write_back_at_ns is not None, (
            "dirty sectors that nobody writes back"
        )

    def perform(self, command: Command, now_ns: int) -> int:
        """Do a command; its status. OSError if an image fails."""
        opcode = command.opcode
        if not _READ <= opcode <= _FLUSH:
            return CommandStatus.bad_opcode
        if command.volume >= len(self.volumes):
            return CommandStatus.bad_volume
        volume = self.volumes[command.volume]
        if opcode == _FLUSH:
            self.flushes += 1
            if not self._lies():
                volume.flush()
            return 0
        buffers: list[memoryview] = []
        nr_sectors = self._gather(command, buffers)
        if not nr_sectors:
            return CommandStatus.bad_segment
        if command.sector + nr_sectors > volume.sectors:
            return CommandStatus.out_of_range
        if opcode == _READ:
            self.reads += 1
            self.sectors_read += nr_sectors
            volume.read(command.sector, nr_sectors, buffers)
            return 0
        if volume.read_only:
            return CommandStatus.read_only
        self.writes += 1
        self.sectors_written += nr_sectors
        through = command.flags & FLAG_FUA != 0 and not self._lies()
        volume.write(command.sector, nr_sectors, buffers, through=through)
        if self.write_back_at_ns is None and volume.dirty_sectors:
            self.write_back_at_ns = now_ns + self._settings.write_back_ns
        return 0

    def write_back(self, now_ns: int) -> list[Effect]:
        """Write everything dirty to the images; what an image refuses is tried again later."""
        self.write_back_at_ns = None
        effects: list[Effect] = []
        for volume in self.volumes:
            try:
                volume.write_back(volume.dirty_sectors)
            except OSError as error:
                self.write_back_failures += 1
                self.write_back_at_ns = now_ns + self._settings.write_back_ns
                effects.append(Log(f"write-back of {volume.name} failed: {error}"))
        return effects

    def tear(self) -> None:
        """The power goes: what is in the cache is lost; with torn writes it is half written."""
        random = self._faults.tearing()
        if random is not None:
            for volume in self.volumes:
                volume.tear(random)
        self.close()

    def sync(self, now_ns: int) -> list[Effect]:
        """Have everything stable, as far as the images take it."""
        effects = self.write_back(now_ns)
        for image in self._images.values():
            try:
                image.sync()
            except OSError as error:
                effects.append(Log(f"sync at power off failed: {error}"))
        return effects

    def close(self) -> None:
        """Let go of the images."""
        for image in self._images.values():
            image.close()

    def _lies(self) -> bool:
        """Whether a FLUSH or FUA is acknowledged and nothing done."""
        lies = self._settings.ignores_flush or self._faults.lying
        self._faults.flushes_ignored += lies
        return lies

    def _gather(self, command: Command, buffers: list[memoryview]) -> int:
        """Collect the memory of a command's segments; how many sectors, 0 if a segment is bad."""
        size = 0
        memory = self._memory
        for mfn, first, length in command.segments:
            if mfn >= memory.nr_frames or not length or first + length > PAGE_SIZE or (first | length) & 511:
                return 0
            frame = memory.frame(mfn)
            buffers.append(frame if length == PAGE_SIZE else frame[first : first + length])
            size += length
        return size // SECTOR_SIZE

    def _open_volume(self, row: VolumeSettings, open_image: OpenImage) -> Volume:
        """A volume over its image, which is opened once, and for writing if any volume on it wants that."""
        if row.path not in self._images:
            users = [each for each in self._settings.volumes if each.path == row.path]
            self._images[row.path] = open_image(row.path, all(each.read_only for each in users))
        return Volume(
            row.name,
            self._images[row.path],
            row.offset_sector,
            row.sectors,
            self._settings.cache_sectors,
            read_only=row.read_only,
        )
