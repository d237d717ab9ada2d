"""What happened, in the form that Perfetto reads.

recording          the points that actors recorded
files              where they lie
messages           what drivers saw
requests           block requests made of it
outages            outages made of it
perfetto           the file
events             what it has in it
"""
