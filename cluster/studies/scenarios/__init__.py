"""Failures that people have reported of real hosts, each a configuration and what is seen of it.

scenario  a file of one, and what is wrong with it
claim     what is to be at a place of `run.json`
commands  the command line
"""
