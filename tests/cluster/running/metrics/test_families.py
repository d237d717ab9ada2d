import pytest
from prometheus_client.parser import text_string_to_metric_families

from cluster.running.metrics import catalog
from cluster.running.metrics.families import Families, Histogram, LabelTexts

INFINITE = float("inf")


@pytest.fixture
def families() -> Families:
    return Families(LabelTexts({"cluster": "c", "host": "h"}))


def samples(families: Families, name: str) -> dict[tuple[str, ...], float]:
    """By the values of the labels besides cluster and host, as an independent parser reads them."""
    return {
        (each.name.removeprefix(f"domzero_{name}"), *list(each.labels.values())[2:]): each.value
        for family in text_string_to_metric_families(families.text().decode())
        for each in family.samples
        if family.name == f"domzero_{name}"
    }


def test_a_value_is_written_with_its_labels(families: Families) -> None:
    families.add(catalog.VBD_REQUESTS, 3, "web-0", "xvda", "read")

    assert samples(families, "vbd_requests") == {("_total", "web-0", "xvda", "read"): 3}


def test_what_would_break_the_text_is_escaped(families: Families) -> None:
    families.add(catalog.FAULTS_INJECTED, 1, 'a"b\\c\nd', "dom0")

    assert samples(families, "faults_injected") == {("_total", 'a"b\\c\nd', "dom0"): 1}


def test_guests_that_share_a_series_are_merged_as_the_catalogue_says(families: Families) -> None:
    for value in (1, 5, 3):
        families.add(catalog.GUEST_OUTAGE_SECONDS, value, "(all)")
        families.add(catalog.GUEST_BOOTS, value, "(all)")

    assert samples(families, "guest_outage_seconds") == {("", "(all)"): 5}
    assert samples(families, "guest_boots") == {("_total", "(all)"): 9}


def test_what_there_is_one_of_is_not_written_twice(families: Families) -> None:
    families.add(catalog.HOST_UP, 1)

    with pytest.raises(AssertionError, match="host_up"):
        families.add(catalog.HOST_UP, 1)


def test_histograms_are_cumulative_and_merge(families: Families) -> None:
    for count in (1, 2):
        histogram = Histogram((0.5, INFINITE), [count, count + 1], 0.25 * count)
        families.add_histogram(catalog.RECOVERY_DURATION_SECONDS, histogram, "total")

    assert samples(families, "recovery_duration_seconds") == {
        ("_bucket", "total", "0.5"): 3,
        ("_bucket", "total", "+Inf"): 5,
        ("_sum", "total"): 0.75,
        ("_count", "total"): 5,
    }


def test_the_library_is_told_the_same_as_the_text_says(families: Families) -> None:
    families.add(catalog.GUEST_UP, 1, "web-0")
    families.add(catalog.VBD_REQUESTS, 3, "web-0", "xvda", "read")
    families.add_histogram(catalog.RECOVERY_DURATION_SECONDS, Histogram((INFINITE,), [1], 2.0), "total")

    told = {
        (each.name, tuple(sorted(each.labels.items())), each.value)
        for metric in families.metrics()
        for each in metric.samples
    }
    read = {
        (each.name, tuple(sorted(each.labels.items())), each.value)
        for metric in text_string_to_metric_families(families.text().decode())
        for each in metric.samples
    }
    assert told == read
