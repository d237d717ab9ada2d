"""Writes every generated file of `grafana/`."""

from pathlib import Path

from grafana.source.files import generated

for path, text in generated().items():
    file = Path(__file__).parent.parent / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
