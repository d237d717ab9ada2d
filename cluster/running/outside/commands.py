"""The commands that lead out of a running cluster, or into it: `domzero forward`, `capture`, `stream`.

Rules: each lasts until it is ended (Ctrl-C), which is no failure. One that cannot begin says why.
"""

import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import BinaryIO

import click
import trio

from cluster.lab.config.errors import reason_of
from cluster.lab.experiment.captures import PLACES
from cluster.lab.terminal.data_console import say
from cluster.running.control.client import NotRunning, ask, chosen
from cluster.running.control.interruption import SIGNALS
from cluster.running.control.preflight import LOCALHOST, CannotStart
from cluster.running.outside.capture import capture_into
from cluster.running.outside.datagrams import Datagrams
from cluster.running.outside.forward import Forward
from cluster.running.outside.stream import join_stream, serve_stream
from cluster.running.top.watch_commands import CLUSTER, asked

PORT = click.IntRange(0, 65535)


@click.command(short_help="Make a guest's TCP port reachable at 127.0.0.1.")
@click.argument("target", metavar="HOST/GUEST:PORT")
@click.argument("port", metavar="LOCALPORT", type=PORT)
@CLUSTER
def forward(target: str, port: int, name: str | None) -> None:
    """Let LOCALPORT of 127.0.0.1 lead to PORT of a guest of a running cluster, until Ctrl-C; 0: any free one.

    For instance `domzero forward host0/web-0:80 8080`, then `curl http://127.0.0.1:8080/`. A guest with
    several interfaces is reached by its first one; `host0/web-0/vif1:80` is its second.
    """
    name = chosen(name)
    values = asked(ask(name, "forward", {"target": target}))
    where, address = str(values["target"]), str(values["address"])

    def listening(found: int) -> None:
        click.echo(f"{LOCALHOST}:{found} leads to {where} ({address}); Ctrl-C ends it")

    _until_ended(lambda: Forward(name, where).run(port, listening))


@click.command(short_help="Packets of interfaces, as pcapng.")
@click.argument("targets", metavar="INTERFACE...", nargs=-1, required=True)
@click.option(
    "-w", "path", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Into FILE."
)
@click.option(
    "--at",
    multiple=True,
    type=click.Choice(PLACES),
    help="Where a guest's interface is looked at; several are possible.  [default: frontend]",
)
@CLUSTER
def capture(targets: tuple[str, ...], path: Path | None, at: tuple[str, ...], name: str | None) -> None:
    """Write the packets of interfaces of a running cluster, until Ctrl-C; without -w to stdout.

    An INTERFACE is HOST/GUEST/vifN or HOST/NIC. For instance `domzero capture host0/web-0/vif0 -w a.pcapng`,
    or `domzero capture host0/web-0/vif0 --at frontend --at bridge | tshark -r -`.
    """
    name = chosen(name)
    arguments: dict[str, object] = {"targets": list(targets), "at": list(at)}
    values = asked(ask(name, "capture", arguments))
    if path is None and sys.stdout.isatty():
        raise click.UsageError("a capture is no text; -w FILE, or a pipe to tshark")
    try:
        file = sys.stdout.buffer if path is None else path.open("wb")
    except OSError as error:
        raise click.UsageError(f"{path}: {reason_of(error)}") from error
    say(f"capturing {', '.join(values['names'])}; Ctrl-C ends it")
    with file:
        trio.run(_capture, file, name, arguments)


async def _capture(file: BinaryIO, name: str, arguments: dict[str, object]) -> None:
    ended = trio.Event()
    refusals: list[NotRunning] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_ended_by_signal, ended.set)
        try:
            await capture_into(file, name, arguments, ended)
        except NotRunning as error:
            refusals.append(error)
        nursery.cancel_scope.cancel()
    for each in refusals:
        raise each


@click.command(short_help="Let a virtual machine or tool join the networks.")
@click.argument("place", metavar="SOCKET")
@click.option(
    "--datagrams", "peer", metavar="PEER", help="A frame in each datagram, to PEER: a path or port, too."
)
@click.option("--connect", is_flag=True, help="Somebody listens at SOCKET already; connect to it.")
@CLUSTER
def stream(place: str, peer: str | None, name: str | None, *, connect: bool) -> None:
    """Listen at SOCKET for whoever joins the networks of a running cluster by frames, until Ctrl-C.

    SOCKET is the path of a Unix socket, or a port of 127.0.0.1 (0: any free one). Frames are as QEMU's
    `-netdev stream` has them: each after its length in 32 bits, big-endian. With --datagrams they are as its
    `-netdev dgram` has them, whose local address is PEER and whose remote one is SOCKET.
    """
    name = chosen(name)
    asked(ask(name, "stream", {}))

    def listening(found: str) -> None:
        click.echo(f"{found} leads to the switch of {name}; Ctrl-C ends it")

    if connect:
        if peer is not None:
            raise click.UsageError("datagrams need no connection: --connect or --datagrams")
        _until_ended(lambda: join_stream(name, place, listening))
        return
    if peer is None:
        _until_ended(lambda: serve_stream(name, place, listening))
        return
    datagrams = Datagrams(place, peer)
    _until_ended(lambda: datagrams.serve(name, listening))
    if datagrams.lost:
        say(f"{datagrams.lost} frames found nobody, or no room, at {peer}")


def _until_ended(run: Callable[[], Awaitable[None]]) -> None:
    """Run it until it ends or a signal comes; what it raises is raised by itself."""
    refusals: list[Exception] = []

    async def both() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_ended_by_signal, nursery.cancel_scope.cancel)
            try:
                await run()
            except* (CannotStart, NotRunning) as group:
                refusals.extend(each for each in group.exceptions if isinstance(each, Exception))
            nursery.cancel_scope.cancel()

    trio.run(both)
    for each in refusals:
        raise each


async def _ended_by_signal(end: Callable[[], None]) -> None:
    with trio.open_signal_receiver(*SIGNALS) as signals:
        async for number in signals:
            say(f"ended by {signal.Signals(number).name}")
            end()
