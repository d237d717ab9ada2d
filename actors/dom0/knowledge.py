"""What a toolstack knows of the domains of its host, and what it has still to do with them.

Rules: this is all that the next toolstack has of one that was killed. What exists is asked of the hypervisor,
never remembered across a death of dom0.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from actors.device_plan import DevicePlan
from actors.dom0.plan import DomainPlan
from actors.dom0.steps import Served

Found = Mapping[int, DomainPlan]


@dataclass(slots=True)
class Running:
    """A domain that the toolstack looks after."""

    domid: int
    plan: DomainPlan
    ending: bool = False
    suspended: bool = False

    def device(self, device_class: str, number: int) -> DevicePlan | None:
        """The device of this class and number that it is configured to have, attached or not."""
        wanted = device_class, number
        return next((each for each in self.plan.devices if (each.device_class, each.number) == wanted), None)


@dataclass(slots=True)
class Knowledge:
    """`domains` are looked after, `to_take_over` were there before, `unfinished` are to be created.

    `to_forget`: gone, but not all of their nodes. `detached`: devices that are not to be there; of those that
    are `half_detached` something is. `store_lost`: the store does not know who is to be taken over;
    `rebuilding`: it was lost while this dom0, with its backends, lived. `complete`: all this was found out.
    """

    store_lost: bool = False
    rebuilding: bool = False
    complete: bool = False
    domains: dict[int, Running] = field(default_factory=dict)
    to_take_over: dict[int, DomainPlan] = field(default_factory=dict)
    unfinished: list[DomainPlan] = field(default_factory=list)
    to_forget: dict[int, DomainPlan] = field(default_factory=dict)
    detached: set[Served] = field(default_factory=set)
    half_detached: list[Served] = field(default_factory=list)

    def find(self, planned: Iterable[DomainPlan], found: Found) -> None:
        """The first toolstack of a dom0 has found these of the domains that are planned."""
        self.unfinished = _absent(planned, found)
        self.to_take_over = dict(found)
        self.complete = True

    def find_again(self, found: Found) -> None:
        """The toolstack after one that was killed has found these; the rest is as that one left it."""
        again = set(found) if self.rebuilding else set(self.to_take_over)
        known = (
            {domid: each.plan for domid, each in self.domains.items()} | self.to_take_over | self.to_forget
        )
        self.store_lost = self.store_lost or self.rebuilding
        self.to_take_over = {domid: plan for domid, plan in found.items() if domid in again}
        self.domains = {domid: Running(domid, plan) for domid, plan in found.items() if domid not in again}
        self.to_forget = {domid: plan for domid, plan in known.items() if domid not in found}
        self.unfinished = _absent(self.unfinished, found)

    def gone(self, domid: int) -> bool:
        """A domain is gone, and to be forgotten; whether it was looked after."""
        running = self.domains.pop(domid, None)
        if running is not None:
            self.to_forget[domid] = running.plan
            self.detached = {each for each in self.detached if each[0] != domid}
        return running is not None

    def served_by(self, domid: int) -> list[Served]:
        """The devices of those that run which this driver domain is to serve."""
        found = [(each.domid, device) for each in self.domains.values() for device in each.plan.devices]
        return [each for each in found if each[1].backend == domid and each not in self.detached]


def _absent(planned: Iterable[DomainPlan], found: Found) -> list[DomainPlan]:
    present = {each.handle for each in found.values()}
    return [each for each in planned if each.handle not in present]
