// A program made ready for one machine: code pointers, field kinds, constants as values.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "vm/natives.h"
#include "vm/value.h"

namespace rbk::vm {

struct Code {
  // What every call reads stands together.
  const bytecode::Instruction* code = nullptr;
  uint32_t registers = 0;
  uint32_t parameters = 0;
  bool pure = false;
  bool has_refs = false;
  bool has_result = false;
  bool plain = false;  // pure, and neither its registers nor its result are refs
  Kind result = Kind::kRef;
  uint32_t index = 0;
  const Kind* kinds = nullptr;  // of the registers
  std::vector<uint16_t> refs;   // the ref registers
  const bytecode::Function* function = nullptr;
  const bytecode::Safepoint* safepoint(uint32_t pc) const;
};

class Image {
 public:
  /// The program must be verified. The heap must outlive the image.
  Image(std::shared_ptr<const bytecode::Program> program, Heap& heap);
  ~Image();
  Image(const Image&) = delete;
  Image& operator=(const Image&) = delete;

  const bytecode::Program& program() const { return *program_; }
  const std::shared_ptr<const bytecode::Program>& shared_program() const { return program_; }
  Heap& heap() { return heap_; }
  const Code* codes() const { return codes_.data(); }
  const Code& code(uint32_t function) const { return codes_[function]; }
  const bytecode::Type& type(TypeId id) const { return program_->types[id]; }
  Kind kind(TypeId id) const { return program_->types[id].kind(); }

  /// Of a record's fields; of an enum member's payload.
  const Kind* kinds(TypeId type, uint32_t member = 0) const {
    return layouts_[type][member].data();
  }
  size_t fields(TypeId type, uint32_t member = 0) const { return layouts_[type][member].size(); }
  size_t members(TypeId type) const { return layouts_[type].size(); }

  /// On a record's fields; on those of an enum member's payload.
  const std::vector<const bytecode::FieldCheck*>& checks(TypeId type, uint32_t member = 0) const;

  /// Of the program; computed once.
  const Digest& content_hash() const;

  /// kNone if the program does not know errors of this kind.
  TypeId error_type(std::string_view name) const;

  /// A constant's value. Text and the like are made once and shared.
  Value constant(uint32_t index);

  /// The same without a call: numbers from the start, text once it was asked for.
  struct Ready {
    Slot value;
    Kind kind = Kind::kRef;
    bool is_ready = false;
  };
  const Ready* ready() const { return ready_.data(); }

  Native native(uint32_t index) const { return natives_[index]; }
  PatternCache& patterns() { return patterns_; }

 private:
  bool is_shared(uint32_t index) const;
  Ref make(uint32_t index);

  std::shared_ptr<const bytecode::Program> program_;
  Heap& heap_;
  std::vector<Code> codes_;
  std::vector<std::vector<std::vector<Kind>>> layouts_;
  std::map<std::pair<TypeId, uint32_t>, std::vector<const bytecode::FieldCheck*>> checks_;
  std::unordered_map<std::string_view, TypeId> error_types_;
  std::vector<Object*> constants_;  // null until it is needed
  std::vector<Ready> ready_;        // by constant
  std::vector<Native> natives_;
  PatternCache patterns_;
  mutable std::optional<Digest> content_hash_;
};

}  // namespace rbk::vm
