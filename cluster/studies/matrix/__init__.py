"""The survival matrix: faults x architectures x frontends, each cell over many seeds.

schema    a file of a matrix, and what is wrong with it
cell      one combination, and the configuration of one of its seeds
plan      all trials of a matrix, by number
measures  what is counted of one seed, or of all
trial     one seed of a cell: what its guests went through
tally     all trials of a cell together
outcome   all cells, and where the drivers agree
table     what a person reads
live      some cells in real processes, beside what was simulated
commands  the command line
"""
