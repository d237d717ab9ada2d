"""The simulated driver of a cluster: the very same machines on one heap, in virtual time.

Rules: a run is a function of the configuration and the seed: not even the run directory's name is known
in it. Machine memory, journals and images are byte arrays; what steps take is in `step_costs.py`.
"""

import gc
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final, NoReturn

from actors.abi.types import SECTOR_SIZE
from actors.address import Address, domain_actor, spare_actor
from actors.devices.image import MemoryImage
from actors.hypervisor.domains import HARDWARE_DOMID
from actors.notebook.journal import Journal, MemoryJournal
from actors.notebook.store_log import StoreLog
from actors.notebook.talk_journal import TalkJournal
from actors.runtime.machine import Machine
from actors.runtime.memory import SparseMemory
from actors.runtime.simulated_actor import Tap
from actors.runtime.simulated_turns import Turned
from actors.runtime.simulation import Simulation
from actors.runtime.trace import Trace, Tracers
from actors.xenstore.memory_archive import MemoryArchive
from cluster.lab.config.resolved import ResolvedCluster, ResolvedHost
from cluster.lab.config.resolved_domains import GuestId, ResolvedGuest
from cluster.lab.config.volume import Volume
from cluster.lab.experiment.host_board import SUPERVISOR
from cluster.lab.experiment.supervisor import Supervisor
from cluster.lab.trace.files import MemoryRecordings
from cluster.lab.trace.perfetto import write_trace
from cluster.lab.verdict.ledger import ReadSectors
from cluster.lab.verdict.run_facts import ReadVolume
from cluster.running.drivers.packs import Packs
from cluster.running.drivers.process import ANSWERS
from cluster.running.drivers.programs import PROGRAMS, Environment
from cluster.running.drivers.step_costs import StepCosts

END_NS = 1_000_000
LIMIT_NS = 3_600_000_000_000
IMAGES = Path("images")
STOOD_STILL = "the simulation came to a stand before the end of the run"


class RunObserver:
    """Whoever looks on at a run, without a part in it; this one sees nothing."""

    def begins(self, simulation: Simulation, supervisor: Supervisor) -> None:
        """A simulation is about to begin."""

    def journal(self, **header: object) -> MemoryJournal:
        """A journal for a guest's disk; the arguments are MemoryJournal's."""
        return MemoryJournal(**header)  # type: ignore[arg-type]

    def started(self, address: str, machine: Machine) -> None:
        """A machine was made and has seen nothing yet, or has this address from now on."""

    def tap(self, _address: str, _machine: Machine) -> Tap | None:
        """Who is to see every message that is delivered to this machine, if anybody."""
        return None

    @property
    def turned(self) -> Turned | None:
        """Who is to hear of each turn of a machine that is over, if anybody."""
        return None


class SimulatedHost:
    """What the programs of one host find: memory, journals and images, all of them byte arrays."""

    def __init__(self, host: ResolvedHost, observer: RunObserver) -> None:
        self._host = host
        self.memory = SparseMemory(host.nr_frames)
        self.store_logs = {
            each.name: StoreLog.in_memory(nodes) for each in host.guests if (nodes := each.store_nodes)
        }
        self.talk_journals = {
            told.name: TalkJournal.in_memory(each.talk_identity(told))
            for each in host.guests
            for told in each.talks
        }
        self._archives: dict[int, MemoryArchive] = {}
        self.images = {str(each.path): _image(each) for each in host.volumes}
        self.journals = {
            each.name: _journal(guest, each, observer) for guest in host.guests for each in guest.volumes
        }

    def environment(self) -> Environment:
        """The environment of the programs."""
        return Environment(
            self.memory,
            self.journals.__getitem__,
            self._open_image,
            self._open_archive,
            self.store_logs.__getitem__,
            self.talk_journals.__getitem__,
        )

    def journals_of(self, guest: ResolvedGuest) -> list[Journal]:
        """The journals of one guest."""
        return [self.journals[each.name] for each in guest.volumes]

    def _open_archive(self, boot: int) -> MemoryArchive:
        return self._archives.setdefault(boot, MemoryArchive())

    def _open_image(self, path: str, _read_only: bool) -> MemoryImage:  # noqa: FBT001 (the disk's own signature)
        return self.images[path]


def _nothing(*_: object) -> NoReturn:
    raise AssertionError("what belongs to no host has no files")


_NOWHERE: Final = Environment(SparseMemory(0), _nothing, _nothing, _nothing, _nothing, _nothing)
"""The environment of the switch and of the gateway."""


