"""All that a stream is made of, in the order in which the layers begin."""

from actors.migration.libxc import LibxcRecord
from actors.migration.libxc_headers import DomainHeader, ImageHeader
from actors.migration.libxl import LibxlHeader, LibxlRecord
from actors.migration.save_header import SaveHeader

Record = SaveHeader | LibxlHeader | LibxlRecord | ImageHeader | DomainHeader | LibxcRecord
"""Each has a `name`; `encode()` gives its bytes with header and padding, or refuses with `MalformedError`."""
