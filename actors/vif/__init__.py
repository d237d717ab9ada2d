"""The network split driver, on top of what every paravirtual kernel has.

netfront             the frontend of a paravirtual network interface
netfront_statistics  what it tells of itself
front_queue          one of its queues: both rings and their ports
transmit_queue       its packets to the backend
receive_queue        the buffers that it has posted, and the packets that have come in them
arriving_packet      a packet that is put together from what lies in several of them
granted_frames       the frames of data, and their grants
packet_slots         how many slots a frame takes
packet_counters      what it counts
backend_features     what its backend can do
"""
