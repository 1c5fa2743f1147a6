#include "cli/project.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "cli/files.h"

namespace rbk::cli {
namespace {

namespace fs = std::filesystem;

class ProjectTest : public ::testing::Test {
 protected:
  void SetUp() override {
    before_ = fs::current_path();
    folder_ = fs::path(::testing::TempDir()) / ("rbk_project_" + std::to_string(getpid()));
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "deep/er");
    folder_ = fs::canonical(folder_);
    fs::current_path(folder_ / "deep/er");
    unsetenv("RBK_STORE");
  }
  void TearDown() override {
    fs::current_path(before_);
    fs::remove_all(folder_);
  }
  void config(const std::string& text) {
    ASSERT_TRUE(write_file((folder_ / "runbook.toml").string(), text));
  }
  std::string fault() {
    const Result<Project> project = find_project();
    return project ? "" : project.error().message + " / " + project.error().cure;
  }

  fs::path before_;
  fs::path folder_;
};

TEST_F(ProjectTest, SecretsAreNamedByTheirPlace) {
  config("[secrets]\na = \"env:A_B\"\nb = \"file:keys/b\"\nc = \"file:/run/c\"\n");
  const Result<Project> project = find_project();
  ASSERT_TRUE(project) << project.error().message;
  EXPECT_EQ(project->secrets.at("a").kind, SecretPlace::Kind::kVariable);
  EXPECT_EQ(project->secrets.at("a").where, "A_B");
  EXPECT_EQ(project->secrets.at("b").where, (folder_ / "keys/b").string());
  EXPECT_EQ(project->secrets.at("c").where, "/run/c");
  const std::string cure = " / write a = \"env:NAME\" or a = \"file:PATH\"";
  for (const std::string wrong : {"hunter2", "env:", "env:A B", "env:1A", "file:", "vault:x"}) {
    config("[secrets]\na = \"" + wrong + "\"\n");
    EXPECT_EQ(fault(), (folder_ / "runbook.toml").string() +
                           ":2: secrets.a does not say where it comes from" + cure);
  }
  config("[secrets]\na = 1234\n");
  EXPECT_EQ(fault(), (folder_ / "runbook.toml").string() + ":2: secrets.a is no text" + cure);
  config("[secrets]\n\"a-b\" = \"env:A\"\n");
  EXPECT_NE(fault().find("a-b can't be a secret's name"), std::string::npos) << fault();
}

TEST_F(ProjectTest, WithoutAFileItIsTheCurrentFolder) {
  const Result<Project> project = find_project();
  ASSERT_TRUE(project);
  EXPECT_EQ(project->root, (folder_ / "deep/er").string());
  EXPECT_EQ(store_url(*project, {}), "sqlite:" + project->root + "/.runbook/store.db");
  EXPECT_EQ(project->relative("a.rbk"), "a.rbk");
  EXPECT_EQ(project->relative("../a.rbk"), "../a.rbk");
}

TEST_F(ProjectTest, TheNearestFileUpwardsIsRead) {
  config(
      "[store]\nurl = \"sqlite:state/s.db\"\n[groups]\nsre = [\"ann\", \"bob\"]\n"
      "[permissions]\nact_as = [\"bot\"]\n");
  const Result<Project> project = find_project();
  ASSERT_TRUE(project) << project.error().message;
  EXPECT_EQ(project->root, folder_.string());
  EXPECT_EQ(store_url(*project, {}), "sqlite:" + (folder_ / "state/s.db").string());
  EXPECT_EQ(project->groups.at("sre"), (std::vector<std::string>{"ann", "bob"}));
  EXPECT_EQ(project->relative("a.rbk"), "deep/er/a.rbk");
}

TEST_F(ProjectTest, OptionThenEnvironmentThenFile) {
  config("[store]\nurl = \"sqlite:/a\"\n");
  const Project project = *find_project();
  EXPECT_EQ(store_url(project, {}), "sqlite:/a");
  setenv("RBK_STORE", "sqlite:b", 1);
  EXPECT_EQ(store_url(project, {}), "sqlite:" + (folder_ / "deep/er/b").string());
  EXPECT_EQ(store_url(project, "sqlite:/c"), "sqlite:/c");
  unsetenv("RBK_STORE");
}

TEST_F(ProjectTest, MistakesAreNamedWithTheirLine) {
  config("[stroe]\n");
  EXPECT_TRUE(
      fault().ends_with("runbook.toml:1: there is no section [stroe] / did you mean store?"))
      << fault();
  config("[store]\nurl = 3\n");
  EXPECT_NE(fault().find(":2: store.url is no text"), std::string::npos) << fault();
  config("[store\n");
  EXPECT_NE(fault().find("runbook.toml:"), std::string::npos) << fault();
  config("[groups]\nsre = \"ann\"\n");
  EXPECT_NE(fault().find(":2: sre is no list of users"), std::string::npos) << fault();
}

TEST_F(ProjectTest, OnlyThoseWhoAreListedActForOthers) {
  config("[groups]\nsre = [\"ann\"]\n");
  const Project plain = *find_project();
  const Result<engine::Person> me = who(plain, {});
  ASSERT_TRUE(me);
  EXPECT_TRUE(me->real.empty());
  const Result<engine::Person> refused = who(plain, "ann");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kPermission);
  config("[groups]\nsre = [\"ann\"]\n[permissions]\nact_as = [\"" + me->user + "\"]\n");
  const Result<engine::Person> ann = who(*find_project(), "ann");
  ASSERT_TRUE(ann) << ann.error().message;
  EXPECT_EQ(ann->user, "ann");
  EXPECT_EQ(ann->real, me->user);
  EXPECT_EQ(ann->groups, std::vector<std::string>{"sre"});
}

}  // namespace
}  // namespace rbk::cli
