"""Records in, bytes out."""

from actors.migration.order import Order
from actors.migration.records import Record


class StreamEncoder:
    """Writes one stream; what a reader would refuse is refused here, with `MalformedError`."""

    def __init__(self) -> None:
        self._order = Order()

    def encode(self, record: Record) -> bytes:
        """The bytes of the next record."""
        data = record.encode()
        self._order.admit(record)
        return data

    @property
    def is_complete(self) -> bool:
        """Whether the last record was written."""
        return self._order.is_complete
