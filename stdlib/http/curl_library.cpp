#include "stdlib/http/curl_library.h"

#include <dlfcn.h>
#include <fmt/format.h>

namespace rbk::stdlib {

namespace {

template <typename Function>
bool find(void* library, const char* name, Function& into) {
  into = reinterpret_cast<Function>(dlsym(library, name));
  return into != nullptr;
}

}  // namespace

Result<CurlLibrary> CurlLibrary::open() {
  void* const library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return fail(ErrorKind::kNotFound, fmt::format("http needs libcurl: {}", dlerror()),
                "install it (Debian: apt install libcurl4)");
  }
  CurlLibrary curl{};
  const bool whole = find(library, "curl_global_init", curl.global_init) &&
                     find(library, "curl_easy_init", curl.easy_init) &&
                     find(library, "curl_easy_cleanup", curl.easy_cleanup) &&
                     find(library, "curl_easy_setopt", curl.easy_setopt) &&
                     find(library, "curl_easy_getinfo", curl.easy_getinfo) &&
                     find(library, "curl_easy_strerror", curl.easy_strerror) &&
                     find(library, "curl_slist_append", curl.slist_append) &&
                     find(library, "curl_slist_free_all", curl.slist_free_all) &&
                     find(library, "curl_multi_init", curl.multi_init) &&
                     find(library, "curl_multi_cleanup", curl.multi_cleanup) &&
                     find(library, "curl_multi_add_handle", curl.multi_add_handle) &&
                     find(library, "curl_multi_remove_handle", curl.multi_remove_handle) &&
                     find(library, "curl_multi_perform", curl.multi_perform) &&
                     find(library, "curl_multi_poll", curl.multi_poll) &&
                     find(library, "curl_multi_wakeup", curl.multi_wakeup) &&
                     find(library, "curl_multi_info_read", curl.multi_info_read);
  if (!whole || curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    return fail(ErrorKind::kUnsupported,
                "libcurl.so.4 is older than 7.85, or can't be set up; http needs that version",
                "install a newer one (Debian 12 has 7.88)");
  }
  return curl;
}

}  // namespace rbk::stdlib
