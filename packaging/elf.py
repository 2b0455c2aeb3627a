"""What a program asks of the system it will run on, read from its ELF file."""
import struct

# Section types.
DYNAMIC, VERSIONS_NEEDED = 6, 0x6FFFFFFE
# The tag of an entry of the dynamic section: "needs this library".
NEEDED = 1
# What packaging calls the processors we build for; the numbers are ELF's.
MACHINES = {62: "x86_64", 183: "aarch64"}
# 64 bits, little-endian: no other layout is read here.
MAGIC = b"\x7fELF\x02\x01"


class Elf:
    """Offsets are those of `Elf64_Ehdr`, `Elf64_Shdr`, `Elf64_Verneed` and `Elf64_Vernaux`."""

    def __init__(self, content):
        if content[:len(MAGIC)] != MAGIC:
            raise ValueError("not a 64-bit little-endian ELF file")
        self.content = content
        number, = self._read("<H", 18)
        if number not in MACHINES:
            raise ValueError(f"built for processor {number} of ELF's list, which is none of ours")
        self.machine = MACHINES[number]
        start, = self._read("<Q", 40)
        size, count = self._read("<HH", 58)
        self.sections = [self._section(start + size * place) for place in range(count)]

    def libraries(self):
        """The names of the libraries that the loader will look for."""
        for content, names in self._with_names(DYNAMIC):
            for tag, value in struct.iter_unpack("<QQ", content):
                if tag == NEEDED:
                    yield _text(names, value)

    def symbol_versions(self):
        """The versions of symbols that it was linked against, such as `GLIBC_2.34`."""
        for content, names in self._with_names(VERSIONS_NEEDED):
            for version in _versions(content):
                yield _text(names, version)

    def _section(self, at):
        """Its type, its content, and the number of the section that it refers to."""
        kind, = self._read("<I", at + 4)
        offset, size, link = self._read("<QQI", at + 24)
        return kind, self.content[offset:offset + size], link

    def _with_names(self, wanted):
        """The sections of a type, each with the table of names that it refers to."""
        for kind, content, link in self.sections:
            if kind == wanted:
                yield content, self.sections[link][1]

    def _read(self, layout, at):
        return struct.unpack_from(layout, self.content, at)


def _versions(content):
    """Where the names of versions stand: a chain of libraries, each with a chain of versions."""
    at, next_library = 0, True
    while next_library:
        _, count, _, first, next_library = struct.unpack_from("<HHIII", content, at)
        one = at + first
        for _ in range(count):
            _, _, _, name, next_version = struct.unpack_from("<IHHII", content, one)
            yield name
            one += next_version
        at += next_library


def _text(table, at):
    return table[at:table.index(b"\0", at)].decode()
