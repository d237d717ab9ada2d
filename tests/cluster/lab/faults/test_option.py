import pytest

from cluster.lab.faults.kinds import OPTIONS


@pytest.mark.parametrize(
    ("name", "given", "wire_name", "resolved"),
    [
        ("operations", None, "operations", ["read", "write", "flush"]),
        ("operations", [], "operations", ["read", "write", "flush"]),
        ("operations", ["read"], "operations", ["read"]),
        ("interval", None, "interval_ns", 100_000),
        ("interval", 7, "interval_ns", 7),
        ("delay", 0, "delay_ns", 0),
        ("jitter", None, "jitter_ns", 0),
        ("messages", None, "messages", []),
        ("messages", ["Upcall"], "messages", ["Upcall"]),
        ("factor", None, "factor", 10.0),
        ("factor", 2, "factor", 2.0),
    ],
)
def test_an_option_is_sent_under_its_name_with_its_unit_as_given_or_by_default(
    name: str, given: object, wire_name: str, resolved: object
) -> None:
    option = OPTIONS[name]

    assert option.wire_name == wire_name
    assert option.resolved(given) == resolved
    assert type(option.resolved(given)) is type(resolved)
