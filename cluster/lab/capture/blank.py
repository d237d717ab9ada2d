"""The checksum of a packet whose sender has left it to hardware, as a wire would have it.

Rules: a packet may say of itself what it likes; one that makes no sense is left as it is.
"""

from actors.inet.checksum import pseudo_sum, transport_checksum

_ETHERNET = 14
_CHECKSUM_AT = {6: 16, 17: 6}


def completed(frame: bytes) -> bytes:
    """The frame of TCP or UDP over IPv4 with its checksum; any other as it is."""
    if len(frame) < _ETHERNET + 20 or frame[12:14] != b"\x08\x00" or frame[14] >> 4 != 4:
        return frame
    start = _ETHERNET + (frame[14] & 15) * 4
    end = _ETHERNET + int.from_bytes(frame[16:18], "big")
    at = _CHECKSUM_AT.get(frame[23])
    if at is None or not start + at + 2 <= end <= len(frame):
        return frame
    at += start
    source, target = (int.from_bytes(frame[each : each + 4], "big") for each in (26, 30))
    segment = bytearray(frame[start:end])
    segment[at - start : at - start + 2] = bytes(2)
    total = transport_checksum(pseudo_sum(source, target, frame[23], len(segment)), segment)
    if not total and frame[23] == 17:
        total = 0xFFFF  # 0 says that there is none
    return frame[:at] + total.to_bytes(2, "big") + frame[at + 2 :]
