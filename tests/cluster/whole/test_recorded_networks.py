"""The handshake of a network interface beside that of a Linux, key by key, and how a stock frontend ends.

The tables name each key in which ours is another one, and why.
"""

import json
from pathlib import Path

import pytest

from actors.abi.xs_wire import XsType
from actors.address import Address
from actors.kernel.kernel import Kernel
from actors.kernel.threads import Future
from actors.runtime.machine import Machine
from actors.runtime.simulation import Simulation
from cluster.lab.config.loading import load_cluster
from cluster.lab.experiment.supervisor import Supervisor
from cluster.running.drivers.simulated import RunObserver, run_simulated
from tests.cluster.whole.recorded_networks import (
    BOUND_AGAIN,
    CREATED,
    DESTROYED,
    STATES_AFTER,
    TOOLSTACK_BACK,
    TOOLSTACK_FRONT,
    Row,
)

TRACES = Path(__file__).parents[4] / "shared/conformance/chapters/xenstore-traces.jsonl"
NET, GUEST = "host0/dom1", "host0/dom2"
BACK, FRONT = "/local/domain/1/backend/vif/2/0", "/local/domain/2/device/vif/0"
FAULT_NS = 300_000_000

NOT_WRITTEN = {
    ("back", "feature-xdp-headroom"): "no XDP: nobody reserves headroom in buffers",
    ("front", "xdp-headroom"): "the same, of the frontend",
    ("script", "front mtu"): "the toolstack has written the MTU of the bridge, and there is no other",
    (
        "toolstack front",
        "trusted",
    ): "no frontend of ours trusts a backend: all copy, as Linux does where this is 0",
    ("back", "RM hotplug-status"): "who plays the script writes it anew with InitWait",
}
OURS_ALONE = {
    ("back", "reconnect"): "what a backend does with the rings of a dead one, told to the frontend",
    ("back", "invitation"): "which InitWait an offer is to answer",
    ("front", "invitation"): "which one it answers",
    ("toolstack back", "mtu"): "a libxl from 4.18 on writes it there, too",
    ("toolstack back", "ip"): "that of the interface, as with ip= in xl.cfg",
}
OTHER_VALUES = {
    ("back", "feature-gso-tcpv6"): ("0", "segments of IPv6 are not cut"),
    ("back", "feature-multicast-control"): ("0", "everything for all goes to all"),
    ("back", "feature-dynamic-multicast-control"): ("0", "the same"),
}
AGAIN = "with Connected a backend writes all of its keys once more, for a store that was lost meanwhile"


class Writes(RunObserver):
    """All that kernels write to the store about interfaces, in order, with time and transaction."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, str, str, str, str]] = []
        self._simulation: Simulation

    def begins(self, simulation: Simulation, _supervisor: Supervisor) -> None:
        self._simulation = simulation

    def started(self, address: str, machine: Machine) -> None:
        if isinstance(machine, Kernel):

            def asked(kind: XsType, tx_id: int, payload: bytes, _answer: Future[bytes]) -> None:
                path, value = (*payload.decode().split("\0"), "")[:2]
                if ("vif" in path and kind is XsType.WRITE) or kind is XsType.RM:
                    home = "" if path.startswith("/") else f"/local/domain/{Address.parse(address).domid}/"
                    verb = f"{kind.name} {tx_id}"
                    self.rows.append((self._simulation.now_ns, address, verb, home + path, value))

            machine.store_observer = asked

    def ends(self, since_ns: int = 0) -> list[Row]:
        """What both ends and the script have written, up to the time at which the guest leaves."""
        rows: list[Row] = []
        for _, address, verb, path, value in self.while_it_lives(since_ns):
            folder, _, key = path.rpartition("/")
            who = {(NET, BACK): "back", (GUEST, FRONT): "front"}.get((address, folder))
            if who is not None and verb.startswith("WRITE"):
                rows.append(("script" if key == "hotplug-status" else who, key, value))
        return rows

    def while_it_lives(self, since_ns: int = 0) -> list[tuple[int, str, str, str, str]]:
        """What was written until the guest left."""
        leaves = (GUEST, f"{FRONT}/state", "5")
        end = next(at for at, row in enumerate(self.rows) if (row[1], *row[3:]) == leaves)
        return [row for row in self.rows[:end] if row[0] >= since_ns]


@pytest.fixture
def writes(tmp_path: Path):
    """Run a guest with an interface of a driver domain, for a second, with such faults."""

    def run(*faults: str, frontend: str = "stock-linux", on_crash: str = "restart") -> Writes:
        path = tmp_path / "recorded.yaml"
        path.write_text(f"""
name: recorded
seed: 1
run: {{duration: 1s, settle: 1s}}
hosts:
  - name: host0
    memory: 128MiB
    dom0: {{memory: 32MiB}}
    reconnect: renegotiate
    nics: [{{name: eth0}}]
    driver_domains: [{{name: net, memory: 16MiB, nics: [eth0], on_crash: {on_crash}}}]
    guests:
      - name: web-0
        memory: 16MiB
        frontend: {frontend}
        networks: [{{backend: net}}]
        talks: [{{kind: ping, to: web-1, rate: 100/s}}]
      - name: web-1
        memory: 16MiB
        networks: [{{backend: net}}]
