# Thin over manage.py and convoship/machine: whatever make does here, works without make too.
PYTHON ?= python3
# Installs what tests and lint need (nothing to do when the locks are unchanged) and answers the path of its Python.
TOOLS = $(PYTHON) manage.py install
VENV = .venv/bin/python

.PHONY: sip reliability reliability-full run model voice voice-offline test test-model lint format bench matching recall widget lock openapi schema fresh-clone test-machine test-themes screenshots wheels clean

run: ## Start everything on this machine: http://127.0.0.1:8000 (HOST and PORT choose another address)
	@$(PYTHON) manage.py up

model: ## Serve a small language model on this machine: http://127.0.0.1:8090/v1, an endpoint without a key
	@$(PYTHON) manage.py model

voice: ## Bring what hears and speaks on calls (`mode` stream): clients of Deepgram and ElevenLabs, pocketsphinx, flite
	@$(PYTHON) manage.py voice

voice-offline: ## The same and natural speech on this machine, without a key: Whisper and Piper, 250 MB
	@$(PYTHON) manage.py voice-offline

test: ## Every test but those of the launcher, which start the whole product many times
	@$(PYTHON) manage.py test

test-machine: ## The launcher's own tests
	@$(TOOLS)
	@$(VENV) -m pytest tests/machine -m machine

reliability: ## Three minutes of faults on the real thing: nothing lost, nothing twice, nothing out of order
	@$(TOOLS)
	@$(VENV) -m tests.reliability.faults

reliability-full: ## Twenty minutes of it with every negative control; writes the table in docs/reliability.md
	@$(TOOLS)
	@$(VENV) -m tests.reliability.faults --full

test-model: ## A visitor asks a real model, which is fetched first: 127 MB
	@$(TOOLS)
	@$(VENV) -m pytest tests/real_model -m model -s

sip: ## baresip and sipp call the SIP edge, in a network namespace of their own
	@$(TOOLS)
	@$(VENV) -m tests.sip

test-themes: ## 1,000 random themes: each accepted one has to pass axe on the real widget, light and dark
	@CONVOSHIP_THEMES=1000 $(PYTHON) manage.py test tests/e2e/test_themes.py -q -s

fresh-clone: ## Clone this commit elsewhere and time `make run` until the sign-in link: under a minute, or it fails
	@$(TOOLS)
	@$(VENV) -m convoship.machine.fresh_clone

lint: ## Formatting, rules, types, layers, templates, migrations, OpenAPI, the widget's build
	@$(PYTHON) manage.py lint

format: ## Put Python and templates into the house's form
	@$(TOOLS)
	@$(VENV) -m ruff format . && $(VENV) -m ruff check --fix --show-fixes .

widget: ## Build the visitor's side into static/widget (committed)
	@$(TOOLS)
	@$(VENV) -m convoship.machine.node run build

openapi: ## Write docs/openapi.json
	@$(TOOLS)
	@$(VENV) -m convoship.machine.openapi write

schema: ## Write convoship/machine/schema.sql: what all migrations make, for empty databases
	@$(TOOLS)
	@$(VENV) -m convoship.machine.schema_file write

bench: ## Measure beside the toy servers and print the ratios
	@$(TOOLS)
	@$(VENV) -m tests.bench

matching: ## Measure what the scripted assistant understands, beside plain rapidfuzz and TF-IDF
	@$(TOOLS)
	@$(VENV) -m tests.matching

recall: ## Measure how often what assistants have read is found, on a hundred questions that nothing was tuned to
	@$(TOOLS)
	@$(VENV) -m pytest -q -s tests/knowledge/test_recall.py

screenshots: ## Make the README's pictures from the running product
	@$(TOOLS)
	@$(VENV) -m tests.screenshots

wheels: ## Ask the package index whether every supported Python and machine finds wheels for the lock
	@$(TOOLS)
	@$(VENV) -m convoship.machine.wheels

lock: ## Compile requirements*.in to hash-pinned locks
	@$(TOOLS)
	@for name in requirements requirements-s3 requirements-voice requirements-voice-offline requirements-dev requirements-uv; do \
	  $(VENV) -m uv pip compile --quiet --universal --generate-hashes --python-version 3.11 $$name.in -o $$name.txt || exit 1; \
	done
	@$(VENV) -m uv pip compile --quiet --universal --generate-hashes --no-deps --python-version 3.11 requirements-model.in -o requirements-model.txt

clean: ## Remove caches; .venv and the data in .convoship stay
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache tests/artifacts
