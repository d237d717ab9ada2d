"""What the network is measured with; how fast it is not checked here."""

import pytest

from cluster.studies.bench import network


@pytest.mark.processes
def test_a_stream_packets_and_echoes_are_measured_between_two_guests(monkeypatch):
    monkeypatch.setattr(network, "SECONDS", 1)
    monkeypatch.setattr(network, "DATAGRAMS", 100)
    assert network.stream_bits() > 0
    assert network.small_packets() > 0
    assert network.round_trip_us() > 0
