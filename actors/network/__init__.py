"""What forwards Ethernet frames, without memory, links or a clock of its own.

packet             a frame on its way within a host
packet_mark        what it is known by elsewhere, too
host_bridge        a bridge as those see it that plug interfaces into it
line_rate          how long a frame takes on a wire
mac_address        addresses of stations, as text and bytes
mac_table          which station is behind which port
bridge             a learning bridge
bridge_statistics  what that of a host counts
wire_frames        a packet as it goes to a wire
spoof_protection   which sources a port may have
tap               where packets can be seen
client_records    what a client from outside and the gateway say to each other
frame_stream      frames on a stream of bytes
"""
