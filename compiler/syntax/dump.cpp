#include "compiler/syntax/dump.h"

#include <fmt/format.h>

#include <string_view>

#include "base/units.h"

namespace rbk::syntax {
namespace {

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '\n')
      out += "\\n";
    else if (c == '"' || c == '\\')
      (out += '\\') += c;
    else
      out += c;
  }
  return out + "\"";
}

std::string_view spelling(BinaryOp op) {
  static constexpr std::string_view kTexts[] = {
      "*",  "/", "%",  "+",  "-",      "??",      "==",  "!=", "<",
      "<=", ">", ">=", "in", "not-in", "matches", "and", "or"};
  return kTexts[static_cast<size_t>(op)];
}

// Writes into one string; a list of parts is separated by blanks.
class Dumper {
 public:
  explicit Dumper(const Ast& ast) : ast_(ast) {}

  std::string run() {
    if (!ast_.doc.empty()) line(fmt::format("(doc {})", in_quotes(ast_.doc)));
    for (const DeclId id : ast_.decls) declaration(ast_[id]);
    return std::move(out_);
  }

  std::string run(DeclId id) {
    declaration(ast_[id]);
    return std::move(out_);
  }

 private:
  void line(std::string_view text) {
    out_.append(indent_ * 2, ' ');
    out_ += text;
    out_ += '\n';
  }

  // ---- Parts in one line

  std::string name(const Name& name) const { return name.empty() ? "<error>" : name.text; }

  std::string path(const Path& path) const { return path.empty() ? "<error>" : path.text(); }

  std::string type(TypeRefId id) const {
    return std::visit(Overloaded{[](const ErrorType&) { return std::string("<error>"); },
                                 [&](const NamedType& t) {
                                   std::string text = path(t.path);
                                   for (size_t i = 0; i < t.args.size(); ++i)
                                     text += (i == 0 ? "<" : ", ") + type(t.args[i]);
                                   return t.args.empty() ? text : text + ">";
                                 },
                                 [&](const OptionalType& t) { return type(t.inner) + "?"; },
                                 [&](const FunctionType& t) {
                                   std::string text = "fn(";
                                   for (size_t i = 0; i < t.parameters.size(); ++i)
                                     text += (i == 0 ? "" : ", ") + type(t.parameters[i]);
                                   return text + ")" + result(t.result);
                                 }},
                      ast_[id].node);
  }

  std::string field(const Field& f) {
    std::string text;
    for (const Annotation& a : f.annotations) text += annotation(a) + " ";
    text += name(f.name);
    if (f.type.valid()) text += ": " + type(f.type);
    if (f.default_value.valid()) text += " = " + expr(f.default_value);
    if (f.outer_name.valid()) text += " from " + expr(f.outer_name);
    for (const Refinement& r : f.where) {
      text += " where " + expr(r.condition);
      if (r.message.valid()) text += " else " + expr(r.message);
    }
    if (!f.doc.empty()) text += " doc " + in_quotes(f.doc);
    return "(" + text + ")";
  }

  std::string fields(const std::vector<Field>& list) {
    std::string text = "[";
    for (size_t i = 0; i < list.size(); ++i) text += (i == 0 ? "" : " ") + field(list[i]);
    return text + "]";
  }

  std::string args(const std::vector<Argument>& list) {
    std::string text;
    for (const Argument& a : list) {
      text += " ";
      if (!a.label.empty()) text += a.label.text + ":";
      text += expr(a.value);
    }
    return text;
  }

  std::string annotation(const Annotation& a) {
    return "@" + name(a.name) + (a.args.empty() ? "" : "(" + args(a.args).substr(1) + ")");
  }

  std::string entries(const std::vector<Entry>& list) {
    std::string text;
    for (const Entry& e : list) {
      text += " " + (e.key.valid() ? expr(e.key) : name(e.name));
      if (e.value.valid()) text += ":" + expr(e.value);
    }
    return text;
  }

