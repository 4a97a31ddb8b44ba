#!/usr/bin/env python3
"""Ring-0 instructions of the tiny kernel on each way into it, counted in the linked kernel (they do not jitter).

Every one is interpreted on a ring-deprivileged KVM, at about 0.6 µs, and the way through ring 0 costs 25 µs and more besides. The way
back to a program has none. Fails if one is more than its BUDGET. Usage: ring0.py [KERNEL]
"""
import os, re, subprocess, sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
KERNEL = sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "build/bin/swiftlet-kernel")
# Where each way enters ring 0 (nucleus.S), which of its instructions jump, and how many it may have. `syscall` on a ring-deprivileged
# KVM goes to `system_call`, in ring 3.
WAYS = {
    "system call, ring-deprivileged": (None, (), 0),
    "system call, hardware": ("nucleus_system_call", (), 3),
    "page fault": ("nucleus_page_fault", (), 8),
    "interrupt": ("nucleus_interrupt_0", (), 8),
    "another address space": ("nucleus_divide_error", (), 8),
    "a program's division by zero": ("nucleus_divide_error", (2,), 8),
    "any other exception": (None, (), 0),
}


def kernel():
    """The kernel's text as a list of (address, mnemonic, operands) and a map of its labels."""
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", "-j", ".text", KERNEL],
                          check=True, capture_output=True, text=True).stdout
    labels, code = {}, []
    for line in text.splitlines():
        if label := re.match(r"([0-9a-f]+) <(\w+)>:", line):
            labels[label[2]] = int(label[1], 16)
        elif instruction := re.match(r"\s*([0-9a-f]+):\s+(\w+)\s*(.*)", line):
            code.append((int(instruction[1], 16), instruction[2], instruction[3]))
    return code, labels


def path(code, start, taken=()):
    """Instructions from `start` to `iretq`; a conditional jump is taken if its place on the path is in `taken`."""
    at = {address: i for i, (address, _, _) in enumerate(code)}
    i, count = at[start], 0
    while True:
        _, mnemonic, operands = code[i]
        count += 1
        if mnemonic == "iretq":
            return count
        if mnemonic == "jmp" or (mnemonic.startswith("j") and count in taken):
            i = at[int(operands.split()[0], 16)]
        else:
            i += 1


def main():
    code, labels = kernel()
    failed = False
    print(f"{'ring-0 instructions':35} in  out  at most")
    for name, (label, taken, budget) in WAYS.items():
        count = path(code, labels[label], taken) if label else 0
        failed |= count > budget
        print(f"{name:35} {count:2}    0  {budget:7}")
    sys.exit(failed)


main()
