// A runbook's parameters from the command line, read by their declared types.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/options.h"
#include "vm/bytecode/program.h"

namespace rbk::cli {

/// What vm::check_parameters takes. `file`: a JSON object's path ("-" is standard input), whose
/// values those on the command line replace. `own` are the command's options, for "did you mean".
/// kInvalid names the parameter; whether a value fits its type and its `where` is left to
/// check_parameters.
Result<boost::json::object> read_parameters(const bytecode::Program& program,
                                            const bytecode::Runbook& runbook,
                                            const std::vector<OtherOption>& given,
                                            const std::optional<std::string>& file,
                                            const std::vector<std::string_view>& own);

/// What check_parameters says, with how the parameters are given on the command line, those that
/// must be given first: "--host STRING --names STRING… [--env staging|prod]".
Error with_usage(Error error, const bytecode::Program& program, const bytecode::Runbook& runbook);

/// One text as a value of the type: `3` as an int, `prod` as an enum's member; of a type that has
/// no short form as JSON. A text that is no such value is given as a string, which will not fit.
Result<boost::json::value> read_value(const bytecode::Program& program, bytecode::TypeId type,
                                      std::string_view text);

}  // namespace rbk::cli
