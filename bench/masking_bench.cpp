// Masking against copying: what taking secrets out of a command's output costs. Prints one JSON
// object a line: {"bench", "mb_per_s", "ms", "floor_ms"}.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "base/masking.h"
#include "bench/process_cost.h"

namespace {

using namespace rbk;

constexpr size_t kSize = 64U << 20;
constexpr size_t kChunk = 64U << 10;

double cpu_ms() { return 1000.0 * static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

/// Lines of `line`, "#" in it replaced by a number, up to kSize bytes.
std::string filled(const std::string& line) {
  std::string text;
  text.reserve(kSize + line.size() + 16);
  for (size_t n = 0; text.size() < kSize; ++n) {
    const size_t at = line.find('#');
    text += line.substr(0, at);
    if (at != std::string::npos) text += fmt::format("{}{}", n * 2654435761U, line.substr(at + 1));
    text += '\n';
  }
  text.resize(kSize);
  return text;
}

void measure(const char* name, const std::vector<std::string>& secrets, const std::string& text) {
  const auto masks = std::make_shared<const Masks>(secrets);
  std::vector<double> ours;
  std::vector<double> floor;
  size_t sum = 0;
  for (int round = 0; round < 3; ++round) {
    double begun = cpu_ms();
    MaskingStream stream(masks);
    for (size_t at = 0; at < text.size(); at += kChunk)
      sum += stream.add(std::string_view(text).substr(at, kChunk)).size();
    sum += stream.finish().size();
    ours.push_back(cpu_ms() - begun);
    begun = cpu_ms();
    for (size_t at = 0; at < text.size(); at += kChunk)
      sum += std::string(std::string_view(text).substr(at, kChunk)).size();
    floor.push_back(cpu_ms() - begun);
  }
  const double ms = bench::median(ours);
  fmt::print(
      "{{\"bench\":\"masking: {}\",\"mb_per_s\":{:.0f},\"ms\":{:.1f},\"floor_ms\":{:.1f}}}\n", name,
      static_cast<double>(kSize) / 1e3 / ms, ms, bench::median(floor));
  if (sum == 0) std::abort();
}

}  // namespace

int main() {
  const std::vector<std::string> two = {"correct horse+battery/staple", "s3cr3t-t0ken-value"};
  std::vector<std::string> many;
  many.reserve(20);
  for (size_t i = 0; i < 20; ++i)
    many.push_back(
        fmt::format("{:016x}{:016x}", (i + 1) * 0x9e3779b97f4a7c15U, i * 0xbf58476d1ce4U));
  const std::string log = filled(
      "2026-03-01T12:00:00Z INFO worker-# finished the request GET /api/v1/items in 12 ms, bytes");
  const std::string json = filled(
      R"({"log":"{\"at\":\"2026-03-01\",\"text\":\"a \\\"quoted\\\" line\\n\",\"url\":\"a%20b%2Fc?d\u0026e\"}","n":#})");
  measure("a log, two secrets", two, log);
  measure("a log, twenty secrets", many, log);
  measure("JSON in JSON, two secrets", two, json);
  measure("base64, two secrets", two,
          filled("TG9yZW0gaXBzdW0gZG9sb3Igc2l0IGFtZXQgY29uc2VjdGV0dXIgYWRpcGlzY2luZyBlbGl0#"));
  measure("nothing but backslashes", two, std::string(kSize, '\\'));
  return 0;
}
