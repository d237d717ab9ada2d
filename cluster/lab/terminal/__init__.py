"""What people and their pipes read.

table              every table of the product
data_console       stdout, whatever its reader does
"""
