import resource
import socket
from pathlib import Path

from actors.runtime.machine import Spawn
from cluster.drivers.live import LiveCluster
from cluster.drivers.process import Surroundings

MORE_THAN_FIT = 20_000
SOME = 4


def test_strangers_of_an_actor_that_is_stopped_are_turned_away_and_hold_up_nobody(tmp_path: Path) -> None:
    zygote, other = socket.socketpair()
    host = Surroundings("host0", str(tmp_path), memory_fd=-1, nr_frames=0, origin_ns=0)
    live = LiveCluster(zygote, {"host0": host}, packs=[], transport={})
    live.perform(Spawn("host0/dom0", "dom0", {}))  # nobody takes what comes over its socket
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    tools: list[socket.socket] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(64, limit[1]), limit[1]))
    try:
        for number in range(MORE_THAN_FIT):
            ours, theirs = socket.socketpair()
            live.plug_stranger("host0/dom0", f"xenstore-tool/{number}", theirs)
            assert theirs.fileno() == -1, "this end is let go of in any case"
            tools = [*tools[-SOME:], ours]
            if len(tools) > SOME:
                tools.pop(0).close()
            ours.setblocking(False)
            try:
                turned_away = ours.recv(1) == b""
            except BlockingIOError:
                continue
            assert turned_away
            return
        raise AssertionError("everybody was let in")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)
        for tool in tools:
            tool.close()
        live.close()
        other.close()
