// What runs of a program may reach, where it has a manifest: each attempt is held against it before
// it begins. Immutable; any number of threads may ask.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/effect_pattern.h"
#include "vm/bytecode/program.h"

namespace rbk::engine {

class Limits {
 public:
  explicit Limits(const bytecode::Manifest& manifest);

  /// An attempt at the program's action with this index. `was_given`: whether the run was started
  /// with the secret of this name. kRefused says what would be reached and what may be.
  Status check(const bytecode::Program& program, uint32_t action,
               const boost::json::object& arguments,
               const std::function<bool(const std::string&)>& was_given) const;
  /// Whoever may decide on an approval so described.
  Status check_people(const boost::json::object& description) const;
  /// An entry of another manifest, as far as it is known before a run: what is not is not refused,
  /// but for people.
  Status check(const bytecode::Manifest::Entry& entry) const;
  /// Whether a request that is allowed may be led on to there.
  bool allows_redirect(std::string_view url) const { return allows_host(host_of_url(url)); }

 private:
  using Kind = bytecode::Manifest::Kind;
  struct Allowed {
    bytecode::Manifest::Entry entry;
    EffectPattern text;
    EffectPattern at;
  };

  bool allows(Kind kind, std::string_view reached, std::string_view at = {}) const;
  bool allows_host(const std::string& host) const;
  bool allows_secret(const std::string& name,
                     const std::function<bool(const std::string&)>& was_given) const;
  Status check_url(const std::string& method, const std::string& url) const;
  Status check_value(const bytecode::Program& program, const bytecode::ActionImport& action,
                     const bytecode::Type::Field& parameter, const boost::json::value& value,
                     const boost::json::object& arguments) const;
  tl::unexpected<Error> refuse(Kind kind, const std::string& reached) const;

  std::string name_;
  std::vector<Allowed> allowed_;
};

}  // namespace rbk::engine
