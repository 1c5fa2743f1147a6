// Random runbooks: every form that an engine has something to do with.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>

#include "compiler/compile.h"
#include "compiler/diagnostics/render.h"
#include "stdlib/declarations.h"
#include "tests/simulation/dice.h"
#include "tests/simulation/sites.h"
#include "timing/system_zones.h"

namespace rbk::simulation {
namespace {

/// Where a statement stands.
struct Place {
  int depth = 0;  // of blocks around it
  std::string lane = "m";
  std::string item;  // a variable of loops around it, for the commands; empty: none
  std::string lock;  // that is held
  int64_t limit = 1;
  bool branches = false;  // in a parallel block: no `commit` there
  bool may_start = true;  // runs of its own
  bool may_ask = true;    // people
};

class Generator {
 public:
  explicit Generator(uint64_t seed) : dice_(seed) {}

  Script make() {
    const auto children = static_cast<int>(dice_.below(3));
    std::string bodies;
    for (int child = 0; child < children; ++child) {
      Place place;
      place.lane = fmt::format("c{}", child);
      place.may_start = child > 0 && dice_.chance(300);
      children_ = child;
      bodies += fmt::format("runbook _child{}(){} {{\n{}{}}}\n", child, head(), block(place, 3),
                            ending());
    }
    children_ = children;
    // Most are short, some long enough for snapshots.
    script_.text = fmt::format("runbook main(){} {{\n{}{}}}\n", head(),
                               block({}, dice_.chance(150) ? 14 : 6), ending());
    script_.text += bodies;
    Place tick;
    tick.depth = 1;
    tick.lane = "t";
    tick.may_ask = false;
    script_.text += "runbook tick() {\n" + step(tick) + "}\n";
    return std::move(script_);
  }

 private:
  std::string head() {
    std::string text;
    if (dice_.chance(150)) text += "  on worker \"east\"\n";
    if (dice_.chance(120)) text += fmt::format("  exclusive \"x{}\" queue\n", dice_.below(2));
    return text.empty() ? text : "\n" + text;
  }

  std::string ending() {
    std::string text;
    if (dice_.chance(250)) text += "  fail \"boom\"\n";
    if (dice_.chance(150)) text += fmt::format("  after failure e {{\n{}  }}\n", handler("f"));
    if (dice_.chance(100)) text += fmt::format("  after success {{\n{}  }}\n", handler("s"));
    return text;
  }

  std::string handler(const std::string& lane) {
    Place place;
    place.lane = "h" + lane + std::to_string(next_);
    const Site& site = add(place, engine::Behaviour::kIdempotent);
    return indent(1) + fmt::format("  shell(\"other {}\") idempotent\n", site.number);
  }

  static std::string indent(int depth) { return std::string(2 * static_cast<size_t>(depth), ' '); }

  std::string block(Place place, int most) {
    std::string text;
    place.depth += 1;
    const int64_t count = dice_.between(1, most);
    for (int64_t at = 0; at < count; ++at) text += statement(place);
    return text;
  }

  std::string statement(const Place& place) {
    const bool nests = place.depth < 4;
    const uint64_t kind = dice_.below(100);
    if (kind < 46 || (!nests && kind < 80)) return step(place);
    if (kind < 52) return wait(place);
    if (kind < 58 && nests) return parallel(place);
    if (kind < 62 && nests) return parallel_for(place);
    if (kind < 66 && nests) return attempt(place);
    if (kind < 71 && nests && place.lock.empty()) return lock(place);
    if (kind < 75 && nests) return loop(place);
    if (kind < 78) return deferred(place);
    if (kind < 80 && !place.branches && place.item.empty())
      return indent(place.depth) + "commit \"so far\"\n";
    if (kind < 84 && place.may_ask) return ask(place);
    if (kind < 88 && place.may_ask) return signal(place);
    if (kind < 96 && place.may_start && children_ > 0) return start(place);
    if (kind < 98 && nests) return first(place);
    return step(place);
  }

  Site& add(const Place& place, engine::Behaviour behaviour) {
    Site site;
    site.number = next_++;
    site.behaviour = behaviour;
    site.lane = place.lane;
    site.lock = place.lock;
    site.limit = place.limit;
    site.outlives = dice_.chance(600);
    site.is_big = dice_.chance(40);
    return script_.sites[site.number] = site;
  }

  std::string command(const std::string& verb, const Site& site, const Place& place) {
    const std::string item = place.item.empty() ? "" : fmt::format(" ${{{}}}", place.item);
    return fmt::format("shell(\"{} {}{}\")", verb, site.number, item);
  }

