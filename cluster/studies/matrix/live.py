"""Some cells of a matrix in real processes, one run after the other."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from cluster.running.run.progress import Progress
from cluster.running.run.session import Session, SessionOptions
from cluster.studies.campaign.trial import Record
from cluster.studies.matrix.plan import MatrixPlan
from cluster.studies.matrix.trial import live_cell


def run_live(plan: MatrixPlan, numbers: list[int]) -> Iterator[Record]:
    """Run trials in real processes; records come as they are done. CannotStart if there is no room."""
    for number in numbers:
        cell, seed = plan.place(number)
        with TemporaryDirectory(prefix="domzero-") as folder:
            options = SessionOptions(out=Path(folder) / "run", private=True)
            session = Session(plan.case(number).cluster(), options, Progress.silent())
            yield live_cell(cell, session, number, seed).to_record()
