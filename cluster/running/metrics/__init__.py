"""What Prometheus reads of a cluster, and how it finds it.

catalog            every metric, a row each
network_catalog    those of networks
talk_catalog       those of what guests say over them
family             what such a row is made of
families           values on their way out
host_metrics       what a host shows
domain_metrics     of its domains
guest_metrics      of its guests
device_metrics     of their devices
network_metrics    of its networks
talk_metrics       of what its guests say over them
outage_counts      what journals say of outages that are over
server             serves it
host_servers       serves every host
openmetrics        keeps it
samples            values over time, for the run directory
discovery          where the pages are
monitor            Prometheus and Grafana for one cluster
"""
