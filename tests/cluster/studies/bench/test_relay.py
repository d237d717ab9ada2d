"""A row of processes hands on what it is given; how fast is not checked here."""

import pytest

from cluster.studies.bench.relay import relayed_bits, relayed_messages, relayed_round_trip_us


@pytest.mark.parametrize("processes", [2, 4])
def test_all_bytes_reach_the_last_process(processes):
    assert relayed_bits(processes, 200_000) > 0
    assert relayed_messages(processes, 100, 500) > 0
    assert relayed_round_trip_us(processes, 100, 20) > 0
