"""A run in real processes: what is started for it, in which order, and that all of it ends.

Rules: what was started is stopped whatever happens.
"""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

import trio

from actors.address import Address
from actors.messages import CODEC
from actors.runtime.actor import ActorDriver
from actors.runtime.machine import DeadlinePassed
from actors.runtime.memory import SharedMemory
from cluster.lab.config.gateway import GATEWAY
from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.config.switch import SWITCH
from cluster.lab.experiment.host_board import SUPERVISOR
from cluster.lab.experiment.supervisor import Supervisor
from cluster.lab.trace.files import begin_recording
from cluster.running.control.interruption import Interruption
from cluster.running.drivers.console_log import ConsoleLog
from cluster.running.drivers.live import LiveCluster
from cluster.running.drivers.packs import Packs
from cluster.running.drivers.process import Surroundings, run_forked
from cluster.running.drivers.zygote import start_zygote
from cluster.running.metrics.host_metrics import HostCollector
from cluster.running.metrics.host_servers import HostServers
from cluster.running.metrics.samples import keep_samples
from cluster.running.run.doors import Doors
from cluster.running.run.progress import Progress, answered_text
from cluster.running.run.run_notes import RunNotes


@dataclass(slots=True)
class LiveRun:
    """One of them; `directory` is the run's, and holds the images and journals already."""

    cluster: ResolvedCluster
    directory: Path
    supervisor: Supervisor
    notes: RunNotes
    metrics: HostServers
    doors: Doors
    interruption: Interruption
    progress: Progress
    endless: bool
    trace: bool
    _live: LiveCluster = field(init=False)

    def run(self) -> None:
        """Run until the supervisor says that it is over. CannotStart."""
        cluster, origin_ns = self.cluster, time.monotonic_ns()
        places = [(host.name, host.memory_pages) for host in cluster.hosts] + [(SWITCH, 1), (GATEWAY, 1)]
        surroundings = {place: self._surroundings(place, pages, origin_ns) for place, pages in places}
        # Before any thread there is and any listener: a fork copies neither well.
        zygote_pid, zygote = start_zygote(run_forked)
        transports = {host.name: host.transport for host in cluster.hosts}
        self._live = LiveCluster(zygote, surroundings, Packs(cluster.hosts), transports)
        log = ConsoleLog(self.directory / "logs" / "supervisor.log", SUPERVISOR, origin_ns)
        try:
            self._serve_metrics()
            trio.run(self._drive, log)
        finally:
            log.close()
            self._live.close()
            self.doors.give_name_back()
            os.waitpid(zygote_pid, 0)
            for each in surroundings.values():
                os.close(each.memory_fd)
            self.metrics.close()

    def guest_memory(self) -> list[dict[str, int]]:
        """The figures of `smaps_rollup`, in bytes, of each process that runs guests."""
        guests = self.supervisor.lab.guests.values()
        return self._live.memory([str(Address.domain(each.host, each.domid)) for each in guests])

    def _surroundings(self, place: str, pages: int, origin_ns: int) -> Surroundings:
        """Those of a host; or of what belongs to none, which has a memory that nobody else has."""
        _, fd = SharedMemory.create(pages)
        os.set_inheritable(fd, True)
        return Surroundings(place, str(self.directory), fd, pages, origin_ns, trace=self.trace)

    def _serve_metrics(self) -> None:
        for host in self.cluster.hosts:
            collector = HostCollector(
                self.supervisor,
                host.name,
                time.monotonic_ns,
                run=self.directory.name,
                find_processes=self._live.pids,
            )
            self.metrics.start(host, collector)

    async def _drive(self, log: ConsoleLog) -> None:
        supervisor, live = self.supervisor, self._live
        recorder = begin_recording(self.directory, SUPERVISOR) if self.trace else None
        driver = ActorDriver(
            SUPERVISOR, supervisor, CODEC, log=log.write, perform=live.perform, trace=recorder
        )
        live.driver = driver
        async with trio.open_nursery() as nursery:
            self.doors.open(nursery, supervisor, live, driver, self.directory)
            live.watch(nursery)
            self._take_signals(driver)
            nursery.start_soon(self._show)
            nursery.start_soon(keep_samples, self.directory, self.metrics.registries)
            nursery.start_soon(self.notes.keep_up)
            try:
                await driver.run()
            finally:
                self.interruption.ask = lambda: None
                self.doors.close()
                nursery.cancel_scope.cancel()

    def _take_signals(self, driver: ActorDriver) -> None:
        token = trio.lowlevel.current_trio_token()
        asked = 0

        def stop() -> None:
            nonlocal asked
            asked += 1
            # What stays up has no end of its own: to end it is no interruption.
            orderly = self.endless and asked == 1
            self.interruption.wanted = not orderly
            if orderly:
                self.progress.say("going down in order, as with `domzero down`; Ctrl-C again cuts the power")
                self.supervisor.go_down()
            else:
                self.progress.say("interrupted: every process is stopped")
                self.supervisor.abort()
            driver.post(DeadlinePassed())

        self.interruption.ask = lambda: token.run_sync_soon(stop)
        if self.interruption.wanted:
            stop()

    async def _show(self) -> None:
        while True:
            self.progress.watch(lambda: answered_text(self.supervisor))
            await trio.sleep(0.2)
