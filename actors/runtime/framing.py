"""Frames in a byte stream: a u32 length, little endian, then that many bytes of payload.

Rules: a length of zero or over the limit is a `ProtocolViolation` as soon as its four bytes are
there, so a huge claim makes nobody wait or allocate. The first frame in each direction is a hello,
the msgpack array `[0, protocol_version, ...]`; a reader gives out nothing before it.
"""

from struct import Struct

import msgpack

from actors.runtime.codec import MAX_FRAME_BYTES, Buffer, ProtocolViolation

PROTOCOL_VERSION = 1
HEADER_BYTES = 4
HELLO_TAG = 0

_LENGTH = Struct("<I")
pack_length = _LENGTH.pack
_unpack_length = _LENGTH.unpack_from


def frame(payload: bytes) -> bytes:
    """One payload as a frame; the caller has kept it within the limit."""
    return pack_length(len(payload)) + payload


def hello_frame(version: int = PROTOCOL_VERSION) -> bytes:
    """The frame that opens each direction of a link."""
    return frame(msgpack.packb([HELLO_TAG, version]))


def check_hello(payload: Buffer, version: int = PROTOCOL_VERSION) -> None:
    """Refuse a first frame that is no hello of this protocol version; further fields are ignored."""
    try:
        row = msgpack.unpackb(payload, max_ext_len=0, max_array_len=64)
    except Exception as error:  # msgpack raises many kinds for bad bytes
        raise ProtocolViolation(f"hello: not msgpack: {error or type(error).__name__}") from error
    if type(row) is not list or len(row) < 2 or type(row[0]) is not int or row[0] != HELLO_TAG:
        raise ProtocolViolation("the first frame must be a hello")
    if type(row[1]) is not int or row[1] != version:
        raise ProtocolViolation(f"protocol version {version} is spoken here, not {row[1]!r}"[:120])


def join_frames(chunks: list[bytes], limit: int = MAX_FRAME_BYTES) -> bytes:
    """Encoded messages as frames: one, or as few as the limit allows; ValueError for a message over it."""
    body = b"".join(chunks)
    if len(body) <= limit:
        return pack_length(len(body)) + body
    frames: list[bytes] = []
    batch: list[bytes] = []
    size = 0
    for chunk in chunks:
        if len(chunk) > limit:
            raise ValueError(f"a message of {len(chunk)} bytes passes the frame limit of {limit}")
        if size + len(chunk) > limit:
            frames.append(frame(b"".join(batch)))
            batch, size = [], 0
        batch.append(chunk)
        size += len(chunk)
    frames.append(frame(b"".join(batch)))
    return b"".join(frames)


def split_messages(body: bytes) -> list[bytes]:
    """Encoded messages, back to back, as one chunk each."""
    return cut_between_messages(body, 1)


def cut_between_messages(body: bytes, least: int) -> list[bytes]:
    """Encoded messages in pieces that end at the first end of a message from `least` bytes on.

    What is no message is in the last piece, with all that comes after it.
    """
    if len(body) <= least:
        return [body]
    unpacker = msgpack.Unpacker(max_buffer_size=len(body))
    unpacker.feed(body)
    skip, tell = unpacker.skip, unpacker.tell
    pieces: list[bytes] = []
    start, size = 0, len(body)
    try:
        while size - start > least:
            skip()
            end = tell()
            if end - start >= least:
                pieces.append(body[start:end])
                start = end
    except (ValueError, msgpack.UnpackException):
        pass  # whoever decodes it says what is wrong
    if start < size:
        pieces.append(body[start:])
    return pieces


class FrameReader:
    """Complete payloads out of bytes as they come, however they are cut."""

    def __init__(self, limit: int = MAX_FRAME_BYTES, version: int = PROTOCOL_VERSION) -> None:
        self._limit = limit
        self._version = version
        self._rest = bytearray()
        self._wanted = 0  # so much is needed before a frame that has begun is complete
        self._greeted = False
        self.violation: ProtocolViolation | None = None

    def feed(self, data: memoryview) -> list[memoryview]:
        """The payloads that are complete now, hello excluded; they are valid until the next feed.

        After a bad length or hello the payloads before it are given out and `violation` is set.
        """
        if self._rest:
            self._rest += data
            if len(self._rest) < self._wanted:
                return []
            data = memoryview(bytes(self._rest))
            self._rest.clear()
        size = len(data)
        if self._greeted and size > HEADER_BYTES:
            (length,) = _unpack_length(data)
            if length + HEADER_BYTES == size and length <= self._limit:
                return [data[HEADER_BYTES:]]  # one whole frame: what nearly always comes
        payloads: list[memoryview] = []
        start = 0
        while size - start >= HEADER_BYTES:
            (length,) = _unpack_length(data, start)
            if not 0 < length <= self._limit:
                self.violation = ProtocolViolation(f"frame of {length} bytes; 1 to {self._limit} are allowed")
                return payloads
            end = start + HEADER_BYTES + length
            if end > size:
                self._wanted = end - start
                break
            payloads.append(data[start + HEADER_BYTES : end])
            start = end
            if not self._greeted and not self._greet(payloads.pop()):
                return payloads
        else:
            self._wanted = HEADER_BYTES
        if start < size:
            self._rest += data[start:]
        return payloads

    @property
    def partial(self) -> bool:
        """A frame has begun and is not complete: at the end of a stream it was cut off."""
        return bool(self._rest)

    def _greet(self, payload: memoryview) -> bool:
        try:
            check_hello(payload, self._version)
        except ProtocolViolation as violation:
            self.violation = violation
            return False
        self._greeted = True
        return True
