"""Measuring, with a floor beside each figure.

figures            what is measured, and how a figure is taken
hypercalls, host, xenstore, simulation   measure it
floors             what the same exchange costs with nothing of ours in it
costs              measurements that are no figures of `domzero bench`
"""
