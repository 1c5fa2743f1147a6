// Operations on text, JSON and errors.
#include <fmt/format.h>

#include <cstring>

#include "vm/execution.h"
#include "vm/json.h"

namespace rbk::vm {

Next Execution::op_ToText(Slot* r, const Instruction* at) {
  const Kind kind = kinds()[at->b];
  if (kind == Kind::kRef && as_string(r[at->b].o) != nullptr) {
    set(r[at->a], Ref::to(r[at->b].o));
    return Next::kNext;
  }
  std::string text;
  if (!to_text(image_, r[at->b], kind, text)) {
    return raise("SecretError", "a secret can't become text");
  }
  set(r[at->a], make_string(heap_, text));
  return Next::kNext;
}

Next Execution::op_Concat(Slot* r, const Instruction* at) {
  uint64_t size = 0;
  for (uint32_t i = 0; i < at->c; ++i) {
    const String* part = as_string(r[at->b + i].o);
    if (part == nullptr) return raise_wrong(r[at->b + i].o, "text");
    size += part->size;
  }
  if (!heap_.fits(size)) return Next::kNext;  // the loop raises
  String* joined = new_string(heap_, size);
  char* to = joined->data();
  for (uint32_t i = 0; i < at->c; ++i) {
    const std::string_view part = as_string(r[at->b + i].o)->view();
    if (part.empty()) continue;
    std::memcpy(to, part.data(), part.size());
    to += part.size();
  }
  set(r[at->a], Ref(joined));
  return Next::kNext;
}

Next Execution::op_ToJson(Slot* r, const Instruction* at) {
  set(r[at->a], to_json(image_, r[at->b], kinds()[at->b]));
  return Next::kNext;
}

Next Execution::op_FromJson(Slot* r, const Instruction* at) {
  Result<Value> value = read_json(image_, r[at->b].o, at->c, Unknown::kIgnore, *this);
  if (!value) return raise("JsonError", value.error().message);
  return set_checked(r[at->a], kinds()[at->a], std::move(*value));
}

Next Execution::op_JsonField(Slot* r, const Instruction* at) {
  const String* name = as_string(r[at->c].o);
  if (name == nullptr) return raise_wrong(r[at->c].o, "the name of a field");
  const Object* json = r[at->b].o;
  if (json == nullptr || json->tag != Tag::kMap) {
    return raise("JsonError",
                 fmt::format(".{}: expected an object, got {}", name->view(), json_summary(json)));
  }
  const Map::Entry* entry = find(static_cast<const Map*>(json), name->view());
  if (entry == nullptr) {
    set(r[at->a], Ref());
    return Next::kNext;
  }
  return set_part(r, at->a, entry->value, json->kind);
}

Next Execution::op_JsonIndex(Slot* r, const Instruction* at) {
  const Object* json = r[at->b].o;
  const int64_t index = r[at->c].i;
  if (json == nullptr || json->tag != Tag::kList) {
    return raise("JsonError",
                 fmt::format("[{}]: expected a list, got {}", index, json_summary(json)));
  }
  if (index < 0 || index >= json->size) {
    return raise("JsonError", fmt::format("[{}]: the list has {} elements", index, json->size));
  }
  return set_part(r, at->a, static_cast<const List*>(json)->items[static_cast<size_t>(index)],
                  json->kind);
}

// ---- Errors

Next Execution::op_Raise(Slot* r, const Instruction* at) {
  Object* error = r[at->a].o;
  if (error == nullptr || error->tag != Tag::kError) return raise_wrong(error, "an error");
  return raise(Ref::to(error));
}

Next Execution::op_ErrorIs(Slot* r, const Instruction* at) {
  const Object* object = r[at->b].o;
  if (object == nullptr || object->tag != Tag::kError) return raise_wrong(object, "an error");
  const std::string& wanted = image_.type(at->c).name;
  const auto* error = static_cast<const ErrorObject*>(object);
  r[at->a].i = wanted == "error" || static_cast<const String*>(error->name)->view() == wanted;
  return Next::kNext;
}

Next Execution::op_ErrorMessage(Slot* r, const Instruction* at) {
  const Object* object = r[at->b].o;
  if (object == nullptr || object->tag != Tag::kError) return raise_wrong(object, "an error");
  set(r[at->a], Ref::to(static_cast<const ErrorObject*>(object)->message));
  return Next::kNext;
}

Next Execution::op_ErrorKindName(Slot* r, const Instruction* at) {
  const Object* object = r[at->b].o;
  if (object == nullptr || object->tag != Tag::kError) return raise_wrong(object, "an error");
  set(r[at->a], Ref::to(static_cast<const ErrorObject*>(object)->name));
  return Next::kNext;
}

Next Execution::op_ErrorRetryable(Slot* r, const Instruction* at) {
  const Object* object = r[at->b].o;
  if (object == nullptr || object->tag != Tag::kError) return raise_wrong(object, "an error");
  r[at->a].i = static_cast<const ErrorObject*>(object)->retryable ? 1 : 0;
  return Next::kNext;
}

Next Execution::op_ErrorInDoubt(Slot* r, const Instruction* at) {
  const Object* object = r[at->b].o;
  if (object == nullptr || object->tag != Tag::kError) return raise_wrong(object, "an error");
  r[at->a].i = static_cast<const ErrorObject*>(object)->in_doubt ? 1 : 0;
  return Next::kNext;
}

Next Execution::op_IsCancel(Slot* r, const Instruction* at) {
  const Object* object = r[at->b].o;
  if (object == nullptr || object->tag != Tag::kError) return raise_wrong(object, "an error");
  r[at->a].i = static_cast<const ErrorObject*>(object)->reach == Reach::kCancel ? 1 : 0;
  return Next::kNext;
}

}  // namespace rbk::vm
