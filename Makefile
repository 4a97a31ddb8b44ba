# make run and make test install what is missing, build, and show that it works.
# setup  build  image  run  check  test  test-full  lab  lab-full  fuzz  bench  clean: see README.md.

BIN = build/bin
export CLAIM
KERNEL_ARCHIVE = .build/guest/x86_64-unknown-none-elf/release/libGuestKernel.a
INIT_ARCHIVE = .build/guest/x86_64-unknown-none-elf/release/libGuestInit.a
# Fully static: exec to main takes 1 ms, a dynamic Swift program 3 ms, and the lab needs no libraries.
HOST_BUILD = swift build -c release --static-swift-stdlib -Xswiftc -static-executable
GUEST_BUILD = swift build -c release --triple x86_64-unknown-none-elf --toolset Sources/GuestNucleus/guest-toolset.json \
  --scratch-path .build/guest

build: setup host guest init evil takeover

setup:
	@.ci/setup

# SwiftPM compiles what has changed, but not every Swift module that sees a C header which has: two of them then disagree about a
# struct, and the program dies of it. So when a header has changed, begin anew.
headers:
	@sum=$$(cat Sources/*/include/* | sha256sum) && \
	  if [ -e .build/headers ] && [ "$$(cat .build/headers)" != "$$sum" ]; then \
	    rm -rf .build/*/release .build/*/debug .build/guest; fi && \
	  mkdir -p .build && echo "$$sum" >.build/headers

# SwiftPM knows what else has changed; it is asked every time.
host: headers
	$(HOST_BUILD) --product swiftlet-vmm
	$(HOST_BUILD) --product swiftlet
	@mkdir -p $(BIN)
	@for p in swiftlet swiftlet-vmm; do cmp -s .build/release/$$p $(BIN)/$$p || install -m 755 .build/release/$$p $(BIN)/$$p; done

# SwiftPM adds to the archive it finds and never takes out what a deleted file left there: begin with none.
guest: headers
	@rm -f $(KERNEL_ARCHIVE)
	$(GUEST_BUILD) --product GuestKernel
	@mkdir -p $(BIN)
	ld --gc-sections --fatal-warnings --no-relax -L Sources/GuestNucleus -T Sources/GuestNucleus/kernel.ld -o $(BIN)/swiftlet-kernel $(KERNEL_ARCHIVE)

# Process 1 of a Linux guest, and the initial file system that has it.
init: headers
	@rm -f $(INIT_ARCHIVE)
	$(GUEST_BUILD) --product GuestInit
	@mkdir -p $(BIN)
	ld --gc-sections --fatal-warnings --strip-all -T Sources/GuestInit/init.ld -o $(BIN)/swiftlet-init $(INIT_ARCHIVE)
	Sources/GuestInit/make-initramfs $(BIN)/swiftlet-init $(BIN)/swiftlet-initramfs

# A VMM with an attacker inside, for Tests/takeover/run.
takeover: headers
	$(HOST_BUILD) --product swiftlet-vmm-takeover
	@mkdir -p $(BIN)
	@cmp -s .build/release/swiftlet-vmm-takeover $(BIN)/swiftlet-vmm-takeover || install -m 755 .build/release/swiftlet-vmm-takeover $(BIN)/

evil:
	@$(MAKE) --no-print-directory -s -C Tests/evil OUT=$(CURDIR)/build/evil

image: build
	$(BIN)/swiftlet image build base
	$(BIN)/swiftlet image build python

run: build
	$(BIN)/swiftlet image build base
	$(BIN)/swiftlet run -- sh -c 'echo "hello from $$(uname -s) $$(uname -m), booted for this line alone"'

# For a hand at work, within a minute: the format of the lines that were changed, and the unit tests of what was changed (Tests/check).
check:
	@Tests/check

# Every tier this machine can run; the others are named as skipped. Some: `make test TIERS="unit e2e"`. Some claims: `make test CLAIM="TEXT"`.
# Tests/run-tiers builds what it needs.
test: setup
ifdef CLAIM
	@Tests/claim "$$CLAIM"
else
	@Tests/run-tiers $(TIERS)
endif

# Everything that CI has one of each kind of, and lab-full: hours.
test-full: setup
	@Tests/run-tiers unit e2e hostile linux full

# docs/abi.md, from Sources/GuestKernel/Boundary/SystemCallSupport.swift.
abi:
	SWIFTLET_WRITE_ABI=1 swift test --filter SystemCallSupportTests

# The tables at the end of docs/security.md, from Sources/Sandbox.
security:
	SWIFTLET_WRITE_SECURITY=1 swift test --filter SecurityDocumentTests

# docs/hostile.md, from Tests/hostile-items and the names of the tests.
hostile-table:
	Tests/hostile-table

lab: setup
	@Tests/run-tiers lab

# The guest kernel linux at length: every end-to-end file on it, all programs on it, the debug kernel under Linux's drivers with 1 GB
# through vsock. Over two hours.
lab-full: setup
	@Tests/run-tiers lab-full

# Every fuzz target for FUZZ_SECONDS, two at a time: 15 minutes or so.
fuzz: build
	FUZZ_SECONDS=$${FUZZ_SECONDS:-60} Tests/fuzz/run

bench: image
	$(HOST_BUILD) --product swiftlet-unconfined
	@install -m 755 .build/release/swiftlet-unconfined $(BIN)/
	python3 Benchmarks/confinement.py
	python3 Benchmarks/ring0.py
	python3 Benchmarks/boundary.py
	python3 Benchmarks/ledger.py
	python3 Benchmarks/block.py
	$(HOST_BUILD) --product swiftlet-micro && .build/release/swiftlet-micro
	@mkdir -p build/bench
	$(BIN)/swiftlet bench --all --svg build/bench/phases.svg
	$(BIN)/swiftlet bench --scale --idle 1000

clean:
	rm -rf .build build

.PHONY: build setup host guest init evil takeover image run check test test-full abi security hostile-table lab lab-full fuzz bench clean headers
