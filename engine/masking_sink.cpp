#include "engine/masking_sink.h"

#include "vm/json_secrets.h"

namespace rbk::engine {
namespace {

class MaskingSink : public AttemptSink {
 public:
  MaskingSink(std::shared_ptr<AttemptSink> sink, std::shared_ptr<const Masks> masks)
      : sink_(std::move(sink)), masks_(std::move(masks)) {}

  void log(LogStream stream, std::string_view line) override {
    sink_->log(stream, masks_->apply(line));
  }

  void finish(Outcome outcome) override {
    outcome.output = vm::masked(outcome.output, *masks_);
    outcome.error.message = masks_->apply(outcome.error.message);
    outcome.error.fields = vm::masked(outcome.error.fields, *masks_);
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

}  // namespace rbk::engine
