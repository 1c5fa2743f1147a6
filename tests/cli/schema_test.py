#!/usr/bin/env python3
"""`rbk schema` and `rbk run --params` agree: what the one lets through, the other takes, and the other way round.

The validator below knows just the keywords that a schema of ours may hold, and fails at any other. Where `jsonschema` is
installed, it has to say the same.
"""
import json
import re
import unittest
import warnings

import rbk

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    try:
        import jsonschema
    except ImportError:
        jsonschema = None

NOTES = {"$schema", "$defs", "title", "description", "default", "examples", "format", "x-runbook-where", "x-runbook-outside"}
TYPES = {
    "null": lambda v: v is None,
    "boolean": lambda v: isinstance(v, bool),
    "integer": lambda v: not isinstance(v, bool) and (isinstance(v, int) or isinstance(v, float) and v.is_integer()),
    "number": lambda v: not isinstance(v, bool) and isinstance(v, (int, float)),
    "string": lambda v: isinstance(v, str),
    "array": lambda v: isinstance(v, list),
    "object": lambda v: isinstance(v, dict),
}


def is_number(v):
    return TYPES["number"](v)


def same(a, b):
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def search(pattern, text):
    return re.search(pattern.replace("$", r"\Z") if pattern.endswith("$") else pattern, text, re.ASCII)


def valid(schema, value, root):
    """Whether the value fits the schema; KeyError names a keyword that is not ours."""
    fits = lambda inner, v: valid(inner, v, root)  # noqa: E731
    for keyword, rule in schema.items():
        if keyword in NOTES:
            continue
        ok = {
            "type": lambda: TYPES[rule](value),
            "enum": lambda: any(same(value, one) for one in rule),
            "const": lambda: same(value, rule),
            "minimum": lambda: not is_number(value) or value >= rule,
            "maximum": lambda: not is_number(value) or value <= rule,
            "exclusiveMinimum": lambda: not is_number(value) or value > rule,
            "exclusiveMaximum": lambda: not is_number(value) or value < rule,
            "pattern": lambda: not isinstance(value, str) or search(rule, value),
            "minLength": lambda: not isinstance(value, str) or len(value) >= rule,
            "maxLength": lambda: not isinstance(value, str) or len(value) <= rule,
            "minItems": lambda: not isinstance(value, list) or len(value) >= rule,
            "maxItems": lambda: not isinstance(value, list) or len(value) <= rule,
            "minProperties": lambda: not isinstance(value, dict) or len(value) >= rule,
            "maxProperties": lambda: not isinstance(value, dict) or len(value) <= rule,
            "items": lambda: not isinstance(value, list) or all(fits(rule, one) for one in value),
            "properties": lambda: not isinstance(value, dict) or all(fits(rule[k], v) for k, v in value.items() if k in rule),
            "propertyNames": lambda: not isinstance(value, dict) or all(fits(rule, k) for k in value),
            "required": lambda: not isinstance(value, dict) or all(k in value for k in rule),
            "additionalProperties": lambda: not isinstance(value, dict)
            or all(rule is not False and fits(rule, v) for k, v in value.items() if k not in schema.get("properties", {})),
            "anyOf": lambda: any(fits(one, value) for one in rule),
            "oneOf": lambda: sum(bool(fits(one, value)) for one in rule) == 1,
            "allOf": lambda: all(fits(one, value) for one in rule),
            "not": lambda: not fits(rule, value),
            "$ref": lambda: fits(pointed(root, rule), value),
        }[keyword]()
        if not ok:
            return False
    return True


def pointed(root, pointer):
    for part in pointer.removeprefix("#/").split("/"):
        root = root[part]
    return root


DECLARATIONS = '''
enum Env { staging, prod from "production", dev }
enum Size2 { small, custom(cpus: int, memory: size = 1GiB) }
record Disk { path: string, label: string? = null, size: size = 1GiB, tags: list<string> = [] }
record Host { name: string from "hostName", disks: list<Disk> = [] }
'''
ANY = [None, True, False, 0, 1, -1, 3, 10, 11, 2.0, 2.5, 1e3, 10**18, 2**63 - 1, -(2**63), "", "a", "1", "true", [], {}, ["a"], [1], {"a": 1}, {"a": "b"}]
TEXTS = ["/", "/srv", "srv/", "a'b", "A", "ab", "abc", "abcd", "web-1", "web-10", "-a", "a\nb", "x.y", "xzy", "é", "OPS-1", "OPS-", "a b", "a\n"]
TIMES = ["2026-11-24T13:00:00Z", "2026-11-24 13:00+01:00", "2026-11-24T13:00:00.5-0130", "2026-11-24T13:00:00", "2026-13-01T00:00:00Z",
         "2026-01-01T24:00:00Z", "2026-01-01"]  # fmt: skip
SPANS = ["5m", "5m30s", "1w2d3h4m5s6ms7us", "-5s", "0s", "5", "5 m", "m5", "5M", "1.5h", "5m5", "-", "5ms3"]
SIZES = ["10MiB", "5kB", "10B5MiB", "5KB", "10", "-1B", "1TiB2TB", "10mib"]
URLS = ["https://example.com", "http://a", "ftp+x://h/p?q#f", "https://", "https:///x", "example.com", "://x", "https://a b", "https://a{b}", "1a://x",
        "https://a/\u007f", "https://é/", "https://?x"]  # fmt: skip