  std::string who(const std::vector<Who>& list) {
    std::string text;
    for (const Who& w : list) {
      text += w.kind == Who::Kind::kStarter ? " starter"
              : w.kind == Who::Kind::kUser  ? " (user " + expr(w.name) + ")"
                                            : " (group " + expr(w.name) + ")";
    }
    return text;
  }

  std::string policy(const FailurePolicy& p) {
    switch (p.kind) {
      case FailurePolicy::Kind::kContinue:
        return " on-failure:continue";
      case FailurePolicy::Kind::kTolerate:
        return " on-failure:tolerate:" + expr(p.tolerance) + (p.percent ? "%" : "");
      default:
        return p.span.empty() ? "" : " on-failure:fail";
    }
  }

  // A block within a line.
  std::string inline_block(BlockId id) {
    if (!id.valid()) return "-";
    const std::string before = std::move(out_);
    const size_t indent = indent_;
    out_.clear();
    indent_ = 0;
    bool first = true;
    std::string text = "{";
    for (const StmtId statement_id : ast_[id].stmts) {
      statement(statement_id);
      while (out_.ends_with('\n')) out_.pop_back();
      for (size_t at = out_.find('\n'); at != out_.npos; at = out_.find('\n', at)) {
        size_t end = at + 1;
        while (end < out_.size() && out_[end] == ' ') ++end;
        out_.replace(at, end - at, " ");
      }
      text += (first ? "" : "; ") + out_;
      out_.clear();
      first = false;
    }
    out_ = before;
    indent_ = indent;
    return text + "}";
  }

  std::string string(const StringLit& s) {
    std::string text = s.kind == StringLit::Kind::kRaw      ? "r"
                       : s.kind == StringLit::Kind::kDollar ? "$$"
                                                            : "";
    if (s.is_plain_text()) return text + in_quotes(s.parts.empty() ? "" : s.parts.front().text);
    text = "(" + text + "str";
    for (const StringLit::Part& part : s.parts)
      text += " " + (part.value.valid() ? expr(part.value) : in_quotes(part.text));
    return text + ")";
  }

