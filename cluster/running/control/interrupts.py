"""The running cluster's answer to `interrupts`: it asks the domain, which may take a moment, or hang."""

import trio

from actors.address import Address
from actors.runtime.actor import ActorDriver
from actors.runtime.machine import DeadlinePassed
from cluster.lab.experiment.supervisor import Supervisor
from cluster.running.control.client import ControlReply

PATIENCE_S = 5


async def read_interrupts(
    supervisor: Supervisor, driver: ActorDriver, arguments: dict[str, object]
) -> ControlReply:
    """The text of a domain's /proc/interrupts; an error if there is no such domain, or it hangs."""
    target = str(arguments.get("target"))
    address = Address.parse(target)
    host, name = address.host, address.actor
    board = supervisor.boards.get(host)
    if board is None:
        known = ", ".join(supervisor.boards)
        return ControlReply(f"{target}: no host {host!r}; a target is HOST/DOMAIN, hosts: {known}", {})
    running = [each for each in board.domains if each.state != "ended"]
    found = [each for each in running if name == each.name or target == each.address]
    if not found:
        known = ", ".join(each.name for each in running) or "no domains"
        return ControlReply(f"no domain {name!r} runs on {host}; there are: {known}", {})
    texts: list[str] = []
    answered = trio.Event()

    def done(text: str) -> None:
        texts.append(text)
        answered.set()

    supervisor.interrupt_tables.ask(found[0].address, done)
    driver.post(DeadlinePassed())
    with trio.move_on_after(PATIENCE_S):
        await answered.wait()
    if not texts:
        return ControlReply(f"{target} does not answer within {PATIENCE_S} s: it hangs, or has just died", {})
    return ControlReply("", {"text": texts[0]})
