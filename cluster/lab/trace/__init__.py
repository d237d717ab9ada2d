"""What happened, in the form that Perfetto reads.

recording          the points that actors recorded
files              where they lie
messages           what drivers saw
traced_request     a request to a device as it is drawn
followers          who makes them of it, by class
requests           block requests
packets            packets
outages            outages made of it
perfetto           the file
events             what it has in it
"""
