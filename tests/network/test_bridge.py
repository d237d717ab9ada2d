"""The learning bridge: where frames go, and why some go nowhere."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.network.bridge import (
    BAD_SOURCE,
    HAIRPIN,
    LINK_LOCAL,
    NO_CARRIER,
    REASONS,
    SHORT,
    STANDBY,
    STOLEN,
    Bridge,
)
from actors.network.mac_address import BROADCAST, NOBODY
from actors.network.spoof_protection import SpoofProtection

S = 1_000_000_000
A, B, C, D = (bytes.fromhex(f"00163e00000{each}") for each in "abcd")
PORTS = ("eth0", "vif1.0", "vif2.0", "vif3.0")


def frame(source: bytes, target: bytes = BROADCAST, rest: bytes = b"\x88\xb5data") -> bytes:
    return target + source + rest


def a_bridge(**more) -> Bridge:
    bridge = Bridge(**more)
    for name in PORTS:
        bridge.add_port(name, uplink=name == "eth0")
    return bridge


def reasons(bridge: Bridge, port: str) -> dict[str, int]:
    return {reason: count for reason, count in bridge.drops(port).items() if count}


def test_who_is_not_known_is_looked_for_everywhere_but_where_the_frame_came_from():
    bridge = a_bridge()
    assert bridge.forward("vif1.0", frame(A, B), 0) == ("eth0", "vif2.0", "vif3.0")
    assert bridge.flooded == 1
    assert bridge.forward("vif2.0", frame(B, A), 1) == ("vif1.0",)
    assert bridge.forward("vif1.0", frame(A, B), 2) == ("vif2.0",)
    assert bridge.stations(2) == {A: "vif1.0", B: "vif2.0"}


def test_broadcast_and_multicast_go_to_all_others():
    bridge = a_bridge()
    for target in (BROADCAST, bytes.fromhex("01005e000001"), bytes.fromhex("0180c2000010")):
        assert bridge.forward("eth0", frame(A, target), 0) == ("vif1.0", "vif2.0", "vif3.0")
    assert bridge.flooded == 0, "they are meant for all"


def test_after_300_seconds_of_silence_a_station_is_looked_for_again():
    bridge = a_bridge()
    bridge.forward("vif1.0", frame(A), 0)
    assert bridge.forward("vif2.0", frame(B, A), 300 * S - 1) == ("vif1.0",)
    assert bridge.forward("vif2.0", frame(B, A), 300 * S) == ("eth0", "vif1.0", "vif3.0")


def test_nothing_goes_back_where_it_came_from():
    bridge = a_bridge()
    bridge.forward("vif1.0", frame(A), 0)
    bridge.forward("vif1.0", frame(B), 0)
    assert bridge.forward("vif1.0", frame(A, B), 0) == ()
    assert reasons(bridge, "vif1.0") == {HAIRPIN: 1}


@pytest.mark.parametrize(("reason", "data"), [
    (SHORT, b""), (SHORT, frame(A)[:13]), (BAD_SOURCE, frame(BROADCAST)), (BAD_SOURCE, frame(NOBODY)),
    (BAD_SOURCE, frame(bytes.fromhex("010000000001"))), (LINK_LOCAL, frame(A, bytes.fromhex("0180c200000e"))),
])  # fmt: skip
def test_what_no_bridge_forwards(reason, data):
    told = []
    bridge = a_bridge(refused=lambda *row: told.append(row))
    assert bridge.forward("vif1.0", data, 0) == ()
    assert reasons(bridge, "vif1.0") == {reason: 1}
    assert told == [("vif1.0", reason, data)]


def test_a_port_without_carrier_takes_and_gives_nothing():
    bridge = a_bridge()
    bridge.forward("vif1.0", frame(A), 0)
    bridge.set_carrier("vif1.0", up=False)
    assert bridge.forward("vif1.0", frame(A), 0) == ()
    assert reasons(bridge, "vif1.0") == {NO_CARRIER: 1}
    assert bridge.forward("vif2.0", frame(B, A), 0) == ("eth0", "vif3.0"), "it was forgotten with the carrier"
    bridge.set_carrier("vif1.0", up=True)
    assert bridge.forward("vif2.0", frame(B, A), 0) == ("eth0", "vif1.0", "vif3.0")


def test_a_port_that_is_removed_is_forgotten_and_may_come_back():
    bridge = a_bridge()
    bridge.forward("vif1.0", frame(A), 0)
    bridge.remove_port("vif1.0")
    assert bridge.forward("vif2.0", frame(B, A), 0) == ("eth0", "vif3.0")
    with pytest.raises(KeyError):
        bridge.forward("vif1.0", frame(A), 0)
    bridge.add_port("vif1.0")
    assert "vif1.0" in bridge.ports
    with pytest.raises(ValueError, match=r"vif1\.0 is there already"):
        bridge.add_port("vif1.0")


def test_of_two_uplinks_one_carries_so_there_is_no_loop():
    bridge = a_bridge()
    bridge.add_port("eth1", uplink=True)
    assert bridge.forward("vif1.0", frame(A), 0) == ("eth0", "vif2.0", "vif3.0")
    assert bridge.forward("eth1", frame(A), 1) == (), "what comes round again"
    assert reasons(bridge, "eth1") == {STANDBY: 1}
    assert bridge.forward("vif2.0", frame(B, A), 1) == ("vif1.0",), "nobody moved"


def test_the_next_uplink_takes_over_when_the_carrier_goes():
    bridge = a_bridge()
    bridge.add_port("eth1", uplink=True)
    bridge.forward("eth0", frame(D), 0)
    bridge.set_carrier("eth0", up=False)
    assert bridge.forward("vif1.0", frame(A, D), 1) == ("vif2.0", "vif3.0", "eth1")
    bridge.forward("eth1", frame(D), 2)
    assert bridge.forward("vif1.0", frame(A, D), 3) == ("eth1",)
    bridge.set_carrier("eth0", up=True)
    assert bridge.forward("vif1.0", frame(A, D), 4) == ("eth0", "vif2.0", "vif3.0"), "eth1 stands by"


def test_a_protected_address_belongs_to_its_port_alone():
    bridge = a_bridge()
    bridge.add_port("vif4.0", protection=SpoofProtection([D]))
    assert bridge.forward("vif1.0", frame(A, D), 10**15) == ("vif4.0",), "known without having spoken"
    assert bridge.forward("vif1.0", frame(D), 0) == ()
    assert bridge.forward("eth0", frame(D), 0) == ()
    assert reasons(bridge, "vif1.0") == reasons(bridge, "eth0") == {STOLEN: 1}
    assert bridge.forward("vif4.0", frame(D, A), 0)
    assert bridge.forward("vif4.0", frame(A, D), 0) == ()
    assert reasons(bridge, "vif4.0") == {"source-mac": 1}
    with pytest.raises(ValueError, match="is of another port"):
        bridge.add_port("vif5.0", protection=SpoofProtection([C, D]))
    assert "vif5.0" not in bridge.ports
    bridge.set_carrier("vif4.0", up=False)
    assert bridge.forward("vif1.0", frame(A, D), 0) == ()
    assert reasons(bridge, "vif1.0") == {STOLEN: 1, NO_CARRIER: 1}
    bridge.remove_port("vif4.0")
    bridge.add_port("vif5.0", protection=SpoofProtection([C, D]))


STEPS = st.lists(
    st.tuples(
        st.sampled_from(PORTS),
        st.sampled_from((A, B, C, D, NOBODY, BROADCAST)),
        st.sampled_from((A, B, C, D, BROADCAST)),
        st.integers(0, 200),
    ),
    max_size=60,
)


@given(STEPS)
@settings(max_examples=100, deadline=None)
def test_every_frame_goes_on_or_is_counted_and_none_goes_back(steps):
    bridge, where, now_s = a_bridge(), {}, 0
    for port, source, target, passed_s in steps:
        now_s += passed_s
        before = sum(sum(bridge.drops(each).values()) for each in PORTS)
        out = bridge.forward(port, frame(source, target), now_s * S)
        dropped = sum(sum(bridge.drops(each).values()) for each in PORTS) - before
        assert port not in out
        assert len(set(out)) == len(out)
        assert (dropped == 1) == (not out)
        if source not in {NOBODY, BROADCAST}:
            where[source] = (port, now_s)
            known = where.get(target)
            if known is not None and now_s - known[1] < 300:
                assert out == ((known[0],) if known[0] != port else ())
            else:
                assert out == tuple(each for each in PORTS if each != port)
    assert set(bridge.drops("eth0")) == set(REASONS)
