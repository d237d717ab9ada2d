"""What a driver domain is told on its command line."""

from actors.drivers.driver_configuration import DriverConfiguration
from actors.drivers.interrupt_line import InterruptLine
from actors.policies import Reconnect

TOLD = DriverConfiguration(
    "storage", {"disks": (InterruptLine("sdb", 17, "level"),), "nics": ()}, Reconnect.resume, 2, True
)


def test_a_command_line_is_read_as_it_was_made() -> None:
    assert DriverConfiguration.parse(TOLD.cmd_line()) == TOLD


def test_a_device_with_several_lines_and_words_for_its_driver_is_read_as_it_was() -> None:
    line = InterruptLine("eth0", 18, "edge", 2, {"bridge": "xenbr1"})
    told = DriverConfiguration("net", {"disks": (), "nics": (line,)}, Reconnect.resume, 0)

    assert DriverConfiguration.parse(told.cmd_line()) == told
    assert list(line.gsis) == [18, 19]


def test_it_is_json_without_a_space() -> None:
    disks = '[{"name":"sdb","gsi":17,"trigger":"level"}]'

    policies = '"reconnect":"resume","watchdog_s":2,"tells_states":true'
    assert TOLD.cmd_line() == f'{{"name":"storage","disks":{disks},{policies}}}'
