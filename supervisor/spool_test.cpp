#include "supervisor/spool.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/boot.h"
#include "base/hash.h"
#include "supervisor/bytes.h"
#include "supervisor/spare_files.h"

namespace rbk::supervisor {
namespace {

class SpoolTest : public testing::Test {
 protected:
  SpoolTest() {
    char name[] = "/tmp/rbk-spool-XXXXXX";
    store_ = mkdtemp(name);
    folder_ = std::make_unique<Folder>(std::move(*Folder::open(store_)));
  }
  ~SpoolTest() override { std::filesystem::remove_all(store_); }

  Spool create(const std::string& key, SpoolLimits limits = {}) {
    auto spool = Spool::create(*folder_, key, 0, nullptr, limits);
    EXPECT_TRUE(spool.has_value());
    return std::move(*spool);
  }
  static std::string all(const Spool& spool, Cursor cursor = {}) {
    std::string text;
    while (auto piece = spool.next(cursor)) {
      text += piece->stream ? piece->bytes : fmt::format("[{} dropped]", piece->dropped);
    }
    return text;
  }

  std::string store_;
  std::unique_ptr<Folder> folder_;
};

TEST_F(SpoolTest, AnAttemptIsStartedOnce) {
  const Spool first = create("a");
  const auto second = Spool::create(*folder_, "a", 0);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().kind, ErrorKind::kExists);
  EXPECT_TRUE(Spool::create(*folder_, "b", 0).has_value());
}

TEST_F(SpoolTest, AVoidedAttemptIsStartedByTheLatestOnly) {
  EXPECT_TRUE(Spool::find_or_void(*folder_, "a", 1).value());
  EXPECT_TRUE(Spool::find_or_void(*folder_, "a", 2).value());
  EXPECT_EQ(Spool::find_or_void(*folder_, "a", 1).error().kind, ErrorKind::kRefused);
  EXPECT_FALSE(Spool::create(*folder_, "a", 0).has_value());
  EXPECT_FALSE(Spool::create(*folder_, "a", 1).has_value());
  EXPECT_EQ(Spool::open(*folder_, "a").error().kind, ErrorKind::kRefused);
  EXPECT_TRUE(Spool::create(*folder_, "a", 2).has_value());
  EXPECT_FALSE(Spool::create(*folder_, "a", 2).has_value());
  EXPECT_FALSE(Spool::find_or_void(*folder_, "a", 3).value());  // it was started
}

TEST_F(SpoolTest, WhatWasWrittenIsThereAfterItsWriterIsGone) {
  {
    Spool spool = create("run/step:1 of 2");  // a key that is no file name
    ASSERT_TRUE(spool.record_process({4711, 99}));
    spool.append(Stream::kOut, "out\n");
    spool.append(Stream::kErr, "err\n");
    ASSERT_TRUE(spool.record_ending({Ending::Cause::kExited, 7, "text"}));
  }
  const auto spool = Spool::open(*folder_, "run/step:1 of 2");
  ASSERT_TRUE(spool.has_value());
  EXPECT_EQ(spool->process()->pid, 4711);
  EXPECT_EQ(spool->process()->start_time, 99U);
  EXPECT_EQ(spool->boot(), boot_identity());
  EXPECT_EQ(spool->mark().size(), 32U);
  EXPECT_NE(spool->mark(), create("another").mark());
  ASSERT_TRUE(spool->ending().has_value());
  EXPECT_EQ(spool->ending()->value, 7);
  EXPECT_EQ(spool->ending()->text, "text");
  Cursor cursor;
  EXPECT_EQ(spool->next(cursor)->stream, Stream::kOut);
  EXPECT_EQ(spool->next(cursor)->stream, Stream::kErr);
  EXPECT_EQ(all(*spool), "out\nerr\n");
  EXPECT_EQ(all(*spool, cursor), "");
}

TEST_F(SpoolTest, OneWithoutAnEndHasNone) {
  { create("a").append(Stream::kOut, "half"); }
  const auto spool = Spool::open(*folder_, "a");
  ASSERT_TRUE(spool.has_value());
  EXPECT_FALSE(spool->ending().has_value());
  EXPECT_EQ(all(*spool), "half");
}

TEST_F(SpoolTest, HeadAndTailAreKeptWhateverTheSize) {
  const SpoolLimits limits{10'000, 2'000};
  std::string expected_head;
  {
    Spool spool = create("a", limits);
    for (int i = 0; i < 20'000; ++i) spool.append(Stream::kOut, fmt::format("{:06}\n", i));
    ASSERT_TRUE(spool.record_ending({}));
  }
  const auto spool = Spool::open(*folder_, "a");
  ASSERT_TRUE(spool.has_value());
  const std::string text = all(*spool);
  EXPECT_TRUE(text.starts_with("000000\n000001\n"));
  EXPECT_TRUE(text.ends_with("019998\n019999\n"));
  EXPECT_LT(text.size(), 12'000U);
  const size_t mark = text.find('[');
  ASSERT_NE(mark, std::string::npos);
  const auto dropped = std::strtoull(text.c_str() + mark + 1, nullptr, 10);
  const size_t mark_end = text.find(']') + 1;
  EXPECT_EQ(text.size() - (mark_end - mark) + dropped, 20'000U * 7);
  uintmax_t on_disk = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_->path())) {
    on_disk += entry.file_size();
  }
  EXPECT_LT(on_disk, 15'000U);
  Spool::remove(*folder_, "a");
  EXPECT_TRUE(std::filesystem::is_empty(folder_->path()));
}

TEST_F(SpoolTest, AReaderThatFollowsIsToldWhatItMissed) {
  Spool spool = create("a", {5'000, 1'000});
  Cursor cursor;
  std::string text;
  uint64_t dropped = 0;
  uint64_t read = 0;
  for (int i = 0; i < 3'000; ++i) {
    spool.append(Stream::kOut, fmt::format("{:06}\n", i));
    if (i % 700 != 0) continue;
    while (auto piece = spool.next(cursor)) {
      dropped += piece->dropped;
      read += piece->bytes.size();
    }
    EXPECT_EQ(read + dropped, static_cast<uint64_t>(i + 1) * 7);
  }
  EXPECT_GT(dropped, 0U);
}

TEST_F(SpoolTest, WhatAFullDiskRefusesIsCountedAndTheEndIsKept) {
  signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  {
    Spool spool = create("a");
    spool.append(Stream::kOut, "begin\n");
    const rlimit full{10'000, before.rlim_max};  // no file may grow past it
    setrlimit(RLIMIT_FSIZE, &full);
    spool.append(Stream::kOut, std::string(30'000, 'x'));
    EXPECT_TRUE(spool.record_ending({Ending::Cause::kExited, 3, {}}).has_value());
    setrlimit(RLIMIT_FSIZE, &before);
    spool.append(Stream::kOut, "again\n");
    EXPECT_EQ(all(spool), "begin\n[30000 dropped]again\n");
  }
  const auto spool = Spool::open(*folder_, "a");
  ASSERT_TRUE(spool.has_value());
  EXPECT_EQ(spool->ending()->value, 3);
  EXPECT_EQ(all(*spool), "begin\n[30000 dropped]again\n");
}

TEST_F(SpoolTest, DamageIsToldAndNeverCrashes) {
  { create("a").append(Stream::kOut, "text"); }
  const std::string path = folder_->path() + "/a.spool";
  std::filesystem::resize_file(path, 4096 + 7);  // within the record
  EXPECT_EQ(all(*Spool::open(*folder_, "a")), "");
  std::filesystem::resize_file(path, 20);
  const auto cut = Spool::open(*folder_, "a");
  ASSERT_FALSE(cut.has_value());
  EXPECT_EQ(cut.error().kind, ErrorKind::kCorrupt);
  EXPECT_FALSE(Spool::find_or_void(*folder_, "a", 1).value());  // it counts as started
  std::filesystem::resize_file(path, 0);
  EXPECT_FALSE(Spool::find_or_void(*folder_, "a", 1).value());
}

// ---- Files that are used again

class SpareFilesTest : public SpoolTest {
 protected:
  Spool create(const std::string& key) {
    auto spool = Spool::create(*folder_, key, 0, &spares_);
    EXPECT_TRUE(spool.has_value()) << spool.error().message;
    return std::move(*spool);
  }
  /// One that ran and ended well.
  Spool ended(const std::string& key) {
    Spool spool = create(key);
    EXPECT_TRUE(spool.record_process({4711, 99}));
    spool.append(Stream::kOut, "what it printed\n");
    EXPECT_TRUE(spool.record_ending({Ending::Cause::kExited, 0, {}}));
    return spool;
  }
  std::string file_of(const std::string& key) const {
    return folder_->path() + "/" + key + ".spool";
  }
  ino_t inode(const std::string& key) const {
    struct stat facts {};
    return stat(file_of(key).c_str(), &facts) == 0 ? facts.st_ino : 0;
  }
  size_t files() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder_->path()),
                                             std::filesystem::directory_iterator()));
  }

  SpareFiles spares_{*folder_};
};

TEST_F(SpareFilesTest, TheNextSpoolIsWrittenOverTheOldOneAndKnowsNothingOfIt) {
  (void)ended("a");
  const ino_t file = inode("a");
  Spool::retire(*folder_, "a", spares_);
  EXPECT_EQ(inode("a"), 0U);
  for (const auto& entry : std::filesystem::directory_iterator(folder_->path()))
    EXPECT_EQ(entry.file_size(), 4096U);  // what was printed is gone
  EXPECT_EQ(Spool::open(*folder_, "a").error().kind, ErrorKind::kNotFound);
  const Spool b = create("b");
  EXPECT_EQ(inode("b"), file);
  EXPECT_EQ(all(b), "");
  const auto read = Spool::open(*folder_, "b");
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->key(), "b");
  EXPECT_EQ(read->mark(), b.mark());
  EXPECT_FALSE(read->process().has_value());
  EXPECT_FALSE(read->ending().has_value());
  EXPECT_EQ(all(*read), "");
}

TEST_F(SpareFilesTest, ANameThatIsTakenStaysTaken) {
  (void)ended("a");
  Spool::retire(*folder_, "a", spares_);
  EXPECT_TRUE(Spool::find_or_void(*folder_, "b", 5).value());
  EXPECT_FALSE(Spool::create(*folder_, "b", 4, &spares_).has_value());
  EXPECT_TRUE(Spool::create(*folder_, "b", 5, &spares_).has_value());
  const Spool c = create("c");
  EXPECT_EQ(Spool::create(*folder_, "c", 9, &spares_).error().kind, ErrorKind::kExists);
}

TEST_F(SpareFilesTest, WhatAPowerCutLeavesOfTheOldOneIsNotTakenForTheNewOnes) {
  (void)ended("a");
  std::string page(4096, '\0');
  std::ifstream(file_of("a"), std::ios::binary).read(page.data(), 4096);
  Spool::retire(*folder_, "a", spares_);
  (void)create("b");
  std::fstream file(file_of("b"), std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(2048).write(page.data() + 2048, 2048);
  file.close();
  const auto b = Spool::open(*folder_, "b");
  ASSERT_TRUE(b.has_value());
  EXPECT_FALSE(b->process().has_value());
  EXPECT_FALSE(b->ending().has_value());
}

TEST_F(SpareFilesTest, FewAreKeptAndNoneIsLeft) {
  for (int i = 0; i < 40; ++i) (void)ended("a" + std::to_string(i));
  EXPECT_EQ(files(), 40U);
  for (int i = 0; i < 40; ++i) Spool::retire(*folder_, "a" + std::to_string(i), spares_);
  EXPECT_EQ(files(), 16U);
  {
    // One that was killed has left some; those that come later take their places.
    SpareFiles others(*folder_);
    auto spool = Spool::create(*folder_, "z", 0, &others);
    ASSERT_TRUE(spool.has_value());
    Spool::retire(*folder_, "z", others);
  }
  EXPECT_LE(files(), 16U);
  while (spares_.take()) {
  }
}

TEST_F(SpoolTest, ASpoolOfTheFormatBeforeIsRead) {
  const auto sealed = [](const std::string& bytes) {
    std::string block;
    ByteWriter(block).put(std::string_view(bytes));
    const Digest digest = sha256(bytes);
    return block.append(reinterpret_cast<const char*>(digest.data()), digest.size() / 2);
  };
  std::string identity = "RBKSPOOL";
  ByteWriter to(identity);
  to.put(uint32_t{1});
  to.put(uint8_t{2});
  to.put(std::string_view("a"));
  to.put(std::string_view("0123456789abcdef0123456789abcdef"));
  to.put(std::string_view(boot_identity()));
  std::string ending;
  ByteWriter(ending).put(uint8_t{1});
  ByteWriter(ending).put(int32_t{7});
  ByteWriter(ending).put(std::string_view("text"));
  std::ofstream file(folder_->path() + "/a.spool", std::ios::binary);
  file << sealed(identity);
  file.seekp(2560);
  file << sealed(ending);
  file.close();
  const auto spool = Spool::open(*folder_, "a");
  ASSERT_TRUE(spool.has_value()) << spool.error().message;
  ASSERT_TRUE(spool->ending().has_value());
  EXPECT_EQ(spool->ending()->value, 7);
}

TEST_F(SpoolTest, AFolderThatOthersMayEnterIsRefused) {
  chmod(folder_->path().c_str(), 0755);
  const auto folder = Folder::open(store_);
  ASSERT_FALSE(folder.has_value());
  EXPECT_EQ(folder.error().kind, ErrorKind::kPermission);
  EXPECT_NE(folder.error().cure.find("chmod 700"), std::string::npos);
  EXPECT_EQ(Folder::open(store_ + "/missing").error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace rbk::supervisor
