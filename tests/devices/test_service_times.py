"""How long the disk takes for a command."""

from tests.devices.disk_rig import DELAYS, FLUSH, READ, WRITE, Rig


def test_commands_complete_in_the_order_of_their_service_times():
    rig = Rig(**DELAYS)
    for command_id, opcode in enumerate([READ, FLUSH, WRITE, READ]):
        rig.put(opcode, command_id=command_id)
    rig.ring()
    order = []
    for due_ns in (10, 20, 30):
        assert rig.disk.next_deadline_ns() == due_ns
        rig.pass_time(due_ns)
        order += rig.take()
    assert order == [(2, 0), (1, 0), (0, 0), (3, 0)]
    assert rig.disk.statistics().in_flight == 0


def test_service_times_are_drawn_where_they_are_given():
    rig = Rig(service={"read": ["uniform", [100, 200]]}, seed="1", write_cache=False)
    drawn = set()
    for _ in range(20):
        rig.put(READ, 3)
        rig.ring()
        drawn.add(rig.disk.next_deadline_ns() - rig.now_ns)
        rig.pass_time(rig.disk.next_deadline_ns())
        rig.take()
    assert len(drawn) > 5
    assert all(100 <= each <= 200 for each in drawn)
    assert rig.run(WRITE, 3) == 0
