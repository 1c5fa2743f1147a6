// `where` conditions as keywords of JSON Schema, as far as there are such. Of this folder only.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "compiler/check/checked.h"
#include "compiler/plan/evaluate.h"

namespace rbk::schema {

/// Adds what the condition on the parameter `symbol` of type `type` says. What has no keyword is
/// left as it is written in `rest`.
void add_condition(boost::json::object& into, boost::json::array& rest,
                   const plan::Evaluator& known, check::SymbolId symbol, check::TypeId type,
                   syntax::ExprId condition);

}  // namespace rbk::schema
