"""What frontends of the world do that others do not, state by state."""

import pytest

from actors.abi.interface import XenbusState as S
from tests.kernel.toy_front import BACK, FRONT, Toy

DEAD = ["stock-linux", "linux-7", "windows-pv", "netbsd", "freebsd", "mirage"]
"""Those that do nothing about a backend that is gone, or is there again and knows nothing of their rings."""


@pytest.mark.parametrize("policy", DEAD)
def test_a_backend_that_dies_and_begins_anew_is_ignored(policy):
    toy = Toy(policy)
    toy.bring_to(S.Connected)
    toy.told()
    toy.world.remove(BACK)
    toy.world.run()
    for state in (S.Initialising, S.InitWait):
        toy.back(state)
    assert (toy.told(), toy.front.asked, toy.front.state) == ([], [], S.Connected)


def test_linux_7_takes_a_node_that_is_reset_for_another_device():
    toy = Toy("linux-7")
    toy.bring_to(S.Connected)
    toy.told()
    toy.put_in_place(backend_id="5", state="1")
    assert toy.front.asked == ["drain", "fail", "release", "revive"]
    assert toy.told() == [], "what is in the node belongs to the new device"
    toy.front.asked.clear()
    toy.back(S.InitWait)
    toy.back(S.Connected)
    assert toy.front.asked == ["offer to 5", "read red", "attach"]
    assert toy.told() == [S.Initialised, S.Connected]


def test_linux_7_waits_for_what_is_in_flight_before_it_lets_the_old_device_go():
    toy = Toy("linux-7")
    toy.bring_to(S.Connected)
    toy.told()
    toy.front.owed = True
    toy.put_in_place(state="1")
    toy.back(S.InitWait)
    assert (toy.told(), toy.front.state, "release" in toy.front.asked) == ([], S.Connected, False)
    toy.front.owed = False
    toy.back(S.InitWait)
    assert toy.front.asked[-3:] == ["release", "revive", "offer to 0"]


def test_linux_7_does_nothing_about_a_backend_id_alone():
    toy = Toy("linux-7")
    toy.bring_to(S.Connected)
    toy.put_in_place(backend_id="5")
    assert (toy.front.asked, toy.front.state) == (["refresh"], S.Connected)


def test_linux_7_tells_a_new_device_by_its_backend_before_the_old_one_got_anywhere():
    toy = Toy("linux-7")
    toy.put_in_place(backend_id="0", state="1")
    assert toy.front.asked == []
    toy.put_in_place(backend_id="5", state="1")
    assert toy.front.asked == ["drain", "fail", "release", "revive"]


@pytest.mark.parametrize("policy", ["reconnect", "stock-linux"])
def test_others_leave_a_node_that_is_reset_alone(policy):
    toy = Toy(policy)
    toy.bring_to(S.Connected)
    toy.put_in_place(state="1")
    assert set(toy.front.asked) <= {"refresh"}
    assert toy.front.state is S.Connected


def test_linux_does_not_let_a_device_go_whose_requests_have_no_answer():
    toy = Toy("stock-linux")
    toy.bring_to(S.Connected)
    toy.front.owed = True
    toy.world.remove(BACK)
    toy.world.remove(FRONT)
    toy.world.run()
    toy.world.attach_nodes("toy/7")
    toy.back(S.InitWait)
    assert toy.key("state") == "1", "as seen on Linux 6.1: frontend 1, backend 2, for ever"
    assert set(toy.front.asked) == {"drain"}


def test_windows_closes_before_it_connects():
    toy = Toy("windows-pv")
    toy.told()
    for answer, told in [
        (S.InitWait, S.Closing),
        (S.Closing, S.Closed),
        (S.Closed, S.Initialising),
        (S.InitWait, S.Initialised),
        (S.Connected, S.Connected),
    ]:
        toy.back(answer)
        assert toy.told() == [told]
    assert toy.connected.done
    assert toy.front.asked[-3:] == ["offer to 0", "read red", "attach"]


@pytest.mark.parametrize(("answers", "stands"), [([], S.Closing), ([S.Closing], S.Closed)])
def test_windows_hangs_at_a_backend_that_ignores_that_it_closes(answers, stands):
    toy = Toy("windows-pv")
    toy.back(S.InitWait)
    for state in answers:
        toy.back(state)
    toy.told()
    toy.world.advance(3_600_000_000_000)
    assert (toy.front.state, toy.told(), toy.connected.done) == (stands, [], False)


