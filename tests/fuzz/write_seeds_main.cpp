// Writes the seeds of program_fuzz and snapshot_fuzz: the sample programs, and a snapshot of each
// of their runs at each of its waiting points. Usage: write_seeds FOLDER.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "vm/testing/assembler.h"
#include "vm/testing/player.h"
#include "vm/testing/samples.h"

namespace {

using namespace rbk;

bool write(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  return file.good();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: write_seeds FOLDER\n");
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  bool good = true;
  char index = 0;
  for (const vm::testing::Sample& sample : vm::testing::samples()) {
    const auto program =
        std::make_shared<const bytecode::Program>(vm::testing::assemble(sample.text));
    good = good && write(folder / "program" / sample.name, bytecode::save(*program));
    // Each way of answering alike leads elsewhere: all goes well, all fails, all is in doubt.
    for (const char choice : {'\x00', '\x04', '\x05', '\x17', '\x12'}) {
      vm::Machine machine(program, vm::testing::small_limits());
      good = good && vm::testing::start(machine, *program);
      for (int i = 0; i < 12; ++i) {
        const std::string name = fmt::format("{}-{:02x}-{}", sample.name, choice, i);
        good = good && write(folder / "snapshot" / name, index + machine.snapshot());
        vm::testing::play(machine, program, std::string(1, choice), 1);
      }
    }
    ++index;
  }
  return good ? 0 : 1;
}
