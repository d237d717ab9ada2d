"""The rate of an interface, as xl writes it."""

import pytest

from cluster.lab.config.vif_rate import parse_vif_rate


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("10Mb/s", "62500,50000"),
        ("250KB/s", "12500,50000"),
        ("1MB/s@20ms", "20000,20000"),
        ("10Mb/s@20ms", "25000,20000"),
        ("1GB/s@1s", "1000000000,1000000"),
        ("100B/s@1", "100,1000000"),
        ("8000b/s@500m", "500,500000"),
        ("1MB/s@500us", "500,500"),
        ("1MB/s@500u", "500,500"),
        ("010KB/s@1s", "8000,1000000"),
        ("1GB/s@5s", "5000000000,5000000"),
    ],
)
def test_a_rate_is_bytes_for_each_interval(text: str, node: str) -> None:
    assert parse_vif_rate(text).node == node


@pytest.mark.parametrize(
    "text",
    [
        "", "10", "10Mb", "Mb/s", "10mb/s", "10TB/s", "10.5MB/s", " 10MB/s", "-1MB/s", "0MB/s", "10MB/s@",
        "@1s", "10MB/s@1h", "10MB/s@0s", "10MB/s@-1s", "1MB/s@1s@1s", "4294967296B/s", "1B/s@1us",
        "7b/s@1s", "1KB/s@4295s", "089MB/s", "1٣MB/s",
    ],
)  # fmt: skip
def test_what_is_no_rate_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="; "):
        parse_vif_rate(text)
