#include "compiler/diagnostics/render.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>

#include "compiler/diagnostics/fixes.h"
#include "compiler/diagnostics/snippet.h"

namespace rbk::diagnostics {
namespace {

using source::Source;
using source::SourceSet;

constexpr size_t kPreviewLines = 12;

std::string_view severity_text(Severity severity) {
  switch (severity) {
    case Severity::kError:
      return "error";
    case Severity::kWarning:
      return "warning";
    case Severity::kNote:
      return "note";
  }
  return "error";
}

std::string_view applicability_text(Applicability applicability) {
  switch (applicability) {
    case Applicability::kMachineApplicable:
      return "machine_applicable";
    case Applicability::kMaybeIncorrect:
      return "maybe_incorrect";
    case Applicability::kHasPlaceholders:
      return "has_placeholders";
  }
  return "maybe_incorrect";
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  for (;;) {
    const size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return lines;
    text.remove_prefix(end + 1);
  }
}

class Renderer {
 public:
  Renderer(const Diagnostic& diagnostic, const SourceSet& sources)
      : diagnostic_(diagnostic), sources_(sources), ink_(ink_of(diagnostic.severity)) {
    uint32_t highest = last_line(diagnostic.primary);
    for (const Label& label : diagnostic.related)
      highest = std::max(highest, last_line(label.span));
    gutter_ = fmt::formatted_size("{}", highest);
  }

  std::string text(bool colour) {
    page_.line();
    page_.write(
        fmt::format("{}[{}]", severity_text(diagnostic_.severity), code_text(diagnostic_.code)),
        ink_);
    page_.write(": " + diagnostic_.message, Ink::kBold);
    draw_places();
    draw_help();
    return page_.text(colour);
  }

 private:
  uint32_t last_line(Span span) const {
    if (span.file >= sources_.size()) return 1;
    return sources_.get(span.file).position(span.end).line;
  }

  void empty_row() {
    page_.line();
    page_.write(std::string(gutter_ + 1, ' ') + "|", Ink::kGutter);
  }

  void draw_places() {
    if (diagnostic_.primary.file >= sources_.size()) return;
    // The primary's file first, then the others in the order of their labels.
    std::vector<source::FileId> files{diagnostic_.primary.file};
    for (const Label& label : diagnostic_.related) {
      if (label.span.file < sources_.size() &&
          std::find(files.begin(), files.end(), label.span.file) == files.end())
        files.push_back(label.span.file);
    }
    for (const source::FileId id : files) {
      const Source& file = sources_.get(id);
      const bool first = id == files.front();
      std::vector<Mark> marks;
      if (first) marks.push_back({diagnostic_.primary, diagnostic_.label, true});
      for (const Label& label : diagnostic_.related) {
        if (label.span.file == id) marks.push_back({label.span, label.text, false});
      }
      const source::LineColumn at = file.position(marks.front().span.begin);
      page_.line();
      page_.write(std::string(gutter_, ' ') + (first ? "-->" : ":::"), Ink::kGutter);
      page_.write(fmt::format(" {}:{}:{}", file.path(), at.line, at.column));
      empty_row();
      draw_snippet(page_, file, marks, ink_, gutter_);
    }
  }

  void draw_help() {
    const std::vector<Fix>& fixes = diagnostic_.fixes;
    if (fixes.empty()) {
      if (diagnostic_.hint.empty()) return;
      empty_row();
      bool first = true;
      for (const std::string_view line : lines_of(diagnostic_.hint)) {
        page_.line();
        page_.write(std::string(gutter_ + 1, ' ') + (first ? "=" : " "), Ink::kGutter);
        page_.write(first ? " help: " : "       ", Ink::kBold);
        page_.write(line);
        first = false;
      }
      return;
    }
    empty_row();
    for (size_t i = 0; i < fixes.size(); ++i) {
      const bool hinted = i == 0 && !diagnostic_.hint.empty();
      page_.line();
      page_.write("help", Ink::kBold);
      page_.write(": " + (hinted ? diagnostic_.hint : fixes[i].title));
      draw_preview(fixes[i]);
    }
  }

