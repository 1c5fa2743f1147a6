#include "cli/notify_targets.h"

#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>

#include "base/project_root.h"
#include "base/spelling.h"
#include "cli/child.h"
#include "cli/config_file.h"

namespace rbk::cli {
namespace {

/// Read anew each time: what it says may have been put right.
Result<Project> project_of(const std::string& folder) {
  Project project;
  project.root = project_root(folder);
  const std::filesystem::path config = std::filesystem::path(project.root) / "runbook.toml";
  std::error_code none;
  if (!std::filesystem::exists(config, none)) return project;
  project.config = config.string();
  if (Status read = read_config(project.config, project); !read)
    return tl::unexpected(read.error());
  return project;
}

Result<std::string> text_of(const TextPlace& text, const std::string& what,
                            const std::string& folder) {
  if (!text.place) return text.text;
  return read_secret(*text.place, what, folder);
}

}  // namespace

NotifyTargets::~NotifyTargets() {
  stopped_ = true;
  threads_.clear();
  transport_.reset();
}

std::vector<std::string> NotifyTargets::defaults(const std::string& kind,
                                                 const std::string& folder) {
  auto project = project_of(folder);
  if (!project) return {};
  const auto found = project->notify_defaults.find(kind);
  return found == project->notify_defaults.end() ? std::vector<std::string>{} : found->second;
}

void NotifyTargets::deliver(const std::string& id, const std::string& target,
                            const std::string& payload, const std::string& folder, Done done) {
  auto project = project_of(folder);
  if (!project) return done(tl::unexpected(project.error()));
  const auto found = project->notify.find(target);
  if (found == project->notify.end()) {
    std::vector<std::string_view> names;
    names.reserve(project->notify.size());
    for (const auto& [name, known] : project->notify) names.push_back(name);
    const std::string_view near = nearest_name(target, names);
    const std::string config =
        project->config.empty() ? project->root + ", which has no runbook.toml," : project->config;
    return done(
        fail(ErrorKind::kNotFound,
             fmt::format("{} has no target `{}`{}", config, target,
                         near.empty() ? std::string() : fmt::format("; is {} meant?", near)),
             fmt::format("describe it there under [notify.{}]", target)));
  }
  const NotifyTarget known = found->second;
  const Delivery delivery{id, payload, project->root};
  switch (known.kind) {
    case NotifyTarget::Kind::kWebhook:
      return post(known, delivery, std::move(done));
    case NotifyTarget::Kind::kCommand:
      return run_command(known, delivery, std::move(done));
    case NotifyTarget::Kind::kRunbook:
      return apart([this, known, delivery] { return start_runbook(known, delivery); },
                   std::move(done));
  }
}

void NotifyTargets::post(const NotifyTarget& target, const Delivery& delivery, Done done) {
  auto url = text_of(target.what, "the webhook's URL", delivery.root);
  if (!url) return done(tl::unexpected(url.error()));
  stdlib::HttpRequest request;
  request.method = "POST";
  request.url = *url;
  request.has_body = true;
  request.body = delivery.payload;
  request.headers = {{"Content-Type", "application/json"}, {"Idempotency-Key", delivery.id}};
  request.timeout = engine::kLongestDelivery;
  request.private_headers = true;
  if (target.bearer) {
    auto bearer = text_of(*target.bearer, "the webhook's `bearer`", delivery.root);
    if (!bearer) return done(tl::unexpected(bearer.error()));
    request.headers.emplace_back("Authorization", "Bearer " + *bearer);
  }
  if (transport_ == nullptr) transport_ = std::make_unique<stdlib::Transport>();
  transport_->send(++last_request_, std::move(request), [done](const stdlib::HttpReply& reply) {
    using Problem = stdlib::HttpReply::Problem;
    if (reply.problem == Problem::kNothing && reply.status >= 200 && reply.status <= 299)
      return done({});
    // The URL may be a secret: it is not shown.
    const std::string why =
        reply.problem == Problem::kNothing     ? fmt::format("it answers {}", reply.status)
        : reply.problem == Problem::kTimeout   ? std::string("it does not answer in time")
        : reply.problem == Problem::kCancelled ? std::string("it was cut off")
        : reply.problem == Problem::kTooLarge  ? std::string("its answer is too large")
                                               : std::string("it can't be reached");
    done(fail(ErrorKind::kIo, "the webhook: " + why, "check its `webhook` in runbook.toml"));
  });
}

void NotifyTargets::run_command(const NotifyTarget& target, const Delivery& delivery, Done done) {
  Child child;
  child.words = {"/bin/sh", "-c", target.what.text};
  child.folder = delivery.root;
  child.input = delivery.payload + "\n";
  child.environment = {{"RBK_NOTICE", delivery.id}};
  child.timeout = engine::kLongestDelivery;
  apart(
      [this, child]() -> Status {
        auto said = run_child(child, &stopped_);
        return said ? Status() : Status(tl::unexpected(said.error()));
      },
      std::move(done));
}

/// Once its run is there it goes on by itself, whatever becomes of this process.
Status NotifyTargets::start_runbook(const NotifyTarget& target, const Delivery& delivery) {
  boost::json::error_code none;
  const boost::json::object parameters{{"notice", boost::json::parse(delivery.payload, none)}};
  Child child;
  child.words = {"/proc/self/exe",        "run",     "--params", "-",        "--label",
                 "notice=" + delivery.id, "--store", store_,     "--detach", "--json",
                 target.what.text};
  child.folder = delivery.root;
  child.input = boost::json::serialize(parameters);
  child.timeout = engine::kLongestDelivery;
  auto said = run_child(child, &stopped_);
  if (!said)
    return fail(said.error().kind,
                fmt::format("the runbook {}: {}", target.what.text, said.error().message),
                "`rbk run` tells what is wrong with it");
  const boost::json::value event = boost::json::parse(said->substr(0, said->find('\n')), none);
  const boost::json::object* fields = event.if_object();
  const boost::json::value* run = fields == nullptr ? nullptr : fields->if_contains("run");
  if (run == nullptr || !run->is_string()) return {};
  Child goes_on;
  goes_on.words = {"/proc/self/exe", "resume", std::string(run->get_string()), "--store", store_};
  goes_on.folder = delivery.root;
  (void)start_apart(goes_on);  // or else whoever resumes it
  return {};
}

void NotifyTargets::apart(std::function<Status()> work, Done done) {
  const std::lock_guard lock(mutex_);
  threads_.emplace_back(
      [work = std::move(work), done = std::move(done)]() mutable { done(work()); });
}

}  // namespace rbk::cli
