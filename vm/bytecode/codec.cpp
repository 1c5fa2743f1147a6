// The serialised form of a program; docs/formats/program.md describes it.
#include <fmt/format.h>

#include <algorithm>

#include "vm/bytecode/program.h"
#include "vm/bytecode/wire.h"

namespace rbk::bytecode {

namespace {

constexpr std::string_view kMagic = "RBKC";
constexpr size_t kLargest = size_t{16} << 20;
constexpr size_t kDigestBytes = std::tuple_size_v<Digest>;

/// The oldest version that has all its operations: what an older rbk can read it is left to read.
uint32_t version_of(const Program& program) {
  const bool is_placed =
      std::any_of(program.runbooks.begin(), program.runbooks.end(),
                  [](const Runbook& runbook) { return runbook.worker != kNone; });
  if (is_placed) return 5;
  if (program.manifest) return 4;
  const bool has_items = std::any_of(
      program.types.begin(), program.types.end(),
      [](const Type& type) { return type.shape == Type::Shape::kResult && type.key != kNone; });
  const bool names_starters =
      std::any_of(program.runbooks.begin(), program.runbooks.end(),
                  [](const Runbook& runbook) { return !runbook.allow.empty(); });
  if (has_items || names_starters || !program.field_checks.empty()) return 3;
  Op newest = Op::kNop;
  for (const Function& function : program.functions)
    for (const Instruction& at : function.code) newest = std::max(newest, at.op);
  if (newest >= Op::kResultItem) return 3;
  return newest >= Op::kOutside || !program.calendars.empty() ? 2 : 1;
}

/// Whether what only people need (places, register names) is written too.
enum class Detail { kAll, kMeaning };

class Encoder {
 public:
  explicit Encoder(Detail detail) : detail_(detail) {}

  std::string encode(const Program& program) {
    out_.raw(kMagic);
    const uint32_t version = version_of(program);
    out_.number(version);
    list(program.types);
    list(program.constants);
    list(program.functions);
    list(program.steps);
    list(program.actions);
    list(program.natives);
    list(program.runbooks);
    list(program.files);
    if (version >= 2) {
      list(program.calendars);
      for (const Runbook& runbook : program.runbooks) list(runbook.outside);
    }
    if (version >= 3) {
      list(program.field_checks);
      for (const Runbook& runbook : program.runbooks) list(runbook.allow);
    }
    if (version >= 4) {
      out_.flag(program.manifest.has_value());
      if (program.manifest) put(*program.manifest);
    }
    if (version >= 5)
      for (const Runbook& runbook : program.runbooks) optional_index(runbook.worker);
    return out_.take();
  }

 private:
  template <typename T>
  void list(const std::vector<T>& items) {
    out_.number(items.size());
    for (const T& item : items) put(item);
  }
  /// kNone is the commonest index that is not small: 0 stands for it.
  void optional_index(uint32_t index) { out_.number(index == kNone ? 0 : uint64_t{index} + 1); }

