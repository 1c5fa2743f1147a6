// Where a secret is kept: a variable of the environment, or a file. The encrypted store, once there
// is one, is a further kind.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace rbk::cli {

struct SecretPlace {
  enum class Kind : uint8_t { kVariable, kFile };
  Kind kind = Kind::kVariable;
  std::string where;  // the variable's name; the file's path
};

/// "env:NAME", "file:PATH"; nothing if it is neither.
std::optional<SecretPlace> parse_secret_place(std::string_view text);

/// Letters, digits and `_`, as in `secrets.lb_token`.
bool is_secret_name(std::string_view text);

/// What stands there now, without one newline at its end. `folder`: from where a relative path is
/// seen. `name`: of the secret, for messages. kRefused says what is wrong and how to put it right:
/// it is not there, can't be read, is no text, is empty, too short to be masked, too long, or may
/// be replaced by anybody.
Result<std::string> read_secret(const SecretPlace& place, const std::string& name,
                                const std::string& folder);

/// Something that should be put right, though the secret can be read: everybody may read its file.
std::optional<std::string> doubtful(const SecretPlace& place, const std::string& folder);

}  // namespace rbk::cli