faults: [{", ".join(faults)}]
""")
        observer = Writes()
        run_simulated(load_cluster(path), lambda _what, _text: None, None, trace=False, observer=observer)
        return observer

    return run


def expected(recorded: list[Row]) -> list[Row]:
    """What ours writes where Linux wrote this, without what is ours alone."""
    return [
        (end, key, OTHER_VALUES.get((end, key), (value, ""))[0])
        for end, key, value in recorded
        if (end, key) not in NOT_WRITTEN
    ]


def matched(seen: list[Row], recorded: list[Row]) -> list[Row]:
    """What was seen without what is ours alone, and without the values that are nobody's."""
    free = {(end, key) for end, key, value in recorded if value is None}
    shown = [row for row in seen if row[:2] not in OURS_ALONE]
    return [(end, key, None if (end, key) in free else value) for end, key, value in shown]


def test_both_ends_write_the_keys_that_linux_writes_in_its_order(writes) -> None:
    """Script and frontend wait for the backend, and not for each other: recordings have both orders."""
    rows = matched(writes(frontend="reconnect").ends(), CREATED)
    recorded, last = expected(CREATED), CREATED[-1]
    told = {end: [row for row in recorded if row[0] == end] for end in ("back", "script", "front")}

    assert [row for row in rows if row[0] == "front"] == told["front"]
    assert [row for row in rows if row[0] == "script"] == told["script"] * 2, AGAIN
    assert [row for row in rows if row[0] == "back"] == [*told["back"][:-1], *told["back"][:-2], last], AGAIN
    assert rows.index(("back", "state", "2")) < rows.index(("front", "tx-ring-ref", None))
    assert rows[-1] == last, "after the offer, and after the script"


@pytest.mark.parametrize(
    ("end", "folder", "recorded"), [("front", FRONT, TOOLSTACK_FRONT), ("back", BACK, TOOLSTACK_BACK)]
)
def test_the_toolstack_writes_the_keys_that_xl_writes_and_all_at_once(
    end: str, folder: str, recorded: dict[str, str | None], writes
) -> None:
    who = f"toolstack {end}"
    told = {
        path.rpartition("/")[2]: (verb, value)
        for _, address, verb, path, value in writes(frontend="reconnect").rows
        if address == "host0/dom0" and path.startswith(f"{folder}/")
    }
    shared = {key: value for key, (_, value) in told.items() if (who, key) not in OURS_ALONE}

    assert shared.keys() == {key for key in recorded if (who, key) not in NOT_WRITTEN}
    assert len({verb for verb, _ in told.values()}) == 1, "one transaction, whose order nobody sees"
    assert [(key, value) for key, value in shared.items() if recorded[key] not in {None, value}] == []


def test_a_stock_frontend_ignores_a_backend_that_is_bound_again(writes) -> None:
    seen = writes("{kind: netback-restart, target: host0/web-0/vif0, at: 300ms}")
    rows = seen.ends(FAULT_NS)

    assert matched(rows, BOUND_AGAIN) == [*expected(BOUND_AGAIN), ("script", "hotplug-status", "connected")]
    assert states(seen) == STATES_AFTER["net-06"]


def test_a_stock_frontend_keeps_all_that_it_has_when_its_driver_domain_is_gone_for_good(writes) -> None:
    seen = writes("{kind: crash, target: host0/net, at: 300ms}", on_crash="destroy")
    later = seen.while_it_lives(FAULT_NS)

    assert [path for *_, path, _ in later if path.startswith(FRONT)] == DESTROYED
    assert [row[2:4] for row in later if BACK.startswith(row[3])] == [("RM 0", "/local/domain/1")]
    assert states(seen) == (STATES_AFTER["net-15"][0], "4"), (
        "the last that was said; the nodes of one are gone"
    )


def states(seen: Writes) -> tuple[str | None, str | None]:
    """The last states of both ends, before the guest leaves."""
    last = {end: value for end, key, value in seen.ends() if key == "state"}
    return last["front"], last["back"]


def test_every_difference_is_one() -> None:
    recorded = {(end, key) for end, key, _ in (*CREATED, *BOUND_AGAIN)}
    recorded |= {("toolstack back", key) for key in TOOLSTACK_BACK}
    recorded |= {("toolstack front", key) for key in TOOLSTACK_FRONT}

    assert recorded >= NOT_WRITTEN.keys() | OTHER_VALUES.keys()


def rows_of(step: str) -> list[Row]:
    """The rows of a step in the recording, in the form of `recorded_networks`."""
    found: list[Row] = []
    for line in TRACES.read_text().splitlines():
        row = json.loads(line)
        path, who = row.get("path") or "", row["who"]
        if row["step"] != step or row["op"] not in {"WRITE", "RM"} or "vif/" not in path or who == "xl":
            continue
        folder, _, key = path.rpartition("/")
        end = "back" if "backend/" in folder else "front"
        if key == "mtu" and who.startswith("domain-"):
            end, key = "script", "front mtu"
        elif key == "hotplug-status" and row["op"] == "WRITE":
            end = "script"
        found.append((end, f"RM {key}" if row["op"] == "RM" else key, row.get("value")))
    return found


@pytest.mark.skipif(not TRACES.exists(), reason="the recordings are not here")
@pytest.mark.parametrize(
    ("step", "recorded"),
    [
        ("net-19-create-with-driver-domain-backend", CREATED),
        ("net-06-netback-unbind-bind", BOUND_AGAIN),
    ],
)
def test_the_rows_are_those_of_the_recording(step: str, recorded: list[Row]) -> None:
    told = rows_of(step)

    assert [row[:2] for row in told] == [row[:2] for row in recorded]
    assert [a for a, b in zip(told, recorded, strict=True) if b[2] is not None] == [
        b for b in recorded if b[2] is not None
    ]
