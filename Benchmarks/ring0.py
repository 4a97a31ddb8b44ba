#!/usr/bin/env python3
"""Ring-0 instructions of the tiny kernel per entry and resume, counted in the linked kernel (they do not jitter).

Every one is interpreted at about 0.6 µs on a ring-deprivileged KVM. Fails if an entry and its resume together exceed the
budget of 30. Usage: ring0.py [KERNEL]
"""
import os, re, subprocess, sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
KERNEL = sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "build/bin/swiftlet-kernel")
BUDGET = 30


def nucleus():
    """The nucleus as a list of (address, mnemonic, operands) and a map of its labels."""
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", "-j", ".nucleus.text", KERNEL],
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
    code, labels = nucleus()
    resume = path(code, labels["gate_6"], taken=(2,))
    entries = {
        "system call, hardware": path(code, code[0][0]),
        "system call, ring-deprivileged (#GP of the stub)": path(code, labels["gate_13"]),
        "page fault": path(code, labels["gate_14"]),
        "other exception": path(code, labels["gate_0"]),
        "interrupt": path(code, labels["gate_32"]),
    }
    print(f"{'ring-0 instructions':50} in  out  both")
    for name, count in entries.items():
        print(f"{name:50} {count:2}  {resume:3}  {count + resume:4}")
    sys.exit(max(entries.values()) + resume > BUDGET)


main()
