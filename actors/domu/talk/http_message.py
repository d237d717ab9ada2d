"""The heads of HTTP/1.1 messages, as far as documents need them.

Source: RFC 9112 (syntax), RFC 9110 (ranges 14.1, conditions 13.1). Left out: bodies of requests, trailers,
obsolete line folding, more than one range.
"""

import re
from dataclasses import dataclass
from typing import Final

HEAD_BYTES_MAX: Final = 16384
END: Final = b"\r\n\r\n"
_REQUEST: Final = re.compile(r"([!-~]+) ([!-~]+) HTTP/1\.([01])")
_STATUS: Final = re.compile(r"HTTP/1\.([01]) ([0-9]{3})(?: .*)?")
_FIELD: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*")
_RANGE: Final = re.compile(r"bytes=([0-9]*)-([0-9]*)")
REASONS: Final = {
    200: "OK",
    206: "Partial Content",
    304: "Not Modified",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    416: "Range Not Satisfiable",
    431: "Request Header Fields Too Large",
    505: "HTTP Version Not Supported",
}


class HttpError(ValueError):
    """A head is not as it should be; `status` is what a server answers."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class Head:
    """Method and target of a request, or the status of a response; the fields by lower-case names."""

    method: str
    target: str
    status: int
    minor: int
    fields: dict[str, str]

    @property
    def keeps_alive(self) -> bool:
        """Whether the connection is used again."""
        options = {each.strip().lower() for each in self.fields.get("connection", "").split(",")}
        return "close" not in options and (self.minor == 1 or "keep-alive" in options)

    @property
    def length(self) -> int | None:
        """The Content-Length, if it is one number."""
        text = self.fields.get("content-length", "")
        return int(text) if text.isascii() and text.isdecimal() and len(text) <= 15 else None


def parse_request(head: bytes) -> Head:
    """A request, from its first byte to the empty line. HttpError with the status to answer with."""
    if len(head) > HEAD_BYTES_MAX:
        raise HttpError(431, f"more than {HEAD_BYTES_MAX} bytes")
    first, fields = _split(head)
    match = _REQUEST.fullmatch(first)
    if match is None:
        if re.fullmatch(r"[!-~]+ [!-~]+ HTTP/[0-9.]+", first):
            raise HttpError(505, "not HTTP/1")
        raise HttpError(400, "no request line")
    request = Head(match[1], match[2], 0, int(match[3]), fields)
    if request.minor == 1 and "host" not in fields:
        raise HttpError(400, "no Host")
    if "transfer-encoding" in fields or ("content-length" in fields and request.length != 0):
        raise HttpError(400, "a request with a body")
    return request


def parse_response(head: bytes) -> Head:
    """A response, from its first byte to the empty line. HttpError if it is none."""
    first, fields = _split(head)
    match = _STATUS.fullmatch(first)
    if match is None:
        raise HttpError(400, "no status line")
    return Head("", "", int(match[2]), int(match[1]), fields)


def _split(head: bytes) -> tuple[str, dict[str, str]]:
    first, *lines = head.removesuffix(END).decode("latin-1").split("\r\n")
    fields: dict[str, str] = {}
    for line in lines:
        match = _FIELD.fullmatch(line)
        name = match[1].lower() if match is not None else ""
        if match is None or (name in fields and name in {"host", "content-length", "range"}):
            raise HttpError(400, "no header field")
        fields[name] = f"{fields[name]}, {match[2]}" if name in fields else match[2]
    return first, fields


def find_range(text: str, size: int) -> tuple[int, int] | None:
    """The bytes [start, end) that a Range field asks for; None for all. HttpError 416 if there are none."""
    match = _RANGE.fullmatch(text)
    if match is None or not (match[1] or match[2]) or max(len(match[1]), len(match[2])) > 15:
        return None
    if not match[1]:
        start, end = max(0, size - int(match[2])), size
    else:
        start = int(match[1])
        last = int(match[2]) if match[2] else size - 1
        if match[2] and last < start:
            return None
        end = min(last + 1, size)
    if start >= end:
        raise HttpError(416, f"bytes */{size}")
    return start, end
