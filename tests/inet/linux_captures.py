"""Makes `captures/`: run as root, `python -m tests.inet.linux_captures [NAME..]`.

Linux's TCP talks to itself from one network namespace to another, over a link of two TAP devices that this
program carries frames between: 10 ms each way, and without those that a scenario has it drop. What is kept is
what one end, `A`, sees: frames that it sends when they leave, lost or not, and those that reach it when they
do; and beside it what its user called, and when. Linux is set to what `actors/inet` has: NewReno, no RACK, no
tail loss probes, no F-RTO, no duplicate SACKs, no linear SYN timeouts; that is in `linux_link.SYSCTLS`.
"""

import ctypes
import json
import os
import socket
import struct
import sys
import time
from collections.abc import Callable

import dpkt

from tests.inet.captured import CAPTURES, LINK, PORT, pattern, write
from tests.inet.linux_link import CLONE_NEWNET, A, B, Drops, Link, Scene, User, pause


def lose(side: int, *which: int) -> Drops:
    """Those segments with data of one end, counted from 0."""
    return lambda sender, segment, data: sender == side and bool(segment.data) and data in which


def talk(scene: Scene) -> None:
    """A request, an answer of two segments and one that comes later, both close: we first."""
    scene.we_connect()
    pause()
    scene.user.send(300)
    scene.drain(300)
    pause()
    scene.peer.sendall(pattern(0, 524 * 2))
    scene.user.read(524 * 2)
    pause()
    scene.peer.sendall(pattern(524 * 2, 152))
    scene.user.read(152)
    pause()
    scene.user.close()
    scene.drain()
    scene.peer.close()


def half_close(scene: Scene) -> None:
    """The peer has no more to send, and gets an answer for it."""
    scene.we_are_called()
    pause()
    scene.peer.sendall(pattern(0, 400))
    scene.peer.shutdown(socket.SHUT_WR)
    scene.user.read(1000)
    pause()
    scene.user.send(3000)
    scene.drain(3000)
    pause()
    scene.user.send(100)
    scene.user.close()
    scene.drain()
    scene.peer.close()


def turns(scene: Scene) -> None:
    """Requests and answers; then requests that are not answered, close together and after a pause."""
    scene.we_are_called()
    for _ in range(4):
        pause(0.05)
        scene.peer.sendall(pattern(0, 100))
        scene.user.read(100)
        scene.user.send(200)
        scene.drain(200)
    for seconds in (0.05, 0.1, 0.1, 0.6, 0.1):
        pause(seconds)
        scene.peer.sendall(pattern(0, 100))
        scene.user.read(100)
    pause()
    scene.user.close()
    scene.drain()
    scene.peer.close()


def bulk(scene: Scene) -> None:
    """Slow start over several round trips."""
    scene.we_connect()
    pause()
    scene.user.send(40_000)
    scene.drain(40_000)
    pause()
    scene.user.close()
    scene.peer.close()


def lost_segments(scene: Scene) -> None:
    """Two in one window."""
    bulk(scene)


def halved(scene: Scene) -> None:
    """What is sent after a loss is half of what was in flight, and grows by a segment each round trip."""
    scene.we_connect()
    pause()
    scene.user.send(524 * 30)
    scene.drain(524 * 30)
    pause()
    scene.user.send(524 * 45)
    scene.drain(524 * 45)
    pause()
    scene.user.close()
    scene.peer.close()


def recovering(scene: Scene) -> None:
    """New data goes on while the lost segment comes again."""
    scene.we_connect()
    pause()
    scene.user.send(524 * 100)
    scene.drain(524 * 100)
    pause()
    scene.user.close()
    scene.peer.close()


def without_options(scene: Scene) -> None:
    """Neither SACK nor timestamps: duplicates are counted, partial acknowledgements show the next hole."""
    scene.link.set(A, tcp_sack=0, tcp_timestamps=0)
    scene.user.settings = {"sack": False, "timestamps": False}
    scene.we_connect()
    pause()
    scene.user.send(536 * 70)
    scene.drain(536 * 70)
    pause()
    scene.user.send(536 * 40)
    scene.drain(536 * 40)
    pause()
    scene.user.close()
    scene.peer.close()


def both_at_once(scene: Scene) -> None:
    """Their FINs cross."""
    scene.we_connect()
    pause()
    scene.user.close()
    scene.peer.close()
    pause()


def lost_tail(scene: Scene) -> None:
    """Only the timer brings it again."""
    scene.we_connect()
    pause()
    scene.user.send(524 * 4)
    scene.drain(524 * 4)
    pause()
    scene.user.close()
    scene.peer.close()


def gaps(scene: Scene) -> None:
    """What comes out of order is answered by SACK blocks."""
    scene.we_are_called()
    pause()
    scene.peer.sendall(pattern(0, 524 * 10))
    scene.user.read(524 * 10)
    pause(0.6)
    scene.peer.close()
    pause()
    scene.user.close()


def closed_window(scene: Scene) -> None:
    """The peer does not read for three seconds."""
    scene.we_connect(theirs=4096)
    pause()
    scene.user.send(12_000)
    pause(3)
    scene.drain(12_000)
    pause()
    scene.user.close()
    scene.peer.close()


