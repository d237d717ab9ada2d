"""An IP stack as a machine without I/O: frames and times in, frames and events out. It knows nothing of Xen.

stack            joins the layers; what a driver and users call
stack_statistics  what it counts
interface        the network interface below it

ethernet         frames
arp              address resolution packets
neighbours       who has which MAC address
network          IPv4 over the interface
ipv4             packets
icmp             echo and unreachable
control_messages  what is answered, told and heard by them
udp              datagrams
udp_sockets      who takes them
ports            for those who do not care which

tcp_sockets      which connection a segment is for
listener         connections that wait to be accepted
connection       one connection, as its user sees it
deadlines        which of them has the next deadline
tcb              all that is remembered of one
tcp_settings     what it is set to
states           its states and steps
timers           its deadlines
arrival          what it does with a segment
acknowledgement  what an acknowledgement does
expiry           what it does when a timer expires
output           what it sends

tcp_segment      TCP segments
tcp_options      their options
sequence         their sequence numbers
ranges           sets of positions
send_buffer      bytes that wait to be acknowledged
reassembly       bytes that wait to be taken
scoreboard       what of them is lost
rto              when to send again
congestion       how much may be in flight

address          IPv4 addresses, and ports at them
durations        nanoseconds
checksum         the Internet checksum
drops            why a frame goes no further
"""
