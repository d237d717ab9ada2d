"""The commands that lead out of a running cluster, or into it: `domzero forward`.

Rules: each lasts until it is ended (Ctrl-C), which is no failure. One that cannot begin says why.
"""

import signal
from collections.abc import Awaitable, Callable

import click
import trio

from cluster.lab.terminal.data_console import say
from cluster.running.control.client import NotRunning, ask, chosen
from cluster.running.control.interruption import SIGNALS
from cluster.running.control.preflight import LOCALHOST, CannotStart
from cluster.running.outside.forward import Forward
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


def _until_ended(run: Callable[[], Awaitable[None]]) -> None:
    """Run it until it ends or a signal comes; what it raises is raised by itself."""
    refusals: list[Exception] = []

    async def both() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_ended_by_signal, nursery.cancel_scope)
            try:
                await run()
            except* (CannotStart, NotRunning) as group:
                refusals.extend(each for each in group.exceptions if isinstance(each, Exception))
            nursery.cancel_scope.cancel()

    trio.run(both)
    for each in refusals:
        raise each


async def _ended_by_signal(scope: trio.CancelScope) -> None:
    with trio.open_signal_receiver(*SIGNALS) as signals:
        async for number in signals:
            say(f"ended by {signal.Signals(number).name}")
            scope.cancel()