  std::string expr(ExprId id) {
    if (!id.valid()) return "-";
    return std::visit(
        Overloaded{
            [](const ErrorExpr&) { return std::string("<error>"); },
            [](const NullLit&) { return std::string("null"); },
            [](const BoolLit& e) { return std::string(e.value ? "true" : "false"); },
            [](const IntLit& e) { return fmt::format("{}", e.value); },
            [](const FloatLit& e) { return fmt::format("{}f", e.value); },
            [](const DurationLit& e) { return format_duration(e.micros); },
            [](const SizeLit& e) { return format_size(e.bytes); },
            [&](const StringLit& e) { return string(e); },
            [](const NameExpr& e) { return e.name; },
            [&](const MemberExpr& e) {
              return expr(e.base) + (e.optional ? "?." : ".") + name(e.name);
            },
            [&](const ShorthandExpr& e) { return "." + name(e.name); },
            [&](const IndexExpr& e) {
              return fmt::format("(index {} {})", expr(e.base), expr(e.index));
            },
            [&](const SliceExpr& e) {
              return fmt::format("(slice{} {} {} {})", e.half_open ? "<" : "", expr(e.base),
                                 expr(e.low), expr(e.high));
            },
            [&](const CallExpr& e) {
              return fmt::format("({}{})", "call " + expr(e.callee), args(e.args));
            },
            [&](const LambdaExpr& e) {
              return fmt::format("(fn {} {})", fields(e.params),
                                 e.value.valid() ? expr(e.value) : inline_block(e.block));
            },
            [&](const UnaryExpr& e) {
              return fmt::format("({} {})", e.op == UnaryOp::kNot ? "not" : "neg", expr(e.operand));
            },
            [&](const BinaryExpr& e) {
              return fmt::format("({} {} {})", spelling(e.op), expr(e.left), expr(e.right));
            },
            [&](const RangeExpr& e) {
              return fmt::format("({} {} {})", e.half_open ? "..<" : "..", expr(e.low),
                                 expr(e.high));
            },
            [&](const CastExpr& e) {
              return fmt::format("(as {} {})", expr(e.value), type(e.type));
            },
            [&](const ListExpr& e) {
              std::string text = "[";
              for (size_t i = 0; i < e.items.size(); ++i)
                text += (i == 0 ? "" : " ") + expr(e.items[i]);
              return text + "]";
            },
            [&](const BraceExpr& e) {
              static constexpr std::string_view kKinds[] = {"", "map", "json", "env"};
              return fmt::format("({} {{{}}})",
                                 e.kind == BraceExpr::Kind::kRecord
                                     ? path(e.type)
                                     : std::string(kKinds[static_cast<size_t>(e.kind)]),
                                 e.entries.empty() ? "" : entries(e.entries).substr(1));
            },
            [&](const IfExpr& e) {
              std::string text =
                  fmt::format("(if {} {}", expr(e.condition), inline_block(e.then_block));
              if (e.else_block.valid()) text += " " + inline_block(e.else_block);
              return text + ")";
            },
            [&](const MatchExpr& e) {
              std::string text = "(match " + expr(e.subject);
              for (const MatchExpr::Arm& arm : e.arms) {
                text += " (" + pattern(arm.pattern);
                if (arm.guard.valid()) text += " if " + expr(arm.guard);
                text += " => " + inline_block(arm.body) + ")";
              }
              return text + ")";
            },
            [&](const TryExpr& e) {
              return fmt::format("(try {} catch {}{})", inline_block(e.body),
                                 e.binding.empty() ? "" : e.binding.text + " ",
                                 inline_block(e.handler));
            },
            [&](const ParallelExpr& e) {
              return fmt::format("(parallel{} {})", policy(e.policy), inline_block(e.body));
            },
            [&](const ParallelForExpr& e) {
              return fmt::format("(parallel-for {}{} in {}{}{} {})",
                                 e.index.empty() ? "" : e.index.text + " ", name(e.item),
                                 expr(e.items), e.limit.valid() ? " limit:" + expr(e.limit) : "",
                                 policy(e.policy), inline_block(e.body));
            },
            [&](const WaitExpr& e) { return "(wait " + expr(e.duration) + ")"; },
            [&](const WaitUntilExpr& e) { return "(wait-until " + expr(e.time) + ")"; },
            [&](const WaitSignalExpr& e) {
              std::string text = "(wait-signal " + name(e.signal);
              if (e.type.valid()) text += ": " + type(e.type);
              if (!e.by.empty()) text += " by" + who(e.by);
              if (e.timeout.valid()) text += " timeout:" + expr(e.timeout);
              return text + ")";
            },
            [&](const WaitFirstExpr& e) { return wait_first(e); },
            [&](const FailExpr& e) { return "(fail " + expr(e.error) + ")"; }},
        ast_[id].node);
  }

  std::string wait_first(const WaitFirstExpr& e) {
    std::string text = "(wait-first";
    for (const WaitFirstExpr::Arm& arm : e.arms) {
      text += " (";
      switch (arm.kind) {
        case WaitFirstExpr::Arm::Kind::kSignal:
          text += "signal " + name(arm.signal);
          if (arm.type.valid()) text += ": " + type(arm.type);
          if (!arm.binding.empty()) text += " as " + arm.binding.text;
          break;
        case WaitFirstExpr::Arm::Kind::kUntil:
          text += "until " + expr(arm.value);
          break;
        case WaitFirstExpr::Arm::Kind::kDuration:
          text += expr(arm.value);
          break;
        case WaitFirstExpr::Arm::Kind::kWork: {
          const std::string work = inline_statement(arm.work);
          text += work;
          break;
        }
      }
      text += " => " + inline_block(arm.body) + ")";
    }
    return text + ")";
  }

  std::string inline_statement(StmtId id) {
    std::string before = std::move(out_);
    const size_t indent = indent_;
    out_.clear();
    indent_ = 0;
    statement(id);
    std::string text = std::move(out_);
    out_ = std::move(before);
    indent_ = indent;
    while (text.ends_with('\n')) text.pop_back();
    return text;
  }

