"""The block split driver, on top of what every paravirtual kernel has.

vbd                  the class of paravirtual disks
operations           what is asked of a block device, and how it is answered

blkfront             the frontend of a paravirtual disk
blkfront_statistics  what it tells of itself
block_queue          its requests
block_split          an I/O that is larger than one request
data_frames          the frames of data, and their grants
shadow               what is remembered of a request in flight
shadows              those of all of them
block_io             a thread waits for a request

blkback              the backend, which takes up the ring where another died
blkback_statistics   as of the frontend
vbd_queue            its requests
vbd_request          one of them
grant_line           where they wait for their frames
backing              the volume that it serves
mapped_grants        the frames that it has mapped
resume_journal       what lets it take up the ring of a dead one
"""