@pytest.mark.parametrize("state", [S.Closing, S.Closed])
def test_windows_ignores_a_backend_that_closes_and_does_not_go(state):
    toy = Toy("windows-pv")
    toy.bring_to(S.Connected)
    toy.told()
    toy.back(state)
    assert (toy.told(), toy.front.asked, toy.front.state) == ([], [], S.Connected)


def test_windows_ejects_a_disk_whose_backend_goes_and_closes_the_next_one_first():
    toy = Toy("windows-pv")
    toy.bring_to(S.Connected)
    toy.told()
    toy.world.write(f"{BACK}/online", "0")
    toy.back(S.Closing)
    assert (toy.told(), toy.front.asked) == ([S.Closing, S.Closed], ["fail", "release"])
    toy.detach_and_attach()
    assert toy.front.state is S.Initialising
    toy.told()
    toy.back(S.InitWait)
    assert toy.told() == [S.Closing]
    toy.back(S.Closing)
    toy.back(S.Closed)
    toy.bring_to(S.Connected)


@pytest.mark.parametrize("state", [S.Closing, S.Closed])
def test_netbsd_closes_when_what_is_in_flight_has_its_answers(state):
    toy = Toy("netbsd")
    toy.bring_to(S.Connected)
    toy.told()
    toy.front.owed = True
    toy.back(state)
    assert (toy.told(), toy.front.state, set(toy.front.asked)) == ([], S.Connected, {"drain"})
    toy.front.owed = False
    toy.back(state)
    assert toy.told() == [S.Closing, S.Closed]
    assert toy.front.asked[-2:] == ["fail", "release"]


def test_netbsd_hangs_at_a_backend_that_closes_and_answers_no_more():
    toy = Toy("netbsd")
    toy.bring_to(S.Connected)
    toy.front.owed = True
    toy.told()
    toy.back(S.Closing)
    toy.world.advance(3_600_000_000_000)
    toy.back(S.InitWait)
    assert (toy.told(), toy.front.state, "release" in toy.front.asked) == ([], S.Connected, False)


def test_freebsd_refuses_to_close_a_disk_that_is_in_use_and_ignores_that_its_backend_did():
    toy = Toy("freebsd")
    toy.bring_to(S.Connected)
    toy.told()
    toy.back(S.Closing)
    assert "toyfront: device/toy/7: Device in use; refusing to close" in toy.guest.logs
    toy.back(S.Closed)
    assert (toy.told(), toy.front.asked, toy.front.state) == ([], [], S.Connected)


@pytest.mark.parametrize("own", [S.Initialising, S.Initialised])
def test_freebsd_closes_a_disk_that_nobody_uses_yet(own):
    toy = Toy("freebsd")
    toy.bring_to(own)
    toy.told()
    toy.back(S.Closed)
    assert toy.told() == []
    toy.back(S.Closing)
    assert toy.told() == [S.Closing, S.Closed]


def test_freebsd_loses_a_disk_whose_node_is_taken_from_it():
    toy = Toy("freebsd")
    toy.bring_to(S.Connected)
    toy.back(S.Closing)
    toy.world.remove(FRONT)
    toy.world.run()
    assert toy.front.asked == ["fail", "release"]


def test_mirage_heeds_nothing_once_it_is_connected_not_even_that_its_node_is_gone():
    toy = Toy("mirage")
    toy.bring_to(S.Connected)
    toy.told()
    for state in S:
        toy.back(state)
    assert (toy.told(), toy.front.asked) == ([], [])
    toy.detach_and_attach()
    toy.told()
    toy.back(S.InitWait)
    assert (toy.told(), toy.front.asked, toy.front.state) == ([], [], S.Connected)


def test_mirage_closes_by_steps_when_its_guest_says_so_and_begins_anew():
    toy = Toy("mirage")
    toy.bring_to(S.Connected)
    toy.told()
    toy.disconnect(for_good=False)
    toy.front.reopen()
    told = [toy.told()]
    for state in (S.Closing, S.Closed, S.InitWait):
        toy.back(state)
        told.append(toy.told())
    assert told == [[S.Closing], [S.Closed], [S.Initialising], [S.Initialised]]
