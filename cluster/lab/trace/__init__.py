"""What happened, in the form that Perfetto reads.

recording          the points that actors recorded; files where they lie
messages           what drivers saw; requests, outages made of it
perfetto           the file; events are what it has in it
"""