  void put(const Type::Field& field) {
    out_.text(field.name);
    out_.text(field.outer_name);
    out_.number(field.type);
    optional_index(field.default_constant);
  }
  void put(const Type::Member& member) {
    out_.text(member.name);
    out_.text(member.outer_name);
    list(member.payload);
  }
  void put(const Type& type) {
    out_.byte(static_cast<uint8_t>(type.shape));
    out_.text(type.name);
    optional_index(type.key);
    optional_index(type.element);
    list(type.fields);
    list(type.members);
  }
  void put(uint32_t value) { out_.number(value); }
  void put(uint16_t value) { out_.number(value); }
  void put(Kind value) { out_.byte(static_cast<uint8_t>(value)); }
  void put(const std::string& value) { out_.text(value); }
  void put(const Constant& constant) {
    out_.number(constant.type);
    out_.integer(constant.bits);
    out_.text(constant.text);
    list(constant.items);
  }
  void put(const Instruction& instruction) {
    out_.number(static_cast<uint16_t>(instruction.op));
    out_.number(instruction.a);
    out_.number(instruction.b);
    out_.number(instruction.c);
  }
  void put(const Handler& handler) {
    out_.number(handler.begin);
    out_.number(handler.end);
    out_.number(handler.target);
    out_.byte(static_cast<uint8_t>(handler.reach));
    out_.number(handler.error);
    out_.number(handler.mark);
    out_.number(handler.timer);
  }
  void put(const Safepoint& safepoint) {
    out_.number(safepoint.pc);
    list(safepoint.live);
  }
  void put(const SourcePlace& place) {
    out_.number(place.pc);
    out_.number(place.file);
    out_.number(place.line);
    out_.number(place.column);
  }
  void put(const Function& function) {
    out_.text(function.name);
    list(function.registers);
    out_.number(function.parameters);
    optional_index(function.result);
    out_.flag(function.pure);
    list(function.code);
    list(function.handlers);
    list(function.safepoints);
    if (detail_ == Detail::kAll) {
      list(function.places);
      list(function.register_names);
    }
  }
  void put(const Step& step) {
    out_.text(step.name);
    out_.number(step.function);
    out_.flag(step.has_rollback);
  }
  void put(const ActionImport& action) {
    out_.text(action.name);
    out_.text(action.exec);
    out_.byte(static_cast<uint8_t>(action.behaviour));
    list(action.parameters);
    optional_index(action.result);
  }
  void put(const NativeImport& native) {
    out_.text(native.name);
    out_.number(native.version);
  }
  void put(const ParameterCheck& check) {
    out_.number(check.condition);
    out_.number(check.message);
    out_.text(check.text);
  }
  void put(const FieldCheck& check) {
    out_.number(check.type);
    out_.number(check.member);
    out_.number(check.field);
    out_.number(check.condition);
    out_.number(check.message);
    out_.text(check.text);
  }
  void put(const Parameter& parameter) {
    out_.text(parameter.name);
    out_.text(parameter.doc);
    out_.number(parameter.type);
    optional_index(parameter.default_function);
    list(parameter.checks);
  }
  void put(const Runbook& runbook) {
    out_.text(runbook.name);
    out_.text(runbook.doc);
    out_.number(runbook.function);
    list(runbook.parameters);
    optional_index(runbook.result);
    out_.flag(runbook.is_public);
  }
  void put(const Starters::Who& who) {
    out_.flag(who.is_group);
    out_.text(who.name);
  }
  void put(const Starters& starters) {
    out_.text(starters.runbook);
    list(starters.who);
  }
  void put(const timing::Zone::Change& change) {
    out_.integer(change.at.time_since_epoch().count());
    out_.integer(change.offset.count());
  }
  void put(const timing::Calendar::Rule& rule) {
    if (const auto* dates = std::get_if<timing::Calendar::Dates>(&rule.when)) {
      out_.byte(0);
      out_.integer(dates->begin.time_since_epoch().count());
      out_.integer(dates->end.time_since_epoch().count());
    } else {
      const auto& weekly = std::get<timing::Calendar::Weekly>(rule.when);
      out_.byte(weekly.weekdays);
      out_.integer(weekly.begin.count());
      out_.integer(weekly.end.count());
    }
    out_.text(rule.why);
  }
  void put(const timing::Calendar& calendar) {
    out_.text(calendar.name());
    const timing::Zone& zone = calendar.zone();
    out_.text(zone.name());
    out_.integer(zone.first_offset().count());
    list(zone.changes());
    out_.text(zone.rule());
    list(calendar.rules());
  }
  void put(const Manifest::Entry& entry) {
    out_.byte(static_cast<uint8_t>(entry.kind));
    out_.text(entry.text);
    out_.text(entry.at);
  }
  void put(const Manifest& manifest) {
    out_.text(manifest.name);
    list(manifest.entries);
  }
  void put(const SourceFile& file) {
    out_.text(file.path);
    for (uint8_t byte : file.hash) out_.byte(byte);
  }

  Writer out_;
  Detail detail_;
};

class Decoder {
 public:
  Decoder(std::string_view bytes, uint64_t version) : in_(bytes), version_(version) {}

  Result<Program> decode() {
    Program program;
    list(program.types, "types");
    list(program.constants, "constants");
    list(program.functions, "functions");
    list(program.steps, "steps");
    list(program.actions, "actions");
    list(program.natives, "natives");
    list(program.runbooks, "runbooks");
    list(program.files, "files");
    if (version_ >= 2) {
      calendars(program);
      for (Runbook& runbook : program.runbooks) list(runbook.outside, "calendars of runbooks");
    }
    if (version_ >= 3) {
      list(program.field_checks, "conditions on fields");
      for (Runbook& runbook : program.runbooks) list(runbook.allow, "starters of runbooks");
    }
    if (version_ >= 4 && in_.flag()) get(program.manifest.emplace());
    if (version_ >= 5)
      for (Runbook& runbook : program.runbooks) runbook.worker = optional_index();
    if (in_.failed()) {
      return fail(ErrorKind::kCorrupt,
                  fmt::format("the program is damaged: its list of {} does not decode", part_),
                  "compile it again from its source");
    }
    if (!in_.done()) {
      return fail(ErrorKind::kCorrupt,
                  fmt::format("the program is damaged: {} bytes follow its end", in_.left()),
                  "compile it again from its source");
    }
    return program;
  }

