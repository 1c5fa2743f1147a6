// JSON and values. Inside the machine JSON is made of the objects that there are: null is null,
// bools, ints and floats are boxes, texts strings, lists lists of refs, objects maps from strings.
//
// How each type reads in JSON is in docs/formats/values.md.
#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "vm/value.h"

namespace rbk::vm {

class Image;

/// kInvalid: what does not fit, with its line and column; kLimit: nested too deep.
Result<Ref> parse_json(Heap& heap, std::string_view text);

/// Compact text. Appends; false when it grows past the heap's limit, which sets the fault.
bool write_json(Heap& heap, const Object* json, std::string& out);

/// From outside. Deeper nesting than kDeepest sets the heap's fault.
Ref json_in(Heap& heap, const boost::json::value& value);
/// To outside. A fault of the heap gives null.
boost::json::value json_out(Heap& heap, const Object* json);

/// Any value as JSON.
Ref to_json(Image& image, Slot value, Kind kind);
/// The same for outside.
boost::json::value to_outside(Image& image, Slot value, Kind kind);
boost::json::object fields_to_outside(Image& image, const ErrorObject* error);

enum class Unknown : uint8_t { kIgnore, kRefuse };

/// Tests what the program's types ask of the fields of their values (`where`).
class Conditions {
 public:
  struct Unmet {
    uint32_t field = 0;
    std::string message;
  };
  virtual ~Conditions() = default;
  /// The first condition that does not hold for the value, of a record or an enum; none if all do.
  virtual std::optional<Unmet> unmet(const Record& value) = 0;
};

/// JSON read as a type; `unknown` says what becomes of fields that the type lacks. kInvalid:
/// "$.hosts[3].name: expected string, got null".
Result<Value> read_json(Image& image, const Object* json, TypeId type, Unknown unknown,
                        Conditions& conditions);

/// As interpolation shows it. The value must hold no secret: then false.
bool to_text(Image& image, Slot value, Kind kind, std::string& out);

/// "1.5", "2.0", "1e+300", "NaN".
std::string float_text(double value);

/// JSON for a message: a number, a short text in quotes, "a list", "an object", "null".
std::string json_summary(const Object* json);

}  // namespace rbk::vm
