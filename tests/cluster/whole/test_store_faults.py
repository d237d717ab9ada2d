"""xenstored dies and comes back: what its guests, their disks and what they had written notice of it."""

from pathlib import Path

import pytest

from actors.notebook.store_log_reader import StoreWord
from actors.xenstore.archive import ArchiveError
from actors.xenstore.memory_archive import MemoryArchive
from cluster.studies.campaign.planted import planted

PLACES = ("dom0", "stubdom")
KILLS = {"kind": "xenstored-kill", "target": "host0/xenstored", "at": "60ms", "every": "60ms", "count": 4}
UPDATE = {**KILLS, "kind": "xenstored-live-update"}


@pytest.fixture
def case(scenarios, variant):
    def make(domain: str, restart: str, *faults: dict[str, object], **guest: object):
        scenario = variant(
            scenarios["renegotiate-dom0-crash"],
            name=f"{domain}-{restart}",
            host={"memory": "96MiB", "xenstore": {"domain": domain, "restart": restart}},
            guest={"store": {"nodes": 4, "rate": "400/s"}, **guest},
            work={"rate": "200/s"},
            latency={"read": "1ms", "write": "1ms"},
            duration="500ms",
            faults=faults,
        )
        assert scenario.faults
        return scenario

    return make


def total(run, word: StoreWord) -> int:
    return sum(each.store_log.word(word) for each in run.supervisor.lab.guests.values())


def reconnects(run) -> int:
    logs = [each for each in (run.directory / "logs").iterdir() if "dom0" not in each.name]
    return sum(each.read_text().count("xenbus: reconnected") for each in logs)


@pytest.mark.parametrize("domain", PLACES)
def test_with_persist_guests_notice_nothing_of_kills(domain: str, case, laboratory) -> None:
    run = laboratory.simulate(case(domain, "persist", KILLS))

    assert run.report.verdict.value == "held", run.story()
    assert run.check("store writes") == "held"
    assert total(run, StoreWord.ACKNOWLEDGED) > 200
    assert (total(run, StoreWord.LOST), total(run, StoreWord.REFUSED), reconnects(run)) == (0, 0, 0)
    assert run.facts()["rings"] == 2, "no disk was connected anew"


@pytest.mark.parametrize("domain", PLACES)
def test_with_lose_nodes_are_lost_and_rebuilt_and_disks_go_on(domain: str, case, laboratory) -> None:
    run = laboratory.simulate(case(domain, "lose", KILLS))

    assert run.report.verdict.value == "held", run.story()
    assert run.check("store writes") == "held"
    assert total(run, StoreWord.LOST) > 0
    assert "lost with the store" in run.story()
    assert "lost and rebuilt, but for: nodes that guests wrote" in run.story()
    assert reconnects(run) == 8
    assert run.facts()["rings"] == 2, "no disk was connected anew"


@pytest.mark.parametrize("domain", PLACES)
@pytest.mark.parametrize(("restart", "loses"), [("lose", True), ("live-update", False), ("persist", False)])
def test_a_live_update_loses_nothing_where_there_is_one(
    domain: str, restart: str, case, laboratory, *, loses: bool
) -> None:
    run = laboratory.simulate(case(domain, restart, UPDATE))

    assert run.report.verdict.value == "held", run.story()
    assert (total(run, StoreWord.LOST) > 0) is loses
    assert (reconnects(run) > 0) is loses


@pytest.mark.parametrize("domain", PLACES)
@pytest.mark.parametrize("restart", ["lose", "live-update"])
def test_a_kill_loses_everything_without_a_journal(domain: str, restart: str, case, laboratory) -> None:
    run = laboratory.simulate(case(domain, restart, KILLS))

    assert run.report.verdict.value == "held", run.story()
    assert total(run, StoreWord.LOST) > 0


@pytest.mark.parametrize("domain", PLACES)
def test_a_persistent_store_outlives_dom0_too(domain: str, case, laboratory) -> None:
    crash = {"kind": "crash", "target": "host0/dom0", "at": "150ms", "every": "100ms", "count": 2}
    run = laboratory.simulate(case(domain, "persist", crash))

    assert run.report.verdict.value == "held", run.story()
    assert (total(run, StoreWord.LOST), reconnects(run)) == (0, 0)
    assert not any(each.name == "xenstore" for each in run.report.checks), "nothing had to be rebuilt"


def test_a_machine_that_boots_again_has_an_empty_store(case, laboratory, variant) -> None:
    scenario = case("dom0", "persist", {"kind": "hwdom-reboot", "target": "host0/dom0", "at": "150ms"})
    run = laboratory.simulate(variant(scenario, survivors="none"))

    assert run.report.verdict.value == "held", run.story()
    assert run.report.to_dict()["hosts"][0]["boots"] == 2


def test_a_dom0_that_dies_while_the_store_is_rebuilt_is_followed_by_one_that_rebuilds_it(
    case, laboratory
) -> None:
    kill = {**KILLS, "at": "150ms"}
    del kill["every"], kill["count"]
    for after_us in (20_000, 21_000, 22_000, 24_000, 30_000):
        crash = {"kind": "crash", "target": "host0/dom0", "at": f"{150_000 + after_us}us"}
        scenario = case("stubdom", "lose", kill, crash)
        run = laboratory.simulate(scenario, out=f"after-{after_us}")

        assert run.report.verdict.value == "held", run.story()


