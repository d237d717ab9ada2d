"""Many runs, and runs that are measured or compared.

campaign      thousands of generated schedules, and what fails made small
bench         what things cost, each figure beside its floor
curve         figures against a quantity, beside a paper's
matrix        which architecture survives what
scenarios     failures that people have reported, reproduced
conformance   what a real Xen answered, asked of ours
"""