  void draw_preview(const Fix& fix) {
    if (fix.edits.empty() || fix.edits.front().span.file >= sources_.size()) return;
    const Source& file = sources_.get(fix.edits.front().span.file);
    std::vector<Edit> edits;
    for (const Edit& edit : fix.edits) {
      if (edit.span.file == file.id()) edits.push_back(edit);
    }
    uint32_t begin = edits.front().span.begin;
    uint32_t end = edits.front().span.end;
    for (const Edit& edit : edits) {
      begin = std::min(begin, edit.span.begin);
      end = std::max(end, edit.span.end);
    }
    const uint32_t first = file.position(begin).line;
    const uint32_t last = file.position(end).line;
    const uint32_t from = file.line_begin(first);
    const uint32_t to = file.line_begin(last) + static_cast<uint32_t>(file.line(last).size());
    for (Edit& edit : edits) {
      edit.span.begin -= from;
      edit.span.end -= from;
    }
    const std::string_view old_text = file.text({from, to, file.id()});
    const std::string new_text = apply_edits(old_text, edits);
    std::vector<Row> removed = rows_of(old_text, first);
    std::vector<Row> added = rows_of(new_text, first);
    if (removed.size() == added.size()) {  // each line has its place: those between are not shown
      for (size_t i = removed.size(); i-- > 0;) {
        if (removed[i].text != added[i].text) continue;
        removed.erase(removed.begin() + static_cast<ptrdiff_t>(i));
        added.erase(added.begin() + static_cast<ptrdiff_t>(i));
      }
    }
    while (!removed.empty() && !added.empty() && removed.front().text == added.front().text) {
      removed.erase(removed.begin());
      added.erase(added.begin());
    }
    while (!removed.empty() && !added.empty() && removed.back().text == added.back().text) {
      removed.pop_back();
      added.pop_back();
    }
    empty_row();
    draw_side(removed, '-', Ink::kRemoved);
    draw_side(added, '+', Ink::kAdded);
  }

  struct Row {
    uint32_t number;
    std::string_view text;
  };

  static std::vector<Row> rows_of(std::string_view text, uint32_t number) {
    std::vector<Row> rows;
    for (const std::string_view line : lines_of(text)) rows.push_back({number++, line});
    return rows;
  }

  void draw_side(const std::vector<Row>& rows, char sign, Ink ink) {
    for (size_t i = 0; i < rows.size(); ++i) {
      page_.line();
      if (i == kPreviewLines) {
        page_.write("...", Ink::kGutter);
        return;
      }
      page_.write(fmt::format("{:>{}} ", rows[i].number, gutter_), Ink::kGutter);
      page_.write(std::string(1, sign) + " ", ink);
      page_.write(expand_tabs(rows[i].text));
    }
  }

  const Diagnostic& diagnostic_;
  const SourceSet& sources_;
  Ink ink_;
  size_t gutter_ = 1;
  Page page_;
};

void add_place(boost::json::object& to, Span span, const SourceSet& sources) {
  if (span.file >= sources.size()) return;
  const Source& file = sources.get(span.file);
  const source::LineColumn begin = file.position(span.begin);
  const source::LineColumn end = file.position(span.end);
  to["file"] = file.path();
  to["line"] = begin.line;
  to["column"] = begin.column;
  to["end_line"] = end.line;
  to["end_column"] = end.column;
}

}  // namespace

std::string render(const Diagnostic& diagnostic, const SourceSet& sources, bool colour) {
  return Renderer(diagnostic, sources).text(colour);
}

boost::json::object to_json(const Diagnostic& diagnostic, const SourceSet& sources) {
  boost::json::object result;
  result["code"] = code_text(diagnostic.code);
  result["severity"] = severity_text(diagnostic.severity);
  result["message"] = diagnostic.message;
  add_place(result, diagnostic.primary, sources);
  result["label"] = diagnostic.label;
  boost::json::array related;
  for (const Label& label : diagnostic.related) {
    boost::json::object one;
    add_place(one, label.span, sources);
    one["text"] = label.text;
    related.push_back(std::move(one));
  }
  result["related"] = std::move(related);
  result["hint"] = diagnostic.hint;
  boost::json::array fixes;
  for (const Fix& fix : diagnostic.fixes) {
    boost::json::array edits;
    for (const Edit& edit : fix.edits) {
      boost::json::object one;
      add_place(one, edit.span, sources);
      one["begin"] = edit.span.begin;
      one["end"] = edit.span.end;
      one["text"] = edit.text;
      edits.push_back(std::move(one));
    }
    fixes.push_back(boost::json::object{{"title", fix.title},
                                        {"applicability", applicability_text(fix.applicability)},
                                        {"edits", std::move(edits)}});
  }
  result["fixes"] = std::move(fixes);
  return result;
}

std::string count_text(size_t errors, size_t warnings) {
  std::string text;
  if (errors != 0) text = fmt::format("{} error{}", errors, errors == 1 ? "" : "s");
  if (warnings != 0)
    text +=
        fmt::format("{}{} warning{}", text.empty() ? "" : ", ", warnings, warnings == 1 ? "" : "s");
  return text;
}

}  // namespace rbk::diagnostics
