// The form of an approval, as its description in JSON gives it.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

namespace rbk::cli {

struct FormField {
  std::string name;
  std::string type;                  // as written in the runbook
  std::string doc;                   // empty: none
  std::string default_value;         // as written in the runbook; empty: none
  std::vector<std::string> where;    // conditions, as written in the runbook
  std::vector<std::string> members;  // of an enum; one with values as `{"large": {"n": int}}`
  bool required = true;              // there is neither a default nor an optional type
};

/// The fields in their order; none if the approval asks for nothing but the decision.
std::vector<FormField> form_of(const boost::json::object& description);

/// "ticket: string where ticket matches r"^OPS""
std::string field_text(const FormField& field);

/// " --set ticket=…" of each field that has to be given.
std::string required_options(const std::vector<FormField>& form);

}  // namespace rbk::cli
