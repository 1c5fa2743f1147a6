// What one call of an action touches, told by the types and names of its parameters: a `Url` is
// requested, a `Command` runs, a `secret` is read. So every action is understood, ours and others'.
#pragma once

#include "compiler/effects/effects.h"
#include "compiler/effects/texts.h"

namespace rbk::effects {

/// Adds to the summary's lists; what is there already is not added again.
class Touches {
 public:
  explicit Touches(Summary& summary) : summary_(summary) {}

  /// `behaviour`: that of the step.
  void action(const Texts& texts, const check::Meaning& call, const std::string& name,
              const std::string& behaviour, const Place& place);
  void host(std::string name, std::string by, const Place& place);
  void file(std::string path, std::string use, const Place& place);
  /// Every secret in the expression; `to`: who is given it.
  void secrets(const Texts& texts, syntax::ExprId value, const std::string& to, const Place& place);
  void person(const std::string& who);

 private:
  void request(Request request);
  void command(const Pieces& pieces, Command made);

  Summary& summary_;
};

/// "lb.${env}.example.com" of "https://user@lb.${env}.example.com:8080/x".
std::string host_of(std::string_view url);

}  // namespace rbk::effects