def reset_by_peer(scene: Scene) -> None:
    """It ends at once."""
    scene.we_connect()
    pause()
    scene.user.send(300)
    pause()
    scene.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    scene.peer.close()
    pause()


def reset_by_us(scene: Scene) -> None:
    """And what comes afterwards is refused."""
    scene.we_connect()
    pause()
    scene.user.send(300)
    pause()
    scene.user.abort()
    scene.peer.close()


def unread(scene: Scene) -> None:
    """To close with data that was not read is a reset."""
    scene.we_are_called()
    pause()
    scene.peer.sendall(pattern(0, 300))
    pause()
    scene.user.close()
    pause()
    scene.peer.close()


def refused_by_peer(scene: Scene) -> None:
    """Nobody listens there."""
    scene.dial()


def refused_by_us(scene: Scene) -> None:
    """Nobody listens here."""
    scene.peer = scene.link.socket(B)
    scene.peer.connect_ex((LINK[A].address, PORT))


def silent_syn(scene: Scene) -> None:
    """Nobody answers."""
    scene.dial(wait=False)
    pause(15.5)


def silent_answer(scene: Scene) -> None:
    """Nobody acknowledges our answer to a SYN."""
    listening = scene.link.socket(A)
    listening.bind((LINK[A].address, PORT))
    listening.listen()
    scene.user.note("listen")
    scene.peer = scene.link.socket(B)
    scene.peer.bind((LINK[B].address, PORT + 1))
    scene.peer.connect((LINK[A].address, PORT))
    pause(7.6)
    listening.close()


def dead_path(scene: Scene) -> None:
    """Then it comes back."""
    scene.we_connect()
    pause()
    scene.user.send(700)
    scene.drain(700)
    pause()
    dead = time.time() + 5
    scene.link.drops = lambda *_: time.time() < dead
    scene.user.send(1200)
    scene.drain(1200)
    pause()
    scene.user.close()
    scene.peer.close()


def lost_fin(scene: Scene) -> None:
    """Both ends' last segments are lost once."""
    scene.we_connect()
    pause()
    lost: set[tuple[int, int]] = set()

    def drops(side: int, segment: dpkt.tcp.TCP, _data: int) -> bool:
        first = (side, segment.flags & 1) not in lost
        lost.add((side, segment.flags & 1))
        return first

    scene.link.drops = drops
    scene.user.close()
    pause(0.5)
    scene.peer.close()
    pause(1)


def keepalive(scene: Scene) -> None:
    """Two probes are answered, then none."""
    scene.we_connect()
    assert scene.user.end is not None
    scene.user.settings = {
        "keepalive": True,
        "keepalive_idle_ns": 2_000_000_000,
        "keepalive_interval_ns": 1_000_000_000,
        "keepalive_probes": 3,
    }
    for option, value in (
        (socket.TCP_KEEPIDLE, 2),
        (socket.TCP_KEEPINTVL, 1),
        (socket.TCP_KEEPCNT, 3),
    ):
        scene.user.end.setsockopt(socket.IPPROTO_TCP, option, value)
    scene.user.end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    pause(5)
    scene.link.drops = lambda *_: True
    pause(6)


SCENES: dict[Callable[[Scene], None], Drops | None] = {
    talk: None,
    half_close: None,
    turns: None,
    bulk: None,
    lost_segments: lose(A, 30, 33),
    halved: lose(A, 12),
    recovering: lose(A, 30),
    without_options: lose(A, 30, 33),
    both_at_once: None,
    lost_tail: lose(A, 3),
    gaps: lose(B, 2, 5, 8),
    closed_window: None,
    reset_by_peer: None,
    reset_by_us: None,
    unread: None,
    refused_by_peer: None,
    refused_by_us: None,
    silent_syn: lambda *_: True,
    silent_answer: lambda side, segment, _data: side == B and not segment.flags & dpkt.tcp.TH_SYN,
    dead_path: None,
    lost_fin: None,
    keepalive: None,
}


def keep(name: str, link: Link, user: User) -> None:
    """Write what was seen, from a second after zero on."""
    origin = min([at for at, _ in link.frames] + [call[0] for call in user.calls]) - 1_000_000_000
    write(CAPTURES / f"{name}.pcapng", [(at_ns - origin, frame) for at_ns, frame in link.frames])
    calls = [[at - origin, *rest] for at, *rest in user.calls]
    text = json.dumps({"settings": user.settings, "calls": calls})
    (CAPTURES / f"{name}.json").write_text(text.replace("], [", "],\n[") + "\n")


def make(scene: Callable[[Scene], None], drops: Drops | None) -> None:
    """In namespaces of its own, so that nothing of another capture is remembered."""
    assert ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) == 0
    link = Link()
    link.begin(drops)
    made = Scene(link)
    scene(made)
    pause(0.3)
    keep(scene.__name__, link, made.user)
    print(f"{scene.__name__}: {len(link.frames)} frames", flush=True)


def main() -> None:
    for scene, drops in SCENES.items():
        if len(sys.argv) > 1 and scene.__name__ not in sys.argv[1:]:
            continue
        if not (child := os.fork()):
            make(scene, drops)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0, scene.__name__


if __name__ == "__main__":
    main()
