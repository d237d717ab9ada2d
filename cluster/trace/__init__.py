"""What happened, in the form that Perfetto reads.

recording          the points that actors recorded; files where they lie
messages           what drivers saw; requests, outages made of it
events, json       the form of the file
"""
