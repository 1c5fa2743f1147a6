#!/usr/bin/env python3
"""What stdlib/values/*.rbk declare is what the machine brings, its examples are true, and docs/language/functions.md says
the same: `functions_test.py --update` writes the page."""
import re
import sys
import unittest

import rbk

VALUES = rbk.ROOT / "stdlib/values"
PAGE = rbk.ROOT / "docs/language/functions.md"
NATIVES = rbk.ROOT / "vm/bytecode/natives.def"
# By type: the heading of its table.
TYPES = {"string": "Text", "list": "Lists", "range": "Ranges", "map": "Maps", "json": "JSON", "int": "Whole numbers",
         "float": "Other numbers", "duration": "Durations", "size": "Sizes", "time": "Times"}
LOOPS = {"map", "filter", "flat_map", "any", "all", "find", "count", "sort_by", "each"}
LETTERS = {"bool": "B", "int": "I", "float": "F", "duration": "D", "size": "Z", "time": "T"}


class Function:
    """One `fn … = native` with its comment."""

    def __init__(self, type_name, comment, declaration):
        match = re.fullmatch(r"fn (?:([a-z]+[^.(]*)\.)?(\w+)(\(.*\))?(?: -> (.+))? = native", declaration)
        self.type, self.declaration = type_name, declaration
        self.receiver, self.name, self.parameters, self.result = match.groups()
        text, *code = re.split(r"^```rbk$|^```$", comment, flags=re.M)
        self.doc = text.strip()
        self.examples = [block.strip("\n").splitlines() for block in code[0::2]]

    @property
    def native(self):
        return f"{self.type}.{self.name}" if self.receiver else f"{self.name}.{self.type}"

    @property
    def is_loop(self):
        return self.type in ("list", "range") and self.name in LOOPS

    def letters(self):
        """What natives.def has to say: the registers of the receiver and the arguments, and that of the result."""
        def letter(written):
            return "A" if written and re.fullmatch(r"[TKVU]|Ordered|Comparable|Quantity", written) else LETTERS.get(written, "R")
        arguments = re.findall(r"\w+: ((?:<[^<>]*(?:<[^<>]*>)*[^<>]*>|[^,()])+)", self.parameters or "")
        return (letter(self.type) if self.receiver else "") + "".join(map(letter, arguments)), letter(self.result)


def functions():
    for type_name in TYPES:
        comment = []
        for line in (VALUES / f"{type_name}.rbk").read_text().splitlines():
            if line.startswith("///"):
                comment.append(line.removeprefix("///").removeprefix(" "))
            elif line.startswith("fn "):
                yield Function(type_name, "\n".join(comment), line)
                comment = []


def page():
    """docs/language/functions.md as the declarations have it."""
    head, rest = PAGE.read_text().split("## Text\n", 1)
    out = [head.rstrip("\n"), ""]
    for type_name, title in TYPES.items():
        about = (VALUES / f"{type_name}.rbk").read_text().split("\n\n", 1)[0]
        out += [f"## {title}", "", " ".join(line.removeprefix("//!").strip() for line in about.splitlines()), "",
                "| function | gives | example |", "| --- | --- | --- |"]
        for one in functions():
            if one.type != type_name:
                continue
            signature = one.declaration.removeprefix("fn ").removesuffix(" = native")
            signature = signature if one.receiver else f"{type_name}.{signature}"
            doc = " ".join(one.doc.split())
            example = " ; ".join(one.examples[0])
            out.append(f"| `{signature}` | {doc} | `{example}` |")
        out.append("")
    return "\n".join(out)


class Functions(rbk.Case):
    def test_each_native_is_declared_and_takes_what_is_declared(self):
        text = NATIVES.read_text().split("// Used by the compiler itself")[0]
        brought = {name: (arguments, result)
                   for name, arguments, result in re.findall(r"RBK_NATIVE\(\"([\w.]+)\", \d+, \"(\w*)\", '(\w)'\)", text)}
        declared = {one.native: one.letters() for one in functions() if not one.is_loop}
        self.assertGreater(len(declared), 100)
        self.assertEqual(declared, brought)

    def test_each_is_described_and_has_an_example(self):
        for one in functions():
            self.assertTrue(one.doc.endswith("."), one.declaration)
            self.assertTrue(one.examples and all(one.examples), one.declaration)

    def test_the_examples_are_true(self):
        """Each line that is a value has to be true, in a runbook's own code and in a test; others stand before it."""
        total = 0
        for type_name in TYPES:
            outside, inside, tests = [], [], []
            for number, one in enumerate(one for one in functions() if one.type == type_name):
                for block, example in enumerate(one.examples):
                    claims = [line for line in example if not line.startswith(("fn ", "let "))]
                    outside += [line for line in example if line.startswith("fn ")]
                    lets = [line for line in example if line.startswith("let ")]
                    self.assertTrue(claims, one.declaration)
                    name = f"example_{number}_{block}"
                    inside += [f"fn {name}() -> list<bool> {{", *lets, f"return [{', '.join(claims)}]", "}"]
                    tests += [f'test "{one.type}.{one.name} {block}" {{', *lets,
                              *(f"expect {claim}" for claim in claims),
                              f"expect {name}() == [{', '.join('true' for _ in claims)}]", "}"]
                    total += len(claims)
            path = self.folder / f"{type_name}.rbk"
            path.write_text("\n".join(outside + inside + tests) + "\n")
            self.rbk("test", path)
        self.assertGreater(total, 130)

    def test_the_page_says_what_is_declared(self):
        self.assertEqual(PAGE.read_text(), page(), "run tests/docs/functions_test.py --update")


if __name__ == "__main__":
    if "--update" in sys.argv:
        PAGE.write_text(page())
        sys.exit()
    unittest.main()
