"""The network split driver, on top of what every paravirtual kernel has.

vif                  the class of paravirtual network interfaces

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

netback              the backend, at a bridge of its domain
netback_statistics   what it tells of itself
netback_counters     what it counts
netback_offer        what a frontend offers it
netback_connection   all that it has while it is connected
netback_queue        one of its queues: both rings, and their ports
netback_tx           what the guest sends
tx_chain             one packet of that, as it lies in the ring
offload_check        whether what a packet leaves to others can be done to it
netback_credit       how much the guest may send
netback_rx           what is for the guest
netback_hash         which queue that goes to
netback_control      the ring by which the guest says so
bridge_plug          how it is plugged into the bridge
"""