  std::string pattern(PatternId id) {
    return std::visit(Overloaded{[](const ErrorPattern&) { return std::string("<error>"); },
                                 [](const WildcardPattern&) { return std::string("_"); },
                                 [](const NullPattern&) { return std::string("null"); },
                                 [&](const LiteralPattern& p) { return expr(p.value); },
                                 [&](const RangePattern& p) {
                                   return fmt::format("({} {} {})", p.half_open ? "..<" : "..",
                                                      expr(p.low), expr(p.high));
                                 },
                                 [&](const BindPattern& p) { return "$" + name(p.name); },
                                 [&](const MemberPattern& p) {
                                   std::string text =
                                       (p.type.empty() ? "" : p.type.text()) + "." + name(p.member);
                                   if (!p.has_payload) return text;
                                   for (const PatternId part : p.payload)
                                     text += " " + pattern(part);
                                   return "(" + text + ")";
                                 },
                                 [&](const RecordPattern& p) {
                                   std::string text = "(" + path(p.type) + " {";
                                   for (const auto& part : p.fields) {
                                     text += " " + name(part.name);
                                     if (part.pattern.valid()) text += ":" + pattern(part.pattern);
                                   }
                                   return text + "})";
                                 },
                                 [&](const OrPattern& p) {
                                   std::string text = "(|";
                                   for (const PatternId part : p.alternatives)
                                     text += " " + pattern(part);
                                   return text + ")";
                                 }},
                      ast_[id].node);
  }

  std::string clauses(const Clauses& list) {
    std::string text;
    for (const Clause& c : list.items) text += " (" + clause(c) + ")";
    return text;
  }

  std::string clause(const Clause& c) {
    return std::visit(
        Overloaded{[&](const TimeoutClause& k) { return "timeout " + expr(k.duration); },
                   [&](const RetryClause& k) {
                     std::string text = "retry " + expr(k.times);
                     if (k.backoff.valid()) text += " backoff " + expr(k.backoff);
                     for (size_t i = 0; i < k.kinds.size(); ++i)
                       text += (i == 0 ? " on " : " ") + path(k.kinds[i]);
                     if (k.condition.valid()) text += " if " + expr(k.condition);
                     return text;
                   },
                   [&](const RollbackClause& k) {
                     return "rollback " +
                            (k.block.valid() ? inline_block(k.block) : "none " + expr(k.why));
                   },
                   [&](const IrreversibleClause& k) { return "irreversible " + expr(k.why); },
                   [&](const OnDoubtClause& k) {
                     static constexpr std::string_view kKinds[] = {"retry", "verify", "undo",
                                                                   "fail", "ask"};
                     std::string text =
                         fmt::format("on-doubt {}", kKinds[static_cast<size_t>(k.kind)]);
                     if (k.verify.valid()) text += " " + inline_block(k.verify);
                     return text + who(k.by);
                   },
                   [&](const OnFailureClause& k) {
                     return (k.kind == OnFailureClause::Kind::kAsk ? "on-failure ask"
                                                                   : "on-failure continue") +
                            who(k.by);
                   },
                   [&](const WhenClause& k) { return "when " + expr(k.condition); },
                   [](const ReadsClause&) { return std::string("reads"); },
                   [](const IdempotentClause&) { return std::string("idempotent"); },
                   [&](const SandboxClause& k) {
                     return (k.kind == SandboxClause::Kind::kLocal
                                 ? std::string("sandbox local")
                                 : "sandbox container " + expr(k.image)) +
                            entries(k.entries);
                   }},
        c.node);
  }

  // ---- Lines

  void block(BlockId id) {
    if (!id.valid()) return;
    ++indent_;
    for (const StmtId statement_id : ast_[id].stmts) statement(statement_id);
    --indent_;
  }

