"""What is typed.

start   the program `domzero`
cli     its commands
report  the command for pages
schema  the command for JSON Schemas
"""
