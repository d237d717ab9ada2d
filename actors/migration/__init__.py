"""The stream in which a suspended guest is saved or moved, as a codec without I/O: bytes to records and back.

decoder        bytes in, records out; refuses what is no whole stream
encoder        records in, bytes out
order          which record may come when; held by both
records        what all records of a stream are

save_header    what `xl` writes first: the domain's configuration
libxl          libxl's header and records, around
libxc          which record of libxc has which body
libxc_types    their types
libxc_headers  libxc's two headers
pv_records     of a paravirtual guest: its address width, P2M, vcpus, shared info and clock
page_data      the contents of its frames
cpu_policies   what its processor looks like
signals        records without a body

framing        the header and the padding of a record
refusal        what is wrong with a stream, and in which record
"""