  void statement(StmtId id) {
    std::visit(
        Overloaded{
            [&](const ErrorStmt&) { line("<error>"); },
            [&](const LetStmt& s) {
              line(fmt::format("({} {}{} {})", s.is_var ? "var" : "let", name(s.name),
                               s.type.valid() ? ": " + type(s.type) : "", expr(s.value)));
            },
            [&](const AssignStmt& s) {
              line(fmt::format("(assign {} {})", expr(s.target), expr(s.value)));
            },
            [&](const ExprStmt& s) { line(expr(s.value) + clauses(s.clauses)); },
            [&](const StepStmt& s) {
              static constexpr std::string_view kLaunch[] = {"", "start ", "detach "};
              std::string text = "(step " + name(s.name);
              if (s.title.valid()) text += " " + expr(s.title);
              if (s.value.valid())
                text += fmt::format(" {}{}", kLaunch[static_cast<size_t>(s.launch)], expr(s.value));
              line(text + clauses(s.clauses) + ")");
              block(s.block);
            },
            [&](const ForStmt& s) {
              line(fmt::format("(for {}{} in {})", s.index.empty() ? "" : s.index.text + " ",
                               name(s.item), expr(s.items)));
              block(s.body);
            },
            [&](const RepeatStmt& s) {
              line(fmt::format("(repeat every:{}{})", expr(s.every),
                               s.at_most.valid() ? fmt::format(" at-most:{}{}", expr(s.at_most),
                                                               s.at_most_times ? " times" : "")
                                                 : ""));
              block(s.body);
            },
            [&](const UntilStmt& s) { line("(until " + expr(s.condition) + ")"); },
            [&](const HoldStmt& s) {
              line(fmt::format("(hold {} every:{})", expr(s.duration), expr(s.every)));
              block(s.body);
            },
            [&](const ReturnStmt& s) {
              line(s.value.valid() ? "(return " + expr(s.value) + ")" : "(return)");
            },
            [&](const BreakStmt&) { line("(break)"); },
            [&](const ContinueStmt&) { line("(continue)"); },
            [&](const RequireStmt& s) {
              line("(require " + expr(s.condition) +
                   (s.message.valid() ? " else " + expr(s.message) : "") + ")");
            },
            [&](const DeferStmt& s) {
              line("(defer)");
              block(s.body);
            },
            [&](const CommitStmt& s) { line("(commit " + expr(s.why) + ")"); },
            [&](const LockStmt& s) {
              std::string text = "(lock " + expr(s.name);
              if (s.limit.valid()) text += " limit:" + expr(s.limit);
              if (s.timeout.valid()) text += " timeout:" + expr(s.timeout);
              if (s.expires.valid()) text += " expires:" + expr(s.expires);
              line(text + ")");
              block(s.body);
            },
            [&](const HandlerStmt& s) {
              static constexpr std::string_view kKinds[] = {"before-rollback", "after-success",
                                                            "after-failure", "after-cancel"};
              line(fmt::format("({}{})", kKinds[static_cast<size_t>(s.kind)],
                               s.binding.empty() ? "" : " " + s.binding.text));
              block(s.body);
            },
            [&](const ApprovalStmt& s) { approval(s); },
            [&](const ExpectStmt& s) { line("(expect " + expr(s.condition) + ")"); },
            [&](const GivenStmt& s) { given(s); },
            [&](const CrashStmt& s) {
              line(fmt::format("(crash {} {})", s.before ? "before" : "after", path(s.step)));
            }},
        ast_[id].node);
  }

  void approval(const ApprovalStmt& s) {
    std::string text =
        fmt::format("({} {} {}", s.is_ask ? "ask" : "approval", name(s.name), expr(s.question));
    if (!s.by.empty()) text += " (by" + who(s.by) + ")";
    if (!s.not_by.empty()) text += " (not-by" + who(s.not_by) + ")";
    if (s.quorum.valid()) text += " (quorum " + expr(s.quorum) + ")";
    if (!s.form.empty()) text += " (form " + fields(s.form) + ")";
    for (const ExprId target : s.notify) text += " (notify " + expr(target) + ")";
    if (s.expires.has_value()) {
      static constexpr std::string_view kThen[] = {"reject", "escalate", "default", "fail"};
      text += fmt::format(" (expires {} {}{})", expr(s.expires->after),
                          kThen[static_cast<size_t>(s.expires->then)], who(s.expires->to));
    }
    if (!s.break_glass.empty()) text += " (break-glass" + who(s.break_glass) + ")";
    if (s.allow_starter) text += " allow-starter";
    line(text + ")");
  }

