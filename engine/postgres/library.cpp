#include "engine/postgres/library.h"

#include <dlfcn.h>
#include <fmt/format.h>

namespace rbk::engine::postgres {
namespace {

constexpr const char* kFile = "libpq.so.5";

Result<Library> load() {
  // Never unloaded: OpenSSL, which comes with it, does not bear that.
  void* handle = dlopen(kFile, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (handle == nullptr)
    return fail(ErrorKind::kUnsupported,
                fmt::format("a store on PostgreSQL needs the library {}: {}", kFile, dlerror()),
                "install it (Debian: apt install libpq5), or use a store on SQLite: sqlite:PATH");
  Library made;
  const char* missing = nullptr;
#define RBK_LIBPQ_FUNCTION(name)                                         \
  made.name = reinterpret_cast<decltype(&::name)>(dlsym(handle, #name)); \
  if (made.name == nullptr) missing = #name;
#include "engine/postgres/functions.def"
#undef RBK_LIBPQ_FUNCTION
  if (missing != nullptr)
    return fail(ErrorKind::kUnsupported, fmt::format("the library {} lacks {}", kFile, missing),
                "install that of PostgreSQL 12 or a newer one");
  return made;
}

}  // namespace

Result<const Library*> library() {
  static const Result<Library> loaded = load();
  if (!loaded) return tl::unexpected(loaded.error());
  return &*loaded;
}

}  // namespace rbk::engine::postgres
