"""An IP stack as a machine without I/O: frames and times in, frames and events out. It knows nothing of Xen.

address        IPv4 and MAC addresses
checksum       the Internet checksum
drops          why a frame goes no further

ethernet       frames
arp            address resolution packets
ipv4           packets
icmp           echo and unreachable
udp            datagrams
tcp_segment    TCP segments
tcp_options    their options
"""
