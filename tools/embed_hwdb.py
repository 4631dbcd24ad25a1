#!/usr/bin/env python3
"""Writes the C++ file that holds the device descriptions: embed_hwdb.py OUTPUT DATA [TOML...]

The files are named by their paths below the folder DATA."""

import pathlib
import sys

# A string literal may be 64 KiB in portable C++; adjacent literals are joined anyway.
CHUNK = 8000


def literal(text: str) -> str:
    chunks = [text[i : i + CHUNK] for i in range(0, len(text), CHUNK)] or [""]
    return "\n    ".join(f'R"quartet({chunk})quartet"' for chunk in chunks)


def main() -> None:
    output, data, *inputs = (pathlib.Path(path).resolve() for path in sys.argv[1:])
    files = sorted((f.relative_to(data).with_suffix("").as_posix(), f) for f in inputs)
    entries = "".join(f'    {{"{name}",\n    {literal(f.read_text())}}},\n' for name, f in files)
    output.write_text(
        '#include "hwdb/embedded.h"\n\n'
        "#include <array>\n\n"
        "namespace quartet::hwdb {\n\n"
        "std::span<const EmbeddedFile> embeddedFiles() {\n"
        f"  static constexpr std::array<EmbeddedFile, {len(files)}> kFiles{{{{\n{entries}  }}}};\n"
        "  return kFiles;\n"
        "}\n\n"
        "}  // namespace quartet::hwdb\n"
    )


if __name__ == "__main__":
    main()
