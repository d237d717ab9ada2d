"""Guests beside dom0: one that attacks, one whose port and grant it is after, one that looks on."""

import pytest

from tests.xen.bench import Bench

GRANT_REF, GRANTED_GFN = 8, 5
PORT_FOR_DOM0 = {"dom": 0x7FF0, "remote_dom": 0}
MAP_FOR_HOST = 2


class Neighbourhood:
    """A booted host with its guests; `picture` is all that belongs to anybody but the attacker.

    The victim has granted a frame to dom0, which has it mapped (`handle`), and offered it a `port`.
    `gone` is the id of a domain that was there before.
    """

    def __init__(self) -> None:
        xen = self.xen = Bench().boot()
        self.attacker, self.victim, self.onlooker, self.gone = (xen.create() for _ in range(4))
        assert xen.ret(0, "domctl.destroydomain", domain=self.gone) == 0
        self.port = xen.out(self.victim, "event_channel_op.alloc_unbound", "port", **PORT_FOR_DOM0)
        xen.entry(self.victim, GRANT_REF, 0, GRANTED_GFN)
        mapping = {"dom": self.victim, "ref": GRANT_REF, "flags": MAP_FOR_HOST}
        self.handle = xen.out(0, "grant_table_op.map_grant_ref", "handle", **mapping)
        self.own_port = xen.out(self.attacker, "event_channel_op.alloc_unbound", "port", **PORT_FOR_DOM0)
        xen.table(self.attacker)

    def attack(self, name: str, arguments: dict[str, object]) -> tuple[int, dict[str, object]]:
        """A hypercall of the attacker's; an argument that is a name here (`victim`, `port`) is filled in."""
        return self.xen.call(
            self.attacker, name, **{key: self._fill(each) for key, each in arguments.items()}
        )

    def _fill(self, value: object) -> object:
        if isinstance(value, dict):
            return {key: self._fill(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self._fill(each) for each in value]
        return getattr(self, value) if isinstance(value, str) and hasattr(self, value) else value

    def counted(self) -> tuple[int, int]:
        """Hypercalls that the attacker has made, and errors that it was answered."""
        domain = self.xen.machine._host.domains.get(self.attacker)
        return sum(domain.hypercalls.values()), domain.hypercalls_refused

    def frames(self, domid: int) -> list[int]:
        extents = self.xen.machine.owned_frames()[domid]
        return [mfn for first, count in extents for mfn in range(first, first + count)]

    def picture(self) -> list[object]:
        found: list[object] = []
        for domid in (0, self.victim, self.onlooker):
            domain = self.xen.machine._host.domains.find(domid)
            found += [
                (domid, domain.life, domain.incarnation, domain.pause_count, domain.reason),
                {port: repr(channel) for port, channel in sorted(domain.ports.channels.items())},
                sorted(domain.ports.pending),
                sorted(domain.grants.pins.items(), key=repr),
                sorted(domain.grants.maptrack.items(), key=repr),
                domain.physmap.extents(),
                domain.physmap.max_pages,
                [bytes(self.xen.memory.frame(mfn)) for mfn in [*self.frames(domid), *domain.grants.frames]],
            ]
        return found

    def everybody_goes_on(self) -> None:
        """Each of the others does what it always did."""
        xen = self.xen
        for domid in (0, self.victim, self.onlooker):
            assert xen.ret(domid, "xen_version.version") == 0x40011
        offer = {"remote_dom": self.victim, "remote_port": self.port}
        port = xen.out(0, "event_channel_op.bind_interdomain", "local_port", **offer)
        before = len(xen.upcalls(self.victim))
        assert xen.ret(0, "event_channel_op.send", port=port) == 0
        assert xen.upcalls(self.victim)[before:] == [[self.port]]
        ret, out = xen.call(0, "grant_table_op.unmap_grant_ref", handle=self.handle)
        assert (ret, out["status"]) == (0, 0)


@pytest.fixture
def street() -> Neighbourhood:
    return Neighbourhood()
