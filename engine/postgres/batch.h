// What one statement of a commit writes. Each kind of row comes as arrays that `unnest` makes rows
// of, and hangs on the update of the runs' rows.
#pragma once

#include <fmt/format.h>

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/postgres/parameters.h"
#include "engine/store.h"

namespace rbk::engine::postgres {

/// Whether the run is over with it.
inline bool ends(const RunChange& change) { return is_over(change.status) && change.facts_changed; }

/// When the last of what it journals was; 0: it journals nothing.
inline int64_t last_time(const RunChange& change) {
  return change.entries.empty() ? 0 : change.entries.back().time;
}

/// Rows that a statement is given.
class Input {
 public:
  using Columns = std::initializer_list<std::pair<std::string_view, Type>>;
  Input(std::string_view name, Columns columns) : name_(name) {
    for (const auto& [column, type] : columns) {
      names_ += (names_.empty() ? "" : ",") + std::string(column);
      arrays_.emplace_back(type);
    }
  }

  /// The columns of one more row, in their order.
  template <typename... Values>
  void row(const Values&... values) {
    size_t column = 0;
    (put(arrays_[column++], values), ...);
    ++size_;
  }
  bool empty() const { return size_ == 0; }

  /// "unnest($3,$4) as c(run,token)", with the arrays as parameters.
  std::string bound(Parameters& parameters) const {
    std::string numbers;
    for (const Array& array : arrays_) {
      parameters.array(array);
      numbers += fmt::format("{}${}", numbers.empty() ? "" : ",", parameters.count());
    }
    return fmt::format("unnest({}) as {}({})", numbers, name_, names_);
  }

 private:
  static void put(Array& array, int64_t value) { array.integer(value); }
  static void put(Array& array, const std::optional<int64_t>& value) { array.integer(value); }
  static void put(Array& array, const std::string& value) {
    if (array.element() == Type::kBytes)
      array.bytes(value);
    else
      array.text(value);
  }
  static void put(Array& array, std::string_view value) { put(array, std::string(value)); }

  std::string_view name_;
  std::string names_;
  std::vector<Array> arrays_;
  size_t size_ = 0;
};

/// What one statement writes: each run at most once.
class Batch {
 public:
  explicit Batch(EngineKey engine, int64_t slot) : engine_(engine), slot_(slot) {}

  /// A new run, and those that it begins. It is made if the change of the run `root` is written; 0:
  /// in any case.
  void add(const NewRun& fresh, RunKey root = 0);
  /// Also the runs that it begins.
  void add(const RunChange& change, int64_t log_bytes);
  void add(const LogChunk& chunk);
  /// Of a run that the batch does not change.
  void add_log_bytes(RunKey run, int64_t bytes) { log_bytes_.row(run, bytes); }

  /// Its rows: (0, 1) if the store's format is still ours, (1, key) for each run that was written,
  /// (2, key) for each that was told that one which it waits for has ended.
  std::string statement(Parameters& parameters) const;

 private:
  static constexpr Type kInt = Type::kInteger;
  static constexpr Type kText = Type::kText;
  static constexpr Type kBytes = Type::kBytes;

  void add_rows(const RunChange& change, RunKey root);
  void add_waits(const RunChange& change);
  void write_runs(std::string& sql, Parameters& parameters) const;
  void write_rows(std::string& sql, Parameters& parameters) const;
  void tell_others(std::string& sql, Parameters& parameters) const;

  EngineKey engine_;
  int64_t slot_;
  Input changes_{"c",
                 {{"run", kInt},
                  {"token", kInt},
                  {"head", kInt},
                  {"count", kInt},
                  {"time", kInt},
                  {"facts", kInt},
                  {"status", kInt},
                  {"wake", kInt},
                  {"ending", kText},
                  {"labels", kText},
                  {"release", kInt},
                  {"further", kInt},
                  {"log_bytes", kInt},
                  {"program", kBytes}}};
  Input made_{"n", {{"key", kInt},          {"id", kText},
                    {"program", kBytes},    {"runbook", kText},
                    {"status", kInt},       {"starter", kText},
                    {"reason", kText},      {"labels", kText},
                    {"started", kInt},      {"updated", kInt},
                    {"head", kInt},         {"holder", kInt},
                    {"wake", kInt},         {"ending", kText},
                    {"origin", kInt},       {"folder", kBytes},
                    {"umask", kInt},        {"parent", kInt},
                    {"link", kInt},         {"parent_request", kInt},
                    {"parent_path", kText}, {"parent_under", kText},
                    {"schedule", kInt},     {"retries", kInt},
                    {"retry_rule", kText},  {"placement", kText},
                    {"log_bytes", kInt},    {"root", kInt}}};
  Input programs_{"p", {{"hash", kBytes}, {"bytes", kBytes}}};
  Input entries_{"e",
                 {{"run", kInt},
                  {"number", kInt},
                  {"kind", kInt},
                  {"time", kInt},
                  {"boot_time", kInt},
                  {"engine", kInt},
                  {"body", kBytes},
                  {"news", kBytes},
                  {"sum", kInt}}};
  Input blobs_{"b", {{"run", kInt}, {"hash", kBytes}, {"bytes", kBytes}, {"plain_size", kInt}}};
  Input snapshots_{"s", {{"run", kInt}, {"bytes", kBytes}}};
  Input waits_{"w",
               {{"run", kInt},
                {"request", kInt},
                {"kind", kInt},
                {"path", kText},
                {"description", kText},
                {"since", kInt},
                {"expires", kInt}}};
  Input waits_over_{"o", {{"run", kInt}, {"request", kInt}}};
  Input ended_{"x", {{"run", kInt}, {"time", kInt}}};
  Input cancels_{"x",
                 {{"run", kInt},
                  {"child", kText},
                  {"how", kText},
                  {"body", kText},
                  {"author", kText},
                  {"time", kInt}}};
  int64_t last_notice_ = 0;
  Input notices_{"n",
                 {{"place", kInt},
                  {"run", kInt},
                  {"id", kText},
                  {"request", kInt},
                  {"kind", kText},
                  {"target", kText},
                  {"payload", kText},
                  {"made", kInt},
                  {"due", kInt}}};
  Input taken_{"t", {{"run", kInt}, {"key", kInt}}};
  int64_t last_log_ = 0;
  Input logs_{"l",
              {{"place", kInt},
               {"run", kInt},
               {"step", kInt},
               {"attempt", kInt},
               {"path", kText},
               {"lines", kBytes},
               {"plain_size", kInt}}};
  Input log_bytes_{"g", {{"run", kInt}, {"bytes", kInt}}};
};

}  // namespace rbk::engine::postgres