DISK = {"path": "/"}
# (declared as, further values)
CASES = [
    ("bool", []),
    ("int", [2**63, -(2**63) - 1]),
    ("int where x in 1..10", []),
    ("int where x in 1..<10", [9]),
    ("int where x >= 2 and x < 11", []),
    ("int where x > 0 and x in [1, 3, 5]", [5]),
    ("int where x not in [1, 3]", []),
    ("int where x != 3", []),
    ("int where not (x in 1..3)", [4]),
    ("float", ["NaN", "Infinity", "-Infinity", "inf"]),
    ("float where x in 0.5..2.5", [0.4, 2.6, "NaN", "Infinity"]),
    ("float where x > 0.0 and x >= 1.5", [1.4, "Infinity", "-Infinity", "NaN"]),
    ("float where x < 2.5", [2.4, "Infinity", "-Infinity", "NaN"]),
    ("float where x > 0.0", [1e300, "Infinity", "-Infinity", "NaN"]),
    ("string", TEXTS),
    ('string where x matches r"^[a-z][a-z0-9-]*$"', TEXTS),
    ('string where x matches r"x.y"', TEXTS),
    ('string where x matches r"^OPS-\\d+$" and x.length <= 6', [*TEXTS, "OPS-123"]),
    ('string where x matches r"[\\w.-]{2,3}$"', TEXTS),
    ('string where x in ["a", "ab"]', TEXTS),
    ('string where x not in ["", "A"]', TEXTS),
    ('string where x.starts_with("/") and not x.ends_with("/")', TEXTS),
    ("string where not x.contains(\"'\")", TEXTS),
    ('string where x.contains("x.")', TEXTS),
    ("string where x.length in 2..3", TEXTS),
    ("string where not x.is_empty", TEXTS),
    ("string where x.length > 1 where x.length < 4", TEXTS),
    ("string where x == \"a\" or x == \"\"", None),
    ("string?", []),
    ("int? = 3", []),
    ("duration", SPANS),
    ("size", SIZES),
    ("time", TIMES),
    ("Url", URLS),
    ("Regex", ["(", "a+"]),
    ("json", TEXTS),
    ("list<int>", [[1, 2], [1, "a"], [1.5], [None]]),
    ("list<string> where x.length in 1..2", [["a", "b"], ["a", "b", "c"]]),
    ("list<string> where not x.is_empty", []),
    ("list<list<Env>>", [[["staging"]], [["prod"]], [["production"], []]]),
    ("map<string, int>", [{"b": "c"}, {"": 0}]),
    ("map<int, bool>", [{"1": True}, {"-5": False}, {"a": True}, {"1": 1}]),
    ("map<string, duration> where x.length >= 1", [{"a": "5m"}, {"a": "5"}]),
    ("Env", ["staging", "prod", "production", "dev", "Dev"]),
    ("Env = .prod where x in [.prod, .dev]", ["staging", "production", "dev"]),
    ("Size2", ["small", "custom", {"small": 1}, {"custom": {"cpus": 2}}, {"custom": {"cpus": 2, "memory": "1GiB"}}, {"custom": {}},
               {"custom": {"cpus": 1, "x": 2}}, {"custom": {"cpus": 1}, "small": {}}]),
    ("Disk", [DISK, {**DISK, "label": None}, {**DISK, "label": "a", "size": 5, "tags": ["x"]}, {**DISK, "size": None}, {**DISK, "more": 1},
              {"path": 1}, {**DISK, "tags": [1]}]),
    ("list<Host>", [[{"hostName": "a"}], [{"name": "a"}], [{"hostName": "a", "disks": [DISK, {}]}], [{"hostName": "a", "disks": [DISK]}]]),
    ("Host?", [{"hostName": "a"}]),
]  # fmt: skip


