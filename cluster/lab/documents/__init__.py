"""The files that programs read, as types: what JSON Schemas are made of, and nothing else.

run_document       `run.json`
timeline_document  `timeline.json`
sweep_document     the lines of the results of a sweep
matrix_document    `matrix.json`
curve_document     `curve.json`
json_schemas       their schemas
described          how their fields are described
document_kind      which of them something is, and which schemas are read

What each field is stands below it, and in docs/run-json.md in the same words.
"""
