"""What a guest asked of XenStore and what it was told: kept where no crash can reach it.

Each node has one writer, who writes rising numbers into it and waits for each answer. So whatever happens
to the store, a node must hold a number between the last one that was acknowledged and the last one issued.
Rules: what is issued is noted before it is sent, what was answered before anything else is done.
"""

from mmap import ACCESS_WRITE, mmap
from pathlib import Path

from actors.notebook.store_log_reader import (
    HEADER_WORDS,
    MAGIC,
    VERSION,
    WORD_BYTES,
    StoreLogReader,
    StoreWord,
)


class StoreLog(StoreLogReader):
    """The log as its guest writes it. Times are the caller's clock, in nanoseconds."""

    @classmethod
    def in_memory(cls, nodes: int) -> "StoreLog":
        """A log for the simulated driver."""
        log = cls(bytearray((HEADER_WORDS + 2 * nodes) * WORD_BYTES))
        log.initialise(nodes)
        return log

    @classmethod
    def create(cls, path: Path, nodes: int) -> "StoreLog":
        """Make the file (FileExistsError if there is one) and open it."""
        with path.open("xb+") as file:
            file.truncate((HEADER_WORDS + 2 * nodes) * WORD_BYTES)
            log = cls(mmap(file.fileno(), 0, access=ACCESS_WRITE))
        log.initialise(nodes)
        return log

    def initialise(self, nodes: int) -> None:
        """Fill in the header of an empty log."""
        self._words[StoreWord.NODES] = nodes
        self._words[StoreWord.VERSION] = VERSION
        self._words[StoreWord.MAGIC] = MAGIC

    def begin_boot(self) -> None:
        """The guest boots, as another domain: the nodes of the last one went with it."""
        words = self._words
        words[StoreWord.BOOTS] += 1
        words[StoreWord.WANTED] = 1
        words[StoreWord.WAITING_SINCE_NS] = 0
        for index in range(HEADER_WORDS, HEADER_WORDS + 2 * self.nodes):
            words[index] = 0

    def finish(self) -> None:
        """The guest has read everything back and writes no more."""
        self._words[StoreWord.WANTED] = 0

    def issue(self, node: int, now_ns: int) -> int:
        """A node is about to be written; the number for it."""
        words, at = self._words, HEADER_WORDS + 2 * node
        words[at] += 1
        words[StoreWord.ISSUED] += 1
        self.ask(now_ns)
        return words[at]

    def ask(self, now_ns: int) -> None:
        """Something is about to be asked."""
        self._words[StoreWord.WAITING_SINCE_NS] = max(1, now_ns)

    def acknowledge(self, node: int, number: int, now_ns: int) -> None:
        """The guest was told that the node holds this number."""
        self._words[HEADER_WORDS + 2 * node + 1] = number
        self._words[StoreWord.ACKNOWLEDGED] += 1
        self.answered(now_ns)

    def refuse(self, now_ns: int) -> None:
        """A write was answered with an error: it may have been done or not."""
        self._words[StoreWord.REFUSED] += 1
        self.answered(now_ns)

    def answered(self, now_ns: int) -> None:
        """What was asked was answered."""
        words = self._words
        waited_ns = now_ns - words[StoreWord.WAITING_SINCE_NS]
        words[StoreWord.LONGEST_WAIT_NS] = max(words[StoreWord.LONGEST_WAIT_NS], waited_ns)
        words[StoreWord.WAITING_SINCE_NS] = 0

    def read_back(self, node: int, seen: list[int]) -> None:
        """A node gave this: one number, or for one of two halves that change together, both."""
        words, at = self._words, HEADER_WORDS + 2 * node
        words[StoreWord.READ_BACK] += 1
        if len(set(seen)) > 1:
            words[StoreWord.TORN] += 1
        if not all(words[at + 1] <= each <= words[at] for each in seen):
            words[StoreWord.LOST] += 1
            words[at + 1] = min([*seen, words[at]])  # what was lost once is counted once