def run_simulated(
    cluster: ResolvedCluster,
    observe: Callable[[str, str], None],
    directory: Path | None,
    *,
    trace: bool,
    invariants: bool = False,
    stop: Callable[[], bool] = lambda: False,
    observer: RunObserver | None = None,
    take_clock: Callable[[Callable[[], int]], None] = lambda _now_ns: None,
) -> tuple[Supervisor, ReadVolume]:
    """Run a cluster to its end; the supervisor, and how to read the images that were left.

    Without a directory there are no logs and there is no trace. It is cut short, with everything in it
    unknown, once `stop()` is true. Before anything happens `take_clock` is given the virtual clock, in ns.
    """
    observer = observer or RunObserver()
    placed = cluster
    cluster = cluster.placed(IMAGES)
    hosts = {host.name: SimulatedHost(host, observer) for host in cluster.hosts}
    images = _images_of(hosts, cluster, placed)
    supervisor = _supervisor(cluster, hosts, observe)
    environments = {name: host.environment() for name, host in hosts.items()}
    costs = StepCosts(cluster.costs, _virtualised(cluster))
    logs = SimulatedLogs(directory / "logs") if directory is not None else None
    recordings = MemoryRecordings(lambda: simulation.now_ns) if trace and directory is not None else None
    with (directory / "trace.log" if directory and recordings else Path(os.devnull)).open("w") as out:
        tracer = Tracers(Trace(lambda line: out.write(line + "\n")), recordings) if recordings else None
        simulation = Simulation(
            cluster.seed,
            programs=_programs(environments, recordings, costs, cluster.seed, observer),
            latency=costs.latency,
            process_ended_delay_ns=END_NS,
            spawn_delay=costs.spawn_delay,
            pack=Packs(cluster.hosts).of,
            costs=costs.charge,
            intercept=ANSWERS,
            taps=observer.tap,
            renamed=partial(_renamed, recordings, observer),
            turned=observer.turned,
            log=logs.write if logs is not None else None,
            trace=tracer,
            invariants=invariants,
        )
        observer.begins(simulation, supervisor)
        take_clock(lambda: simulation.now_ns)
        simulation.spawn(SUPERVISOR, supervisor)
        with _dead_kernels_kept():
            simulation.run_while_alive(SUPERVISOR, LIMIT_NS, stop)
    if logs is not None:
        logs.close()
    if directory is not None and recordings is not None:
        write_trace(directory / "trace.json", supervisor, "simulated", recordings.read())
    if not supervisor.phases.finished:
        supervisor.lab.outcome.unknown.append("interrupted" if stop() else STOOD_STILL)
    return supervisor, lambda volume: _reads_of(images[volume])


def _reads_of(image: MemoryImage) -> ReadSectors:
    return lambda sector, count: image.content(sector * SECTOR_SIZE, count * SECTOR_SIZE)


def _supervisor(
    cluster: ResolvedCluster, hosts: dict[str, SimulatedHost], observe: Callable[[str, str], None]
) -> Supervisor:
    journals = {each.guest_id: hosts[each.host].journals_of(each) for each in cluster.guests}
    talks = {
        guest.guest_id: [hosts[guest.host].talk_journals[each.name] for each in guest.talks]
        for guest in cluster.guests
    }
    store_logs = _store_logs(hosts, cluster)
    return Supervisor(cluster, journals, observe, store_logs=store_logs, talk_journals=talks)


def _store_logs(hosts: dict[str, SimulatedHost], cluster: ResolvedCluster) -> dict[GuestId, StoreLog]:
    working = (each for each in cluster.guests if each.store_nodes)
    return {each.guest_id: hosts[each.host].store_logs[each.name] for each in working}


def _images_of(
    hosts: dict[str, SimulatedHost], cluster: ResolvedCluster, placed: ResolvedCluster
) -> dict[Volume, MemoryImage]:
    """The images by their volumes as they are outside of the simulation."""
    return {
        outside: hosts[host.name].images[str(inside.path)]
        for host, original in zip(cluster.hosts, placed.hosts, strict=True)
        for inside, outside in zip(host.volumes, original.volumes, strict=True)
    }


@contextmanager
def _dead_kernels_kept() -> Iterator[None]:
    """Have nothing collected for now: a kernel's threads that are let go of still run their last blocks."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class SimulatedLogs:
    """The serial consoles: a file for each actor, with virtual times."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lines: dict[str, list[str]] = {}

    def write(self, time_ns: int, address: str, text: str) -> None:
        """Lines of an actor."""
        lines = self._lines.setdefault(address, [])
        lines.extend(f"[{time_ns / 1e9:12.6f}] {address}: {line}\n" for line in text.splitlines() or [""])

    def close(self) -> None:
        """Write the files."""
        for address, lines in self._lines.items():
            path = self._folder / f"{Address.parse(address).file}.log"
            path.write_text("".join(lines), encoding="utf-8")


def _virtualised(cluster: ResolvedCluster) -> set[str]:
    """The addresses of fully virtualised domains: dom0s, and who waits to be one."""
    return {
        str(Address(host.name, actor))
        for host in cluster.hosts
        if host.architecture.virtualised_dom0
        for actor in (domain_actor(HARDWARE_DOMID), spare_actor(HARDWARE_DOMID))
    }


def _programs(
    environments: dict[str, Environment],
    recordings: MemoryRecordings | None,
    costs: StepCosts,
    seed: int,
    observer: RunObserver,
) -> dict[str, Callable[[str, dict[str, object]], Machine]]:
    def make(name: str, address: str, argument: dict[str, object]) -> Machine:
        argument = {**argument, **costs.of_device(name, address, seed)}
        environment = environments.get(Address.parse(address).host, _NOWHERE)
        machine = PROGRAMS[name].make(argument, environment)
        if recordings is not None:
            machine.trace(recordings.of(address).point)
        observer.started(address, machine)
        return machine

    return {name: partial(make, name) for name in PROGRAMS}


def _renamed(
    recordings: MemoryRecordings | None, observer: RunObserver, address: str, machine: Machine
) -> None:
    if recordings is not None:
        machine.trace(recordings.of(address).point)
    observer.started(address, machine)


def _journal(guest: ResolvedGuest, volume: Volume, observer: RunObserver) -> MemoryJournal:
    return observer.journal(
        guest=guest.address,
        guest_id=guest.guest_id,
        virtual_device=volume.virtual_device,
        volume_sectors=volume.sectors,
    )


def _image(volume: Volume) -> MemoryImage:
    image = MemoryImage(volume.sectors * SECTOR_SIZE)
    if not volume.made:
        with volume.path.open("rb") as file:
            image.write(0, [file.read(volume.sectors * SECTOR_SIZE)])
    return image