  std::string step(const Place& place) {
    const auto behaviour = dice_.one_of<engine::Behaviour>(
        {engine::Behaviour::kWrites, engine::Behaviour::kWrites, engine::Behaviour::kWrites,
         engine::Behaviour::kReads, engine::Behaviour::kIdempotent});
    const int number = add(place, behaviour).number;
    Site& site = script_.sites.at(number);
    const std::string pad = indent(place.depth);
    std::string text = pad + fmt::format("step s{} = {}", number, command("do", site, place));
    if (behaviour == engine::Behaviour::kReads) text += " reads";
    if (behaviour == engine::Behaviour::kIdempotent) text += " idempotent";
    site.fails = dice_.chance(300) ? 250 : 20;
    if (dice_.chance(350)) {
      site.timeout = dice_.between(1, 20) * 1'000'000;
      site.is_lost = 150;
      text += fmt::format("\n{}  timeout {}s", pad, site.timeout / 1'000'000);
    }
    if (dice_.chance(300)) {
      site.retries = true;
      site.retries_timeout = dice_.chance(500);
      text += fmt::format("\n{}  retry {} times backoff 1s..10s on {}ShellError", pad,
                          dice_.between(1, 3), site.retries_timeout ? "Timeout, " : "");
    }
    bool rolls_back = behaviour != engine::Behaviour::kReads && dice_.chance(650);
    if (behaviour == engine::Behaviour::kWrites && dice_.chance(500)) {
      std::vector<std::string> ways{"retry", "fail", "ask", "verify"};
      if (rolls_back) ways.emplace_back("undo");
      site.doubt = dice_.one_of(ways);
      text += fmt::format("\n{}  on doubt {}", pad, site.doubt);
      if (site.doubt == "verify") {
        text += fmt::format(
            " {{\n{0}    step v{1} = {2} reads\n{0}    if v{1}.stdout == \"done\" {{ "
            "Doubt.done(shell.Output {{ }}) }} else {{ Doubt.not_done }}\n{0}  }}",
            pad, number, command("look", site, place));
      }
    }
    if (rolls_back) {
      site.has_rollback = true;
      text += fmt::format("\n{}  rollback {{ {} idempotent }}", pad, command("undo", site, place));
    } else if (behaviour != engine::Behaviour::kReads) {
      text += fmt::format("\n{}  rollback none \"it may stay\"", pad);
    }
    if (place.may_ask && dice_.chance(80)) {
      site.asks = true;
      text += fmt::format("\n{}  on failure ask by user \"ann\"", pad);
    }
    return text + "\n";
  }

  std::string wait(const Place& place) {
    const auto seconds = dice_.one_of<int>({1, 3, 8, 15, 30, 90});
    return indent(place.depth) + fmt::format("wait {}s\n", seconds);
  }

  std::string parallel(const Place& place) {
    std::string text = indent(place.depth) + "parallel {\n";
    const int64_t branches = dice_.between(2, 4);
    const int id = next_++;
    for (int64_t branch = 0; branch < branches; ++branch) {
      Place inner = place;
      inner.depth += 1;
      inner.lane += fmt::format(".p{}-{}.", id, branch);
      inner.branches = true;
      text += step(inner);
    }
    return text + indent(place.depth) + "}\n";
  }

  std::string items() {
    std::string text;
    const int64_t count = dice_.chance(100) ? 20 : dice_.between(1, 4);
    for (int64_t at = 1; at <= count; ++at) text += fmt::format("{}{}", at > 1 ? ", " : "", at);
    return "[" + text + "]";
  }

  /// Branches of one loop do not know of each other: only one command in each.
  std::string parallel_for(const Place& place) {
    const int id = next_++;
    Place inner = place;
    inner.depth += 1;
    inner.item = place.item.empty() ? fmt::format("i{}", id) : place.item;
    inner.lane += fmt::format(".f{}.", id);
    inner.branches = true;
    std::string text = indent(place.depth) + fmt::format("parallel for i{} in {}", id, items());
    if (dice_.chance(600)) text += fmt::format(" limit {}", dice_.between(1, 3));
    text += " {\n";
    if (inner.item != fmt::format("i{}", id))
      text += indent(inner.depth) + fmt::format("log.info(\"${{i{}}}\")\n", id);
    if (!place.item.empty()) return text + indent(place.depth) + "}\n";
    return text + step(inner) + indent(place.depth) + "}\n";
  }

  std::string loop(const Place& place) {
    if (!place.item.empty()) return step(place);
    const int id = next_++;
    Place inner = place;
    inner.item = fmt::format("i{}", id);
    return indent(place.depth) + fmt::format("for i{} in {} {{\n", id, items()) + block(inner, 2) +
           indent(place.depth) + "}\n";
  }

