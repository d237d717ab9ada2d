from cluster.studies.campaign.service_record import ServiceRecord, contradiction


def record(*events: tuple[int, bool], took_ns: int = 5) -> ServiceRecord:
    """A disk that answers at these times, well or not, what was asked `took_ns` before; first asked at 0."""
    service = ServiceRecord("host0/web")
    service.asked(0)
    for at_ns, well in events:
        service.answered(at_ns - took_ns, at_ns, well=well)
    return service


def test_an_error_ends_no_outage() -> None:
    service = record((10, True), (20, False), (90, True), (95, True))

    assert (service.longest_ns, service.errors, service.failing) == (80, 1, False)


def test_what_is_told_may_differ_by_the_time_in_which_nothing_is_asked() -> None:
    services = [record((10, True), (90, True)), record((5, True))]

    assert contradiction(services, told_ns=80, idle_ns=20) == ""
    assert contradiction(services, told_ns=60, idle_ns=20) == ""
    assert "80 ns without a success" in contradiction(services, told_ns=59, idle_ns=20)
    assert "80 ns without a success" in contradiction(services, told_ns=81, idle_ns=20)


def test_who_was_last_told_an_error_is_not_served() -> None:
    assert "an error" in contradiction([record((10, True), (20, False))], told_ns=10, idle_ns=0)


def test_an_error_says_nothing_about_what_was_asked_later() -> None:
    assert not record((10, True), (20, False), took_ns=15).failing


def test_when_the_work_is_done_nobody_is_out() -> None:
    service = record((10, True))
    service.finished()
    service.asked(5000)
    service.answered(5000, 5010, well=True)

    assert service.longest_ns == 10