class Schema(rbk.Case):
    def schema(self, name):
        (schema,) = self.rbk("schema", name, "--json").lines()
        return schema

    def accepts(self, name, value):
        """Whether `rbk run` takes it; a value that is no JSON object's part can't be given at all."""
        text = json.dumps({"x": value})
        done = self.rbk("run", name, "--params", "-", "--json", stdin=text, exit=None)
        self.assertIn(done.code, (rbk.SUCCEEDED, rbk.REFUSED), str(done))
        return done.code == rbk.SUCCEEDED

    def says(self, schema, value):
        own = bool(valid(schema, {"x": value}, schema))
        if jsonschema is not None:
            theirs = jsonschema.Draft202012Validator(schema).is_valid({"x": value})
            # Python's `$` stands before a newline at the end as well.
            if not (isinstance(value, str) and value.endswith("\n")):
                self.assertEqual(theirs, own, f"{schema['properties']} {value!r}")
        return own

    def test_the_schema_and_the_run_agree_on_every_value(self):
        count = 0
        for number, (declared, more) in enumerate(CASES):
            name = f"case{number}.rbk"
            self.write(name, f"{DECLARATIONS}\nrunbook r(x: {declared}) {{\n}}\n")
            schema = self.schema(name)
            if jsonschema is not None:
                jsonschema.Draft202012Validator.check_schema(schema)
            if more is None:
                self.assertIn("x-runbook-where", schema["properties"]["x"])
                continue
            self.assertNotIn("x-runbook-where", schema["properties"]["x"], declared)
            for value in [*ANY, *more]:
                # A size is no float, not even a whole one, which JSON Schema can't tell from an integer.
                if declared == "size" and isinstance(value, float):
                    continue
                count += 1
                self.assertEqual(self.says(schema, value), self.accepts(name, value), f"{declared}: {value!r}\n{schema['properties']}")
        self.assertGreater(count, 1000)

    def test_what_is_missing_or_too_much(self):
        self.write("r.rbk", 'runbook r(a: int, b: int = 2, c: string? = null, d: list<int> = [1, b]) -> int {\n  return a\n}\n')
        schema = self.schema("r.rbk")
        self.assertEqual(schema["required"], ["a"])
        self.assertEqual(schema["properties"]["b"]["default"], 2)
        self.assertEqual(schema["properties"]["c"]["default"], None)
        self.assertNotIn("default", schema["properties"]["d"])
        for given in ({}, {"a": 1}, {"a": 1, "x": 2}, {"b": 1}, {"a": 1, "c": None, "d": []}):
            done = self.rbk("run", "r.rbk", "--params", "-", "--json", stdin=json.dumps(given), exit=None)
            self.assertEqual(bool(valid(schema, given, schema)), done.code == rbk.SUCCEEDED, given)

    def test_defaults_and_outputs_fit(self):
        self.write("r.rbk", f'''{DECLARATIONS}
record Out {{ env: Env, took: duration, size: size, at: time, host: Host?, results: list<Size2>, more: map<string, float>, data: json }}
/// What it does.
runbook r(
  /// Where.
  env: Env = .prod, t: duration = 90s, s: size = 1MiB, l: list<string> = ["a"], u: Url = "https://a.example.com", f: float = 1.5,
) -> Out {{
  log.info("${{l.length}} ${{u}} ${{f}}")
  return Out {{
    env: env
    took: t
    size: s
    at: now()
    host: Host {{ name: "a", disks: [Disk {{ path: "/" }}] }}
    results: [.small, .custom(cpus: 1, memory: s)]
    more: map {{ "x": 1.5 }}
    data: json {{ a: [1, null] }}
  }}
}}
''')
        schema = self.schema("r.rbk")
        self.assertEqual(schema["title"], "r")
        self.assertEqual(schema["description"], "What it does.")
        self.assertEqual(schema["properties"]["env"]["description"], "Where.")
        defaults = {name: one["default"] for name, one in schema["properties"].items()}
        self.assertEqual(defaults, {"env": "production", "t": "1m30s", "s": "1MiB", "l": ["a"], "u": "https://a.example.com", "f": 1.5})
        self.assertTrue(valid(schema, defaults, schema))
        done = self.rbk("run", "r.rbk", "--params", "-", "--json", stdin=json.dumps(defaults))
        output = rbk.ending(done)["output"]
        self.assertTrue(valid(schema["$defs"]["output"], output, schema), output)
        for broken in ({**output, "took": 5}, {**output, "env": "prod"}, {**output, "results": [{"custom": {"cpus": 1}}]}):
            self.assertFalse(valid(schema["$defs"]["output"], broken, schema), broken)

    def test_secrets_are_names(self):
        self.write("r.rbk", "runbook r(x: secret) {\n}\n")
        schema = self.schema("r.rbk")
        for value, fits in (("@token", True), ({"secret": "token"}, True), ("token", False), ("@", False), ({"secret": ""}, False), ({}, False)):
            self.assertEqual(bool(valid(schema, {"x": value}, schema)), fits, value)

    def test_the_printed_form_is_the_same(self):
        self.write("r.rbk", f'{DECLARATIONS}runbook r(x: list<Host>, y: string where y matches r"^[a-z]+$") {{\n}}\n')
        self.assertEqual(json.loads(self.rbk("schema", "r.rbk").out), self.schema("r.rbk"))

    def test_mistakes(self):
        self.write("two.rbk", "runbook a() {\n}\nrunbook b() {\n}\n")
        self.write("bad.rbk", "runbook a( {\n}\n")
        self.rbk("compile", "two.rbk", "-o", "two.rbkc")
        for words, told in (
            (["two.rbk"], "say which: two.rbk:a, two.rbk:b"),
            (["two.rbk:c"], "has no public runbook"),
            (["none.rbk"], "cannot be read"),
            (["bad.rbk"], "RBK00"),
            (["two.rbkc:a"], "without its text"),
            ([], "FILE"),
        ):
            with self.subTest(words):
                self.assertIn(told, self.rbk("schema", *words, exit=rbk.USAGE).err)
        self.assertEqual(self.schema("two.rbk:b")["title"], "b")


if __name__ == "__main__":
    unittest.main()