  void given(const GivenStmt& s) {
    static constexpr std::string_view kKinds[] = {"", "approval ", "ask ", "signal "};
    std::string text =
        fmt::format("(given {}{}", kKinds[static_cast<size_t>(s.kind)], path(s.target));
    if (s.has_args) text += " (" + (s.args.empty() ? "" : args(s.args).substr(1)) + ")";
    if (s.condition.valid()) text += " if " + expr(s.condition);
    text += " => ";
    switch (s.reply) {
      case GivenStmt::Reply::kValue:
        text += expr(s.value);
        break;
      case GivenStmt::Reply::kInOrder:
        text += "in-order";
        for (const ExprId value : s.values) text += " " + expr(value);
        break;
      case GivenStmt::Reply::kApprove:
        text += "approve" + entries(s.entries);
        break;
      case GivenStmt::Reply::kAnswer:
        text += "answer" + entries(s.entries);
        break;
      case GivenStmt::Reply::kReject:
        text += "reject";
        break;
    }
    line(text + ")");
  }

  std::string outside(const std::vector<Outside>& list) {
    static constexpr std::string_view kThen[] = {"", " skip", " delay"};
    std::string text;
    for (const Outside& o : list)
      text += fmt::format(" (outside {}{})", path(o.calendar), kThen[static_cast<size_t>(o.then)]);
    return text;
  }

  void declaration(const Decl& d) {
    if (!d.doc.empty()) line("(doc " + in_quotes(d.doc) + ")");
    for (const Annotation& a : d.annotations) line(annotation(a));
    std::visit(
        Overloaded{
            [&](const ErrorDecl&) { line("<error>"); },
            [&](const ImportDecl& k) {
              line("(import " + expr(k.path) + " " + name(d.name) + ")");
            },
            [&](const ConstDecl& k) {
              line(fmt::format("(const {}{} {})", name(d.name),
                               k.type.valid() ? ": " + type(k.type) : "", expr(k.value)));
            },
            [&](const FnDecl& k) {
              line(fmt::format("(fn {} {}{})", name(d.name), fields(k.params), result(k.result)));
              block(k.body);
            },
            [&](const NativeFnDecl& k) {
              line(fmt::format("(native {}{} {}{})",
                               k.receiver.valid() ? type(k.receiver) + "." : "", name(d.name),
                               k.is_property ? "property" : fields(k.params), result(k.result)));
            },
            [&](const RecordDecl& k) {
              line(fmt::format("(record {} {})", name(d.name), fields(k.fields)));
            },
            [&](const EnumDecl& k) { enumeration(d, k); },
            [&](const ErrorKindDecl& k) {
              line(fmt::format("(error {} {})", name(d.name), fields(k.fields)));
            },
            [&](const RunbookDecl& k) { runbook(d, k); },
            [&](const ActionDecl& k) {
              static constexpr std::string_view kEffects[] = {"?", "reads", "idempotent", "writes"};
              line(fmt::format("(action {} {}{} {} {})", name(d.name), fields(k.params),
                               result(k.result), kEffects[static_cast<size_t>(k.effect)],
                               k.native ? "native" : "exec " + expr(k.exec)));
            },
            [&](const ScheduleDecl& k) { schedule(d, k); },
            [&](const TriggerDecl& k) {
              std::string text =
                  fmt::format("(trigger {} {} ({}) (from {} {}", name(d.name), path(k.runbook),
                              k.args.empty() ? "" : args(k.args).substr(1), name(k.source_kind),
                              expr(k.source));
              if (k.condition.valid()) text += " where " + expr(k.condition);
              text += ")";
              if (k.key.valid()) text += " (key " + expr(k.key) + ")";
              if (k.at_most.valid())
                text += fmt::format(" (at-most {} per {})", expr(k.at_most), expr(k.per));
              line(text + ")");
            },
            [&](const CalendarDecl& k) { calendar(d, k); },
            [&](const TestDecl& k) {
              line("(test " + expr(k.title) + ")");
              block(k.body);
            },
            [&](const InvariantDecl& k) {
              line(fmt::format("(invariant {} {})", expr(k.title), path(k.runbook)));
              block(k.body);
            }},
        d.node);
  }

