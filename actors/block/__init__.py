"""The block split driver, on top of what every paravirtual kernel has.

blkfront             the frontend of a paravirtual disk: handshake, and what it does when a backend dies
blkfront_actions     what it does, by the states of both ends
blkfront_statistics  what it tells of itself
block_queue          its requests
block_split          an I/O that is larger than one request
data_frames          the frames of data, and their grants
shadow               what is remembered of a request in flight
block_io             a thread waits for a request

blkback              the backend: handshake, and how it takes up where another died
blkback_actions      as of the frontend
blkback_statistics   as of the frontend
vbd_queue            its requests
mapped_grants        the frames that it has mapped
resume_journal       what lets it take up the ring of a dead one
"""