@pytest.mark.parametrize("restart", ["lose", "persist"])
def test_a_daemon_that_is_killed_before_it_serves_is_followed_by_another(
    restart: str, case, laboratory
) -> None:
    for after_us in (0, 4, 32):
        kills = [{**KILLS, "at": f"{60_000 + each * after_us}us", "every": "99ms"} for each in range(3)]
        run = laboratory.simulate(case("dom0", restart, *kills), out=f"after-{after_us}")

        assert run.report.verdict.value == "held", run.story()
        assert run.check("store writes") == "held"
        assert total(run, StoreWord.ACKNOWLEDGED) > 200
        log = (run.directory / "logs" / "host0-dom0.log").read_text()
        assert log.count("xenstored: Killed") == log.count("xenstored: started again") >= 8
        assert "no VIRQ_DOM_EXC" not in log


def test_a_guest_is_introduced_to_a_store_that_has_its_nodes_however_often_that_is_lost(
    scenarios, laboratory, variant
) -> None:
    for after_us in range(22_700, 23_500, 100):
        kills = [
            {
                "kind": "xenstored-kill",
                "target": "host0/xenstored",
                "at": f"{150_000 + each * after_us}us",
            }
            for each in range(2)
        ]
        scenario = variant(
            scenarios["renegotiate-dom0-crash"],
            host={"memory": "96MiB", "xenstore": "stubdom"},
            guest={"count": 4},
            latency={"read": "1ms", "write": "1ms"},
            faults=tuple(kills),
        )
        run = laboratory.simulate(scenario, out=f"after-{after_us}", invariants=False)

        assert run.report.verdict.value == "held", run.story()
        logs = [each.read_text() for each in (run.directory / "logs").iterdir()]
        assert not any("control/shutdown:" in each for each in logs), "a guest may always read its own nodes"


def test_a_stock_frontend_goes_on_under_persist_and_is_deaf_after_a_loss(case, laboratory) -> None:
    kept = laboratory.simulate(case("dom0", "persist", KILLS, frontend="stock-linux"), out="kept")
    lost = laboratory.simulate(case("dom0", "lose", KILLS, frontend="stock-linux"), out="lost")

    assert kept.report.verdict.value == "held", kept.story()
    assert kept.check("store writes") == "held"
    assert lost.check("ledger") == lost.check("liveness") == "held", "the rings of disks need no store"
    assert total(lost, StoreWord.WANTED) == 2, "who does not reconnect hangs"


def test_an_acknowledgement_before_the_journal_is_found(case, laboratory) -> None:
    with planted("acknowledge-before-journal"):
        run = laboratory.simulate(case("stubdom", "persist", KILLS), invariants=False)

    assert run.report.verdict.value == "failed"
    assert run.check("store writes") == "failed", run.story()


@pytest.mark.processes
@pytest.mark.parametrize("domain", PLACES)
def test_nothing_is_lost_when_real_processes_are_killed(
    domain: str, case, laboratory, control_sockets
) -> None:
    run = laboratory.run(laboratory.session(case(domain, "persist", KILLS, UPDATE)))

    assert run.report.verdict.value == "held", run.story()
    assert run.check("store writes") == "held"
    assert (total(run, StoreWord.LOST), reconnects(run)) == (0, 0)
    assert run.facts()["rings"] == 2


class Spoilt(MemoryArchive):
    """An archive that can be read once."""

    reads = 0

    def load(self):
        self.reads += 1
        if self.reads > 1:
            raise ArchiveError("stores/host0-1.db: database disk image is malformed")
        return super().load()


@pytest.mark.parametrize("domain", PLACES)
def test_a_store_that_cannot_be_read_again_ends_the_run_with_a_verdict(
    domain: str, case, laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cluster.running.drivers.simulated.MemoryArchive", Spoilt)
    run = laboratory.simulate(case(domain, "persist", KILLS))

    assert run.report.verdict.value == "failed"
    (reason,) = [each.detail for each in run.report.checks if each.name == "processes"]
    assert reason.startswith("host0/dom")
    assert reason.endswith("xenstored cannot be started: stores/host0-1.db: database disk image is malformed")


@pytest.mark.processes
def test_a_store_whose_file_is_none_any_more_ends_a_live_run_with_a_verdict(
    case, laboratory, control_sockets: Path
) -> None:
    session = laboratory.session(case("stubdom", "persist", KILLS))

    def spoil() -> None:
        for file in (session.directory / "stores").iterdir():
            file.unlink()  # the daemon that lives has mapped them
            file.write_bytes(b"no database" * 1000)

    session.when_up = spoil
    run = laboratory.run(session)

    assert run.report.verdict.value == "failed"
    (reason,) = [each.detail for each in run.report.checks if each.name == "processes"]
    assert "xenstored cannot be started" in reason
    assert "host0-1.db: file is not a database" in reason
    assert "Traceback" not in "".join(each.read_text() for each in (run.directory / "logs").iterdir())
