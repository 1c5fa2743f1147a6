#include "engine/masking_sink.h"

#include "vm/json_secrets.h"

namespace rbk::engine {
namespace {

class MaskingSink : public AttemptSink {
 public:
  MaskingSink(std::shared_ptr<AttemptSink> sink, std::shared_ptr<const Masks> masks,
              std::shared_ptr<const bytecode::Program> program, bytecode::TypeId output)
      : sink_(std::move(sink)),
        masks_(std::move(masks)),
        program_(std::move(program)),
        output_(output) {}

  void log(LogStream stream, std::string_view line) override {
    sink_->log(stream, masks_->apply(line));
  }

  void finish(Outcome outcome) override {
    outcome.output = vm::masked(*program_, output_, outcome.output, *masks_);
    outcome.error.message = masks_->apply(outcome.error.message);
    outcome.error.fields = vm::masked_fields(outcome.error.fields, *masks_);
    sink_->finish(std::move(outcome));
  }

 private:
  std::shared_ptr<AttemptSink> sink_;
  std::shared_ptr<const Masks> masks_;
  std::shared_ptr<const bytecode::Program> program_;
  bytecode::TypeId output_;
};

}  // namespace

std::shared_ptr<AttemptSink> masking_sink(std::shared_ptr<AttemptSink> sink,
                                          std::shared_ptr<const Masks> masks,
                                          std::shared_ptr<const bytecode::Program> program,
                                          bytecode::TypeId output) {
  return std::make_shared<MaskingSink>(std::move(sink), std::move(masks), std::move(program),
                                       output);
}

}  // namespace rbk::engine
