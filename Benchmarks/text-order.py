#!/usr/bin/env python3
"""Writes Sources/GuestNucleus/text-order.ld: which of the kernel's functions jobs run, so that the linker puts them side by side.

A job's first touch of each page of the kernel's code costs 5 µs on a ring-deprivileged KVM. This links a kernel with every function
on a page of its own, runs jobs with it, and lets the host's tracepoint `kvmmmu:kvm_mmu_spte_requested` say which pages they
touch. Functions come in the order of the jobs that run them, most first, and then of their first touch. A name that is not
there any more does no harm: the linker passes it over. Needs perf, root and the images.

With --compare it writes nothing: it links the kernel with that order and without, and prints how many pages of each one's code the jobs
touch. Usage: text-order.py [--compare]
"""
import collections, os, re, subprocess, sys, tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ARCHIVE = os.path.join(ROOT, ".build/guest/x86_64-unknown-none-elf/release/libGuestKernel.a")
FOLDER = os.path.join(ROOT, "Sources/GuestNucleus")
# Where kernel.ld puts .text: its first virtual page and its first physical one.
VIRTUAL, PHYSICAL = 0x7F8001000, 0x103
JOBS = [
    ["--", "true"],
    ["--", "sh", "-c", "echo hi"],
    ["--", "sh", "-c", "echo a | cat | tr a b; for i in 1 2 3; do true; done"],
    ["--", "sh", "-c", "mkdir -p /tmp/a/b; echo x >/tmp/a/b/c; ls -l /tmp/a/b; cp /tmp/a/b/c /tmp/d; rm -r /tmp/a; sort /tmp/d"],
    ["-i", "--", "cat"],
    ["--", "sleep", "0.01"],
    ["--image", "python", "--", "python3", "-c", "print('hello')"],
    ["--image", "python", "--", "python3", "-c", "import json, subprocess; subprocess.run(['true'])"],
    ["--image", "python", "--", "python3", "-c", "import threading; t = threading.Thread(target=print); t.start(); t.join()"],
]


def link_with(script, folder, name):
    """A kernel linked by that script."""
    path, kernel = os.path.join(folder, name + ".ld"), os.path.join(folder, name)
    open(path, "w").write(script)
    subprocess.run(["ld", "--gc-sections", "--no-relax", "-L", FOLDER, "-T", path, "-o", kernel, ARCHIVE], check=True)
    return kernel


def scripts():
    """The kernel's linker script, and the same without an order."""
    script = open(os.path.join(FOLDER, "kernel.ld")).read()
    assert script.count("INCLUDE text-order.ld ") == 1
    return script, script.replace("INCLUDE text-order.ld ", "")


def link(folder):
    """A kernel with a page for each function, and the functions at each page."""
    spread = re.sub(r"(\.text : AT\(0x103000\))", r"\1 SUBALIGN(4096)", scripts()[1])
    assert spread.count("SUBALIGN") == 1
    kernel = link_with(spread, folder, "kernel")
    at = collections.defaultdict(list)
    for line in subprocess.run(["nm", kernel], check=True, capture_output=True, text=True).stdout.splitlines():
        fields = line.split()
        if len(fields) == 3 and fields[1] in "tTwW":
            at[int(fields[0], 16) >> 12].append(fields[2])
    return kernel, at


def touched(job, kernel, folder):
    """Virtual pages of the kernel in the order of their first touch."""
    trace = os.path.join(folder, "trace")
    subprocess.run(["perf", "record", "-q", "-e", "kvmmmu:kvm_mmu_spte_requested", "-o", trace, "--",
                    os.path.join(ROOT, "build/bin/swiftlet"), "run", "--kernel", kernel] + job,
                   check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    text = subprocess.run(["perf", "script", "-i", trace, "-F", "trace"], check=True, capture_output=True, text=True).stdout
    return list(dict.fromkeys(int(frame, 16) - PHYSICAL + VIRTUAL for frame in re.findall(r"gfn ([0-9a-f]+)", text)))


def pages_of_code(kernel):
    """Where the kernel's .text is, as a range of virtual pages."""
    text = subprocess.run(["objdump", "-h", "-j", ".text", kernel], check=True, capture_output=True, text=True).stdout
    size, start = (int(word, 16) for word in re.search(r"\.text +([0-9a-f]+) +([0-9a-f]+)", text).groups())
    return range(start >> 12, (start + size + 4095) >> 12)


def compare():
    with tempfile.TemporaryDirectory() as folder:
        kernels = [link_with(script, folder, name) for name, script in zip(("ordered", "unordered"), scripts())]
        code = [pages_of_code(kernel) for kernel in kernels]
        print(f"pages of code touched by a job: ordered (of {len(code[0])}), unordered (of {len(code[1])})")
        for job in JOBS:
            counts = [sum(page in pages for page in touched(job, kernel, folder)) for kernel, pages in zip(kernels, code)]
            print(f"{counts[0]:5} {counts[1]:5}  {' '.join(job)}")


def main():
    if sys.argv[1:] == ["--compare"]:
        return compare()
    with tempfile.TemporaryDirectory() as folder:
        kernel, at = link(folder)
        count, order = collections.Counter(), []
        for job in JOBS:
            for page in touched(job, kernel, folder):
                for name in at.get(page, []):
                    count[name] += 1
                    if count[name] == 1:
                        order.append(name)
    order.sort(key=lambda name: -count[name])
    with open(os.path.join(FOLDER, "text-order.ld"), "w") as file:
        file.write("/* Written by Benchmarks/text-order.py: the functions that jobs run, most of them first. */\n")
        file.writelines(f"*(.text.{name})\n" for name in order)
    print(f"{len(order)} functions of {len(JOBS)} jobs")


main()
