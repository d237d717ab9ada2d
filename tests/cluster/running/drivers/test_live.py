import socket
from pathlib import Path
from types import SimpleNamespace

import trio

from actors.runtime.machine import Rename, Spawn
from cluster.running.drivers.live import LiveCluster
from cluster.running.drivers.packs import Packs
from cluster.running.drivers.process import Surroundings

MORE_THAN_FIT = 1_000
LINK = "xenstore-tool/" + 50_000 * "9"


def test_raw_links_of_an_actor_that_is_stopped_are_turned_away_and_hold_up_nobody(tmp_path: Path) -> None:
    zygote, other = socket.socketpair()
    host = Surroundings("host0", str(tmp_path), memory_fd=-1, nr_frames=0, origin_ns=0)
    live = LiveCluster(zygote, {"host0": host}, Packs([]), transport={})
    live.perform(Spawn("host0/dom0", "dom0", {}))  # nobody takes what comes over its socket
    tools: list[socket.socket] = []
    try:
        while len(tools) < MORE_THAN_FIT:
            ours, theirs = socket.socketpair()
            tools.append(ours)
            ours.setblocking(False)
            live.plug_raw("host0/dom0", LINK, theirs)
            assert theirs.fileno() == -1, "this end is let go of in any case"
            try:
                assert ours.recv(1) == b"", "nobody speaks at the other end"
            except BlockingIOError:
                continue
            return
        raise AssertionError("everybody was let in")
    finally:
        for tool in tools:
            tool.close()
        live.close()
        other.close()


def test_a_process_that_is_renamed_is_told_so_and_answers_to_its_new_address_only(tmp_path: Path) -> None:
    zygote, other = socket.socketpair()
    host = Surroundings("host0", str(tmp_path), memory_fd=-1, nr_frames=0, origin_ns=0)
    live = LiveCluster(zygote, {"host0": host}, packs=Packs([]), transport={})
    live.perform(Spawn("host0/spare0", "dom0", {}))
    live.perform(Rename("host0/spare0", "host0/dom0"))
    assert live.running == ["host0/dom0"]
    live.perform(Rename("host0/spare0", "host0/dom0"))  # who has ended meanwhile
    assert live.running == ["host0/dom0"]
    live.close()
    other.close()


async def test_what_is_packed_can_be_spawned_as_soon_as_the_cluster_is_watched(tmp_path: Path) -> None:
    zygote, other = socket.socketpair()
    host = Surroundings("host0", str(tmp_path), memory_fd=-1, nr_frames=0, origin_ns=0)
    packed = ["host0/hypervisor", "host0/ioapic"]
    live = LiveCluster(
        zygote,
        {"host0": host},
        packs=Packs([SimpleNamespace(name="host0", pack=[["hypervisor", "ioapic"]])]),
        transport={},
    )
    async with trio.open_nursery() as nursery:
        live.watch(nursery)
        for address in packed:
            live.perform(Spawn(address, address.rpartition("/")[2], {}))
        assert live.running == packed
        nursery.cancel_scope.cancel()
    live.close()
    other.close()
