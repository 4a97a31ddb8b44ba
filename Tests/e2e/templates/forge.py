#!/usr/bin/env python3
"""forge.py TEMPLATE BYTE|random|stack: overwrites the saved guest with something else and makes every checksum right, as somebody can who
may write the store. `stack`: only where the restored kernel would go on (any 8 bytes that point to its stack)."""
import hashlib, random, struct, sys

path, what = sys.argv[1:]
START, PAGE = 2 << 20, 4096
with open(path, "r+b") as file:
    header = bytearray(file.read(PAGE))
    size = struct.unpack_from("<Q", header, 16)[0]
    file.seek(START)
    memory = bytearray(file.read(size))
    generator = random.Random(1)
    if what == "stack":
        # Kernel stacks are above PHYSMAP; whatever looks like a pointer there points elsewhere.
        for offset in range(0x100000, 8 << 20, 8):
            if memory[offset + 4:offset + 8] == b"\x80\0\0\0":
                memory[offset:offset + 8] = generator.randbytes(8)
    else:
        for page in range(0, size, PAGE):
            if any(memory[page:page + PAGE]):
                memory[page:page + PAGE] = generator.randbytes(PAGE) if what == "random" else bytes([int(what)]) * PAGE
    summary, data = hashlib.sha256(), 0
    for page in range(0, size, PAGE):
        content = bytes(memory[page:page + PAGE])
        if any(content):
            summary.update(struct.pack("<Q", page // PAGE) + content)
            data += PAGE
    struct.pack_into("<Q", header, 56, data)
    header[160:192] = summary.digest()
    header[4064:] = hashlib.sha256(header[:4064]).digest()
    file.seek(0)
    file.write(header)
    file.seek(START)
    file.write(memory)