  std::string result(TypeRefId id) const { return id.valid() ? " -> " + type(id) : ""; }

  void enumeration(const Decl& d, const EnumDecl& k) {
    std::string text = "(enum " + name(d.name);
    for (const EnumDecl::Member& m : k.members) {
      text += " " + name(m.name);
      if (!m.payload.empty()) text += fields(m.payload);
      if (m.outer_name.valid()) text += " from " + expr(m.outer_name);
      if (!m.doc.empty()) text += " doc " + in_quotes(m.doc);
    }
    line(text + ")");
  }

  void runbook(const Decl& d, const RunbookDecl& k) {
    static constexpr std::string_view kModes[] = {"", " queue", " reject", " cancel_running"};
    std::string text =
        fmt::format("(runbook {} {}{}", name(d.name), fields(k.params), result(k.result));
    if (!k.allow.empty()) text += " (allow" + who(k.allow) + ")";
    if (k.worker.valid()) text += " (worker " + expr(k.worker) + ")";
    for (const Exclusive& e : k.exclusive)
      text += fmt::format(" (exclusive {}{})", expr(e.name), kModes[static_cast<size_t>(e.mode)]);
    text += outside(k.outside);
    if (k.max.valid()) text += " (max " + expr(k.max) + ")";
    line(text + ")");
    block(k.body);
  }

  void schedule(const Decl& d, const ScheduleDecl& k) {
    static constexpr std::string_view kOverlap[] = {"", "skip", "queue", "cancel_running"};
    static constexpr std::string_view kMissed[] = {"", "skip", "once", "all"};
    std::string text = fmt::format("(schedule {} {} ({})", name(d.name), path(k.runbook),
                                   k.args.empty() ? "" : args(k.args).substr(1));
    for (const ScheduleDecl::Firing& f : k.firings)
      text += fmt::format(" ({} {}{})", f.is_cron ? "cron" : "every", expr(f.value),
                          f.zone.valid() ? " in " + expr(f.zone) : "");
    if (k.overlap != ScheduleDecl::Overlap::kDefault)
      text += fmt::format(" (overlap {})", kOverlap[static_cast<size_t>(k.overlap)]);
    if (k.missed != ScheduleDecl::Missed::kDefault)
      text += fmt::format(" (missed {}{})", kMissed[static_cast<size_t>(k.missed)],
                          k.missed_within.valid() ? " " + expr(k.missed_within) : "");
    line(text + outside(k.outside) + ")");
  }

  void calendar(const Decl& d, const CalendarDecl& k) {
    std::string text = "(calendar " + name(d.name);
    if (k.zone.valid()) text += " in " + expr(k.zone);
    for (const CalendarDecl::Closed& c : k.closed) {
      text += " (closed";
      if (c.range.valid()) text += " " + expr(c.range);
      for (const Name& day : c.days) text += " " + name(day);
      if (c.after.valid()) text += " after " + expr(c.after);
      if (c.before.valid()) text += " before " + expr(c.before);
      if (c.why.valid()) text += " why " + expr(c.why);
      text += ")";
    }
    line(text + ")");
  }

  const Ast& ast_;
  std::string out_;
  size_t indent_ = 0;
};

}  // namespace

std::string dump(const Ast& ast) { return Dumper(ast).run(); }
std::string dump(const Ast& ast, DeclId decl) { return Dumper(ast).run(decl); }

}  // namespace rbk::syntax
