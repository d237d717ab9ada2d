"""What a key pressed on the hypervisor's console makes it print; unknown keys print that.

Source: xen/common/keyhandler.c, xen/common/event_channel.c, xen/common/grant_table.c, xen/arch/x86/irq.c.
Left out: keys that stop or change the machine; those that print what is not here.
"""

from collections.abc import Callable
from typing import Final

from actors.hypervisor.domain_info import state_letters
from actors.hypervisor.host import Host

Lines = list[str]


def domains(host: Host) -> Lines:
    """`q`: every domain, with the memory it has and the state it is in."""
    return ["'q' pressed -> dumping domain info"] + [
        f"General information for domain {each.domid}: {state_letters(each)} "
        f"nr_pages={each.physmap.pages} max_pages={each.physmap.max_pages} pause_count={each.pause_count}"
        for each in host.domains.all()
    ]


def ports(host: Host) -> Lines:
    """`e`: the event channels in use."""
    return ["'e' pressed -> dumping event-channel info"] + [
        f"Domain {domain.domid}: port {port} {channel.state.name.lower()}"
        for domain in host.domains.all()
        for port, channel in sorted(domain.ports.channels.items())
    ]


def grants(host: Host) -> Lines:
    """`g`: the grants in use."""
    return ["'g' pressed -> printing grant table info"] + [
        f"grant-table for remote d{domain.domid}: ref {ref} pins {pin.uses} by d{pin.domid}"
        for domain in host.domains.all()
        for ref, pin in sorted(domain.grants.pins.items())
    ]


def interrupts(host: Host) -> Lines:
    """`i`: the interrupts that are bound."""
    return ["'i' pressed -> interrupt bindings"] + [
        f"IRQ: {irq} d{table.domid}: pirq {pirq}" for irq, (table, pirq) in host.pirqs.irqs.bindings()
    ]


def help_(_host: Host) -> Lines:
    """`h`: these keys."""
    return ["'h' pressed -> showing installed handlers"] + [
        f" key '{key}' => {(show.__doc__ or '').partition(': ')[2]}" for key, show in sorted(KEYS.items())
    ]


KEYS: Final[dict[str, Callable[[Host], Lines]]] = {
    "e": ports,
    "g": grants,
    "h": help_,
    "i": interrupts,
    "q": domains,
}


def press(host: Host, key: str) -> None:
    """Press one key."""
    show = KEYS.get(key)
    for line in show(host) if show is not None else [f"'{key}' pressed -> nothing is installed for it"]:
        host.outbox.log(line)
