#include "vm/image.h"

#include <algorithm>

#include "vm/json.h"

namespace rbk::vm {

using bytecode::Constant;
using bytecode::Type;
using Shape = Type::Shape;

const bytecode::Safepoint* Code::safepoint(uint32_t pc) const {
  const auto& list = function->safepoints;
  const auto found = std::lower_bound(
      list.begin(), list.end(), pc,
      [](const bytecode::Safepoint& safepoint, uint32_t at) { return safepoint.pc < at; });
  return found != list.end() && found->pc == pc ? &*found : nullptr;
}

Image::Image(std::shared_ptr<const bytecode::Program> program, Heap& heap)
    : program_(std::move(program)), heap_(heap), constants_(program_->constants.size(), nullptr) {
  ready_.resize(constants_.size());
  for (size_t i = 0; i < ready_.size(); ++i) {
    const Kind of = kind(program_->constants[i].type);
    if (of != Kind::kRef) ready_[i] = {slot_of(program_->constants[i].bits), of, true};
  }
  codes_.reserve(program_->functions.size());
  for (const bytecode::Function& function : program_->functions) {
    Code& code = codes_.emplace_back();
    code.function = &function;
    code.code = function.code.data();
    code.registers = static_cast<uint32_t>(function.registers.size());
    code.parameters = function.parameters;
    code.index = static_cast<uint32_t>(codes_.size() - 1);
    code.has_result = function.result != bytecode::kNone;
    if (code.has_result) code.result = kind(function.result);
    code.pure = function.pure;
    code.kinds = function.registers.data();
    for (uint32_t i = 0; i < code.registers; ++i) {
      if (code.kinds[i] == Kind::kRef) code.refs.push_back(static_cast<uint16_t>(i));
    }
    code.has_refs = !code.refs.empty();
    code.plain = code.pure && !code.has_refs && code.result != Kind::kRef;
  }
  const auto kinds_of = [this](const std::vector<Type::Field>& fields) {
    std::vector<Kind> kinds;
    kinds.reserve(std::size(fields));
    for (const Type::Field& field : fields) kinds.push_back(kind(field.type));
    return kinds;
  };
  layouts_.resize(program_->types.size());
  for (TypeId id = 0; id < program_->types.size(); ++id) {
    const Type& type = program_->types[id];
    if (type.shape == Shape::kRecord || type.shape == Shape::kError) {
      layouts_[id].push_back(kinds_of(type.fields));
    }
    for (const Type::Member& member : type.members) {
      layouts_[id].push_back(kinds_of(member.payload));
    }
    if (type.shape == Shape::kError) error_types_.emplace(type.name, id);
  }
  for (const bytecode::FieldCheck& check : program_->field_checks) {
    checks_[{check.type, check.member}].push_back(&check);
  }
  for (const bytecode::NativeImport& import : program_->natives) {
    natives_.push_back(find_native_function(import.name));
  }
}

Image::~Image() {
  for (Object* constant : constants_) release(constant);
}

const std::vector<const bytecode::FieldCheck*>& Image::checks(TypeId type, uint32_t member) const {
  static const std::vector<const bytecode::FieldCheck*> kNoChecks;
  if (checks_.empty()) return kNoChecks;
  const auto found = checks_.find({type, member});
  return found == checks_.end() ? kNoChecks : found->second;
}

const Digest& Image::content_hash() const {
  if (!content_hash_) content_hash_ = bytecode::content_hash(*program_);
  return *content_hash_;
}

TypeId Image::error_type(std::string_view name) const {
  const auto found = error_types_.find(name);
  return found == error_types_.end() ? bytecode::kNone : found->second;
}

Value Image::constant(uint32_t index) {
  const Constant& constant = program_->constants[index];
  const Kind constant_kind = kind(constant.type);
  if (constant_kind != Kind::kRef) return {constant_kind, slot_of(constant.bits)};
  if (constants_[index] != nullptr) return Value(Ref::to(constants_[index]));
  Ref made = make(index);
  if (made && is_shared(index)) {
    // The machine's own: what a run uses must not depend on which constants it has met.
    heap_.used -= cost(made.get());
    made->constant = index;
    constants_[index] = Ref(made).give();
    ready_[index].value.o = constants_[index];
    ready_[index].is_ready = true;
  }
  return Value(std::move(made));
}

/// JSON trees have parts that are no constants themselves, and would lose their identity in a
/// snapshot: they are made anew each time, as is what holds them.
bool Image::is_shared(uint32_t index) const {
  const Constant& constant = program_->constants[index];
  const Shape shape = type(constant.type).shape;
  if (shape == Shape::kJson || shape == Shape::kOptional) return false;
  return std::all_of(constant.items.begin(), constant.items.end(), [this](uint32_t item) {
    return kind(program_->constants[item].type) != Kind::kRef || is_shared(item);
  });
}

Ref Image::make(uint32_t index) {
  const Constant& constant = program_->constants[index];
  const Type& type_of = type(constant.type);
  const auto item = [&](size_t i) { return this->constant(constant.items[i]).give(); };
  const size_t count = constant.items.size();
  switch (type_of.shape) {
    case Shape::kString:
    case Shape::kUrl:
    case Shape::kCommand:
    case Shape::kQuery:
    case Shape::kRegex:
      return make_string(heap_, constant.text);
    case Shape::kSecret:
      return make_secret(heap_, constant.text);
    case Shape::kJson:
      return parse_json(heap_, constant.text).value_or(Ref());
    case Shape::kRange: {
      const Slot low = item(0);
      return make_range(heap_, kind(type_of.element), low, item(1));
    }
    case Shape::kList: {
      List* list = new_list(heap_, kind(type_of.element), count);
      for (size_t i = 0; i < count; ++i) push(list, item(i));
      return Ref(list);
    }
    case Shape::kMap: {
      Map* map = new_map(heap_, kind(type_of.key), kind(type_of.element));
      for (size_t i = 0; i + 1 < count; i += 2) {
        const Slot key = item(i);
        put(map, key, item(i + 1));
      }
      return Ref(map);
    }
    case Shape::kOptional: {
      if (count == 0) return {};
      const Kind inner = kind(program_->constants[constant.items[0]].type);
      return boxed(heap_, inner, item(0));
    }
    case Shape::kRecord:
    case Shape::kEnum: {
      const bool is_enum = type_of.shape == Shape::kEnum;
      const auto member = is_enum ? static_cast<uint32_t>(constant.bits) : 0;
      Record* record = new_record(heap_, is_enum ? Tag::kEnum : Tag::kRecord, constant.type, member,
                                  kinds(constant.type, member), count);
      for (size_t i = 0; i < count; ++i) record->fields()[i] = item(i);
      settle(record);
      return Ref(record);
    }
    default:
      return {};  // null; the verifier admits no other shape
  }
}

}  // namespace rbk::vm
