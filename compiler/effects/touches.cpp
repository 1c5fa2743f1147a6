#include "compiler/effects/touches.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/quoting.h"
#include "compiler/effects/secret_names.h"

namespace rbk::effects {
namespace {

using check::Type;
using Shape = Type::Shape;

constexpr auto kMethods =
    std::to_array<std::string_view>({"get", "head", "post", "put", "patch", "delete", "options"});

// Parameters that are plain text and say by their name what is touched.
constexpr auto kFileParameters = std::to_array<std::pair<std::string_view, std::string_view>>(
    {{"cwd", "runs in"}, {"ca_file", "read"}});

Shape shape_of(const check::CheckedProgram& program, check::TypeId id) {
  const Type* type = &program.type(id);
  while (type->shape == Shape::kOptional) type = &program.type(type->element);
  return type->shape;
}

bool is_null(const Texts& texts, syntax::ExprId value) {
  return std::holds_alternative<syntax::NullLit>(texts.ast()[value].node);
}

/// As the shell is given it. (Blanks may stand between the values of a list.)
std::string quoted(const std::string& known) {
  std::string bare = known;
  std::erase(bare, ' ');
  return bare.empty() || shell_word(bare) == bare ? known : shell_word(known);
}

/// What is known of values as the shell is given it, what is not as it is.
Pieces quoted(Pieces pieces) {
  for (Piece& piece : pieces) {
    if (!piece.is_value) continue;
    std::string made;
    size_t from = 0;
    for (size_t at = piece.text.find("${"); at != std::string::npos;
         at = piece.text.find("${", from)) {
      made += quoted(piece.text.substr(from, at - from));
      int depth = 0;
      for (from = at + 1; from < piece.text.size(); ++from) {
        depth += piece.text[from] == '{' ? 1 : piece.text[from] == '}' ? -1 : 0;
        if (depth == 0) break;
      }
      from = std::min(from + 1, piece.text.size());
      made += piece.text.substr(at, from - at);
    }
    piece.text = made + quoted(piece.text.substr(from));
  }
  return pieces;
}

std::string key_of(const Place& place) {
  return fmt::format("{}\n{}", place.step, static_cast<int>(place.phase));
}

}  // namespace

std::string host_of(std::string_view url) {
  const size_t scheme = url.find("://");
  url.remove_prefix(scheme == std::string_view::npos ? 0 : scheme + 3);
  size_t begin = 0;
  size_t end = std::string_view::npos;
  bool bracketed = false;  // an IPv6 address
  int depth = 0;           // of `${ … }`, in which anything may stand
  for (size_t i = 0; i < url.size(); ++i) {
    const char c = url[i];
    if (c == '{' && (depth > 0 || (i > 0 && url[i - 1] == '$'))) {
      ++depth;
    } else if (depth > 0) {
      if (c == '}') --depth;
    } else if (c == '/' || c == '?' || c == '#') {
      end = std::min(end, i);
      break;
    } else if (c == '@') {
      begin = i + 1;
      end = std::string_view::npos;
    } else if (c == '[') {
      bracketed = true;
    } else if (c == ']') {
      bracketed = false;
    } else if (c == ':' && !bracketed) {
      end = std::min(end, i);
    }
  }
  return std::string(url.substr(begin, end == std::string_view::npos ? end : end - begin));
}

void Touches::host(std::string name, std::string by, const Place& place) {
  if (name.empty() || !is_new(fmt::format("host\n{}\n{}\n{}", name, by, key_of(place)))) return;
  summary_.hosts.push_back({std::move(name), std::move(by), place});
}

void Touches::file(std::string path, std::string use, const Place& place) {
  if (path.empty() || !is_new(fmt::format("file\n{}\n{}\n{}", path, use, key_of(place)))) return;
  summary_.files.push_back({std::move(path), std::move(use), place});
}

void Touches::person(const std::string& who) {
  if (is_new("person\n" + who)) summary_.people.push_back(who);
}

void Touches::secrets(const Texts& texts, syntax::ExprId value, const std::string& to,
                      const Place& place) {
  if (const auto* brace = std::get_if<syntax::BraceExpr>(&texts.ast()[value].node)) {
    for (const syntax::Entry& entry : brace->entries) {
      if (!entry.value.valid()) continue;
      const std::string name = entry.key.valid() ? texts.text(entry.key) : entry.name.text;
      secrets(texts, entry.value, to.substr(0, to.find(' ')) + " " + name, place);
    }
    return;
  }
  for (std::string& name : secret_names(texts, value))
    if (is_new(fmt::format("secret\n{}\n{}\n{}", name, to, key_of(place))))
      summary_.secrets.push_back({std::move(name), to, place});
}

void Touches::target(std::string what, bool is_file, const Place& place) {
  if (place.phase == Phase::kForward)
    targets.push_back({std::move(what), is_file, span_, calls, conditions});
}

void Touches::request(Request one) {
  one.host = host_of(one.url);
  if (one.method == "PUT" || one.method == "PATCH" || one.method == "DELETE")
    target(one.method + " " + one.url, false, one.place);
  host(one.host, one.action, one.place);
  if (is_new(fmt::format("request\n{}\n{}\n{}\n{}\n{}", one.method, one.url, one.behaviour,
                         one.action, key_of(one.place))))
    summary_.requests.push_back(std::move(one));
}

void Touches::command(const Pieces& pieces, Command made, const std::string& folder) {
  made.text = joined(quoted(pieces));
  ShellCommands found = shell_commands(pieces);
  made.programs = std::move(found.programs);
  const Place place = made.place;
  for (ShellCommands::File& one : found.files) {
    const bool is_relative = !one.path.starts_with('/') && !folder.empty();
    // `>> file` adds to it, as several may.
    if (one.written && !one.appended && made.host.empty())
      target((is_relative ? folder + "/" : "") + one.path, true, place);
    file(std::move(one.path), one.written ? "written" : "read", place);
  }
  for (ShellCommands::Host& one : found.hosts) host(host_of(one.name), std::move(one.by), place);
  for (std::string& one : found.urls)
    request({"", std::move(one), "", made.behaviour, made.action, place});
  host(made.host, made.action + " on:", place);
  add(std::move(made));
}

void Touches::add(Command one) {
  if (is_new(fmt::format("command\n{}\n{}\n{}\n{}\n{}", one.text, one.behaviour, one.action,
                         one.host, key_of(one.place))))
    summary_.commands.push_back(std::move(one));
}

void Touches::action(const Texts& texts, const check::Meaning& call, const std::string& name,
                     const std::string& behaviour, const Place& place, source::Span span) {
  span_ = span;
  const check::CheckedProgram& program = texts.known().program();
  const check::Symbol& action = program.symbol(call.symbol);
  const auto given = [&](std::string_view parameter) -> syntax::ExprId {
    for (size_t i = 0; i < action.fields.size() && i < call.arguments.size(); ++i) {
      if (action.fields[i].name == parameter && call.arguments[i].valid() &&
          !is_null(texts, call.arguments[i]))
        return call.arguments[i];
    }
    return {};
  };
  const syntax::ExprId on = given("on");
  const syntax::ExprId folder = given("cwd");
  for (size_t i = 0; i < action.fields.size() && i < call.arguments.size(); ++i) {
    const syntax::ExprId value = call.arguments[i];
    if (!value.valid() || is_null(texts, value)) continue;
    const check::Field& field = action.fields[i];
    switch (shape_of(program, field.type)) {
      case Shape::kUrl: {
        Request one{"", texts.text(value), "", behaviour, name, place};
        if (const syntax::ExprId method = given("method"); method.valid())
          one.method = texts.text(method);
        else if (std::find(kMethods.begin(), kMethods.end(), action.name) != kMethods.end())
          one.method = action.name;
        for (char& c : one.method)
          if (!one.method.starts_with("${") && c >= 'a' && c <= 'z')
            c = static_cast<char>(c - 'a' + 'A');
        request(std::move(one));
        break;
      }
      case Shape::kCommand:
        command(texts.pieces(value),
                {"", {}, behaviour, name, on.valid() ? texts.text(on) : "", place},
                folder.valid() ? texts.text(folder) : "");
        break;
      case Shape::kQuery: {
        Query one{texts.text(value), "", behaviour, name, place};
        for (const std::string_view database : {"db", "database", "dsn", "connection"})
          if (const syntax::ExprId where = given(database); where.valid())
            one.database = texts.text(where);
        summary_.queries.push_back(std::move(one));
        break;
      }
      case Shape::kSecret:
      case Shape::kEnvironment:
      case Shape::kRecord:
      case Shape::kMap:
      case Shape::kList:
        secrets(texts, value, fmt::format("{} {}:", name, field.name), place);
        break;
      default:
        break;
    }
    if (field.name == "proxy") host(host_of(texts.text(value)), "proxy", place);
    for (const auto& [parameter, use] : kFileParameters)
      if (field.name == parameter) file(texts.text(value), std::string(use), place);
  }
  const auto& home = *program.modules.at(action.module);
  const auto* decl = std::get_if<syntax::ActionDecl>(&home.ast[action.decl].node);
  if (decl != nullptr && !decl->native && decl->exec.valid()) {
    const std::string program_file = Texts(program, home).text(decl->exec);
    add(Command{program_file, {program_file}, behaviour, name, "", place});
  }
}

}  // namespace rbk::effects
