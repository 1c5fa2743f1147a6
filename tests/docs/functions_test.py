#!/usr/bin/env python3
"""docs/language/functions.md names each function of the types once, as the checker knows it, and its examples are true."""
import re
import unittest

import rbk

PAGE = rbk.ROOT / "docs/language/functions.md"
NATIVES = rbk.ROOT / "vm/bytecode/natives.def"
NATIVE = r'RBK_NATIVE\("([\w.]+)", \d+, "([^"]*)"\)'
TYPES = {"Text": "string", "Lists": "list", "Maps": "map", "JSON": "json", "Whole numbers": "int", "Other numbers": "float",
         "Durations": "duration", "Sizes": "size", "Times": "time", "Of the types themselves": "type"}


def rows():
    """(type, signature, example, what it gives) of each row."""
    receiver = ""
    for line in PAGE.read_text().splitlines():
        if line.startswith("## "):
            receiver = TYPES[line[3:]]
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| `"):
            yield receiver, cells[0].strip("`"), cells[2].strip("`"), cells[3].strip("| `") if len(cells) > 3 else ""


def declared():
    members, own = NATIVES.read_text().split("// Used by the compiler itself")[0].split("// Functions of a type itself")
    for name, signature in re.findall(NATIVE, own):
        function, receiver = name.split(".")
        yield "type", f"{receiver}.{function}{signature}"
    for name, signature in re.findall(NATIVE, members):
        receiver, member = name.split(".")
        yield receiver, member + (signature if signature.startswith("(") else ": " + signature)


class Functions(rbk.Case):
    def test_each_stands_there_with_its_signature(self):
        written = [(receiver, signature) for receiver, signature, _, _ in rows() if not signature.endswith("(fn)")]
        self.assertEqual(sorted(written), sorted(declared()))

    def test_the_examples_are_true(self):
        examples = [(example, gives) for _, _, example, gives in rows() if example]
        self.assertGreater(len(examples), 100)
        lines = "".join(f'  log.info("${{{example}}}")\n' for example, _ in examples)
        path = self.folder / "examples.rbk"
        path.write_text(f'runbook r() {{\n  let at: time = "2026-11-24T12:00:00Z"\n{lines}}}\n')
        done = self.rbk("run", "--json", path)
        found = [line["text"] for line in done.lines() if line.get("event") == "log"]
        for (example, gives), text in zip(examples, found, strict=True):
            self.assertEqual(text, gives, example)


if __name__ == "__main__":
    unittest.main()
