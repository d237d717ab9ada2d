"""Measuring, with a floor beside each figure.

bench              what is measured; hypercalls, host, xenstore, simulation measure it; floors
"""