 private:
  template <typename T>
  void list(std::vector<T>& items, const char* part) {
    if (!in_.failed()) part_ = part;
    list(items);
  }
  template <typename T>
  void list(std::vector<T>& items) {
    // No element is shorter than its fixed fields, one byte each at least: a hostile count can't
    // make us allocate more than a small multiple of the file.
    const size_t count = in_.count(smallest(static_cast<T*>(nullptr)));
    items.resize(count);
    for (T& item : items) {
      if (in_.failed()) return;
      get(item);
    }
  }
  static constexpr size_t smallest(const void*) { return 1; }
  static constexpr size_t smallest(const Type*) { return 6; }
  static constexpr size_t smallest(const Type::Field*) { return 4; }
  static constexpr size_t smallest(const Type::Member*) { return 3; }
  static constexpr size_t smallest(const Constant*) { return 4; }
  static constexpr size_t smallest(const Instruction*) { return 4; }
  static constexpr size_t smallest(const Handler*) { return 7; }
  static constexpr size_t smallest(const Safepoint*) { return 2; }
  static constexpr size_t smallest(const SourcePlace*) { return 4; }
  static constexpr size_t smallest(const Function*) { return 10; }
  static constexpr size_t smallest(const ActionImport*) { return 5; }
  static constexpr size_t smallest(const Parameter*) { return 5; }
  static constexpr size_t smallest(const FieldCheck*) { return 6; }
  static constexpr size_t smallest(const Runbook*) { return 6; }
  static constexpr size_t smallest(const SourceFile*) { return 33; }
  static constexpr size_t smallest(const Manifest::Entry*) { return 3; }

  static constexpr size_t smallest(const timing::Zone::Change*) { return 2; }
  static constexpr size_t smallest(const timing::Calendar::Rule*) { return 4; }

  void calendars(Program& program) {
    if (!in_.failed()) part_ = "calendars";
    const size_t count = in_.count(6);
    for (size_t i = 0; i < count && !in_.failed(); ++i) {
      std::string name = in_.text();
      std::string zone_name = in_.text();
      const std::chrono::seconds first_offset(in_.integer());
      std::vector<timing::Zone::Change> changes;
      list(changes);
      const std::string zone_rule = in_.text();
      std::vector<timing::Calendar::Rule> rules;
      list(rules);
      if (in_.failed()) return;
      Result<timing::Zone> zone =
          timing::Zone::make(std::move(zone_name), first_offset, std::move(changes), zone_rule);
      if (!zone) return in_.fail();
      Result<timing::Calendar> calendar =
          timing::Calendar::make(std::move(name), std::move(*zone), std::move(rules));
      if (!calendar) return in_.fail();
      program.calendars.push_back(std::move(*calendar));
    }
  }
  void get(timing::Zone::Change& change) {
    change.at = timing::sys_seconds(std::chrono::seconds(in_.integer()));
    change.offset = std::chrono::seconds(in_.integer());
  }
  void get(timing::Calendar::Rule& rule) {
    const uint8_t weekdays = in_.byte();
    const std::chrono::seconds begin(in_.integer());
    const std::chrono::seconds end(in_.integer());
    if (weekdays == 0) {
      rule.when = timing::Calendar::Dates{timing::local_seconds(begin), timing::local_seconds(end)};
    } else {
      rule.when = timing::Calendar::Weekly{weekdays, begin, end};
    }
    rule.why = in_.text();
  }

  uint32_t optional_index() {
    const uint64_t value = in_.number_to(kNone);
    return value == 0 ? kNone : static_cast<uint32_t>(value - 1);
  }
  template <typename E>
  void get_enum(E& value, E last) {
    const uint8_t byte = in_.byte();
    if (byte > static_cast<uint8_t>(last)) return in_.fail();
    value = static_cast<E>(byte);
  }

