// What one call of an action touches, told by the types and names of its parameters: a `Url` is
// requested, a `Command` runs, a `secret` is read. So every action is understood, ours and others'.
#pragma once

#include <string>
#include <unordered_set>
#include <vector>

#include "compiler/effects/effects.h"
#include "compiler/effects/texts.h"

namespace rbk::effects {

/// Something that a call writes, whoever else does: not a place that many may add to.
struct Target {
  std::string what;  // as in Clash
  bool is_file = false;
  source::Span span;
  size_t calls = 0;       // how many runbooks lead there
  size_t conditions = 0;  // and how many conditions that are not known
};

/// Adds to the summary's lists; what is there already is not added again.
class Touches {
 public:
  explicit Touches(Summary& summary) : summary_(summary) {}

  /// `behaviour`: that of the step; `span`: the call's.
  void action(const Texts& texts, const check::Meaning& call, const std::string& name,
              const std::string& behaviour, const Place& place, source::Span span);
  void host(std::string name, std::string by, const Place& place);
  void file(std::string path, std::string use, const Place& place);
  /// Every secret in the expression; `to`: who is given it.
  void secrets(const Texts& texts, syntax::ExprId value, const std::string& to, const Place& place);
  void person(const std::string& who);
  /// Whether this is the first time that the key is asked for; a key begins with what it is of.
  bool is_new(std::string key) { return seen_.insert(std::move(key)).second; }

  /// What was written on the way forward, in the order of the walk, repetitions and all.
  std::vector<Target> targets;
  size_t calls = 0;
  size_t conditions = 0;

 private:
  void request(Request request);
  void command(const Pieces& pieces, Command made, const std::string& folder);
  void add(Command one);
  void target(std::string what, bool is_file, const Place& place);

  Summary& summary_;
  std::unordered_set<std::string> seen_;
  source::Span span_;  // of the call
};

/// "lb.${env}.example.com" of "https://user@lb.${env}.example.com:8080/x".
std::string host_of(std::string_view url);

}  // namespace rbk::effects
