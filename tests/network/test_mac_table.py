from random import Random

import pytest

from actors.network.mac_address import BROADCAST, NOBODY, is_group, is_link_local, is_station, parse_mac
from actors.network.mac_table import AGEING_NS, MacTable

S = 1_000_000_000


def mac(number: int) -> bytes:
    return b"\x00\x16\x3e" + number.to_bytes(3)


def test_what_is_learnt_is_known_for_300_seconds_after_the_last_frame():
    table = MacTable()
    table.learn(mac(1), "a", 5)
    assert table.find(mac(1), 5 + 300 * S - 1) == "a"
    assert table.find(mac(1), 5 + 300 * S) is None
    table.learn(mac(1), "a", 100 * S)
    assert table.find(mac(1), 400 * S - 1) == "a"
    assert table.find(mac(2), 0) is None
    assert AGEING_NS == 300 * S


def test_a_station_that_moves_is_where_it_was_heard_last():
    table = MacTable()
    table.learn(mac(1), "a", 0)
    table.learn(mac(1), "b", 1)
    assert (table.find(mac(1), 2), len(table)) == ("b", 1)


def test_a_full_table_learns_nothing_until_somebody_is_forgotten():
    table = MacTable(ageing_ns=100, limit=3)
    for number in range(3):
        table.learn(mac(number), "a", 10 * number)
    table.learn(mac(9), "b", 99)
    assert (table.find(mac(9), 99), table.not_learnt, len(table)) == (None, 1, 3)
    table.learn(mac(0), "b", 99)
    assert table.find(mac(0), 99) == "b", "who is known already may move"
    table.learn(mac(9), "b", 110)
    assert (table.find(mac(9), 110), table.not_learnt) == ("b", 1)
    assert table.rows(110) == {mac(2): "a", mac(0): "b", mac(9): "b"}


def test_a_port_that_goes_takes_what_was_learnt_of_it():
    table = MacTable()
    table.pin(mac(1), "a")
    for number, port in ((2, "a"), (3, "b")):
        table.learn(mac(number), port, 0)
    table.forget_port("a")
    assert table.rows(0) == {mac(1): "a", mac(3): "b"}
    table.forget_port("a", pinned=True)
    assert table.rows(0) == {mac(3): "b"}


def test_what_is_pinned_does_not_move_or_age():
    table = MacTable()
    table.learn(mac(1), "b", 0)
    table.pin(mac(1), "a")
    table.learn(mac(1), "b", 0)
    assert table.find(mac(1), 10**15) == "a"
    assert (table.may_be_behind(mac(1), "a"), table.may_be_behind(mac(1), "b")) == (True, False)
    table.pin(mac(1), "a")
    with pytest.raises(ValueError, match="00:16:3e:00:00:01 is behind a already"):
        table.pin(mac(1), "b")


@pytest.mark.parametrize("seed", range(5))
def test_it_says_what_a_list_of_all_frames_says(seed):
    random, table, heard = Random(seed), MacTable(ageing_ns=50), []
    now_ns = 0
    for _ in range(2000):
        now_ns += random.randrange(4)
        number, port = random.randrange(30), random.choice("abc")
        if random.random() < 0.5:
            table.learn(mac(number), port, now_ns)
            heard.append((number, port, now_ns))
        else:
            fresh = [row[1] for row in heard if row[0] == number and now_ns - row[2] < 50]
            assert table.find(mac(number), now_ns) == (fresh[-1] if fresh else None)


def test_addresses():
    assert parse_mac("00:16:3e:0A:bc:01") == bytes.fromhex("00163e0abc01")
    for text in (
        "",
        "00:16:3e:0a:bc",
        "00-16-3e-0a-bc-01",
        "00:16:3e:0a:bc:01:",
        "0:16:3e:0a:bc:01",
        "00163e0abc01",
    ):
        with pytest.raises(ValueError, match="no MAC address"):
            parse_mac(text)
    assert (is_group(BROADCAST), is_station(BROADCAST), is_station(NOBODY)) == (True, False, False)
    assert (is_group(mac(1)), is_station(mac(1))) == (False, True)
    assert [is_link_local(bytes.fromhex(f"0180c20000{last}")) for last in ("00", "0e", "0f", "10")] == [
        True, True, True, False,
    ]  # fmt: skip
