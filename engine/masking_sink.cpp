#include "engine/masking_sink.h"

#include <boost/json.hpp>

namespace rbk::engine {
namespace {

namespace json = boost::json;

json::object masked(const json::object& object, const Masks& masks) {
  json::object made;
  for (const auto& [key, value] : object)
    made[masks.apply(std::string_view(key))] = engine::masked(value, masks);
  return made;
}

class MaskingSink : public AttemptSink {
 public:
  MaskingSink(std::shared_ptr<AttemptSink> sink, std::shared_ptr<const Masks> masks)
      : sink_(std::move(sink)), masks_(std::move(masks)) {}

  void log(LogStream stream, std::string_view line) override {
    sink_->log(stream, masks_->apply(line));
  }

  void finish(Outcome outcome) override {
    outcome.output = engine::masked(outcome.output, *masks_);
    outcome.error.message = masks_->apply(outcome.error.message);
    outcome.error.fields = masked(outcome.error.fields, *masks_);
    sink_->finish(std::move(outcome));
  }

 private:
  std::shared_ptr<AttemptSink> sink_;
  std::shared_ptr<const Masks> masks_;
};

}  // namespace

std::shared_ptr<AttemptSink> masking_sink(std::shared_ptr<AttemptSink> sink,
                                          std::shared_ptr<const Masks> masks) {
  return std::make_shared<MaskingSink>(std::move(sink), std::move(masks));
}

json::value masked(const json::value& value, const Masks& masks) {
  switch (value.kind()) {
    case json::kind::string:
      return json::value(masks.apply(std::string_view(value.get_string())));
    case json::kind::object:
      return masked(value.get_object(), masks);
    case json::kind::array: {
      json::array made;
      for (const json::value& item : value.get_array()) made.push_back(masked(item, masks));
      return made;
    }
    case json::kind::int64:
    case json::kind::uint64:
    case json::kind::double_:
      if (masks.apply(json::serialize(value)) == kMask) return json::value(kMask);
      return value;
    default:
      return value;
  }
}

}  // namespace rbk::engine
