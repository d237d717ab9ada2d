PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

FUZZ_INPUTS ?= 100000
FUZZ_SEED ?= 1

SEEDS ?= 0:1000
FUZZ = -runs=$(FUZZ_INPUTS) -seed=$(FUZZ_SEED) -max_len=512 -len_control=0 -rss_limit_mb=1024 -timeout=20 \
       -print_final_stats=1

REQUESTS ?= 100000
SEED ?= 1

.PHONY: demo test install format lint types layers tests fuzz differential campaign-network dashboards schemas clean

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

tests: install ## What needs no processes of its own on all cores; then those that start some, two at a time
	$(BIN)/pytest -m 'not processes' --numprocesses auto --dist worksteal
	$(BIN)/pytest -m processes --numprocesses 2 --dist worksteal

fuzz: install ## Mutated frames, hypercalls, ring pages and migration streams: FUZZ_INPUTS of each, from FUZZ_SEED
	@$(BIN)/python -c 'import atheris' 2> /dev/null || $(BIN)/python -m pip install --quiet --editable '.[dev,fuzz]' || \
	    { echo 'make fuzz needs atheris, which cannot be installed for this Python; 3.11 to 3.13 have it'; exit 1; }
	found=$$(mktemp -d) && for target in door rings stream; do mkdir -p $$found/$$target && \
	    $(BIN)/python -m tests.fuzz $$target $(FUZZ) -artifact_prefix=$$found/ $$found/$$target tests/fuzz/corpus/$$target \
	    || exit 1; done

differential: install ## Our XenStore beside Xen's own xenstored: REQUESTS of four clients, from SEED
	$(BIN)/python -m tests.xenstore.differential $(REQUESTS) $(SEED)

campaign-network: install ## Faults of networks in runs of 80 ms of virtual time: SEEDS of them, as FIRST:END
	$(BIN)/domzero sweep configs/campaign-network-small.yaml --seeds $(SEEDS)

schemas: install ## Write docs/schemas/
	for name in $$($(BIN)/domzero schema); do $(BIN)/domzero schema $$name > docs/schemas/$$name.schema.json; done

dashboards: install ## Write the generated files of grafana/
	$(BIN)/python -m grafana.source

clean:
	rm -rf $(VENV) build *.egg-info .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis
