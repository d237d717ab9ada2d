"""A guest that reads and writes blocks at random and knows what it has to read."""

from random import Random

READ, WRITE = 0, 1


def block(number, sectors=8):
    return bytes([number % 251 + 1]) * (512 * sectors)


class Worker:
    """Never has two requests on one block; checks every read."""

    def __init__(self, pair, seed):
        self.pair, self.random = pair, Random(seed)
        self.known, self.busy, self.acknowledged, self.number = {}, set(), 0, 0

    def issue(self, count):
        for _ in range(count):
            at = self.random.randrange(64)
            if at in self.busy:
                continue
            self.busy.add(at)
            self.number += 1
            if self.random.random() < 0.3:
                self.pair.front.submit(READ, at * 8, None, 8, self._read(at))
            else:
                data = block(self.number)
                self.pair.front.submit(WRITE, at * 8, data, 8, self._written(at, data))

    def _read(self, at):
        def done(status, data):
            assert status == 0
            assert bytes(data) == self.known.get(at, bytes(4096))
            self.busy.remove(at)

        return done

    def _written(self, at, data):
        def done(status, _):
            assert status == 0
            self.known[at] = data
            self.acknowledged += 1
            self.busy.remove(at)

        return done
