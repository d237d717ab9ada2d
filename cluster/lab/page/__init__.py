"""Pages for people who were not there: one file of HTML each, with its pictures in it.

run_page       a run
run_plots      its pictures
sweep_page     a sweep
distributions  its recoveries
matrix_page    a survival matrix
curve_page     figures against a quantity, beside a paper's
plot           a picture, as places of shapes
scale          values as places on an axis
page_table     a table
rendering      all of it as text, by the templates

Rules: a page is a pure function of what is kept. It needs no network and no script, and says in text and
tables what its pictures show.
"""