  void get(Type::Field& field) {
    field.name = in_.text();
    field.outer_name = in_.text();
    field.type = in_.index();
    field.default_constant = optional_index();
  }
  void get(Type::Member& member) {
    member.name = in_.text();
    member.outer_name = in_.text();
    list(member.payload);
  }
  void get(Type& type) {
    get_enum(type.shape, Type::Shape::kFunction);
    type.name = in_.text();
    type.key = optional_index();
    type.element = optional_index();
    list(type.fields);
    list(type.members);
  }
  void get(uint32_t& value) { value = in_.index(); }
  void get(uint16_t& value) { value = in_.operand(); }
  void get(Kind& value) { get_enum(value, Kind::kRef); }
  void get(std::string& value) { value = in_.text(); }
  void get(Constant& constant) {
    constant.type = in_.index();
    constant.bits = in_.integer();
    constant.text = in_.text();
    list(constant.items);
  }
  void get(Instruction& instruction) {
    instruction.op = static_cast<Op>(in_.operand());
    instruction.a = in_.operand();
    instruction.b = in_.operand();
    instruction.c = in_.operand();
  }
  void get(Handler& handler) {
    handler.begin = in_.index();
    handler.end = in_.index();
    handler.target = in_.index();
    get_enum(handler.reach, Handler::Reach::kTimeout);
    handler.error = in_.operand();
    handler.mark = in_.operand();
    handler.timer = in_.operand();
  }
  void get(Safepoint& safepoint) {
    safepoint.pc = in_.index();
    list(safepoint.live);
  }
  void get(SourcePlace& place) {
    place.pc = in_.index();
    place.file = in_.index();
    place.line = in_.index();
    place.column = in_.index();
  }
  void get(Function& function) {
    function.name = in_.text();
    list(function.registers);
    function.parameters = in_.operand();
    function.result = optional_index();
    function.pure = in_.flag();
    list(function.code);
    list(function.handlers);
    list(function.safepoints);
    list(function.places);
    list(function.register_names);
  }
  void get(Step& step) {
    step.name = in_.text();
    step.function = in_.index();
    step.has_rollback = in_.flag();
  }
  void get(ActionImport& action) {
    action.name = in_.text();
    action.exec = in_.text();
    get_enum(action.behaviour, Behaviour::kWrites);
    list(action.parameters);
    action.result = optional_index();
  }
  void get(NativeImport& native) {
    native.name = in_.text();
    native.version = in_.index();
  }
  void get(ParameterCheck& check) {
    check.condition = in_.index();
    check.message = in_.index();
    check.text = in_.text();
  }
  void get(FieldCheck& check) {
    check.type = in_.index();
    check.member = in_.index();
    check.field = in_.index();
    check.condition = in_.index();
    check.message = in_.index();
    check.text = in_.text();
  }
  void get(Parameter& parameter) {
    parameter.name = in_.text();
    parameter.doc = in_.text();
    parameter.type = in_.index();
    parameter.default_function = optional_index();
    list(parameter.checks);
  }
  void get(Runbook& runbook) {
    runbook.name = in_.text();
    runbook.doc = in_.text();
    runbook.function = in_.index();
    list(runbook.parameters);
    runbook.result = optional_index();
    runbook.is_public = in_.flag();
  }
  void get(Starters::Who& who) {
    who.is_group = in_.flag();
    who.name = in_.text();
  }
  void get(Starters& starters) {
    starters.runbook = in_.text();
    list(starters.who, "starters");
  }
  void get(Manifest::Entry& entry) {
    get_enum(entry.kind, Manifest::Kind::kPerson);
    entry.text = in_.text();
    entry.at = in_.text();
  }
  void get(Manifest& manifest) {
    manifest.name = in_.text();
    list(manifest.entries, "the manifest");
  }
  void get(SourceFile& file) {
    file.path = in_.text();
    for (uint8_t& byte : file.hash) byte = in_.byte();
  }

  Reader in_;
  uint64_t version_;
  const char* part_ = "types";
};

std::string_view as_bytes(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace

std::string save(const Program& program) {
  std::string bytes = Encoder(Detail::kAll).encode(program);
  bytes += as_bytes(sha256(bytes));
  return bytes;
}

Result<Program> load(std::string_view bytes) {
  if (!bytes.starts_with(kMagic)) {
    return fail(ErrorKind::kCorrupt, "this is no compiled program: it does not begin with RBKC",
                "give a file made by `rbk compile`, or the .rbk source");
  }
  if (bytes.size() > kLargest) {
    return fail(
        ErrorKind::kLimit,
        fmt::format("the program has {} bytes; at most {} are taken", bytes.size(), kLargest),
        "split the runbook");
  }
  Reader head(bytes.substr(kMagic.size()));
  const uint64_t version = head.number();
  if (!head.failed() && version > kProgramVersion) {
    return fail(
        ErrorKind::kUnsupported,
        fmt::format("the program has format {}; this rbk reads up to {}", version, kProgramVersion),
        "use a newer rbk, or compile the source with this one");
  }
  if (head.failed() || version == 0 || head.left() < kDigestBytes) {
    return fail(ErrorKind::kCorrupt, "the program is damaged: it ends too early",
                "compile it again from its source");
  }
  const std::string_view body = bytes.substr(0, bytes.size() - kDigestBytes);
  if (as_bytes(sha256(body)) != bytes.substr(body.size())) {
    return fail(ErrorKind::kCorrupt, "the program is damaged: its checksum does not fit",
                "compile it again from its source");
  }
  const size_t head_bytes = bytes.size() - head.left();
  Result<Program> program = Decoder(body.substr(head_bytes), version).decode();
  if (!program) return program;
  if (version != version_of(*program)) {
    return fail(ErrorKind::kCorrupt,
                fmt::format("the program is damaged: format {} is not its own", version),
                "compile it again from its source");
  }
  if (Status status = verify(*program); !status) return tl::unexpected(status.error());
  return program;
}

Digest content_hash(const Program& program) {
  return sha256(Encoder(Detail::kMeaning).encode(program));
}

}  // namespace rbk::bytecode
