"""A guest's secrets reach nobody else: what it writes to its disk, console, memory and XenStore."""

from random import Random

import pytest

from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import Consoleio, Domctl, Gnttabop, Sysctl, Xenver
from actors.abi.hypercalls import Hypercall as Number
from actors.domu.guest import Guest
from actors.hypervisor.console import Console
from actors.hypervisor.grant_table import GrantTable
from actors.hypervisor.versions import Versions
from actors.messages import ConsoleOutput, Hypercall, HypercallReply
from actors.notebook.stamp import stamp_block
from actors.xenstore.permissions import Access
from cluster.studies.campaign.guest_secrets import GuestSecrets
from cluster.studies.campaign.planted import planted
from cluster.studies.campaign.trial import run_trial
from cluster.studies.campaign.witness import RunWitness

EXTRAVERSION = int(Xenver.extraversion)
DOMIDS = range(1, 10)
GREFS = range(8, 24)
COPIED_BYTES = 128
UNSCRUBBED_SEED = 40
PAUSE_NS = 20_000_000
NOT_FOR_OTHERS = {Errno.EACCES, Errno.ENOENT}


class TalkingGuests(RunWitness):
    """Each guest also keeps words to itself in every place it has, and pries into those of the others.

    All actors are looked at: nobody is sent a nonce, and words only the console's owner.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pried = 0
        self.looked_at: dict[str, int] = {}

    def started(self, address, machine):
        super().started(address, machine)
        if isinstance(machine, Guest):
            number = machine.configuration.guest_id
            words = Random(f"words of {number}").randbytes(16).hex()
            self.secrets.add_words(number, words.encode())
            boot = machine.boot

            async def boot_and_talk() -> None:
                await boot()
                machine.threads.spawn("talk", self._talk(machine, words))

            machine.boot = boot_and_talk

    def tap(self, address, machine):
        number = machine.configuration.guest_id if isinstance(machine, Guest) else 0
        return lambda message: self._look(address, number, message)

    def _look(self, address, number, message):
        kind = type(message).__name__
        self.looked_at[kind] = self.looked_at.get(kind, 0) + 1
        if type(message) is Hypercall and message.number == Number.console_io:
            return  # on its way to the console
        if type(message) is not ConsoleOutput:
            self.delivered(address, number, message)

    async def _talk(self, guest, words):
        secret, kept = guest.pages.allocate(), guest.pages.allocate()
        guest.pages.frame(secret)[100:132] = words.encode()
        guest.xen.post(Number.console_io, Consoleio.write, {"count": len(words), "buf": words.encode()})
        guest.log(words)
        await guest.xenbus.write("data/words", words)
        own = await guest.xenbus.read("domid")
        await guest.xenbus.set_perms("data/words", [f"n{own}"])
        while True:
            await self._pry(guest, int(own), kept)
            self.pried += 1
            await guest.threads.sleep(PAUSE_NS)

    async def _pry(self, guest, own, kept):
        """What it is given, it keeps."""
        for domid in DOMIDS:
            try:
                found = await guest.xenbus.read(f"/local/domain/{domid}/data/words")
                if domid != own:
                    guest.pages.frame(kept)[: len(found)] = found.encode()
            except XenError as error:
                if error.errno not in NOT_FOR_OTHERS:
                    raise
            for ref in GREFS if domid != own else ():
                there = {"domid": domid, "ref": ref, "offset": 0}
                here = {"domid": 0x7FF0, "gmfn": kept, "offset": ref * COPIED_BYTES}
                what = {"source": there, "dest": here, "len": COPIED_BYTES, "flags": 1}
                await guest.xen.call(Number.grant_table_op, Gnttabop.copy, what)
        for number, command in (
            (Number.console_io, Consoleio.read), (Number.sysctl, Sysctl.readconsole),
            (Number.domctl, Domctl.getvcpucontext), (Number.xen_version, EXTRAVERSION),
        ):  # fmt: skip
            await guest.xen.call(number, command, {"count": 4096, "clear": 0, "domain": 1, "vcpu": 0})


def run(plan, seed):
    witness = TalkingGuests()
    finished = run_trial(plan().case(seed), witness=witness)
    return witness, finished.trial


@pytest.mark.parametrize("seed", range(6))
def test_no_secret_of_a_guest_reaches_anybody_else_while_faults_strike(plan, seed):
    witness, trial = run(plan, seed)

    assert (trial.failed, trial.unknown) == ({}, {})
    assert trial.faults
    assert witness.pried > 4
    kinds = {"HypercallReply", "Upcall", "Hypercall", "MmioWrite"}
    assert kinds <= set(witness.looked_at)


def leak_by_store(monkeypatch):
    """XenStore lets everybody read everything."""
    monkeypatch.setattr(
        "actors.xenstore.operations.access_of", lambda *_: Access.READ | Access.WRITE | Access.OWNER
    )


def leak_by_grant(monkeypatch):
    """A grant is for whoever asks."""
    pin = GrantTable.pin

    def careless(self, ref, _domid, flags, *, copies=False):
        entry = self.words[0][ref * 2]
        return pin(self, ref, entry >> 16, flags, copies=copies)

    monkeypatch.setattr(GrantTable, "pin", careless)


def leak_by_answer(monkeypatch):
    """The hypervisor's buffer for texts is never emptied."""
    buffer = [b""]
    commands = Versions.commands

    def write(_self, _caller, arguments):
        buffer[0] = arguments["buf"]
        return 0

    def extraversion(_caller, _arguments):
        return 0, {"extraversion": buffer[0]}

    monkeypatch.setattr(Console, "write", write)
    monkeypatch.setattr(Versions, "commands", lambda self: commands(self) | {EXTRAVERSION: extraversion})


@pytest.mark.parametrize(
    ("leak", "says"),
    [(leak_by_store, "holds what guest"), (leak_by_grant, "holds what guest"), (leak_by_answer, "brought")],
)
def test_a_leak_is_found(plan, monkeypatch, leak, says):
    leak(monkeypatch)

    assert says in run(plan, 0)[1].failed["isolation"]


def test_memory_that_is_not_scrubbed_is_found_by_what_no_intact_sector_holds(plan, monkeypatch):
    monkeypatch.setattr("cluster.studies.campaign.witness._owners", lambda _content: [])
    with planted("skip-scrub"):
        failed = run(plan, UNSCRUBBED_SEED)[1].failed

    assert "holds what guest" in failed["isolation"]


def test_a_nonce_is_found_in_half_a_sector_and_in_a_message_at_any_byte():
    secrets, nonce = GuestSecrets(), 0xFEDCBA9876543210
    secrets.add_nonce(7, nonce)
    secrets.add_words(8, b"sesame, open")
    half = bytearray(4096)
    half[256:512] = stamp_block(7, 51712, 0, 1, 1, nonce)[256:]

    assert secrets.owners_in_frame(memoryview(half)) == [7]
    assert secrets.owners_in_frame(memoryview(bytes(4096))) == []
    assert secrets.owners_in_message(HypercallReply(1, 0, {"x": b"1" + nonce.to_bytes(8, "little")})) == [7]
    assert secrets.owners_in_message(HypercallReply(1, 0, {"mfn": nonce})) == [7]
    assert secrets.owners_in_message(HypercallReply(1, 0, {"x": nonce ^ 1, "text": "sesame, open!"})) == [8]
    assert secrets.owners_in_message(HypercallReply(1, 0, None)) == []
