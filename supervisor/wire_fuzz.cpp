// Frames as they come from a socket: nothing may crash, and what decodes encodes to the same bytes.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "supervisor/wire.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  while (!bytes.empty()) {
    const auto decoded = rbk::supervisor::decode_frame(bytes);
    if (!decoded || !*decoded) break;
    const auto& message = (*decoded)->message;
    std::string again;
    rbk::supervisor::append_frame(again, message);
    // A hello of a later version may hold more, and a stream's number has two meanings only.
    const bool exact = std::holds_alternative<rbk::supervisor::Start>(message) ||
                       std::holds_alternative<rbk::supervisor::Attach>(message) ||
                       std::holds_alternative<rbk::supervisor::Ended>(message);
    if (exact && again != bytes.substr(0, (*decoded)->size)) std::abort();
    bytes.remove_prefix((*decoded)->size);
  }
  return 0;
}
