// Any bytes make a tree: no crash, no endless loop, and the promises that everyone builds upon
// hold.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "compiler/syntax/dump.h"
#include "compiler/syntax/parse.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace rbk;
  std::string text(reinterpret_cast<const char*>(data), size);
  const source::Source source(0, "fuzz.rbk", std::move(text));
  const syntax::ParsedFile file = syntax::parse(source);
  if (file.errors.size() > syntax::kMaxErrors) std::abort();
  for (const syntax::SyntaxError& error : file.errors) {
    if (error.message.empty() || error.span.begin > error.span.end || error.span.end > size + 1)
      std::abort();
  }
  uint32_t last = 0;
  for (const syntax::DeclId id : file.ast.decls) {
    const source::Span span = file.ast[id].span;
    if (span.begin < last || span.end < span.begin || span.end > size) std::abort();
    last = span.begin;
  }
  // What has no error has no error node.
  const std::string tree = syntax::dump(file.ast);
  if (file.ok() && tree.find("<error>") != std::string_view::npos &&
      source.text().find("<error>") == std::string_view::npos)
    std::abort();
  return 0;
}
