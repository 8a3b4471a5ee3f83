# Two commands for a fresh machine with Rust, g++, make, python3 and git: `make study` and `make test`.
# Everything else that is needed they install themselves (tools/setup.sh), without root where possible.

CARGO ?= cargo
SCENARIO ?= scenarios/baltic-alliance
RESULTS ?= results/$(notdir $(SCENARIO))
N ?= 200
# The built program, wherever cargo was told to put it.
BASTIDE = $${CARGO_TARGET_DIR:-target}/release/bastide

.PHONY: study test build setup bench lint docs generated clean

study: build  ## plan, simulate and report the flagship scenario
	$(BASTIDE) study $(SCENARIO) -n $(N) -o $(RESULTS)

test: setup  ## the whole suite; without NVIDIA's compiler the test that compiles the CUDA sources says that it is skipped
	@tools/nvrtc.sh || echo "no wheel of NVRTC: the CUDA sources are not compiled" >&2
	$(CARGO) test --release --locked --workspace

build: setup
	$(CARGO) build --release --locked

setup:
	@tools/setup.sh

bench: setup  ## speed of every part
	$(CARGO) bench --locked --bench engine --bench fleet --bench grid --bench predict --bench study --bench threats

lint: setup  ## what CI demands of the code
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --locked --workspace --all-targets -- -D warnings
	! $(CARGO) tree --locked -e normal | grep -E 'reqwest|object_store|rustls'

docs: setup  ## the API documentation, without broken links
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --release --locked --workspace --no-deps

generated: build  ## write the files that are made from the code
	$(BASTIDE) schema > scenarios/schema/scenario.schema.json
	$(BASTIDE) schema --markdown > docs/scenario.md
	$(BASTIDE) explain --markdown > docs/errors.md

clean:
	$(CARGO) clean
