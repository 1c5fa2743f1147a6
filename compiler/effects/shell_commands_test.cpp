#include "compiler/effects/shell_commands.h"

#include <gtest/gtest.h>

namespace rbk::effects {
namespace {

std::string all(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string programs(const std::string& text) {
  return all(shell_commands({{text, false}}).programs);
}

std::string files(const std::string& text) {
  std::string found;
  for (const ShellCommands::File& one : shell_commands({{text, false}}).files)
    found += (one.written ? ">" : "<") + one.path + " ";
  return found;
}

std::string hosts(const ShellCommands& found) {
  std::string text;
  for (const ShellCommands::Host& one : found.hosts) text += one.name + " by " + one.by + " ";
  return text;
}

std::string hosts(const std::string& text) { return hosts(shell_commands({{text, false}})); }

TEST(ShellCommands, NamesTheProgramsThatStart) {
  EXPECT_EQ(programs("cat a | sort -u && /usr/bin/tail -n 1; uniq & head"),
            "cat sort tail uniq head");
  EXPECT_EQ(programs("A=1 B=2 make"), "make");
  EXPECT_EQ(programs("cd /srv && test -e x || echo gone"), "");
  EXPECT_EQ(programs("if grep -q x f; then rm f; else touch f; fi"), "grep rm touch");
  EXPECT_EQ(programs("for h in ping pong; do ping $h; done"), "ping");
  EXPECT_EQ(programs("while read l; do wc; done < f"), "wc");
  EXPECT_EQ(programs("case $x in kill) rm a;; stop|halt) mv a b;; esac"), "rm mv");
  EXPECT_EQ(programs("clean() { rm x; }; clean"), "rm clean");
  EXPECT_EQ(programs("(df; du)"), "df du");
}

TEST(ShellCommands, NamesWhatARunnerStarts) {
  EXPECT_EQ(programs("sudo -u postgres -n pg_dump app"), "sudo pg_dump");
  EXPECT_EQ(programs("timeout -k 5s 10s env LANG=C nice -n 10 tar c"), "timeout env nice tar");
  EXPECT_EQ(programs("find . | xargs -n 1 rm"), "find xargs rm");
  EXPECT_EQ(programs("exec nginx"), "nginx");
  EXPECT_EQ(programs("sudo bash -ec 'rm x; sync' a"), "sudo bash rm sync");
  EXPECT_EQ(programs("sh script.sh -c x"), "sh");
}

TEST(ShellCommands, ReadsSubstitutionsAndLeavesQuotesAndDocumentsAlone) {
  EXPECT_EQ(programs("echo \"$(date -u) `hostname`\" '$(rm x)'"), "date hostname");
  EXPECT_EQ(programs("kill $(cat pid) # rm x"), "cat kill");
  EXPECT_EQ(programs("echo $((1 + 2)) ${HOME:-rm x}; ls"), "ls");
  EXPECT_EQ(programs("cat <<EOF\nrm x\nEOF\nls"), "cat ls");
  EXPECT_EQ(programs("cat <<-'END' | sort\n\trm x\n\tEND\nls"), "cat sort ls");
  EXPECT_EQ(programs("a \\\n  b\nc"), "a c");
}

TEST(ShellCommands, NamesTheFilesThatAreRedirected) {
  EXPECT_EQ(files("a < in > out 2>> log"), "<in >out >log ");
  EXPECT_EQ(files("a >/dev/null 2>&1 &> both >&- <<< text"), ">both ");
  EXPECT_EQ(files("test 1 -gt 2 && a 2>err"), ">err ");
}

TEST(ShellCommands, NamesHostsAndUrls) {
  const ShellCommands found = shell_commands({{"ssh -p 22 -o X=y root@", false},
                                              {"${host}", true},
                                              {" sudo reboot; curl -fsS ", false},
                                              {"https://${host}/x", true}});
  EXPECT_EQ(hosts(found), "root@${host} by ssh ");
  EXPECT_EQ(all(found.programs), "ssh sudo reboot curl");
  EXPECT_EQ(all(found.urls), "https://${host}/x");
  EXPECT_EQ(programs("ssh web-1 'systemctl restart app && rm x'"), "ssh systemctl rm");
}

TEST(ShellCommands, NamesTheHostsOfCopiersAndClients) {
  EXPECT_EQ(hosts("scp -P 22 a.tgz root@web-1:/tmp/a:b web-2:"), "root@web-1 by scp web-2 by scp ");
  EXPECT_EQ(hosts("rsync -a -e 'ssh -p 1' ./a:b /x:y backup:/srv/"), "backup by rsync ");
  EXPECT_EQ(hosts("psql -h db-1 -U app -c 'select 1'; pg_dump --host=db-2 app"),
            "db-1 by psql db-2 by pg_dump ");
  EXPECT_EQ(hosts("psql \"host=db-3 dbname=app\"; psql -h /run/postgresql"), "db-3 by psql ");
  EXPECT_EQ(hosts("sudo mysql -hdb-4; ls -h x"), "db-4 by mysql ");
  EXPECT_EQ(hosts("pg_restore -d postgresql://app@db-5:5432/app x file:///y a=b://c"),
            "postgresql://app@db-5:5432/app by pg_restore ");
}

TEST(ShellCommands, FollowsCommandsInCommands) {
  const ShellCommands found = shell_commands(
      {{"ssh web-1 'curl -f https://a.example.com | tee /etc/x; ssh web-2 reboot'", false}});
  EXPECT_EQ(all(found.programs), "ssh curl tee reboot");
  EXPECT_EQ(hosts(found), "web-1 by ssh web-2 by ssh ");
  EXPECT_EQ(all(found.urls), "https://a.example.com");
  EXPECT_EQ(files("ssh web-1 'echo x > /etc/x'"), ">web-1:/etc/x ");
  EXPECT_EQ(files("bash -c 'echo x > /etc/x'"), ">/etc/x ");
  EXPECT_EQ(
      all(shell_commands({{"sh -c 'rm ", false}, {"${a b}", true}, {" && sync'", false}}).programs),
      "sh rm sync");
}

TEST(ShellCommands, NamesTheFilesOfTeeAndDd) {
  EXPECT_EQ(files("echo x | sudo tee -a /etc/hosts /dev/null"), ">/etc/hosts ");
  EXPECT_EQ(files("dd if=/dev/zero of=/swap bs=1M; dd if=a of=b"), ">/swap <a >b ");
}

TEST(ShellCommands, AValueIsOneWordWhateverItHolds) {
  const ShellCommands found =
      shell_commands({{"rm -- ", false}, {"a; reboot > x", true}, {"\n", false}});
  EXPECT_EQ(all(found.programs), "rm");
  EXPECT_TRUE(found.files.empty());
  EXPECT_EQ(all(shell_commands({{"", false}, {"${folder}/bin/run", true}}).programs),
            "${folder}/bin/run");
}

TEST(ShellCommands, EndsOnWhateverIsLeftOpen) {
  for (const char* text :
       {"$(",  "`", "'",  "\"", "\"$(`'", "((((", "<<",      "<<EOF", "a <<EOF\nx", "${",
        "$((", ">", "2>", "&>", "\\",     "ssh",  "sudo -u", "))))",  "<<<",        "a > \n"})
    shell_commands({{text, false}, {"v", true}, {text, false}});
  shell_commands({{std::string(10000, '('), false}});
  std::string deep;
  for (int i = 0; i < 10000; ++i) deep += "$(";
  shell_commands({{deep, false}});
}

}  // namespace
}  // namespace rbk::effects
