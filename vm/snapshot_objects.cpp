#include "vm/snapshot_objects.h"

#include <algorithm>

#include "vm/snapshot_format.h"

namespace rbk::vm {

using bytecode::kNone;
using bytecode::Type;

void ObjectReader::read_all() {
  const size_t count = in_.count(2);
  for (size_t i = 0; i < count && !in_.failed(); ++i) {
    objects_.push_back(read());
    if (!objects_.back() || heap_.fault != Fault::kNone || heap_.used > most_bytes_) in_.fail();
  }
}

Ref ObjectReader::object() {
  const uint64_t number = in_.number_to(objects_.size());
  return number == 0 ? Ref() : objects_[number - 1];
}

Kind ObjectReader::kind() {
  const uint8_t byte = in_.byte();
  if (byte > static_cast<uint8_t>(Kind::kRef)) in_.fail();
  return in_.failed() ? Kind::kInt : static_cast<Kind>(byte);
}

Slot ObjectReader::slot(Kind kind) {
  if (kind == Kind::kRef) return slot_of(object().give());
  if (kind == Kind::kFloat) return slot_of_float(in_.real());
  const int64_t value = in_.integer();
  if (kind == Kind::kBool && value != 0 && value != 1) in_.fail();
  return slot_of(in_.failed() ? 0 : value);
}

Ref ObjectReader::read() {
  const uint8_t tag = in_.byte();
  if (tag == kConstantTag) {
    const uint32_t index = in_.index();
    if (in_.failed() || index >= image_.program().constants.size()) return fail();
    if (image_.kind(image_.program().constants[index].type) != Kind::kRef) return fail();
    Value value = image_.constant(index);
    Object* object = value.slot().o;
    if (object == nullptr || object->constant != index) return fail();
    return Ref(value.give().o);
  }
  if (tag > static_cast<uint8_t>(Tag::kClosure)) return fail();
  const Kind of = kind();
  if (in_.failed()) return {};
  switch (static_cast<Tag>(tag)) {
    case Tag::kBox: {
      if (of == Kind::kRef) return fail();
      return make_box(heap_, of, slot(of));
    }
    case Tag::kString: {
      if (of != Kind::kRef && of != Kind::kBool) return fail();
      Ref string = make_string(heap_, in_.text());
      string->kind = of;
      return string;
    }
    case Tag::kSecret:
      return make_secret(heap_, in_.text());
    case Tag::kList: {
      const auto depth = static_cast<uint16_t>(in_.number_to(kDeepest));
      const size_t count = in_.count();
      if (in_.failed()) return {};
      List* list = new_list(heap_, of, count);
      Ref owner(list);
      for (size_t i = 0; i < count && !in_.failed(); ++i) push(list, slot(of));
      if (depth < list->depth) return fail();
      list->depth = depth;
      return owner;
    }
    case Tag::kMap:
      return read_map(of);
    case Tag::kRecord:
    case Tag::kEnum:
      return read_record(static_cast<Tag>(tag));
    case Tag::kError:
      return read_error();
    case Tag::kResult: {
      const bool ok = in_.flag();
      const Value value(of, slot(of));
      const Object* error = of == Kind::kRef ? value.slot().o : nullptr;
      if (!ok && (error == nullptr || error->tag != Tag::kError)) return fail();
      Ref item = object();
      retain(value.slot(), of);
      return make_result(heap_, ok, of, value.slot(), std::move(item));
    }
    case Tag::kRange: {
      if (of != Kind::kInt && of != Kind::kDuration && of != Kind::kSize && of != Kind::kTime) {
        return fail();
      }
      const Slot low = slot(of);
      return make_range(heap_, of, low, slot(of));
    }
    case Tag::kClosure: {
      const uint32_t function = in_.index();
      const uint64_t count = in_.number();
      if (in_.failed() || function >= image_.program().functions.size() ||
          count > image_.code(function).parameters) {
        return fail();
      }
      Closure* closure = new_closure(heap_, function, image_.code(function).kinds, count);
      Ref owner(closure);
      for (uint32_t i = 0; i < count; ++i) closure->captures()[i] = slot(closure->kinds[i]);
      settle(closure);
      return owner;
    }
  }
  return fail();
}

Ref ObjectReader::read_map(Kind value_kind) {
  const Kind key_kind = kind();
  const auto depth = static_cast<uint16_t>(in_.number_to(kDeepest));
  const size_t count = in_.count(2);
  if (in_.failed()) return {};
  Map* map = new_map(heap_, key_kind, value_kind);
  Ref owner(map);
  for (size_t i = 0; i < count && !in_.failed(); ++i) {
    const Slot key = slot(key_kind);
    put(map, key, slot(value_kind));
    if (map->size != i + 1) in_.fail();  // a key that was there
  }
  if (depth < map->depth) return fail();
  map->depth = depth;
  return owner;
}

Ref ObjectReader::read_record(Tag tag) {
  const uint32_t type = in_.index();
  const uint32_t member = in_.index();
  const auto shape = tag == Tag::kRecord ? Type::Shape::kRecord : Type::Shape::kEnum;
  if (in_.failed() || type >= image_.program().types.size() || image_.type(type).shape != shape ||
      member >= image_.members(type)) {
    return fail();
  }
  const size_t count = image_.fields(type, member);
  Record* record = new_record(heap_, tag, type, member, image_.kinds(type, member), count);
  Ref owner(record);
  for (size_t i = 0; i < count; ++i) record->fields()[i] = slot(record->kinds[i]);
  settle(record);
  return owner;
}

Ref ObjectReader::read_error() {
  const uint64_t stored = in_.number_to(kNone);
  const TypeId type = stored == 0 ? kNone : static_cast<TypeId>(stored - 1);
  const uint64_t reach = in_.number_to(static_cast<uint64_t>(Reach::kLeave));
  if (in_.failed() || (type != kNone && (type >= image_.program().types.size() ||
                                         image_.type(type).shape != Type::Shape::kError))) {
    return fail();
  }
  const size_t count = type == kNone ? 0 : image_.fields(type);
  const bool retryable = in_.flag();
  const bool in_doubt = in_.flag();
  const uint64_t timer = in_.number();
  Ref name = object();
  Ref message = object();
  Ref others = object();
  if (as_string(name.get()) == nullptr || as_string(message.get()) == nullptr) return fail();
  if (others) {
    const auto* map = others->tag == Tag::kMap ? static_cast<const Map*>(others.get()) : nullptr;
    if (map == nullptr || map->key_kind != Kind::kRef || map->kind != Kind::kRef) return fail();
  }
  ErrorObject* error = new_error(heap_, type, count, "", "");
  Ref owner(error);
  release(std::exchange(error->name, name.give()));
  release(std::exchange(error->message, message.give()));
  error->others = others.give();
  error->reach = static_cast<Reach>(reach);
  error->retryable = retryable;
  error->in_doubt = in_doubt;
  error->timer = timer;
  for (size_t i = 0; i < count; ++i) error->fields()[i].o = object().give();
  settle(error);
  return owner;
}

}  // namespace rbk::vm
