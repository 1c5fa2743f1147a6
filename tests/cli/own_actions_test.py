#!/usr/bin/env python3
"""Programs of own actions as people meet them: missing, changed, in a folder of a project, compiled for another place."""
import json
import unittest

import rbk

NOTE = """
action note(text: string) -> string writes = exec "plugins/note"

runbook main() -> string {
  step first = note("one") rollback { note("undo one") }
  wait 50ms
  step change = shell("test ! -e change || sh change") rollback none "a test"
  step second = note("two") rollback none "a note"
  return "${first} ${second}"
}
"""

PLUGIN = r"""#!/bin/sh
text=$(sed 's/.*"text":"\([^"]*\)".*/\1/')
echo "$text" >> notes
printf '{"ok": "%s"}' "$text"
"""


class OwnActions(rbk.Case):
    def setUp(self):
        super().setUp()
        self.write("main.rbk", NOTE)
        self.program = self.write("plugins/note", PLUGIN)
        self.program.chmod(0o755)

    def notes(self):
        path = self.folder / "notes"
        return path.read_text().split("\n")[:-1] if path.exists() else []

    def test_a_run_that_could_not_end_does_not_begin(self):
        self.program.chmod(0o644)
        done = self.rbk("run", "main.rbk", exit=rbk.REFUSED)
        self.assertEqual(done.out, "")
        self.assertIn("error: `plugins/note` can't be started: it is not executable", done.err)
        self.assertIn(f"chmod +x {self.folder}/plugins/note", done.err)
        self.assertFalse((self.folder / ".runbook").exists())
        check = self.rbk("check", "main.rbk")
        self.assertIn("RBK0118", check.err)
        self.program.chmod(0o755)
        self.assertEqual(self.rbk("check", "main.rbk").err, "")
        self.rbk("run", "main.rbk")
        self.assertEqual(self.notes(), ["one", "two"])

    def test_a_name_that_is_nearly_right(self):
        self.program.rename(self.folder / "plugins/note.sh")
        done = self.rbk("check", "main.rbk", exit=rbk.USAGE)
        self.assertIn("did you mean `note.sh`", done.err)
        self.write("main.rbk", NOTE.replace("plugins/note", "sh plugins/note.sh --quiet"))
        self.assertIn("no command line", self.rbk("check", "main.rbk", exit=rbk.USAGE).err)
        self.write("main.rbk", NOTE.replace("plugins/note", "mail"))
        self.assertIn("not on the PATH", self.rbk("check", "main.rbk", exit=rbk.USAGE).err)

    def test_a_changed_program_holds_its_run_up(self):
        self.write("change", "cp -p plugins/note kept; echo '# new' >> plugins/note\n")
        done = self.rbk("run", "main.rbk", exit=rbk.SUSPENDED)
        run = done.out.split()[1]
        self.assertIn("`plugins/note` is not the program that this run was compiled with", done.err)
        self.assertIn("put that one back", done.err)
        self.assertIn(f"rbk resume {run}", done.err)
        self.assertEqual(self.notes(), ["one"])
        # As JSON, with all runs, and by a run that is not concerned.
        self.write("other.rbk", "runbook other() {\n  wait 10ms\n}\n")
        self.rbk("run", "other.rbk", "--detach")
        done = self.rbk("resume", "--json", exit=rbk.SUSPENDED)
        self.assertIn("`plugins/note`", json.loads(done.err)["error"])
        ends = {line["run"]: line["status"] for line in done.lines() if line["event"] == "end"}
        self.assertEqual((len(ends), ends[run]), (2, "running"))
        self.assertEqual(sorted(ends.values()), ["running", "succeeded"])
        (self.folder / "kept").rename(self.program)
        done = self.rbk("resume", run)
        self.assertIn("one two", done.out)
        self.assertEqual(self.notes(), ["one", "two"])

    def test_a_changed_program_and_a_run_that_is_given_up(self):
        self.write("change", "cp -p plugins/note kept; rm plugins/note\n")
        run = self.rbk("run", "main.rbk", exit=rbk.SUSPENDED).out.split()[1]
        # Its rollback needs the program too.
        done = self.rbk("cancel", run, "--rollback", exit=rbk.SUSPENDED)
        self.assertIn("there is no file", done.err)
        (self.folder / "kept").rename(self.program)
        self.rbk("resume", run, exit=rbk.CANCELLED)
        self.assertEqual(self.notes(), ["one", "undo one"])

    def test_one_that_cannot_be_undone_is_given_up_and_undone_later(self):
        self.write("change", "cp -p plugins/note kept; rm plugins/note\n")
        run = self.rbk("run", "main.rbk", exit=rbk.SUSPENDED).out.split()[1]
        self.rbk("cancel", run, "--rollback", exit=rbk.SUSPENDED)
        done = self.rbk("cancel", run, "--rollback", "--now", exit=rbk.ROLLBACK_FAILED)
        self.assertIn("ExecError: `plugins/note` can't be started: there is no file", done.out)
        self.assertEqual(self.notes(), ["one"])
        (self.folder / "kept").rename(self.program)
        self.rbk("rollback", run)
        self.assertEqual(self.notes(), ["one", "undo one"])

    def test_a_run_that_is_held_up_can_be_cancelled(self):
        self.write("change", "echo '# new' >> plugins/note\n")
        run = self.rbk("run", "main.rbk", exit=rbk.SUSPENDED).out.split()[1]
        self.rbk("cancel", run, exit=rbk.CANCELLED)
        self.assertEqual(self.notes(), ["one"])

    def test_its_project_is_that_of_the_folder_where_the_run_began(self):
        self.write("runbook.toml", "")
        sub = self.folder / "deep/er"
        sub.mkdir(parents=True)
        self.rbk("run", "../../main.rbk", folder=sub)
        self.assertEqual((sub / "notes").read_text(), "one\ntwo\n")

    def test_an_imported_file_names_its_own(self):
        self.write("lib/notes.rbk", 'action note(text: string) -> string writes = exec "../plugins/note"\n')
        self.write("use.rbk", 'import "lib/notes.rbk" as notes\nrunbook use() -> string {\n'
                   '  step one = notes.note("x") rollback none "a note"\n  return one\n}\n')  # fmt: skip
        self.assertIn("x", self.rbk("run", "use.rbk").out)

    def test_a_compiled_program_is_bound_to_it(self):
        self.rbk("compile", "main.rbk", "-o", "main.rbkc")
        self.assertIn('exec "plugins/note"', self.rbk("disasm", "main.rbkc").out)
        self.rbk("run", "main.rbkc")
        elsewhere = self.folder / "elsewhere"
        elsewhere.mkdir()
        done = self.rbk("run", "../main.rbkc", folder=elsewhere, exit=rbk.REFUSED)
        self.assertIn(f"there is no file {elsewhere}/plugins/note", done.err)
        with self.program.open("a") as file:
            file.write("# changed\n")
        self.assertIn("was compiled with", self.rbk("run", "main.rbkc", exit=rbk.REFUSED).err)
        # Another content is another program.
        hashes = [self.rbk("runs", "--json").lines()[0]["program"]]
        self.rbk("run", "main.rbk")
        hashes.append(self.rbk("runs", "--json").lines()[0]["program"])
        self.assertNotEqual(*hashes)


if __name__ == "__main__":
    unittest.main()
