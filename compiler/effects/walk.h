// Goes through a runbook with what is known before a run, gathers what it touches, and how long it
// takes at most. Of this folder only.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "compiler/effects/effects.h"
#include "compiler/effects/texts.h"
#include "compiler/effects/touches.h"

namespace rbk::effects {

/// How long at most: forwards, and undoing all of it.
struct Cost {
  Bound forward;
  Bound undo;  // since the last `commit`
  Bound peak;  // the longest of those before a `commit`
  Bound rollback() const { return longer(undo, peak); }
};

/// What the walkers of all runbooks of one summary share.
struct Gathered {
  explicit Gathered(Summary& into) : summary(into), touches(into) {}
  Summary& summary;
  Touches touches;
  struct HeldLock {
    std::string name;      // "lock `db`"
    bool is_known = true;  // the name, and that one at a time has it
    bool expires = true;
    source::Span span;
  };
  std::vector<HeldLock> held;           // where the walk is, outermost first
  std::vector<check::SymbolId> called;  // the runbooks that are being followed, outermost first
  /// The largest numbers that parameters can be, by their `where … in a..b`.
  std::unordered_map<check::SymbolId, int64_t> largest;
  std::vector<std::string>
      conditions;  // that are not known, around what is walked; outermost first
  std::vector<std::pair<const check::CheckedModule*, syntax::BlockId>> bodies;  // of runbooks, once
  int runbooks = 0;                                                             // followed so far
  int rounds = 0;  // of loops over known lists, so far
};

/// One function of one module.
class Walker {
 public:
  Walker(Gathered& all, Texts& texts, std::string path, Phase phase)
      : all_(all), texts_(texts), path_(std::move(path)), place_({outer(path_), phase}) {}

  Cost block(syntax::BlockId id);
  /// Under the locks of its head.
  Cost runbook_body(const syntax::RunbookDecl& decl);

 private:
  /// Loops over known lists are followed round by round, up to so many rounds in all.
  static constexpr int kMostRounds = 200;
  static constexpr int kMostRunbooks = 500;

  static std::string outer(const std::string& path) {
    return path.empty() ? path : path.substr(0, path.size() - 1);
  }
  const syntax::Ast& ast() const { return texts_.ast(); }
  std::string source(source::Span span) const {
    return std::string(texts_.module().source->text(span));
  }
  check::SymbolId declared(syntax::StmtId stmt, size_t at) const;
  std::vector<std::string> people(const std::vector<syntax::Who>& who);
  /// The largest number that it can be, as far as it or the parameter's `where` tells.
  std::optional<int64_t> at_most(syntax::ExprId id) const;
  Bound time(syntax::ExprId id, std::string_view what) const;
  Bound open(std::string why) const { return Bound::unbounded(place_.step, std::move(why)); }

  Cost statement(syntax::StmtId id);
  Cost expression(syntax::ExprId id, syntax::StmtId owner, const syntax::Clauses* clauses);
  Cost inside(syntax::ExprId id, syntax::StmtId owner);

  // rules.cpp
  /// Notes what `span` says of when and how often something is done.
  void rule(std::string kind, std::string text, source::Span span,
            std::vector<std::pair<std::string, std::string>> aspects = {});
  /// What is walked in there happens only if `condition`.
  Cost only_if(std::string condition, const std::function<Cost()>& walk);
  std::string conditions() const;
  /// As written, on one line, with what is known filled in.
  std::string line(syntax::ExprId id) const;
  void order(syntax::BlockId id);
  void let(syntax::StmtId id, const syntax::LetStmt& node);
  void value(syntax::StmtId id, const syntax::ExprStmt& node);
  void rule_of(source::Span span, const syntax::ParallelForExpr& node);
  std::string text_of(const syntax::FailurePolicy& policy) const;
  std::string text_of(const syntax::Field& field) const;
  std::vector<std::pair<std::string, std::string>> arguments(const check::Meaning& meaning) const;

  // walk_locks.cpp
  Cost lock(const syntax::LockStmt& node);
  void take(Gathered::HeldLock lock);
  void ask_person(source::Span span);

  // walk_steps.cpp
  Cost step(syntax::StmtId id, const syntax::StepStmt& node);
  Cost call(syntax::ExprId id, const syntax::CallExpr& node, syntax::StmtId owner,
            const syntax::Clauses* clauses);
  Cost launched(const check::Meaning& meaning, const syntax::StepStmt& node,
                const std::string& name);
  Cost runbook(const check::Meaning& meaning, const std::string& name, std::string launch = {});
  Cost attempts(const Cost& once, const syntax::Clauses& clauses, bool is_action,
                const std::string& what);
  void describe(Step& into, const syntax::Clauses& clauses);
  Cost undo_of(const syntax::Clauses& clauses, Cost work);

  // walk_blocks.cpp
  /// `branches`: where in the targets each begins, and their end. Notes what two of them write, or,
  /// with `each`, what every branch of the one that is shown does.
  void compare_branches(source::Span span, const std::vector<size_t>& branches, bool each);
  Cost parallel(source::Span span, const syntax::ParallelExpr& node);
  Cost parallel_for(syntax::ExprId id, const syntax::ParallelForExpr& node);
  Cost wait_first(const syntax::WaitFirstExpr& node);
  Cost choice(const syntax::IfExpr& node, syntax::StmtId owner);
  Cost match(const syntax::MatchExpr& node, syntax::StmtId owner);
  Cost loop(syntax::ExprId items, check::SymbolId item, check::SymbolId index, syntax::BlockId body,
            int64_t at_a_time, bool fails_alone, std::vector<size_t>* rounds = nullptr);
  Cost repeat(const syntax::RepeatStmt& node);
  Cost approval(const syntax::ApprovalStmt& node);
  Cost handler(const syntax::HandlerStmt& node);
  Cost in_phase(syntax::BlockId body, Phase phase);

  Gathered& all_;
  Texts& texts_;
  std::string path_;  // with a trailing slash unless empty
  Place place_;
};

/// What the conditions of the runbook's parameters let them be at most.
void note_largest(const check::CheckedProgram& program, check::SymbolId runbook, Gathered& all);

/// What those runbooks use of what is declared, as rules "fn", "const", "record", "action", in the
/// order of their use.
void note_declarations(const check::CheckedProgram& program, Gathered& all);

/// How many locks were held before; frees those that came since.
class HeldLocks {
 public:
  explicit HeldLocks(Gathered& all) : all_(all), count_(all.held.size()) {}
  ~HeldLocks() { all_.held.resize(count_); }
  HeldLocks(const HeldLocks&) = delete;
  HeldLocks& operator=(const HeldLocks&) = delete;

 private:
  Gathered& all_;
  size_t count_;
};

/// What a runbook's head asks for.
void head_locks(const syntax::RunbookDecl& decl, const std::string& name, Texts& texts,
                const Place& place, std::vector<Lock>& locks);

Cost operator+(const Cost& left, const Cost& right);
/// Either, or both at once.
Cost longer(const Cost& left, const Cost& right);
Cost waiting(Bound bound);

}  // namespace rbk::effects
