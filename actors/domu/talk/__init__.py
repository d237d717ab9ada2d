"""What guests say to each other over their networks, each kind of talk at both of its ends.

talks            all talks of a guest
talk_spec        a talk as the configuration gives it
seat             what whoever takes part works with
content          bytes that name their place
datagram         one that says whose it is

requests         requests in datagrams, at a rate
ping             echoes
echoes           who gets their replies
udp_client       UDP requests
udp_server       their answers

tcp_client       connections, and others in place of those that died
tcp_server       who takes connections

stream_messages  what the ends of a stream say beside it
stream_client    connections that send
stream_sender    one of them
stream_server    who takes them
stream_receiver  one of them there

documents        files whose bytes follow from their names
http_message     the heads of HTTP
http_server      who has the documents
http_serving     one connection of it
http_client      who fetches them
http_fetcher     one connection of it
"""
