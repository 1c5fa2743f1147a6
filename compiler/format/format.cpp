#include "compiler/format/format.h"

#include <algorithm>

#include "compiler/format/walk.h"

namespace rbk::format {
namespace {

using syntax::Decl;

/// Whether declarations of this kind may stand below each other without an empty line.
bool is_short(const Decl& decl) {
  return std::holds_alternative<syntax::ImportDecl>(decl.node) ||
         std::holds_alternative<syntax::ConstDecl>(decl.node) ||
         std::holds_alternative<syntax::ErrorKindDecl>(decl.node) ||
         std::holds_alternative<syntax::ActionDecl>(decl.node);
}

class File {
 public:
  File(const source::Source& source, const syntax::ParsedFile& parsed)
      : source_(source), parsed_(parsed), walker_(source, parsed.ast) {}

  std::string run() {
    for (const syntax::DeclId id : parsed_.ast.decls) {
      const Decl& decl = parsed_.ast[id];
      outside(decl.span.begin);
      const bool blank = blank_between(end_, decl.span.begin);
      const bool tight = before_ == nullptr || (is_short(*before_) && is_short(decl) &&
                                                before_->node.index() == decl.node.index());
      walker_.new_line(blank || !tight);
      if (broken(decl))
        walker_.verbatim(decl.span.begin, decl.span.end);
      else
        walker_.declaration(decl);
      before_ = &decl;
      end_ = decl.span.end;
    }
    outside(static_cast<uint32_t>(source_.text().size()));
    return walker_.finish();
  }

 private:
  /// Whether an empty line stands between two offsets.
  bool blank_between(uint32_t begin, uint32_t end) const {
    const std::string_view text = source_.text({begin, end, source_.id()});
    return std::count(text.begin(), text.end(), '\n') > 1;
  }

  bool broken(const Decl& decl) const {
    if (std::holds_alternative<syntax::ErrorDecl>(decl.node)) return true;
    return std::any_of(parsed_.errors.begin(), parsed_.errors.end(), [&](const auto& error) {
      return error.span.begin <= decl.span.end && decl.span.begin <= error.span.end;
    });
  }

  /// What stands between declarations: comments, and what is no part of the tree, which stays as it
  /// is.
  void outside(uint32_t end) {
    while (!walker_.at_end() && walker_.next().begin < end) {
      const Token& next = walker_.next();
      const bool blank = blank_between(end_, next.begin);
      if (next.kind == Token::Kind::kComment) {
        end_ = next.end;
        if (!next.own_line) {
          walker_.top_comment();
          continue;
        }
        walker_.new_line(blank || (before_ != nullptr && !is_short(*before_)));
        walker_.top_comment();
      } else {
        const uint32_t begin = next.begin;
        uint32_t last = end;
        while (last > begin &&
               std::string_view(" \t\r\n").find(source_.text()[last - 1]) != std::string_view::npos)
          --last;
        walker_.new_line(blank);
        walker_.verbatim(begin, last);
        end_ = last;
      }
      before_ = nullptr;
    }
  }

  const source::Source& source_;
  const syntax::ParsedFile& parsed_;
  Walker walker_;
  const Decl* before_ = nullptr;  // if it is what was written last
  uint32_t end_ = 0;              // in the source, of what was written last
};

}  // namespace

std::string format(const source::Source& source, const syntax::ParsedFile& parsed) {
  return File(source, parsed).run();
}

}  // namespace rbk::format
