"""The read-back of the images of a run, as the files that they are."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from actors.notebook.journal import MemoryJournal
from cluster.lab.verdict.check import Verdict
from cluster.lab.verdict.run_facts import RunFacts
from cluster.lab.verdict.verification import Verification
from tests.cluster.lab.verdict.judged_run import SECTORS, Load, Run


class Files(Run):
    """A run whose images are files in a folder."""

    def place(self, folder: Path) -> RunFacts:
        """What is known of it, once its images are written."""
        facts = replace(self.facts(), cluster=self.cluster.placed(folder))
        for volume in facts.cluster.hosts[0].volumes:
            volume.path.parent.mkdir(exist_ok=True)
            volume.path.write_bytes(self.images[volume.guest])
        return facts

    def digest(self, name: str) -> None:
        """The guest has read all of its disk."""
        self.journal(name).set_digest(hashlib.sha256(self.images[name]).digest())


@pytest.fixture
def files(load: Load) -> Files:
    return Files(load())


def path_of(facts: RunFacts, name: str) -> Path:
    return next(each.path for each in facts.cluster.hosts[0].volumes if each.guest == name)


def test_every_acknowledged_write_is_found_in_the_files(files: Files, tmp_path: Path) -> None:
    verification = Verification(files.place(tmp_path), None)

    found = [verification.ledger(each) for each in files.guests]
    assert [(each.acknowledged, each.stable, each.lost) for each in found if each] == [(4, 4, 0)] * 2
    assert verification.troubles == []


def test_an_image_that_cannot_be_read_leaves_its_guest_unknown_and_the_others_judged(
    files: Files, tmp_path: Path
) -> None:
    facts = files.place(tmp_path)
    path_of(facts, "web-0").unlink()
    verification = Verification(facts, None)

    assert [verification.ledger(each) is None for each in files.guests] == [True, False]
    (trouble,) = verification.troubles
    assert trouble.startswith("host0/web-0-xvda: ")
    assert "No such file" in trouble


def test_an_image_that_somebody_has_written_to_since_is_not_judged(files: Files, tmp_path: Path) -> None:
    files.digest("web-0")
    facts = files.place(tmp_path)
    verification = Verification(replace(facts, changed_images=frozenset({path_of(facts, "web-0")})), None)

    assert verification.ledger(files.guest("web-0")) is None
    assert "somebody has written to it since the run" in verification.troubles[0]
    (check,) = verification.digests()
    assert check.verdict is Verdict.unknown
    assert check.detail.endswith("somebody has written to it since the run")


@pytest.mark.parametrize(("change", "verdict"), [(b"", Verdict.held), (b"x", Verdict.failed)])
def test_a_digest_is_that_of_the_whole_file(
    files: Files, tmp_path: Path, change: bytes, verdict: Verdict
) -> None:
    files.digest("web-0")
    facts = files.place(tmp_path)
    path = path_of(facts, "web-0")
    path.write_bytes(path.read_bytes()[: -len(change) or None] + change)

    (check,) = Verification(facts, None).digests()
    assert (check.name, check.verdict) == ("sha256 web-0 xvda", verdict)


def test_of_a_guest_that_wrote_nothing_no_image_is_needed(load: Load, tmp_path: Path) -> None:
    files = Files(load())
    facts = files.place(tmp_path)
    path_of(facts, "web-0").unlink()
    guest = files.guest("web-0")
    guest.journals[:] = [
        MemoryJournal(guest="host0/web-0", guest_id=1, virtual_device=51712, volume_sectors=SECTORS)
    ]

    ledger = Verification(facts, None).ledger(guest)
    assert ledger is not None
    assert ledger.acknowledged == 0
