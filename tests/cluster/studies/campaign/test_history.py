import json

from cluster.studies.campaign.history import History


def test_a_history_is_a_line_of_json_for_each_event() -> None:
    history = History()
    first = history.invoke("host0/web-0/51712", "write", "host0/web-0/51712/8+8", 0xABC, 10)
    second = history.invoke("host0/web-0/51712", "read", "host0/web-0/51712/0+8", 0, 11)
    history.ok(second, [7] * 8, 20)
    history.info(first, "the guest died", 30)

    lines = [json.loads(each) for each in history.lines()]

    assert [(each["index"], each["time"], each["process"], each["type"], each["f"]) for each in lines] == [
        (0, 10, 0, "invoke", "write"),
        (1, 11, 1, "invoke", "read"),
        (2, 20, 1, "ok", "read"),
        (3, 30, 0, "info", "write"),
    ]
    assert [each["value"] for each in lines] == [f"{0xABC:016x}", None, f"{7:016x}", f"{0xABC:016x}"]
    assert lines[3]["error"] == "the guest died"


def test_a_process_has_one_operation_at_a_time_and_none_after_an_info() -> None:
    history = History()
    first = history.invoke("a", "write", "k", 1, 0)
    other = history.invoke("a", "write", "l", 1, 0)
    history.ok(first, None, 1)
    third = history.invoke("a", "write", "k", 2, 2)
    history.info(other, "lost", 3)
    fourth = history.invoke("a", "write", "l", 2, 4)

    assert [each.process for each in (first, other, third, fourth)] == [0, 1, 0, 2]


def test_a_second_answer_is_a_problem_and_changes_nothing() -> None:
    history = History()
    operation = history.invoke("a", "read", "k", 0, 0)
    history.ok(operation, [1], 1)
    history.ok(operation, [2], 2)

    assert history.problems == ["a: read k was answered twice"]
    assert operation.result == [1]
    assert len(list(history.lines())) == 2


def test_sectors_that_differ_are_shown_each_once() -> None:
    history = History()
    history.ok(history.invoke("a", "read", "k", 0, 0), [1, 1, 2], 1)

    assert json.loads(list(history.lines())[1])["value"] == [f"{1:016x}", f"{2:016x}"]


def test_what_is_open_at_the_end_is_unknown() -> None:
    history = History()
    history.invoke("a", "write", "k", 1, 0)
    history.close(9)

    assert [json.loads(each)["type"] for each in history.lines()] == ["invoke", "info"]
