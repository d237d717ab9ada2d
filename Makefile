PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test install format lint types layers tests dashboards clean

demo: install ## Run the main job: four guests do disk I/O while dom0 is killed and comes back
	$(BIN)/domzero run configs/quickstart.yaml

test: install lint types layers tests ## Everything that CI runs

install: $(VENV)/.installed ## Make the virtual environment in .venv

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "Python 3.11 or later is needed"'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: install
	$(BIN)/mypy

layers: install
	$(BIN)/lint-imports

tests: install
	$(BIN)/pytest

dashboards: install ## Write the generated files of grafana/
	$(BIN)/python -m grafana.source

clean:
	rm -rf $(VENV) build *.egg-info .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis
