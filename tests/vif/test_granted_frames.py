"""The frames of a frontend: granted once, given anew to another domain, kept while somebody has them."""

import pytest

from actors.abi.errno import Errno, XenError
from actors.kernel.pages import OutOfPages
from actors.vif.granted_frames import GrantedFrames
from tests.xen.split_world import World


class Frames:
    """Four frames of a guest."""

    def __init__(self):
        self.world = World()
        self.dom0, self.guest = self.world.boot(0), self.world.boot(1)
        self.frames = GrantedFrames(self.guest.kernel, least=2, most=4, readonly=True)
        self.use(0)

    def use(self, domid):
        self.world.call(self.guest, self.frames.use(domid))

    def release(self):
        return self.world.call(self.guest, self.frames.release())

    @property
    def refs(self):
        return [each.gref for each in self.frames.frames]


@pytest.fixture
def rig():
    return Frames()


def test_for_the_same_domain_frames_and_grants_stay(rig):
    before = rig.refs
    rig.use(0)
    assert (rig.refs, rig.guest.kernel.grants.granted) == (before, 4)


def test_another_domain_gets_the_same_frames_by_other_grants(rig):
    gfns = [each.gfn for each in rig.frames.frames]
    rig.use(3)
    assert [each.gfn for each in rig.frames.frames] == gfns
    assert rig.guest.kernel.grants.granted == 4


def test_what_somebody_holds_on_to_is_given_back_later(rig):
    mapping = rig.world.call(rig.dom0, rig.dom0.kernel.grants.map(1, rig.refs[1], readonly=True))
    rig.use(3)
    assert rig.guest.kernel.grants.granted == 5, "the old grant of one frame is still there"
    assert not rig.release()
    assert (rig.frames.frames, rig.guest.kernel.grants.granted) == ([], 1)
    rig.world.call(rig.dom0, rig.dom0.kernel.grants.unmap(mapping))
    assert rig.release()
    assert rig.guest.kernel.grants.granted == 0


def test_a_frame_that_is_mapped_is_not_freed(rig):
    mapping = rig.world.call(rig.dom0, rig.dom0.kernel.grants.map(1, rig.refs[0], readonly=True))
    assert not rig.release()
    assert len(rig.frames.frames) == 1
    rig.world.call(rig.dom0, rig.dom0.kernel.grants.unmap(mapping))
    assert rig.release()


@pytest.mark.parametrize(("there", "enough"), [(1, False), (2, True), (3, True)])
def test_fewer_frames_do_as_long_as_any_packet_fits(rig, there, enough, monkeypatch):
    pages = rig.guest.kernel.pages
    frames = GrantedFrames(rig.guest.kernel, least=2, most=4, readonly=False)
    left = [pages.allocate() for _ in range(there)]

    def allocate():
        if not left:
            raise OutOfPages("no frame is left")
        return left.pop()

    monkeypatch.setattr(pages, "allocate", allocate)
    if enough:
        rig.world.call(rig.guest, frames.use(0))
    else:
        with pytest.raises(XenError) as error:
            rig.world.call(rig.guest, frames.use(0))
        assert error.value.errno is Errno.ENOMEM
    assert len(frames.frames) == there
