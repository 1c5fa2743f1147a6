#include "engine/entry_blobs.h"

#include <optional>

#include "engine/journal.h"
#include "engine/news.h"

namespace rbk::engine {
namespace {

/// Notes what is asked for, and gives null for it.
class NamedBlobs : public NewsSource {
 public:
  explicit NamedBlobs(std::vector<Digest>& names) : names_(names) {}
  Result<boost::json::value> event_output() override { return boost::json::value(); }
  Result<std::string> blob(const Digest& hash) override {
    names_.push_back(hash);
    return std::string("null");
  }

 private:
  std::vector<Digest>& names_;
};

}  // namespace

Result<std::vector<Digest>> blobs_of(const Entry& entry) {
  std::vector<Digest> names;
  if (entry.kind == Entry::Kind::kEvent) {
    auto output = output_blob(entry.body);
    if (!output) return tl::unexpected(output.error());
    if (*output) names.push_back(**output);
  }
  NamedBlobs source(names);
  if (auto news = decode_news(entry.news, source); !news) return tl::unexpected(news.error());
  return names;
}

}  // namespace rbk::engine
