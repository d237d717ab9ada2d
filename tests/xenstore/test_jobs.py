"""What a daemon does in several steps, and what of it side by side."""

from actors.kernel.threads import Future, Threads
from actors.xenstore.jobs import Jobs


class Work:
    """Jobs that begin, wait for the test, and end."""

    def __init__(self) -> None:
        self.threads = Threads()
        self.jobs = Jobs()
        self.begun: list[str] = []
        self._ends: dict[str, Future[None]] = {}
        self.jobs.start(self.threads)

    def job(self, name: str):
        async def body() -> None:
            self.begun.append(name)
            self._ends[name] = Future()
            await self._ends[name]

        return body

    def end(self, *names: str) -> None:
        for name in names:
            self._ends[name].set(None)
        self.threads.run(0)


def test_jobs_go_one_after_the_other() -> None:
    work = Work()
    for name in "ab":
        work.jobs.add(work.job(name))
    work.threads.run(0)
    assert work.begun == ["a"]
    work.end("a")
    assert work.begun == ["a", "b"]


def test_jobs_about_different_domains_go_side_by_side_and_what_is_between_waits_for_all_before() -> None:
    work = Work()
    for name, domid in (("a", 1), ("b", 2), ("a again", 1), ("c", 3), ("all", None), ("d", 4)):
        work.jobs.add(work.job(name), domid)
    work.threads.run(0)
    assert work.begun == ["a", "b"], "a domain is in one job at a time"
    work.end("b")
    assert work.begun == ["a", "b"]
    work.end("a")
    assert work.begun[2:] == ["a again", "c"]
    work.end("a again", "c")
    assert work.begun[4:] == ["all"]
    work.end("all")
    assert work.begun[5:] == ["d"]


def test_the_last_job_waits_for_what_is_under_way_and_for_nothing_else() -> None:
    work = Work()
    for name, domid in (("a", 1), ("b", 2), ("all", None)):
        work.jobs.add(work.job(name), domid)
    work.threads.run(0)
    work.jobs.end_with(work.job("last"))
    work.jobs.add(work.job("late"), 5)
    work.end("a", "b")
    assert work.begun == ["a", "b", "last"]
    work.end("last")
    assert work.jobs.ended.done
    assert "late" not in work.begun
