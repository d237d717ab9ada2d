"""Deaths of dom0 at random moments, and of the store with it: nothing is lost, nothing leaks."""

from random import Random

import pytest

from tests.block.worker import Worker

BACK = "/local/domain/0/backend/vbd/1/51712"
POLICIES = ["renegotiate", "resume"]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("persistent", [True, False], ids=["persistent", "granted-each-time"])
@pytest.mark.parametrize("seed", range(3))
def test_fifty_deaths_in_a_row_lose_nothing_and_leak_nothing(make_pair, policy, persistent, seed):
    pair = make_pair(policy)
    worker = Worker(pair, seed)
    frames = None
    for death in range(50):
        if not persistent:
            pair.grant_each_time()
        worker.issue(worker.random.randrange(60))
        pair.volume.hold = worker.random.random() < 0.7
        for _ in range(worker.random.randrange(12)):
            pair.world.turn()
        for _ in range(worker.random.randrange(20)):
            if pair.volume.held:
                pair.volume.complete(worker.random.randrange(len(pair.volume.held)))
            pair.world.turn()
        pair.world.kill(pair.dom0)
        for _ in range(worker.random.randrange(5)):
            pair.world.turn()
        pair.volume.hold = False
        pair.dom0_again(policy)
        assert not worker.busy
        pair.front.check()
        if death == 25:
            frames = used(pair)
    assert used(pair) == frames
    for at, data in worker.known.items():
        assert pair.volume.data[at * 4096 : at * 4096 + 4096] == data
    assert worker.acknowledged > 300
    statistics = pair.back.statistics()
    assert (statistics.resumes, statistics.renegotiations) == ((1, 0) if policy == "resume" else (0, 1))


def used(pair):
    kernel = pair.guest.kernel
    data = pair.front._frames._all
    assert len(pair.guest.ports) == 1
    assert kernel.grants.granted <= len(data) + 1
    return kernel.pages._next - len(kernel.pages._free) - len(data)


@pytest.mark.parametrize("seed", range(60))
def test_a_death_at_any_step_of_the_handshake_is_survived_whatever_the_policies(make_pair, seed):
    random = Random(seed)
    pair = make_pair(random.choice(POLICIES))
    worker = Worker(pair, seed)
    for _ in range(8):
        worker.issue(random.randrange(40))
        pair.volume.hold = random.random() < 0.5
        for _ in range(random.randrange(10)):
            pair.world.turn()
        pair.world.kill(pair.dom0)
        pair.volume.reset()
        pair.dom0 = pair.world.boot(0)
        pair.world.write(f"{BACK}/state", "1")
        pair.back = pair.world.backend(pair.dom0, pair.volume, random.choice(POLICIES))
        for _ in range(random.randrange(1, 60)):
            pair.world.turn()
            if pair.volume.held and random.random() < 0.2:
                pair.volume.complete(random.randrange(len(pair.volume.held)))
    pair.volume.hold = False
    pair.crash(random.choice(POLICIES))
    assert not worker.busy
    pair.front.check()
    for at, data in worker.known.items():
        assert pair.volume.data[at * 4096 : at * 4096 + 4096] == data


@pytest.mark.parametrize("policy", POLICIES)
def test_a_lost_store_is_survived(make_pair, policy):
    pair = make_pair(policy)
    worker = Worker(pair, 1)
    pair.volume.hold = True
    worker.issue(40)
    pair.world.run()
    pair.world.kill(pair.dom0)
    pair.world.lose_store()
    pair.volume.hold = False
    pair.volume.reset()
    pair.dom0 = pair.world.boot(0)
    pair.world.attach_nodes(front_state=None if policy == "resume" else 1)
    pair.back = pair.world.backend(pair.dom0, pair.volume, policy)
    pair.world.run()
    pair.world.reconnect_stores()
    pair.world.run()
    assert not worker.busy
    assert pair.front.statistics().reconnects == (policy == "renegotiate")
    assert pair.back.statistics().resumes == (policy == "resume")


def test_a_resume_that_is_refused_becomes_a_renegotiation(make_pair):
    pair = make_pair("renegotiate")
    worker = Worker(pair, 1)
    pair.volume.hold = True
    worker.issue(40)
    pair.world.run()
    pair.world.kill(pair.dom0)
    pair.volume.hold = False
    pair.dom0_again("resume")
    assert not worker.busy
    assert pair.front.statistics().reconnects == 1
    assert pair.back.statistics().resumes_refused == 1
    assert any("cannot resume" in line for line in pair.dom0.logs)
    worker.issue(40)
    pair.crash("resume")
    assert pair.back.statistics().resumes == 1
