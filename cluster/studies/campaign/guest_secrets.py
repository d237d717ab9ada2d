"""What is one guest's alone, and who else holds it: the nonces of its writes, and words it kept to itself.

Rules: a nonce has 64 random bits, so whoever has its bytes has them from there. In a frame nonces are looked
for where a sector has them, at words of 8 bytes, intact sector or not; in a message at every byte, in either
byte order. Words are looked for everywhere.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from actors.messages import CODEC

NONCE_BYTES: Final = 8


class GuestSecrets:
    """Secrets by what they look like; a guest is the number that its stamps carry."""

    def __init__(self) -> None:
        self._nonces: dict[int, int] = {}
        self._nonce_bytes: dict[bytes, int] = {}
        self._words: dict[bytes, int] = {}

    def add_nonce(self, guest_id: int, nonce: int) -> None:
        """A guest writes a nonce to its disk."""
        self._nonces[nonce] = guest_id
        for order in ("little", "big"):
            self._nonce_bytes[nonce.to_bytes(NONCE_BYTES, order)] = guest_id

    def add_words(self, guest_id: int, words: bytes) -> None:
        """A guest has written words where nobody else may read them."""
        self._words[words] = guest_id

    def owners_in_frame(self, content: memoryview) -> list[int]:
        """The guests whose secrets lie in memory of a multiple of 8 bytes."""
        found = self._nonces.keys() & set(content.cast("B").cast("Q"))
        return _sorted([self._nonces[each] for each in found], self._spoken(bytes(content)))

    def owners_in_message(self, message: object) -> list[int]:
        """The guests whose secrets lie in a message as it goes over the wire."""
        data = CODEC.encode(message)
        if len(data) <= NONCE_BYTES:
            return []
        parts = {data[at : at + NONCE_BYTES] for at in range(len(data) - NONCE_BYTES + 1)}
        found = self._nonce_bytes.keys() & parts
        return _sorted([self._nonce_bytes[each] for each in found], self._spoken(data))

    def _spoken(self, data: bytes) -> Iterator[int]:
        return (guest_id for words, guest_id in self._words.items() if words in data)


def _sorted(one: Iterable[int], other: Iterable[int]) -> list[int]:
    return sorted({*one, *other})