  std::string attempt(const Place& place) {
    const int id = next_++;
    std::string text = indent(place.depth) + "try {\n" + block(place, 3);
    if (dice_.chance(500)) text += indent(place.depth + 1) + "fail \"inner\"\n";
    return text + indent(place.depth) + fmt::format("}} catch e{} {{\n", id) +
           indent(place.depth + 1) + fmt::format("log.info(\"${{e{}.message}}\")\n", id) +
           indent(place.depth) + "}\n";
  }

  std::string lock(const Place& place) {
    Place inner = place;
    const uint64_t which = dice_.below(2);
    inner.lock = fmt::format("l{}", which);
    inner.limit = static_cast<int64_t>(which) + 1;
    inner.may_ask = false;
    inner.may_start = false;
    std::string text =
        indent(place.depth) + fmt::format("lock \"{}\" limit {} {{\n", inner.lock, inner.limit);
    return text + block(inner, 3) + indent(place.depth) + "}\n";
  }

  std::string deferred(const Place& place) {
    Place inner = place;
    inner.lane = "d" + std::to_string(next_);
    const Site& site = add(inner, engine::Behaviour::kIdempotent);
    return indent(place.depth) +
           fmt::format("defer {{ {} idempotent }}\n", command("other", site, place));
  }

  std::string ask(const Place& place) {
    const std::string pad = indent(place.depth);
    const int id = next_++;
    if (dice_.chance(500))
      return pad +
             fmt::format("ask a{0} \"which?\" {{ by user \"ann\"; form {{ n: int = 3 }}{1} }}\n",
                         id, dice_.chance(400) ? "; expires 40s then default" : "") +
             pad + fmt::format("log.info(\"${{a{}.n}}\")\n", id);
    return pad +
           fmt::format(
               "approval a{} \"go on?\" {{ by user \"ann\"; by user \"bob\"; quorum {}{} }}\n", id,
               dice_.between(1, 2), dice_.chance(400) ? "; expires 60s then reject" : "");
  }

  std::string signal(const Place& place) {
    if (!place.item.empty() || place.lane != "m") return wait(place);
    const std::string name = fmt::format("g{}", next_++);
    script_.signals.push_back(name);
    const int number = add(place, engine::Behaviour::kIdempotent).number;
    return fmt::format(
        "{0}try {{\n"
        "{0}  let {1} = wait for signal {1}: int timeout {2}s\n"
        "{0}  step t{3} = shell(\"other {3} ${{{1}.payload}}\") idempotent rollback none \"told\"\n"
        "{0}}} catch e{3} {{\n"
        "{0}  log.info(\"${{e{3}.message}}\")\n"
        "{0}}}\n",
        indent(place.depth), name, dice_.one_of<int>({20, 60, 120}), number);
  }

  std::string start(const Place& place) {
    const int id = next_++;
    const uint64_t which = dice_.below(static_cast<uint64_t>(children_));
    const std::string pad = indent(place.depth);
    if (dice_.chance(250))
      return pad +
             fmt::format("step r{} = detach _child{}() rollback none \"its own\"\n", id, which);
    std::string text = pad + fmt::format("step r{} = start _child{}()", id, which);
    if (dice_.chance(250)) text += " timeout 30s";
    if (dice_.chance(250)) text += " on failure continue";
    return text + "\n";
  }

  std::string first(const Place& place) {
    const std::string pad = indent(place.depth);
    Place inner = place;
    inner.lane += fmt::format(".w{}.", next_++);
    const int64_t seconds = dice_.between(1, 40);
    const int look = add(inner, engine::Behaviour::kReads).number;
    return fmt::format(
        "{0}wait first {{\n"
        "{0}  case {1}s => log.info(\"late\")\n"
        "{0}  case repeat every 5s {{\n"
        "{0}    step p{2} = shell(\"look {2}\") reads\n"
        "{0}    until p{2}.stdout == \"done\"\n"
        "{0}  }} => log.info(\"there\")\n"
        "{0}}}\n",
        pad, seconds, look);
  }

  Dice dice_;
  Script script_;
  int next_ = 1;
  int children_ = 0;
};

}  // namespace

Script make_script(uint64_t seed) {
  Script script = Generator(seed).make();
  check::Options options;
  for (const stdlib::ModuleText& module : stdlib::module_texts())
    options.standard.push_back({module.name, module.text});
  options.zones = {timing::system_zone, timing::system_zone_names};
  auto compiled = compiler::compile("simulated.rbk", script.text, options);
  if (!compiled || !compiled->program) {
    fmt::print(stderr, "{}\n", script.text);
    if (compiled)
      for (const diagnostics::Diagnostic& one : compiled->checked.diagnostics.sorted())
        if (one.severity == diagnostics::Severity::kError)
          fmt::print(stderr, "{}\n", diagnostics::render(one, compiled->checked.sources, false));
    std::abort();
  }
  script.program = std::make_shared<const bytecode::Program>(std::move(*compiled->program));
  return script;
}

}  // namespace rbk::simulation
