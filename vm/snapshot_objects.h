// The table of objects at the beginning of a snapshot, read back.
#pragma once

#include <vector>

#include "vm/bytecode/wire.h"
#include "vm/image.h"

namespace rbk::vm {

class ObjectReader {
 public:
  /// Objects may count for so many bytes in all; more fails the reader.
  ObjectReader(bytecode::Reader& in, Image& image, uint64_t most_bytes)
      : in_(in), image_(image), heap_(image.heap()), most_bytes_(most_bytes) {}

  void read_all();
  /// Lets go of the references that the table holds.
  void drop() { objects_.clear(); }

  /// A reference that follows; fails the reader if there is no such object.
  Ref object();
  Slot slot(Kind kind);
  Kind kind();

 private:
  Ref read();
  Ref read_map(Kind value_kind);
  Ref read_record(Tag tag);
  Ref read_error();
  Ref fail() {
    in_.fail();
    return {};
  }

  bytecode::Reader& in_;
  Image& image_;
  Heap& heap_;
  uint64_t most_bytes_;
  std::vector<Ref> objects_;
};

}  // namespace rbk::vm
