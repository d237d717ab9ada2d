"""What a fault is done to: printed and read the same way."""

import pytest

from cluster.lab.faults.target import Target


@pytest.mark.parametrize(
    ("text", "target", "name"),
    [
        ("host0", Target("host0"), ""),
        ("host0/sda", Target("host0", ("sda",)), "sda"),
        ("host0/web-0", Target("host0", ("web-0",)), "web-0"),
        ("host0/hypervisor:web-0", Target("host0", ("hypervisor", "web-0")), "hypervisor:web-0"),
        ("host0/web-0/xvda", Target("host0", ("web-0",), "xvda"), "web-0/xvda"),
        ("host0/web-0/", Target("host0", ("web-0",), ""), "web-0/"),
    ],
)
def test_a_target_is_taken_apart_in_one_way(text: str, target: Target, name: str) -> None:
    parsed = Target.parse(text)

    assert (parsed, str(parsed), parsed.name) == (target, text, name)
    assert Target.on(parsed.host, parsed.name) == parsed
