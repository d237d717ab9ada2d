"""A frontend with a device that has nothing but a key, and whose backend is the test."""

from actors.abi.errno import Errno, XenError
from actors.abi.interface import XenbusState as S
from actors.kernel.xenbus_frontend import XenbusFrontend
from actors.policies import Frontend
from tests.xen.split_world import World

FRONT, BACK = "/local/domain/1/device/toy/7", "/local/domain/0/backend/toy/1/7"


class ToyFront(XenbusFrontend):
    """Offers a number, and takes notes of what it is asked."""

    driver = "toyfront"
    mark = "offer"
    attach_keys = ("colour",)

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.offers = 0
        self.asked = []
        self.held = False
        self.owed = False

    def keys(self):
        return {"offer": str(self.offers)}

    async def offer(self, domid):
        self.offers += 1
        self.asked.append(f"offer to {domid}")

    def learn(self, told):
        if "colour" not in told:
            raise XenError(Errno.ENOENT, "no colour")
        self.asked.append(f"read {told['colour']}")

    def refresh(self, told):
        self.asked.append("refresh")

    def attach(self):
        self.asked.append("attach")

    def fail(self):
        self.asked.append("fail")

    def revive(self):
        self.asked.append("revive")

    def drain(self):
        self.asked.append("drain")
        return not self.owed

    async def release(self):
        self.asked.append("release")
        return not self.held


class Toy:
    """A toy whose backend is this test."""

    def __init__(self, policy="reconnect"):
        self.world = World()
        self._written, self._write = [], self.world.store.write
        self.world.store.write = self._note
        self.world.boot(0)
        self.guest = self.world.boot(1)
        self.world.attach_nodes("toy/7")
        self.world.nodes[f"{BACK}/colour"] = "red"
        self.front = ToyFront(self.guest.kernel, self.guest.store, "device/toy/7", Frontend(policy))
        self.connected = self.world.spawn(self.guest, self.front.connect())
        self.world.run()

    def close_first(self):
        """Answer the frontend that closes before it begins."""
        for state in (S.InitWait, S.Closing, S.Closed):
            self.back(state)

    def _note(self, path, value):
        self._written.append((path, value))
        self._write(path, value)

    def back(self, state):
        self.world.write(f"{BACK}/state", str(int(state)))
        self.world.run()

    def told(self):
        """The states that the frontend has written since this was asked last."""
        found = [S(int(value)) for path, value in self._written if path == f"{FRONT}/state"]
        self._written.clear()
        return found

    def put_in_place(self, **keys):
        """A toolstack writes the frontend's node anew, with these keys."""
        for key, value in {**keys, "backend": BACK}.items():
            self._write(f"{FRONT}/{key.replace('_', '-')}", value)
        self.world.run()

    def key(self, name):
        return self.world.nodes.get(f"{FRONT}/{name}")

    def bring_to(self, state):
        if self.front._to_close_first:
            self.close_first()
        if state in {S.Initialised, S.Connected, S.Closing, S.Closed}:
            self.back(S.InitWait)
        if state in {S.Connected, S.Closing, S.Closed}:
            self.back(S.Connected)
        if state is S.Closing:
            self.disconnect()
        if state is S.Closed:
            self.world.nodes[f"{BACK}/online"] = "0"
            self.back(S.Closing)
            self.world.nodes[f"{BACK}/online"] = "1"
            if self.front.state is S.Connected:
                self.disconnect(for_good=False)
                self.back(S.Closed)
        assert self.front.state is state
        self.front.asked.clear()

    def disconnect(self, **options):
        gone = self.world.spawn(self.guest, self.front.disconnect(**options))
        self.world.run()
        return gone

    def lose_store(self):
        self.world.lose_store()
        self.world.reconnect_stores()
        self.world.run()

    def detach_and_attach(self):
        self.world.remove(BACK)
        self.world.remove(FRONT)
        self.world.run()
        self.world.attach_nodes("toy/7")
        self.world.nodes[f"{BACK}/colour"] = "blue"
        self.world.run()
